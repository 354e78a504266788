"""The factors of the chain rule, one for each layer that the error signal goes back through."""

from __future__ import annotations

import pandas as pd

from gradviz.engine.initial_signal import signal_at_start
from gradviz.recipe import Recipe


def layer_factors(recipe: Recipe, seeds: int = 3) -> pd.DataFrame:
    """δ of layer l − 1 over δ of layer l before the first step, for l from 2 to depth + 1.

    One row per seed and layer with the columns of `history.history_frame`, but arm: step, seed,
    layer, quantity, value. The product over a network's hidden layers is δ_1/δ_depth. A factor is
    NaN where float32 has lost both signals.
    """
    signals = signal_at_start(recipe, seeds).sort_values(["seed", "layer"])
    before = signals.groupby("seed")["value"].shift(1)
    factors = signals.assign(quantity="factor", value=before / signals["value"])
    return factors[factors["layer"] > 1].reset_index(drop=True)
