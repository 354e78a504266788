"""Shattered gradients: how alike the gradients at two inputs are, in a wide ReLU network.

A wide random layer turns the correlation ρ of two inputs into that of its outputs, and of what it
passes back into κ₀(ρ), the share of its open units that are open for both (Cho & Saul 2009). The
gradients at two inputs are multiplied by κ₀ once per layer, so deep plain networks forget how near
two inputs were: their gradient is noise (Balduzzi et al. 2017, "The Shattered Gradients Problem").
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from gradviz.recipe import Recipe, replace
from gradviz.theory.mean_field import branch_scale

_MEAN_SHARE = 1 / math.pi  # E[φ]² / E[φ²] of ReLU: what BatchNorm subtracts


def open_together(rho: float) -> float:
    """κ₀(ρ) = 1 − arccos(ρ)/π: of the units open for one input, the share open for the other too.

    For a wide ReLU layer whose inputs have the correlation `rho` (Cho & Saul 2009, equation 3).
    """
    return 1 - math.acos(min(1.0, max(-1.0, rho))) / math.pi


def rectified(rho: float) -> float:
    """κ₁(ρ), the correlation of what a wide ReLU layer hands on, E[φφ′]/E[φ²].

    (√(1 − ρ²) + ρ·(π − arccos ρ))/π (Cho & Saul 2009, equation 6).
    """
    rho = min(1.0, max(-1.0, rho))
    return (math.sqrt(1 - rho**2) + rho * (math.pi - math.acos(rho))) / math.pi


def gradient_correlation(recipe: Recipe, rho: float = 0.0) -> float:
    """The correlation of the input gradients at two inputs of correlation `rho`, at infinite width.

    The gradients are those of one and the same output. A plain layer multiplies it by κ₀(ρ_l), and
    a block h + s·V φ(W h) adds its branch's to what the shortcut carries: (1 + s² κ₀)/(1 + s²).
    Where Balduzzi et al. 2017 (theorems 1 and 2) let half of the open units be open for both at
    every depth, and so find 2^(−L) and (3/4)^L, here the inputs grow alike on their way, ρ_l → 1,
    and the first becomes about L⁻³. With BatchNorm orthogonal inputs stay so: then it is 2^(−L)
    exactly, and in a residual network of scale 1 about 1/√L (their theorem 3). BatchNorm's
    statistics are taken for those of a large batch of such inputs, which one input does not move.

    Raises `ValueError` for a recipe that is not of ReLU with kaiming_normal at its own gain, or has
    LayerNorm or biases.
    """
    _check(recipe)
    centered = recipe.norm == "batch"
    rho = rho if not centered else max(0.0, rho)
    squared = branch_scale(recipe)[0] ** 2 if recipe.residual else 0.0
    correlation, size = 1.0, 1.0  # `size` is the variance of h
    for _ in range(recipe.depth):
        shared = open_together(rho)
        passed = rectified(rho)
        kept = 1.0  # the branch's variance, in units in which ReLU keeps it
        if centered:
            passed, kept = (passed - _MEAN_SHARE), 1 - _MEAN_SHARE
        if not recipe.residual:
            correlation, rho = correlation * shared, passed / kept
            continue
        # BatchNorm divides by the spread of h; a branch without it grows with h.
        back = squared * (0.5 / size if centered else 1.0)
        correlation *= (1 + back * shared) / (1 + back)
        grown = squared * (0.5 if centered else size)
        rho = (size * rho + grown * passed) / (size + grown * kept)
        size += grown * kept
    return correlation


def gradient_correlations(recipe: Recipe, depths: Iterable[int], rho: float = 0.0) -> pd.DataFrame:
    """`gradient_correlation` of `recipe` with each of `depths`: columns depth, value."""
    rows = [(depth, gradient_correlation(replace(recipe, depth=depth), rho)) for depth in depths]
    return pd.DataFrame(rows, columns=["depth", "value"])


def _check(recipe: Recipe) -> None:
    for field, allowed in (
        ("activation", "relu"),
        ("init", "kaiming_normal"),
        ("gain", None),
        ("bias_std", 0.0),
    ):
        value = getattr(recipe, field)
        if value != allowed:
            raise ValueError(f"{field}={value!r} is not {allowed!r}, of which this theory is")
    if recipe.norm == "layer":
        raise ValueError("norm='layer' is not one of none, batch, of which this theory is")
