"""Zeros, inf and NaN: the layer where they begin, and a watch that tells each of them once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from gradviz.engine.network import Network
from gradviz.engine.passes import Gradients, Pass
from gradviz.quantities import Event
from gradviz.recipe import REZERO


class Watch:
    """What has vanished or overflowed in one run so far.

    `overflowed` says of each seed, [seeds], whether its loss or its gradient was ever not finite.
    """

    def __init__(self, network: Network) -> None:
        self.overflowed = np.zeros(len(network.seeds), dtype=bool)
        self._network = network
        self._known: set[tuple[str, str, int]] = set()
        self._untold: list[Event] = []

    def overflows(
        self, passed: Pass, gradients: Gradients, loss: Tensor, norm: Tensor, step: int
    ) -> bool:
        """Name the layer of each seed that overflows for the first time; whether there is any.

        `loss` and `norm`, the gradient's, are [seeds]. To be called before the step is taken.
        """
        finite = (loss.isfinite() & norm.isfinite()).numpy()
        new = np.flatnonzero(~finite & ~self.overflowed)
        for index in new:
            where = locate_overflow(self._network, passed, gradients, step, int(index))
            self._untold.append(where)
        self.overflowed |= ~finite
        return new.size > 0

    def zeros(self, passed: Pass, layers: dict[str, np.ndarray], step: int) -> None:
        """Name the layer of each seed whose gradient or update is zero for the first time."""
        for event in find_vanished(self._network, passed, layers, step):
            what = (event.kind, event.quantity, event.seed)
            if what not in self._known:
                self._known.add(what)
                self._untold.append(event)

    def news(self) -> tuple[Event, ...]:
        """What was found since this was last asked for."""
        told, self._untold = tuple(self._untold), []
        return told


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
    if not still.any():
        return []
    return [
        Event("rounded", "update_ratio", int(np.flatnonzero(row)[-1]) + 1, step, seed)
        for row, seed in zip(still, network.seeds, strict=True)
        if row.any()
    ]


def _vanished_gradients(
    network: Network, passed: Pass, layers: dict[str, np.ndarray], step: int
) -> list[Event]:
    gradients = ("delta", "weight_gradient")
    # Before its first step a branch whose scale begins at 0 hears nothing: as it is meant to.
    if network.recipe.residual and network.recipe.residual_scale == REZERO and step == 0:
        return []
    if not any((layers[name] == 0).any() for name in gradients):
        return []
    closed = _closed(passed.slopes(network))
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


def _closed(slopes: Tensor) -> np.ndarray:
    """Whether every example meets, at this layer or above it, a layer with no slope at all.

    `slopes` is [depth, seeds, batch, width], the answer [seeds, depth + 1].
    """
    blocked = slopes.abs().amax(dim=3) == 0
    blocked_above = blocked.int().flip(0).cummax(dim=0).values.flip(0).bool()
    return F.pad(blocked_above.all(dim=2).T, (0, 1)).numpy()


def locate_overflow(
    network: Network, passed: Pass, gradients: Gradients, step: int, index: int
) -> Event:
    """The layer in which inf or NaN begins, for the seed at `index`; `network` as it was measured.

    Looked for in the order of computation: weights (of the update before this step), then
    pre-activations from the input up, then gradients from the output down, then the loss.
    """
    searches = (
        ("weight", _not_finite(network.weights(network.vector), index)),
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
