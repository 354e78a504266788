"""Where a network's pre-activations land: at its start, or while it trains on the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from gradviz.activations import activation, living_range
from gradviz.charts.landing import landing
from gradviz.recipe import Recipe
from gradviz.runs import Job
from gradviz.ui.live import Frames, live_job
from gradviz.ui.measured import measured
from gradviz.ui.picture import picture

if TYPE_CHECKING:
    from gradviz.engine.preactivations import PreactivationFrame

_SEEDS = 3


def landing_picture(recipe: Recipe, key: str) -> pd.DataFrame:
    """Draw where the layers of `recipe` land, and return what was measured (one row per layer)."""
    layers = _measured(recipe)
    _draw(layers, recipe, key)
    return layers


def trained_landing_picture(recipe: Recipe, key: str) -> pd.DataFrame:
    """As `landing_picture`, but the visitor can train the network, and the picture follows it."""
    shown = [_measured(recipe)]

    def draw(frames: Frames) -> None:
        if frames:
            shown.append(frames[-1].layers)
        _draw(shown[-1], recipe, key)

    live_job(f"{key}_run", Job(("landing", recipe), lambda: _training(recipe)), draw)
    return shown[-1]


def _draw(layers: pd.DataFrame, recipe: Recipe, key: str) -> None:
    phi = activation(recipe.activation, recipe.negative_slope, recipe.alpha)
    picture(landing(layers, living_range(phi), phi.largest_slope, recipe.activation), key)


@measured
def _measured(recipe: Recipe) -> pd.DataFrame:
    # PyTorch is imported only now: it takes seconds, and other figures need none of it.
    from gradviz.engine.preactivations import preactivations_at_start

    return preactivations_at_start(recipe, _SEEDS)


def _training(recipe: Recipe) -> Iterator[PreactivationFrame]:
    from gradviz.engine.preactivations import preactivations_in_training

    return preactivations_in_training(recipe, _SEEDS)
