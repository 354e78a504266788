"""Where the pre-activations of a network land, layer by layer, and the slopes they get there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import torch

from gradviz.data import load
from gradviz.engine.network import Network, build
from gradviz.engine.train import Runner
from gradviz.recipe import Recipe

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}

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

    A frame's step is the number of updates that the network has had.
    """
    runner = Runner(recipe.activation, recipe, seeds, max(1, round(recipe.steps / FRAMES)))
    for _ in runner.prepare():
        pass

    def frame(updates: int) -> PreactivationFrame:
        layers = _landing(runner.network, examples)
        return PreactivationFrame(recipe.activation, updates, recipe.steps, layers)

    yield frame(0)
    for updates, recorded in enumerate(runner.frames(), start=1):
        if recorded is not None and updates <= recipe.steps:
            yield frame(updates)


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
