"""The histograms of a race: how weights or pre-activations are spread, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from gradviz.charts.histograms import histograms
from gradviz.engine.history import histogram_frame
from gradviz.quantities import DISTRIBUTIONS
from gradviz.recipe import Recipe
from gradviz.ui.live import Frames, ended, live_run
from gradviz.ui.picture import picture
from gradviz.ui.race import SEEDS


def race_histograms(
    key: str,
    arms: Mapping[str, Recipe],
    series: Mapping[str, tuple[str, str]],
    names: Mapping[str, str],
    title: str,
    layers: Sequence[int],
    seeds: int = SEEDS,
) -> None:
    """Draw histograms of a race of `arms`, joining it if the figure above has run it.

    `series` maps each histogram's name to an arm and one of `DISTRIBUTIONS`, and `names` to what
    it is called on the page; `title` says what is spread.
    """
    first = DISTRIBUTIONS[next(iter(series.values()))[1]]

    def draw(frames: Frames) -> None:
        spreads = pd.concat(
            histogram_frame([f for f in frames if f.arm == arm], distribution).assign(arm=name)
            for name, (arm, distribution) in series.items()
        )
        domain = (first.low, first.high)
        chart = histograms(spreads, title, dict(names), layers, domain, ended(frames))
        picture(chart, key=f"{key}_chart")

    live_run(key, arms, seeds, draw, join=True, histograms=True)
