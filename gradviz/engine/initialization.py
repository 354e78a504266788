"""What a network's parameters are before training: their shapes and their random draws.

Each parameter of each seed is drawn by a generator of its own, so networks that differ in
something else share their initial weights wherever shapes allow.
"""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor, nn

from gradviz.recipe import REZERO, Recipe
from gradviz.theory.scales import bias_std, gain_of, weight_std

Name = tuple[str, int]  # kind and layer, e.g. ("W", 3)
Shapes = dict[Name, tuple[int, int]]

# The kinds that are weight matrices, [fan_in, fan_out]; each bias stands beside its matrix.
WEIGHT_KINDS = ("W", "V", "P")
BIAS_OF = {"b": "W", "c": "V"}


def shapes(recipe: Recipe, features: int, classes: int) -> Shapes:
    """The names and shapes of the parameters of `recipe`'s network, in order."""
    shapes: Shapes = {}
    width, fan_in = recipe.width, features
    for layer in range(1, recipe.depth + 1):
        shapes["W", layer] = (fan_in, width)
        # BatchNorm subtracts what a bias before it adds, and rounding would be its only gradient.
        if recipe.norm != "batch":
            shapes["b", layer] = (1, width)
        if recipe.norm != "none":
            shapes["gamma", layer], shapes["beta", layer] = (1, width), (1, width)
        if recipe.residual:
            shapes["V", layer], shapes["c", layer] = (width, width), (1, width)
        if recipe.residual and recipe.residual_scale == REZERO:
            shapes["alpha", layer] = (1, 1)
        if recipe.residual and fan_in != width:
            shapes["P", layer] = (fan_in, width)
        fan_in = width
    shapes["W", recipe.depth + 1], shapes["b", recipe.depth + 1] = (width, classes), (1, classes)
    return shapes


def draw(recipe: Recipe, seed: int, shapes: Shapes) -> Tensor:
    """The initial parameters of one seed, one after the other as in `shapes`; [size]."""
    parts = []
    for (kind, layer), shape in shapes.items():
        if kind in WEIGHT_KINDS:
            part = _weight(recipe, seed, (kind, layer), shape)
        elif kind in BIAS_OF:
            fan_in = shapes[BIAS_OF[kind], layer][0]
            part = _bias(recipe, seed, (kind, layer), shape, fan_in)
        else:
            part = torch.ones(shape) if kind == "gamma" else torch.zeros(shape)
        parts.append(part.flatten())
    return torch.cat(parts)


def generator(seed: int, name: str, layer: int = 0) -> torch.Generator:
    """The random generator for one purpose only, so that no draw depends on another."""
    digest = hashlib.sha256(f"{seed}/{name}/{layer}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))


def _gain(recipe: Recipe, name: Name) -> float:
    """The recipe's gain, or the activation's, for a matrix that an activation follows; else 1."""
    kind, layer = name
    if kind != "W" or layer > recipe.depth:
        return 1.0
    return gain_of(recipe)


def _weight(recipe: Recipe, seed: int, name: Name, shape: tuple[int, int]) -> Tensor:
    fan_in, fan_out = shape
    # Drawn in PyTorch's layout, so that the numbers are those of torch.nn.init.
    weight = torch.empty(fan_out, fan_in)
    random = generator(seed, *name)
    gain = _gain(recipe, name)
    std = weight_std(recipe, fan_in, fan_out, gain)
    if recipe.init == "orthogonal":
        nn.init.orthogonal_(weight, gain, generator=random)
    elif recipe.init.endswith("normal"):
        nn.init.normal_(weight, 0.0, std, generator=random)
    else:
        bound = math.sqrt(3) * std
        nn.init.uniform_(weight, -bound, bound, generator=random)
    return weight.T


def _bias(recipe: Recipe, seed: int, name: Name, shape: tuple[int, int], fan_in: int) -> Tensor:
    kind, layer = name
    bias = torch.zeros(shape)
    if recipe.init == "pytorch":
        bound = math.sqrt(3) * bias_std(recipe, fan_in)
        return nn.init.uniform_(bias, -bound, bound, generator=generator(seed, *name))
    if kind == "b" and layer <= recipe.depth:
        return nn.init.normal_(
            bias, 0.0, bias_std(recipe, fan_in), generator=generator(seed, *name)
        )
    return bias
