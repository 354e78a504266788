"""What is measured of a fresh network at one moment: before its first step.

Every measurement is a function of (recipe, seeds, examples) and returns the same tidy table, one
number per row, with the columns of `history.history_frame` but arm: step (0), seed, layer,
quantity, value. To draw several networks, `assign(arm=…)` to each and concatenate. A new
measurement looks at `at_start(recipe, seeds, examples)` and hands its arrays to `_table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gradviz.data import load
from gradviz.engine.backprop import backward, data_loss
from gradviz.engine.measure import signal_norms
from gradviz.engine.network import Network, build
from gradviz.engine.passes import Gradients, Pass
from gradviz.engine.threads import one_thread
from gradviz.recipe import Recipe, replace

Seeds = int | Sequence[int]

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}


@dataclass(frozen=True, eq=False)
class Probe:
    """A network and what it makes of examples `x` [examples, features] with `labels` [examples]."""

    network: Network
    x: Tensor
    labels: Tensor
    passed: Pass

    @cached_property
    def gradients(self) -> Gradients:
        """Those of the mean loss over the examples."""
        labels = self.labels.expand(len(self.network.seeds), -1)
        return backward(self.network, self.passed, data_loss(self.passed.logits, labels))


def at_start(
    recipe: Recipe, seeds: Seeds = 3, examples: int = 128, first_scale: float = 1.0
) -> Probe:
    """The network of `recipe` at its initialization, and what it makes of the training data.

    Of them the first `examples` are taken; BatchNorm is in training mode. The weights of layer 1
    are multiplied by `first_scale`.
    """
    network = build(recipe, seeds)
    network.parameters["W", 1].mul_(first_scale)
    return probe(network, examples)


def probe(network: Network, examples: int) -> Probe:
    """`network` as it is now, and what it makes of the first `examples` of its training data.

    The running statistics of BatchNorm stay as they are.
    """
    data = load(network.recipe.dataset, network.recipe.seed)
    x, labels = torch.tensor(data.x_train[:examples]), torch.tensor(data.y_train[:examples])
    kept = {
        layer: (mean.clone(), variance.clone())
        for layer, (mean, variance) in network.running.items()
    }
    passed = network.forward(x, training=True)
    network.running.update(kept)
    return Probe(network, x, labels, passed)


@one_thread()
def signal(recipe: Recipe, seeds: Seeds = 3, examples: int = 128) -> pd.DataFrame:
    """δ of layers 1 to depth + 1 ("delta"), relative to that of the last hidden layer.

    It is 0, inf or NaN where float32 is left.
    """
    start = at_start(recipe, seeds, examples)
    delta = signal_norms(start.gradients).numpy()
    return _table(start.network, {"delta": _ratio(delta, delta[:, -2:-1])})


def signal_by_depth(
    recipe: Recipe, depths: Iterable[int], seeds: Seeds = 3, examples: int = 128
) -> pd.DataFrame:
    """`signal` of the networks of `recipe` with each of `depths`, in a further column depth."""
    return pd.concat(
        [
            signal(replace(recipe, depth=depth), seeds, examples).assign(depth=depth)
            for depth in depths
        ],
        ignore_index=True,
    )


@one_thread()
def layer_factors(recipe: Recipe, seeds: Seeds = 3, examples: int = 128) -> pd.DataFrame:
    """The "factor" δ_{l−1}/δ_l of the chain rule, of layers 2 to depth + 1.

    The product over a network's hidden layers is δ_1/δ_depth. A factor is NaN where float32 has
    lost both signals.
    """
    start = at_start(recipe, seeds, examples)
    return _table(start.network, {"factor": _factors(start)}, first_layer=2)


def factor_parts(start: Probe) -> pd.DataFrame:
    """What the factors of `layer_factors` are made of, of layers 2 to depth + 1.

    "factor" itself; "slope", √(mean φ′(z)²) of layer l − 1; and "weights", the root mean square
    of W_l times √fan_in, which is 1 where inputs keep their size.
    """
    network = start.network
    slope = [_root_mean_square(slopes) for slopes in start.passed.slopes(network)]
    weights = network.weights(network.vector)[1:]
    scale = [_root_mean_square(weight) * weight.shape[1] ** 0.5 for weight in weights]
    parts = {"factor": _factors(start), "slope": _by_layer(slope), "weights": _by_layer(scale)}
    return _table(network, parts, first_layer=2)


@one_thread()
def batch_spread(recipe: Recipe, seeds: Seeds = 3, examples: int = 128) -> pd.DataFrame:
    """The standard deviation of z over the batch ("spread"), of layers 1 to depth + 1.

    Root mean square over the units.
    """
    start = at_start(recipe, seeds, examples)
    return _table(start.network, {"spread": _by_layer(map(_spread, start.passed.z))})


@one_thread()
def block_growth(recipe: Recipe, seeds: Seeds = 3, examples: int = 128) -> pd.DataFrame:
    """E[h_l²] / E[h_0²] ("growth") after blocks 1 to depth, and as layer depth + 1 of the logits.

    h_0 is what the first shortcut carries. Theory for ReLU with kaiming_normal: (1 + s²)^l.
    Raises `ValueError` if `recipe` has no residual blocks.
    """
    _check_blocks(recipe)
    start = at_start(recipe, seeds, examples)
    projection = start.network.parameters.get(("P", 1))
    carried = start.x.expand(len(start.network.seeds), -1, -1)
    carried = carried if projection is None else carried @ projection
    outputs = [carried, *start.passed.h, start.passed.logits]
    sizes = _by_layer(_root_mean_square(h) for h in outputs) ** 2
    return _table(start.network, {"growth": sizes[:, 1:] / sizes[:, :1]})


def _check_blocks(recipe: Recipe) -> None:
    if not recipe.residual:
        raise ValueError(f"residual={recipe.residual!r} has no blocks; it has to be True")


@one_thread()
def block_signal(recipe: Recipe, seeds: Seeds = 3, examples: int = 128) -> pd.DataFrame:
    """‖∂L/∂h_l‖ / ‖∂L/∂h_depth‖ ("signal") of blocks 1 to depth: what comes back to each.

    As layer depth + 1 that of the logits. It is not δ, which is taken inside the branch, and is 0
    where the branch's scale is. Raises `ValueError` if `recipe` has no residual blocks.
    """
    _check_blocks(recipe)
    start = at_start(recipe, seeds, examples)
    back = [*start.gradients.outputs, start.gradients.signals[-1]]
    sizes = _by_layer([torch.linalg.vector_norm(g.double(), dim=(1, 2)) for g in back])
    return _table(start.network, {"signal": _ratio(sizes, sizes[:, -2:-1])})


@one_thread()
def landing(recipe: Recipe, seeds: Seeds = 3, examples: int = 128) -> pd.DataFrame:
    """Where the pre-activations of hidden layers land, and the slopes that they get there.

    "q05", "q25", "q50", "q75" and "q95" are quantiles of z over units, examples and seeds,
    "mean_slope" is E[φ′(z)] and "rms_slope" √E[φ′(z)²]. All seeds are taken together, so the
    table has no column seed.
    """
    return landing_of(at_start(recipe, seeds, examples))


def landing_of(start: Probe) -> pd.DataFrame:
    """`landing` of any network."""
    derivative = start.network.activation.derivative
    rows = []
    for layer, z in enumerate(start.passed.z[:-1], start=1):
        values = z.numpy().astype(float).ravel()
        found = dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values())), strict=True))
        slope = derivative(values)
        found |= {"mean_slope": slope.mean(), "rms_slope": np.sqrt(np.mean(slope**2))}
        rows += [
            {"step": 0, "layer": layer, "quantity": name, "value": value}
            for name, value in found.items()
        ]
    return pd.DataFrame(rows)


@one_thread()
def scale_effects(
    recipe: Recipe, factors: Iterable[float], seeds: Seeds = 1, examples: int = 128
) -> pd.DataFrame:
    """What changes when W_1 is multiplied by each of `factors`, in a further column a.

    "before" and "after", the root mean square over units of the spread of layer 1 over the batch,
    before and after normalization; "gradient", ‖∂L/∂(aW_1)‖. With `norm="batch"` the first is
    proportional to a, the second does not depend on it, and the third is proportional to 1/a
    (Ioffe & Szegedy 2015, section 3.3), but for the ε in BatchNorm.
    """
    return pd.concat([_scale_effect(recipe, a, seeds, examples) for a in factors])


def _scale_effect(recipe: Recipe, a: float, seeds: Seeds, examples: int) -> pd.DataFrame:
    start = at_start(recipe, seeds, examples, first_scale=a)
    gradient, *_ = start.network.weights(start.gradients.vector)
    found = {
        "before": _by_layer([_spread(start.passed.linear[0])]),
        "after": _by_layer([_spread(start.passed.z[0])]),
        "gradient": _by_layer([torch.linalg.vector_norm(gradient.double(), dim=(1, 2))]),
    }
    return _table(start.network, found).assign(a=a)


def _table(network: Network, found: Mapping[str, np.ndarray], first_layer: int = 1) -> pd.DataFrame:
    """The tidy table of `found`: of each quantity [seeds, layers], from `first_layer` on."""
    return pd.DataFrame(
        {"step": 0, "seed": seed, "layer": layer, "quantity": quantity, "value": value}
        for quantity, values in found.items()
        for seed, row in zip(network.seeds, values.tolist(), strict=True)
        for layer, value in enumerate(row, start=first_layer)
    )


def _factors(start: Probe) -> np.ndarray:
    delta = signal_norms(start.gradients).numpy()
    return _ratio(delta[:, :-1], delta[:, 1:])


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return above / below


def _by_layer(layers: Iterable[Tensor]) -> np.ndarray:
    """What was found of each layer, [seeds], as one array [seeds, layers]."""
    return torch.stack(list(layers), dim=1).numpy()


def _spread(z: Tensor) -> Tensor:
    """The standard deviation over the batch, root mean square over the units: [seeds]."""
    return z.double().var(dim=1, unbiased=False).mean(dim=1).sqrt()


def _root_mean_square(x: Tensor) -> Tensor:
    """Over all but the seeds: [seeds, …] to [seeds], in float64."""
    return x.double().square().flatten(1).mean(dim=1).sqrt()
