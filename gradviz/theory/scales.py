"""The scales of a network at its start: of weights, of biases and of residual branches.

What the engine draws with and what mean-field theory computes with are the same numbers.
"""

from __future__ import annotations

import math

from gradviz.recipe import Recipe, activation_of


def gain_of(recipe: Recipe) -> float:
    """The gain of the matrices that an activation follows: the recipe's, or the activation's."""
    return activation_of(recipe).gain if recipe.gain is None else recipe.gain


def weight_std(recipe: Recipe, fan_in: int, fan_out: int, gain: float) -> float:
    """The standard deviation of a weight of a matrix [fan_in, fan_out].

    Glorot & Bengio 2010 eq. 16, He et al. 2015 eq. 10, and Saxe et al. 2014 for orthogonal
    matrices. PyTorch's own default is U(±1/√fan_in), for biases too.
    """
    if recipe.init == "normal":
        return recipe.std
    if recipe.init == "pytorch":
        return 1 / math.sqrt(3 * fan_in)
    if recipe.init == "orthogonal":
        return gain / math.sqrt(max(fan_in, fan_out))
    if recipe.init.startswith("xavier"):
        return gain * math.sqrt(2 / (fan_in + fan_out))
    return gain / math.sqrt(fan_in)


def bias_std(recipe: Recipe, fan_in: int) -> float:
    """The standard deviation of a bias that an activation follows; see `weight_std`."""
    return 1 / math.sqrt(3 * fan_in) if recipe.init == "pytorch" else recipe.bias_std


def residual_scale(recipe: Recipe) -> float:
    """The factor s before a residual branch at the start: as the recipe says, or 1/√depth.

    With `residual_scale="rezero"` it is 0 (Bachlechner et al. 2020; De & Smith 2020).
    """
    scale = recipe.residual_scale
    if isinstance(scale, str):
        return 0.0
    return 1 / math.sqrt(recipe.depth) if scale is None else scale
