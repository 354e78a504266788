"""How the size of activations grows from block to block of a residual network."""

from __future__ import annotations

import numpy as np
import torch

from gradviz.engine.network import build
from gradviz.recipe import Recipe


@torch.no_grad()
def block_growth(recipe: Recipe, x: np.ndarray, seeds: int = 3) -> np.ndarray:
    """E[h_l²] / E[h_0²] after blocks 1 to depth at initialization, float64 [seeds, depth].

    h_0 is what the first shortcut carries; `x` is [examples, features]. Theory for ReLU with
    kaiming_normal: (1 + s²)^l. Raises `ValueError` if `recipe` has no residual blocks.
    """
    if not recipe.residual:
        raise ValueError(f"residual={recipe.residual!r} has no blocks; it has to be True")
    network = build(recipe, seeds, features=x.shape[1])
    inputs = torch.tensor(x)
    projection = network.parameters.get(("P", 1))
    start = inputs.expand(len(network.seeds), -1, -1)
    start = start if projection is None else start @ projection
    outputs = network.forward(inputs).h
    sizes = [h.double().square().mean(dim=(1, 2)) for h in (start, *outputs)]
    return torch.stack([size / sizes[0] for size in sizes[1:]], dim=1).numpy()
