"""How the quantities of `quantities` are measured on a network.

Per-layer measurements are float64 arrays [seeds, depth + 1], one column for each layer from 1 to
depth + 1, the output layer. Norms are Frobenius norms, taken in float64, because float32 squares
would underflow to zeros that the network does not have. Zero, inf and NaN are kept, and
`find_vanished` and `locate_overflow` name the layer where they begin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gradviz.activations import Activation
from gradviz.engine.network import Network, Pass
from gradviz.quantities import QUANTITIES, Event

# A unit is saturated where its slope is under this share of the activation's largest slope.
SATURATED_BELOW = 0.05


@dataclass(frozen=True)
class Gradients:
    """What one backward pass gives.

    `vector` [seeds, size] is laid out as `Network.vector`; `signals[l]` is ∂L/∂z of layer l + 1,
    [seeds, batch, units].
    """

    vector: Tensor
    signals: list[Tensor]


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
    network: Network, passed: Pass, gradients: Gradients, start: Tensor, before: Tensor
) -> dict[str, np.ndarray]:
    """All of `QUANTITIES` by name, each [seeds, depth + 1].

    `before` holds the parameters [seeds, size] at which the gradients were taken, `start` the
    initial ones, `network` those after the step; the weights are those of `before`.
    """
    weights = _weight_norms(network, before)
    measured = {
        "delta": _norms(gradients.signals),
        "weight_gradient": _weight_norms(network, gradients.vector),
        "update_ratio": _weight_norms(network, network.vector - before) / weights,
        "drift": _weight_norms(network, before - start) / _weight_norms(network, start),
        "weight_norm": weights,
        **_slope_shares(network, torch.stack(passed.z[:-1])),
    }
    return {name: measured[name].numpy() for name in QUANTITIES}


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


def find_vanished(
    network: Network, passed: Pass, layers: dict[str, np.ndarray], step: int
) -> list[Event]:
    """Where a gradient or an update is exactly zero: for each seed, the layer nearest the output.

    The chain rule meets that layer first; those below it have vanished with it.
    """
    return _vanished_gradients(network, passed, layers, step) + _rounded(network, layers, step)


def _rounded(network: Network, layers: dict[str, np.ndarray], step: int) -> list[Event]:
    """Updates that are lost when they are added to the weights in float32."""
    if network.recipe.lr == 0:
        return []
    still = (layers["update_ratio"] == 0) & (layers["weight_gradient"] > 0)
    return [
        Event("rounded", "update_ratio", int(np.flatnonzero(row)[-1]) + 1, step, seed)
        for row, seed in zip(still, network.seeds, strict=True)
        if row.any()
    ]


def _vanished_gradients(
    network: Network, passed: Pass, layers: dict[str, np.ndarray], step: int
) -> list[Event]:
    gradients = ("delta", "weight_gradient")
    if not any((layers[name] == 0).any() for name in gradients):
        return []
    closed = _closed(network, torch.stack(passed.z[:-1]))
    events = []
    for index, seed in enumerate(network.seeds):
        for name in gradients:
            zero = np.flatnonzero(layers[name][index] == 0)
            # Beside dead units weight gradients are zero too, and that is no further finding.
            if not zero.size or (name == "weight_gradient" and closed[index].any()):
                continue
            kind = "dead" if closed[index, zero[-1]] else "underflow"
            events.append(Event(kind, name, int(zero[-1]) + 1, step, seed))
    return events


def _closed(network: Network, z: Tensor) -> np.ndarray:
    """Whether every example meets, at this layer or above it, a layer with no slope at all.

    `z` is [depth, seeds, batch, width], the answer [seeds, depth + 1].
    """
    blocked = (slopes(network.activation, z) == 0).all(dim=3)
    blocked_above = blocked.int().flip(0).cummax(dim=0).values.flip(0).bool()
    return F.pad(blocked_above.all(dim=2).T, (0, 1)).numpy()


def locate_overflow(
    network: Network, passed: Pass, gradients: Gradients, before: Tensor, step: int, index: int
) -> Event:
    """The layer in which inf or NaN begins, for the seed at `index`.

    Looked for in the order of computation: weights (of the update before this step), then
    pre-activations from the input up, then gradients from the output down, then the loss.
    """
    searches = (
        ("weight", _not_finite(network.weights(before), index)),
        ("pre_activation", _not_finite(passed.z, index)),
        ("delta", _not_finite(gradients.signals, index)[::-1]),
        ("weight_gradient", _not_finite(network.weights(gradients.vector), index)[::-1]),
        ("loss", [network.recipe.depth + 1]),
    )
    quantity, layers = next((quantity, layers) for quantity, layers in searches if layers)
    when = step - 1 if quantity == "weight" else step
    return Event("overflow", quantity, layers[0], when, network.seeds[index])


def _not_finite(tensors: Sequence[Tensor], index: int) -> list[int]:
    return [
        layer for layer, x in enumerate(tensors, start=1) if not x[index].isfinite().all().item()
    ]


@torch.no_grad()
def accuracy(network: Network, x: Tensor, labels: Tensor) -> np.ndarray:
    """The share of `x` [examples, features] given its label, in evaluation mode: [seeds].

    NaN for a seed whose logits are not finite.
    """
    logits = network.forward(x, training=False).logits
    share = (logits.argmax(dim=2) == labels).double().mean(dim=1)
    return torch.where(logits.isfinite().flatten(1).all(dim=1), share, torch.nan).numpy()


def profile(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> pd.DataFrame:
    """Measure δ, weight gradient and weight norm on any network of yours.

    One row for each call of an `nn.Linear` or convolution, in the order of the forward pass, with
    columns layer (from 1), name, delta (‖∂L/∂output‖ of that call), weight_gradient and
    weight_norm; NaN where `loss(module(x), y)` does not depend on it or it is frozen. The module
    is run in the mode in which it is, and neither its buffers nor its `.grad` are changed.
    """
    calls: list[tuple[str, nn.Module, Tensor]] = []
    with _recording(module, calls), _buffers_restored(module):
        value = loss(module(x), y)
    tensors = [tensor for _, layer, output in calls for tensor in (output, layer.weight)]
    gradients = iter(_gradients(value, tensors))
    rows = [
        {
            "layer": number,
            "name": name,
            "delta": _norm(next(gradients)),
            "weight_gradient": _norm(next(gradients)),
            "weight_norm": _norm(layer.weight),
        }
        for number, (name, layer, _) in enumerate(calls, start=1)
    ]
    columns = ["layer", "name", "delta", "weight_gradient", "weight_norm"]
    return pd.DataFrame(rows, columns=columns)


@contextmanager
def _recording(module: nn.Module, calls: list[tuple[str, nn.Module, Tensor]]) -> Iterator[None]:
    """Append the name, module and output of each call of a linear layer to `calls`."""

    def recorder(name: str) -> Callable[[nn.Module, tuple, Tensor], Tensor]:
        def record(layer: nn.Module, _: tuple, output: Tensor) -> Tensor:
            calls.append((name, layer, output))
            # An activation that works in place would overwrite the output that we keep.
            return output.clone()

        return record

    linear = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    handles = [
        layer.register_forward_hook(recorder(name))
        for name, layer in module.named_modules()
        if isinstance(layer, linear)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _buffers_restored(module: nn.Module) -> Iterator[None]:
    saved = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in module.named_buffers():
            # Through .data, because the graph may still hold the buffer's current version.
            buffer.data = saved[name]


def _gradients(value: Tensor, tensors: Sequence[Tensor]) -> list[Tensor | None]:
    """∂value/∂tensor for each tensor, None where there is none."""
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    found = iter(torch.autograd.grad(value, wanted, allow_unused=True) if wanted else ())
    return [next(found) if tensor.requires_grad else None for tensor in tensors]


def _norm(tensor: Tensor | None) -> float:
    if tensor is None:
        return float("nan")
    return torch.linalg.vector_norm(tensor.detach(), dtype=torch.float64).item()
