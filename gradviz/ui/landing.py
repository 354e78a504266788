"""Where a freshly initialized network's pre-activations land: measured once, then drawn."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from gradviz.activations import activation, living_range
from gradviz.charts.landing import landing
from gradviz.language import t
from gradviz.recipe import Recipe
from gradviz.ui.picture import picture

_SEEDS = 3


def landing_picture(recipe: Recipe, key: str) -> pd.DataFrame:
    """Draw where the layers of `recipe` land, and return what was measured (one row per layer)."""
    layers = _measured(recipe)
    phi = activation(recipe.activation, recipe.negative_slope, recipe.alpha)
    picture(landing(layers, living_range(phi), phi.largest_slope, recipe.activation), key)
    return layers


@st.cache_data(show_spinner=False, max_entries=100)
def _measured(recipe: Recipe) -> pd.DataFrame:
    with st.spinner(t("Measuring a real network…", "正在测量真实网络……")):
        # PyTorch is imported only now: it takes seconds, and other figures need none of it.
        from gradviz.preactivations import preactivations_at_start

        return preactivations_at_start(recipe, _SEEDS)
