"""Where a network's pre-activations land: at its start, or while it trains on the server."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.activations import living_range
from gradviz.charts.landing import landing
from gradviz.recipe import Recipe, activation_of
from gradviz.runs import Job
from gradviz.trainer import Call
from gradviz.ui.live import Frames, live_job
from gradviz.ui.made_once import made_once
from gradviz.ui.measured import measured
from gradviz.ui.picture import picture

_SEEDS, _EXAMPLES = 3, 256


def landing_picture(recipe: Recipe, key: str, reach: float | None = None) -> pd.DataFrame:
    """Draw where the layers of `recipe` land, and return what was measured (one row per layer).

    The axis ends at ±`reach`, or as `charts.landing.landing` says.
    """
    layers = _measured(recipe)
    picture(_start_picture(recipe, reach), key)
    return layers


def trained_landing_picture(recipe: Recipe, key: str) -> pd.DataFrame:
    """As `landing_picture`, but the visitor can train the network, and the picture follows it."""
    shown = [_measured(recipe)]

    def draw(frames: Frames) -> None:
        if frames:
            shown.append(_by_layer(frames[-1].table))
        picture(_trained_picture(frames, recipe) if frames else _start_picture(recipe), key)

    live_job(f"{key}_run", Job(("landing", recipe), _training(recipe)), draw)
    return shown[-1]


@made_once
def _start_picture(recipe: Recipe, reach: float | None = None) -> alt.VConcatChart:
    return _landing(_measured(recipe), recipe, reach)


@made_once
def _trained_picture(frames: Frames, recipe: Recipe) -> alt.VConcatChart:
    return _landing(_by_layer(frames[-1].table), recipe)


def _landing(layers: pd.DataFrame, recipe: Recipe, reach: float | None = None) -> alt.VConcatChart:
    phi = activation_of(recipe)
    return landing(layers, living_range(phi), phi.largest_slope, recipe.activation, reach)


@measured
def _measured(recipe: Recipe) -> pd.DataFrame:
    # PyTorch is imported only now: it takes seconds, and other figures need none of it.
    from gradviz.engine import start

    return _by_layer(start.landing(recipe, _SEEDS, _EXAMPLES))


def _training(recipe: Recipe) -> Call:
    return Call("gradviz.engine.moments.landing_in_training", (recipe, _SEEDS, _EXAMPLES))


def _by_layer(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each layer, with a column for each quantity, as the picture wants it."""
    return table.pivot(index="layer", columns="quantity", values="value").reset_index()
