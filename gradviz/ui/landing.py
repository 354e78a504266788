"""Where a freshly initialized network's pre-activations land: measured once, then drawn."""

from __future__ import annotations

import pandas as pd

from gradviz.activations import activation, living_range
from gradviz.charts.landing import landing
from gradviz.recipe import Recipe
from gradviz.ui.measured import measured
from gradviz.ui.picture import picture

_SEEDS = 3


def landing_picture(recipe: Recipe, key: str) -> pd.DataFrame:
    """Draw where the layers of `recipe` land, and return what was measured (one row per layer)."""
    layers = _measured(recipe)
    phi = activation(recipe.activation, recipe.negative_slope, recipe.alpha)
    picture(landing(layers, living_range(phi), phi.largest_slope, recipe.activation), key)
    return layers


@measured
def _measured(recipe: Recipe) -> pd.DataFrame:
    from gradviz.preactivations import preactivations_at_start

    return preactivations_at_start(recipe, _SEEDS)
