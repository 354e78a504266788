"""What happens when the weights before a BatchNorm are multiplied by a factor: measured."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch

from gradviz.data import load
from gradviz.engine.measure import backward, data_loss
from gradviz.engine.network import build
from gradviz.recipe import Recipe


def scale_effects(recipe: Recipe, factors: Sequence[float], examples: int = 128) -> pd.DataFrame:
    """One row per factor a by which W_1 of the freshly initialized network is multiplied.

    Columns: a; before and after, the root mean square over units of the spread of layer 1 over the
    batch, before and after normalization (in training mode); gradient, ‖∂L/∂(aW_1)‖. With
    `norm="batch"` the first is proportional to a, the second does not depend on it, and the third
    is proportional to 1/a (Ioffe & Szegedy 2015, section 3.3), but for the ε in BatchNorm.
    """
    data = load(recipe.dataset, recipe.seed)
    x = torch.tensor(data.x_train[:examples])
    labels = torch.tensor(data.y_train[:examples]).expand(1, -1)
    return pd.DataFrame([_effects(recipe, a, x, labels) for a in factors])


def _effects(recipe: Recipe, a: float, x: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    network = build(recipe, features=x.shape[1])
    with torch.no_grad():
        network.parameters["W", 1].mul_(a)
    passed = network.forward(x, training=True)
    gradients = backward(network, passed, data_loss(passed.logits, labels))
    (gradient, *_) = network.weights(gradients.vector)
    return {
        "a": a,
        "before": _spread(passed.linear[0]),
        "after": _spread(passed.z[0]),
        "gradient": gradient.norm().item(),
    }


def _spread(values: torch.Tensor) -> float:
    return values.detach().var(dim=1, unbiased=False).mean().sqrt().item()
