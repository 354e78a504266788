"""How the quantities of `quantities` are measured on a network.

Per-layer measurements are float64 arrays [seeds, depth + 1], one column for each layer from 1 to
depth + 1, the output layer. Norms are Frobenius norms, taken in float64, because float32 squares
would underflow to zeros that the network does not have. Zero, inf and NaN are kept; `events` names
the layers where they begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gradviz.activations import SATURATED_BELOW, Activation
from gradviz.engine.network import Network, Pass
from gradviz.quantities import QUANTITIES


@dataclass(frozen=True)
class Gradients:
    """What one backward pass gives.

    `vector` [seeds, size] is laid out as `Network.vector`; `signals[l]` is ∂L/∂z of layer l + 1,
    [seeds, batch, units].
    """

    vector: Tensor
    signals: list[Tensor]


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


def data_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy over the batch, of each seed: [seeds].

    `logits` are [seeds, batch, classes], `labels` [seeds, batch].
    """
    each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return each.view(labels.shape).mean(1)


def backward(network: Network, passed: Pass, loss: Tensor) -> Gradients:
    """The gradients of each seed's `loss` [seeds], for all parameters and all z at once."""
    parameters = list(network.parameters.values())
    # The seeds share no parameter, so the sum's gradient is each seed's own.
    gradients = torch.autograd.grad(loss.sum(), [*parameters, *passed.z])
    rows = [gradient.flatten(1) for gradient in gradients[: len(parameters)]]
    return Gradients(torch.cat(rows, dim=1), list(gradients[len(parameters) :]))


def slopes(activation: Activation, z: Tensor) -> Tensor:
    """φ′(z) elementwise, as autograd multiplies by it; of the shape of `z`."""
    z = z.detach().requires_grad_()
    return torch.autograd.grad(activation.torch_function(z).sum(), z)[0]


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
        **_slope_shares(network, torch.stack(passed.z[:-1])),
    }
    return {name: measured[name].numpy() for name in QUANTITIES}


def signal_norms(gradients: Gradients) -> Tensor:
    """δ of each seed and layer, float64 [seeds, depth + 1]."""
    return _norms(gradients.signals)


def _norms(tensors: Sequence[Tensor]) -> Tensor:
    norms = [torch.linalg.vector_norm(x.detach(), dim=(1, 2), dtype=torch.float64) for x in tensors]
    return torch.stack(norms, dim=1)


def _weight_norms(network: Network, vector: Tensor) -> Tensor:
    return _norms(network.weights(vector))


def _slope_shares(network: Network, z: Tensor) -> dict[str, Tensor]:
    """The shares of saturated and of dead units from `z` [depth, seeds, batch, width].

    The output layer is linear, so none of its units is either. A layer with inf or NaN has NaN.
    """
    slope = slopes(network.activation, z)
    saturated = slope.abs() < SATURATED_BELOW * network.activation.largest_slope
    dead = (slope == 0).all(dim=2)
    known = z.isfinite().all(dim=3).all(dim=2)

    def share(mask: Tensor) -> Tensor:
        shares = torch.where(known, mask.double().flatten(2).mean(dim=2), torch.nan)
        return F.pad(shares.T, (0, 1))

    return {"saturation": share(saturated), "dead": share(dead)}


@torch.no_grad()
def accuracy(network: Network, x: Tensor, labels: Tensor) -> np.ndarray:
    """The share of `x` [examples, features] given its label, in evaluation mode: [seeds].

    NaN for a seed whose logits are not finite.
    """
    logits = network.forward(x, training=False).logits
    share = (logits.argmax(dim=2) == labels).double().mean(dim=1)
    return torch.where(logits.isfinite().flatten(1).all(dim=1), share, torch.nan).numpy()
