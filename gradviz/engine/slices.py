"""How the gradient of a fresh network changes as its input moves: at inputs that we choose.

The inputs lie on a sphere, their mean square 1, in as many dimensions as the network is wide, and
the network has one output, f. No data set is needed. BatchNorm, whose statistics come from a batch
of orthogonal inputs, is in evaluation mode: so the gradient at an input is that of one function of
that input.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gradviz.engine.backprop import Loss, backward
from gradviz.engine.initialization import generator
from gradviz.engine.network import Network, build
from gradviz.engine.passes import Gradients
from gradviz.engine.threads import one_thread
from gradviz.recipe import Recipe, replace


@one_thread()
def gradient_correlations(
    recipe: Recipe, depths: Iterable[int], seeds: int | Sequence[int] = 3, inputs: int = 32
) -> pd.DataFrame:
    """The correlation of ∂f/∂x at two orthogonal inputs, of `recipe` with each of `depths`.

    The mean over all pairs of so many `inputs`, at most `recipe.width`. Columns depth, seed, value;
    theory is `theory.shattering.gradient_correlation` at ρ = 0. Raises `ValueError` for a number of
    inputs that cannot be orthogonal.
    """
    if not 2 <= inputs <= recipe.width:
        raise ValueError(f"inputs={inputs!r} is not a number from 2 to width={recipe.width}")
    rows = []
    for depth in depths:
        network = _network(replace(recipe, depth=depth), seeds)
        gradient = _gradient(network, _orthogonal(recipe.width)[:inputs])
        unit = gradient / torch.linalg.vector_norm(gradient, dim=2, keepdim=True)
        # |Σ u|² is the sum over all pairs, those of an input with itself included.
        together = unit.sum(dim=1).square().sum(dim=1)
        values = (together - inputs) / (inputs * (inputs - 1))
        rows += [
            {"depth": depth, "seed": seed, "value": value}
            for seed, value in zip(network.seeds, values.tolist(), strict=True)
        ]
    return pd.DataFrame(rows)


@one_thread()
def slope_along_circle(
    recipe: Recipe, points: int = 361, seeds: int | Sequence[int] = 1
) -> pd.DataFrame:
    """df/dt where x(t) turns by half a circle, from an input to its opposite: degrees, seed, value.

    Relative to its root mean square over the `points`, so that networks can be compared.
    """
    network = _network(recipe, seeds)
    start, end = _orthogonal(recipe.width)[:2]
    angle = torch.linspace(0.0, torch.pi, points)[:, None]
    gradient = _gradient(network, angle.cos() * start + angle.sin() * end)
    slope = (gradient * (angle.cos() * end - angle.sin() * start)).sum(dim=2)
    slope = slope / slope.square().mean(dim=1, keepdim=True).sqrt()
    degrees = np.linspace(0.0, 180.0, points)
    return pd.concat(
        [
            pd.DataFrame({"degrees": degrees, "seed": seed, "value": values})
            for seed, values in zip(network.seeds, slope.tolist(), strict=True)
        ],
        ignore_index=True,
    )


def _network(recipe: Recipe, seeds: int | Sequence[int]) -> Network:
    """The network of `recipe` on the sphere, with the statistics of BatchNorm in place."""
    network = build(recipe, seeds, features=recipe.width, classes=1)
    if network.running:
        passed = network.forward(_orthogonal(recipe.width), training=True)
        for layer, u in enumerate(passed.linear[:-1], start=1):
            mean, variance = u.mean(dim=1), u.var(dim=1, unbiased=False)
            network.running[layer] = (mean.flatten(), variance.flatten())
    return network


def _orthogonal(width: int) -> Tensor:
    """`width` orthogonal inputs of mean square 1, [width, width]; always the same ones."""
    random = torch.randn(width, width, generator=generator(0, "inputs"))
    return torch.linalg.qr(random).Q.T * width**0.5


def _gradient(network: Network, x: Tensor) -> Tensor:
    """∂f/∂x at each input of `x` [inputs, width], for each seed: [seeds, inputs, width]."""
    passed = network.forward(x)
    output = Loss(passed.logits, torch.ones_like(passed.logits))
    backward(network, passed, output, found := Gradients(network, len(x), to_input=True))
    return found.x.double()
