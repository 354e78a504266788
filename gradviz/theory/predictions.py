"""What theory expects of the arms of a race, as a tidy data frame to draw under measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from gradviz.data import load
from gradviz.recipe import Recipe, activation_of
from gradviz.theory.batch_kernel import predicted_batchnorm_delta
from gradviz.theory.mean_field import (
    mean_square_slope,
    predicted_delta,
    predicted_variances,
    weight_scale,
)


def predicted_profile(recipe: Recipe) -> np.ndarray:
    """Mean-field theory's δ of layers 1 to depth on the recipe's own data, relative to the last."""
    inputs = load(recipe.dataset, recipe.seed).x_train
    predict = predicted_batchnorm_delta if recipe.norm == "batch" else predicted_delta
    return predict(recipe, inputs)


def predicted_signals(
    arms: Mapping[str, Recipe],
    history: pd.DataFrame,
    profile: Callable[[Recipe], np.ndarray] = predicted_profile,
) -> pd.DataFrame:
    """Mean-field theory's δ at initialization: columns arm, layer (1 to depth), value.

    Theory gives a profile over the layers but no size, so each arm's starts from the δ measured at
    step 0 in its last hidden layer (the geometric mean over the seeds), or from 1 while `history`
    (see `gradviz.engine.history`) has none. `profile` may remember what it has computed: a run in
    progress is drawn many times.
    """
    measured = _measured_last(history)
    parts = []
    for arm, recipe in arms.items():
        layers = range(1, recipe.depth + 1)
        value = profile(recipe) * measured.get(arm, 1.0)
        parts.append(pd.DataFrame({"arm": arm, "layer": layers, "value": value}))
    return pd.concat(parts, ignore_index=True)


def _measured_last(history: pd.DataFrame) -> dict[str, float]:
    """The geometric mean over the seeds of each arm's δ at step 0 in its last hidden layer."""
    start = history[(history["step"] == 0) & (history["quantity"] == "delta")]
    last = start[start["layer"] == start.groupby("arm")["layer"].transform("max") - 1]
    with np.errstate(divide="ignore"):
        logs = np.log(last["value"])
    return np.exp(logs.groupby(last["arm"]).mean()).to_dict()


def predicted_start(recipe: Recipe, quantity: str) -> np.ndarray:
    """Mean-field theory's `quantity` of layers 2 to depth at a random start.

    The quantities are those of `engine.start.factor_parts`. The factor is σ_w √E[φ′(z)²]
    (Schoenholz et al. 2017, section 4). `recipe.pretrain` is ignored.
    """
    phi = activation_of(recipe)
    variances = predicted_variances(recipe, load(recipe.dataset, recipe.seed).x_train)[:-1]
    slope = np.sqrt(mean_square_slope(phi, variances))
    weights = np.full(recipe.depth - 1, weight_scale(recipe, recipe.width, recipe.width)[0])
    return {"factor": slope * weights, "slope": slope, "weights": weights}[quantity]
