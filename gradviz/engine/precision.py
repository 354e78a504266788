"""The same network in other number formats: what is measured of it, and of single weights.

Everything is plain PyTorch on the processor, run in the format itself: weights, activations and
gradients are numbers of it. PyTorch adds up the products of a matrix multiplication in float32
there, and rounds the result, as the matrix units of graphics processors do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gradviz.data import Dataset, load
from gradviz.engine.initialization import generator
from gradviz.engine.network import build, export
from gradviz.engine.start import Seeds
from gradviz.engine.threads import on_one_thread, one_thread
from gradviz.recipe import Recipe
from gradviz.snapshots import Moment

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


def train_in_formats(
    recipe: Recipe, arms: Mapping[str, tuple[str, str]], every: int
) -> Iterator[Moment]:
    """Train the network of `recipe` by plain gradient descent, once for each of `arms`.

    An arm is a pair of formats: that of the two passes, and that in which the weights are kept,
    from which each step rounds a copy for the passes if it is another (Micikevicius et al. 2018,
    section 3.1). All arms begin with the same weights, rounded, and see the same batches. A moment
    comes after every so many steps; its table has the columns arm, step, quantity, value:
    "accuracy" on the test set, and "still", the share of all entries of weight matrices that the
    last step has left as they were (NaN before the first). Momentum and all remedies of the recipe
    are left out.
    """
    return on_one_thread(_train_in_turn(recipe, arms, every))


def _train_in_turn(
    recipe: Recipe, arms: Mapping[str, tuple[str, str]], every: int
) -> Iterator[Moment]:
    data = load(recipe.dataset, recipe.seed)
    for arm, (passes, kept) in arms.items():
        module = export(build(recipe, [recipe.seed])).to(_dtype(kept))
        random = generator(recipe.seed, "batches")
        still = float("nan")
        for step in range(recipe.steps + 1):
            if step % every == 0:
                found = {"accuracy": _accuracy(module, data, _dtype(passes)), "still": still}
                table = pd.DataFrame(
                    {"arm": arm, "step": step, "quantity": list(found), "value": found.values()}
                )
                yield Moment("training", arm, step, recipe.steps, table)
            rows = torch.randint(len(data.x_train), (recipe.batch_size,), generator=random).numpy()
            still = _step(module, data.x_train[rows], data.y_train[rows], _dtype(passes), recipe.lr)


def _step(
    module: nn.Sequential, x: np.ndarray, labels: np.ndarray, dtype: torch.dtype, lr: float
) -> float:
    """One step of gradient descent; the share of weights that it leaves as they are."""
    logits = _passed(module, torch.tensor(x), dtype)
    loss = F.cross_entropy(logits.float(), torch.tensor(labels))
    parameters = list(module.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    stood = count = 0
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            before = parameter.clone()
            parameter.sub_(gradient, alpha=lr)  # rounded once, to the format of the weights
            if parameter.dim() == 2:
                stood += int((parameter == before).sum())
                count += parameter.numel()
    return stood / count


def _passed(module: nn.Sequential, x: Tensor, dtype: torch.dtype) -> Tensor:
    """The logits, computed in `dtype` whatever the format of the weights."""
    rounded = {name: parameter.to(dtype) for name, parameter in module.named_parameters()}
    return torch.func.functional_call(module, rounded, (x.to(dtype),))


@torch.no_grad()
def _accuracy(module: nn.Sequential, data: Dataset, dtype: torch.dtype) -> float:
    logits = _passed(module, torch.tensor(data.x_test), dtype)
    return float((logits.argmax(dim=1) == torch.tensor(data.y_test)).double().mean())
