"""How far the examples of a batch are apart at each layer of a network."""

from __future__ import annotations

import numpy as np
import torch

from gradviz.engine.network import build
from gradviz.recipe import Recipe


@torch.no_grad()
def batch_spread(recipe: Recipe, x: np.ndarray, seeds: int = 3) -> np.ndarray:
    """The standard deviation of z over the batch, at layers 1 to depth + 1, at initialization.

    Root mean square over the units, float64 [seeds, depth + 1]; `x` is [batch, features], and
    BatchNorm is in training mode.
    """
    network = build(recipe, seeds, features=x.shape[1])
    passed = network.forward(torch.tensor(x), training=True)
    spreads = [z.double().var(dim=1, unbiased=False).mean(dim=1).sqrt() for z in passed.z]
    return torch.stack(spreads, dim=1).numpy()
