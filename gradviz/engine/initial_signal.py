"""The error signal of freshly initialized networks, over weight scale and depth."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch

from gradviz.data import load
from gradviz.engine.measure import backward, data_loss, measure_layers
from gradviz.engine.network import build
from gradviz.recipe import Recipe, replace


def signal_at_start(recipe: Recipe, seeds: int = 3, examples: int = 128) -> pd.DataFrame:
    """δ of every layer before the first step, relative to that of the last hidden layer.

    One row per seed and layer (1 to depth + 1) with the columns of `history.history_frame`, but
    arm: step, seed, layer, quantity, value. The examples are the first of the training data.
    δ is 0, inf or NaN where float32 is left.
    """
    network = build(recipe, seeds)
    data = load(recipe.dataset, recipe.seed)
    passed = network.forward(torch.tensor(data.x_train[:examples]), training=True)
    labels = torch.tensor(data.y_train[:examples]).expand(len(network.seeds), -1)
    gradients = backward(network, passed, data_loss(passed.logits, labels))
    vector = network.vector.detach()
    delta = measure_layers(network, passed, gradients, vector, vector)["delta"]
    rows = [
        {"step": 0, "seed": seed, "layer": layer, "quantity": "delta", "value": value / own[-2]}
        for seed, own in zip(network.seeds, delta, strict=True)
        for layer, value in enumerate(own, start=1)
    ]
    return pd.DataFrame(rows)


def signal_by_depth(recipe: Recipe, depths: Sequence[int], seeds: int = 1) -> pd.DataFrame:
    """`signal_at_start` of the networks of `recipe` with each of `depths`, in a column depth."""
    parts = [
        signal_at_start(replace(recipe, depth=depth), seeds).assign(depth=depth) for depth in depths
    ]
    return pd.concat(parts, ignore_index=True)
