"""The same network in other number formats: what is measured of it, and of single weights.

Everything is plain PyTorch on the processor, run in the format itself: weights, activations and
gradients are numbers of it. PyTorch adds up the products of a matrix multiplication in float32
there, and rounds the result, as the matrix units of graphics processors do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gradviz.data import load
from gradviz.engine.network import build, export
from gradviz.engine.start import Seeds
from gradviz.engine.threads import one_thread
from gradviz.recipe import Recipe

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@one_thread()
def signal_in_format(
    recipe: Recipe,
    form: str,
    exponents: Iterable[int] = (0,),
    seeds: Seeds = 3,
    examples: int = 128,
) -> pd.DataFrame:
    """How large an entry of ∂L/∂z is in each layer, at the start, in the number format `form`.

    The loss is computed in float32, as PyTorch's automatic mixed precision does, and multiplied by
    2^k for each k of `exponents`; all before and after it is done in `form`. Columns exponent,
    seed, layer (depth + 1 is the output), value: the root mean square over examples and units,
    divided by 2^k again. It is 0 where all entries are, and inf or NaN where one of them is.
    Raises `ValueError` for a format that is not one of `DTYPES`.
    """
    dtype = _dtype(form)
    network = build(recipe, seeds)
    data = load(recipe.dataset, recipe.seed)
    x, labels = torch.tensor(data.x_train[:examples]), torch.tensor(data.y_train[:examples])
    rows = []
    for place, seed in enumerate(network.seeds):
        outputs = _forward(export(network, place).to(dtype), x.to(dtype))
        loss = F.cross_entropy(outputs[-1].float(), labels)
        for exponent in exponents:
            scale = 2.0**exponent
            gradients = torch.autograd.grad(loss * scale, outputs, retain_graph=True)
            rows += [
                (exponent, seed, layer, _root_mean_square(gradient) / scale)
                for layer, gradient in enumerate(gradients, start=1)
            ]
    return pd.DataFrame(rows, columns=["exponent", "seed", "layer", "value"])


def _forward(layers: nn.Sequential, x: Tensor) -> list[Tensor]:
    """The outputs of the linear layers, [examples, units], in the autograd graph."""
    outputs = []
    for layer in layers:
        x = layer(x)
        if isinstance(layer, nn.Linear):
            outputs.append(x)
    return outputs


def _root_mean_square(gradient: Tensor) -> float:
    return float(gradient.double().square().mean().sqrt())


def repeated_updates(form: str, updates: Sequence[float], count: int) -> np.ndarray:
    """A weight that starts at 1 and is moved `count` times by each of `updates`, in `form`.

    Every sum is rounded to the format, as is the update itself; [updates, count + 1], as float64.
    Raises `ValueError` for a format that is not one of `DTYPES`.
    """
    dtype = _dtype(form)
    update = torch.tensor(updates, dtype=torch.float64).to(dtype)
    weights = [torch.ones_like(update)]
    for _ in range(count):
        weights.append(weights[-1] + update)
    return torch.stack(weights, dim=1).double().numpy()


def _dtype(form: str) -> torch.dtype:
    if form not in DTYPES:
        raise ValueError(f"form={form!r} is not one of {', '.join(DTYPES)}")
    return DTYPES[form]
