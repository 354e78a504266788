"""How the weights and pre-activations of a network are spread: histograms with fixed bins.

The bins are those of `quantities.DISTRIBUTIONS`, the same at every step, so that histograms of
different steps and networks can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gradviz.engine.network import Network
from gradviz.engine.passes import Pass
from gradviz.quantities import DISTRIBUTIONS, Distribution


def measure_histograms(network: Network, passed: Pass, vector: Tensor) -> dict[str, np.ndarray]:
    """`DISTRIBUTIONS` by name, of the first seed: [depth + 1, bins], the share of values per bin.

    `vector` [seeds, size] holds the parameters with which `passed` was made. NaN falls in no bin.
    """
    weights = [weight[0].flatten() for weight in network.weights(vector)]
    z = _first_unit(passed.z, DISTRIBUTIONS["z"])
    normalized = network.recipe.norm != "none"
    linear = _first_unit(passed.linear, DISTRIBUTIONS["linear"]) if normalized else z
    return {"weight": shares(weights, DISTRIBUTIONS["weight"]), "linear": linear, "z": z}


def _first_unit(layers: Sequence[Tensor], distribution: Distribution) -> np.ndarray:
    """Shares of the values that each layer's first unit takes over the batch, of the first seed."""
    return shares([values[0, :, 0] for values in layers], distribution)


def shares(rows: Sequence[Tensor], distribution: Distribution) -> np.ndarray:
    """For each of `rows` [values] the share of its values in each bin, float32 [rows, bins]."""
    sizes = torch.tensor([len(row) for row in rows])
    bins, width = distribution.bins, (distribution.high - distribution.low) / distribution.bins
    joined = torch.cat(list(rows))
    known = ~joined.isnan()
    place = ((joined[known] - distribution.low) / width).clamp(0, bins - 1).long()
    # All rows are counted in one go: row r has the places from r·bins on.
    row = torch.arange(len(rows)).repeat_interleave(sizes)[known]
    counts = torch.bincount(row * bins + place, minlength=len(rows) * bins)
    return (counts.view(len(rows), bins) / sizes[:, None]).numpy()
