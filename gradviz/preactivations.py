"""Where the pre-activations of a network land, layer by layer, and the slopes they get there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from gradviz.data import load
from gradviz.network import build
from gradviz.recipe import Recipe

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}


def preactivations_at_start(recipe: Recipe, seeds: int = 1, examples: int = 256) -> pd.DataFrame:
    """One row per hidden layer of the freshly initialized network of `recipe`.

    Columns: layer; q05, q25, q50, q75, q95, the quantiles of z over units, examples and seeds;
    mean_slope E[φ′(z)] and rms_slope √E[φ′(z)²]. The examples are the first of the training data.
    """
    network = build(recipe, seeds)
    data = load(recipe.dataset, recipe.seed)
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
