"""Where the pre-activations of a network land, layer by layer, and the slopes they get there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import torch

from gradviz.data import load
from gradviz.measure import backward, data_loss
from gradviz.network import Network, build
from gradviz.optimizer import make_optimizer
from gradviz.recipe import Recipe
from gradviz.train import batches

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}


_PLAIN = {"norm": "none", "l1": 0, "l2": 0, "clip": "none", "pretrain": "none"}

FRAMES = 30  # recorded steps while a network trains


@dataclass(frozen=True, eq=False)
class PreactivationFrame:
    """Where the layers' pre-activations lie at one step of training; see `preactivations_at_start`.

    `arm`, `step` and `steps` say what a background job has to report, see `gradviz.runs`.
    """

    phase: ClassVar[str] = "training"

    arm: str
    step: int
    steps: int
    layers: pd.DataFrame


def preactivations_at_start(recipe: Recipe, seeds: int = 1, examples: int = 256) -> pd.DataFrame:
    """One row per hidden layer of the freshly initialized network of `recipe`.

    Columns: layer; q05, q25, q50, q75, q95, the quantiles of z over units, examples and seeds;
    mean_slope E[φ′(z)] and rms_slope √E[φ′(z)²]. The examples are the first of the training data.
    """
    return _landing(build(recipe, seeds), examples)


def preactivations_in_training(
    recipe: Recipe, seeds: int = 1, examples: int = 256
) -> Iterator[PreactivationFrame]:
    """Train the network of `recipe` as `train.race` does, and measure about 30 times on the way.

    Without norm, penalty, clipping or pre-training: raises `ValueError` for a recipe with those.
    """
    _check_plain(recipe)
    network, optimizer = build(recipe, seeds), make_optimizer(recipe)
    data = load(recipe.dataset, recipe.seed)
    given = batches(data, recipe.batch_size, network.seeds)
    every = max(1, round(recipe.steps / FRAMES))
    for step in range(recipe.steps + 1):
        if step % every == 0 or step == recipe.steps:
            layers = _landing(network, examples)
            yield PreactivationFrame(recipe.activation, step, recipe.steps, layers)
        x, labels = next(given)
        passed = network.forward(x, training=True)
        gradients = backward(network, passed, data_loss(passed.logits, labels))
        optimizer.step(network.vector, gradients.vector)


def _check_plain(recipe: Recipe) -> None:
    for field, plain in _PLAIN.items():
        if getattr(recipe, field) != plain:
            raise ValueError(f"{field}={getattr(recipe, field)!r} is not {plain!r}")


def _landing(network: Network, examples: int) -> pd.DataFrame:
    data = load(network.recipe.dataset, network.recipe.seed)
    with torch.no_grad():
        passed = network.forward(torch.tensor(data.x_train[:examples]), training=True)
    rows = []
    for layer, z in enumerate(passed.z[:-1], start=1):
        values = z.numpy().astype(float).ravel()
        slopes = network.activation.derivative(values)
        quantiles = np.quantile(values, list(QUANTILES.values()))
        rows.append(
            {
                "layer": layer,
                **dict(zip(QUANTILES, quantiles, strict=True)),
                "mean_slope": slopes.mean(),
                "rms_slope": np.sqrt(np.mean(slopes**2)),
            }
        )
    return pd.DataFrame(rows)
