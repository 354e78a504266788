"""What single units of a network do: with each example of a batch, and until they die."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gradviz.data import load
from gradviz.engine.network import Network, build
from gradviz.engine.start import probe
from gradviz.engine.threads import one_thread
from gradviz.engine.train import Runner, train
from gradviz.recipe import Recipe

ALIVE, DEAD, LOST = 0, 1, 2  # LOST: its layer's pre-activations are no longer finite


@one_thread()
def cloud(recipe: Recipe, units: int = 2, examples: int = 128) -> pd.DataFrame:
    """Where each example lies at the first `units` units of every hidden layer, after training.

    The network of `recipe.seed` is trained for `recipe.steps` steps, which may be 0; then the first
    `examples` of its training data go through it as one batch. One row for each layer, unit and
    example, with the example's `label`; `before`, its pre-activation W h + b before normalization;
    `after`, what enters the activation; `spread`, the standard deviation of the latter over the
    batch; and the unit's `gamma` and `beta`, with which BatchNorm makes `after` of `before`:
    γ (u − mean u) / √(var u + ε) + β (Ioffe & Szegedy 2015, algorithm 1). Without a normalization
    both are the same, γ is 1 and β is 0.
    """
    network, _ = train(recipe, seeds=1)
    found = probe(network, examples)
    passed = found.passed
    shape = (recipe.depth, units, len(found.labels))
    layer, unit, example = (axis.ravel() + 1 for axis in np.indices(shape))
    own = {name: _of_units(network, name, start, units) for name, start in _NORM.items()}
    before, after = (_by_unit(layers[:-1], units) for layers in (passed.linear, passed.z))
    own["spread"] = after.reshape(shape).std(axis=2)
    return pd.DataFrame(
        {
            "layer": layer,
            "unit": unit,
            "example": example,
            "label": found.labels.numpy()[example - 1],
            "before": before,
            "after": after,
            **{name: values[layer - 1, unit - 1] for name, values in own.items()},
        }
    )


_NORM = {"gamma": 1.0, "beta": 0.0}  # what a normalization's parameters begin with


def _of_units(network: Network, name: str, start: float, units: int) -> np.ndarray:
    """γ or β of the first units of each hidden layer, [depth, units]; `start` where it has none."""
    depth = network.recipe.depth
    if network.recipe.norm == "none":
        return np.full((depth, units), start)
    layers = [network.parameters[name, layer][0, 0, :units] for layer in range(1, depth + 1)]
    return torch.stack(layers).double().numpy()


def _by_unit(layers: list[Tensor], units: int) -> np.ndarray:
    """The values of the first seed, one layer after the other, unit by unit."""
    values = torch.stack([layer[0, :, :units] for layer in layers])
    return values.double().transpose(1, 2).numpy().ravel()


@one_thread()
def dead_by_step(recipe: Recipe, every: int = 2) -> np.ndarray:
    """Which hidden units are dead while the network of `recipe.seed` trains.

    A unit is dead where its slope is zero for every example of the training data: while it stays so
    no gradient reaches its weights. int8 [recipe.steps // every + 1, depth, width] of `ALIVE`,
    `DEAD` and `LOST`, after 0, `every`, 2·`every` … steps; a run that has overflowed stays lost.
    Raises `ValueError` for an `every` that is not positive.
    """
    if every < 1:
        raise ValueError(f"every={every!r} is not a whole number from 1")
    network, data = build(recipe, 1), load(recipe.dataset, recipe.seed)
    shape = (recipe.steps // every + 1, recipe.depth, recipe.width)
    states = np.full(shape, LOST, dtype=np.int8)
    states[0] = _states(network)
    # Nothing that a snapshot measures is wanted here.
    runner = Runner("", network, data, every=max(1, recipe.steps))
    for updates, _ in enumerate(runner.snapshots(), start=1):
        if updates % every == 0 and updates <= recipe.steps:
            states[updates // every] = _states(network)
    return states


def _states(network: Network) -> np.ndarray:
    """The state of each unit of the first seed, [depth, width]."""
    everything = len(load(network.recipe.dataset, network.recipe.seed).x_train)
    passed = probe(network, everything).passed
    z, slopes = passed.hidden_z[:, 0], passed.slopes(network)[:, 0]
    dead = (slopes == 0).all(dim=1).to(torch.int8)
    known = z.isfinite().all(dim=1).all(dim=1, keepdim=True)
    return torch.where(known, dead, LOST).numpy()
