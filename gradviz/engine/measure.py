"""How the quantities of `quantities` are measured on a network.

Per-layer measurements are float64 arrays [seeds, depth + 1], one column for each layer from 1 to
depth + 1, the output layer. Norms are Frobenius norms, taken in float64, because float32 squares
would underflow to zeros that the network does not have. Zero, inf and NaN are kept; `events` names
the layers where they begin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gradviz.activations import SATURATED_BELOW, Activation
from gradviz.engine.network import Network
from gradviz.engine.passes import Gradients, Pass
from gradviz.quantities import QUANTITIES


@dataclass(frozen=True)
class Origin:
    """Where training starts: the parameters [seeds, size], and ‖W_l‖ there, [seeds, depth + 1]."""

    vector: Tensor
    weight_norms: Tensor

    @classmethod
    def of(cls, network: Network) -> Origin:
        """`network` as it is now."""
        vector = network.vector.clone()
        return cls(vector, _weight_norms(network, vector))


@torch.no_grad()
def slopes(activation: Activation, z: Tensor) -> Tensor:
    """φ′(z) elementwise, of the shape of `z`; on any device."""
    out = torch.ones_like(z)
    activation.fill_back(out, z, activation.torch_function(z), out=out)
    return out


def measure_layers(
    network: Network, passed: Pass, gradients: Gradients, origin: Origin, before: Tensor
) -> dict[str, np.ndarray]:
    """All of `QUANTITIES` by name, each [seeds, depth + 1].

    `before` holds the parameters [seeds, size] at which `gradients` were taken, `network` those
    after the step; the weights are those of `before`. Both gradients, of z and of W, are those of
    one loss: in a race that of the data, without the penalty.
    """
    weights = _weight_norms(network, before)
    measured = {
        "delta": signal_norms(gradients),
        "weight_gradient": _weight_norms(network, gradients.vector),
        "update_ratio": _weight_norms(network, network.vector - before) / weights,
        "drift": _weight_norms(network, before - origin.vector) / origin.weight_norms,
        "weight_norm": weights,
        **_slope_shares(network, passed),
    }
    return {name: measured[name].numpy() for name in QUANTITIES}


def signal_norms(gradients: Gradients) -> Tensor:
    """δ of each seed and layer, float64 [seeds, depth + 1]."""
    hidden = _norms(gradients.hidden_signals).T
    return torch.cat([hidden, _norms(gradients.signals[-1])[:, None]], dim=1)


def _norms(x: Tensor) -> Tensor:
    """The Frobenius norm of each of many matrices, over the last two dimensions."""
    # Row by row first is twice as fast.
    rows = torch.linalg.vector_norm(x, dim=-1, dtype=torch.float64)
    return torch.linalg.vector_norm(rows, dim=-1)


def _weight_norms(network: Network, vector: Tensor) -> Tensor:
    return torch.cat([_norms(part) for part in network.stacked_weights(vector)], dim=1)


def _slope_shares(network: Network, passed: Pass) -> dict[str, Tensor]:
    """The shares of saturated and of dead units.

    The output layer is linear, so none of its units is either. A layer with inf or NaN has NaN.
    """
    *_, batch, width = passed.hidden_z.shape
    slope, least = passed.slopes(network).abs_(), SATURATED_BELOW * network.activation.largest_slope
    dead = (slope.amax(dim=2) == 0).sum(dim=2)
    # Counted in float32, where every whole number up to 2²⁴ has its place.
    saturated = torch.lt(slope, least, out=slope).sum(dim=(2, 3))
    unknown = _unknown(passed.hidden_z)

    def share(found: Tensor, total: int) -> Tensor:
        return F.pad((found.double() / total + unknown).T, (0, 1))

    return {"saturation": share(saturated, batch * width), "dead": share(dead, width)}


@torch.no_grad()
def accuracy(network: Network, x: Tensor, labels: Tensor, into: Pass | None = None) -> np.ndarray:
    """The share of `x` [examples, features] given its label, in evaluation mode: [seeds].

    NaN for a seed whose logits are not finite.
    """
    passed = network.forward(x, into=into or Pass(network, len(x), kept=False))
    share = (passed.logits.argmax(dim=2) == labels).double().mean(dim=1)
    return (share + _unknown(passed.logits)).numpy()


def _unknown(x: Tensor) -> Tensor:
    """0 for each of many matrices that is finite, and NaN for one with inf or NaN in it."""
    total = x.sum(dim=(-2, -1))
    if total.isfinite().all():  # then all of them are, and this is the fast way to know
        return torch.zeros_like(total)
    return (x * 0).sum(dim=(-2, -1))
