"""The histograms of a race: how weights or pre-activations are spread, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from gradviz.charts.histograms import histograms
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.spec import Spec
from gradviz.engine.history import histogram_frame
from gradviz.quantities import DISTRIBUTIONS
from gradviz.recipe import Recipe
from gradviz.ui.controls import opening
from gradviz.ui.live import Frames, ended, live_run
from gradviz.ui.made_once import made_once
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
    opens_at: int | None = None,
) -> Frames:
    """Draw histograms of a race of `arms`, joining it if the figure above has run it with them.

    `series` maps each histogram's name to an arm and one of `DISTRIBUTIONS`, and `names` to what
    it is called on the page; `title` says what is spread. The picture opens at the training step
    `opens_at`, or at the last. Returns the frames drawn last.
    """
    drawn = [Frames()]
    last = max(recipe.steps for recipe in arms.values())
    step = opening(
        f"{key}_step", REPLAY, low=0, high=last, default=last if opens_at is None else opens_at
    )

    def draw(frames: Frames) -> None:
        drawn[0] = frames
        chart = _histograms(
            frames, tuple(series.items()), tuple(names.items()), title, tuple(layers)
        )
        picture(chart, key=f"{key}_chart", opens=[step] if ended(frames) else [])

    live_run(key, arms, seeds, draw, join=True, histograms=True)
    return drawn[0]


@made_once
def _histograms(
    frames: Frames,
    series: tuple[tuple[str, tuple[str, str]], ...],
    names: tuple[tuple[str, str], ...],
    title: str,
    layers: tuple[int, ...],
) -> Spec:
    """The picture of `race_histograms`."""
    spreads = pd.concat(
        histogram_frame([f for f in frames if f.arm == arm], distribution).assign(arm=name)
        for name, (arm, distribution) in series
    )
    first = DISTRIBUTIONS[series[0][1][1]]
    domain = (first.low, first.high)
    return histograms(spreads, title, dict(names), layers, domain, ended(frames))
