"""The tensors that a network's two passes fill: made once, and filled anew at every step.

What all hidden layers have lies in one tensor, [depth, seeds, batch, width], so that a statistic
is one operation for all of them; the lists hold views of it, layer by layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from gradviz.engine.network import Network


class Pass:
    """What a forward pass leaves behind, layer by layer; each tensor is [seeds, batch, units].

    `linear` is W h + b before normalization (W h before BatchNorm), `z` what enters the activation
    (and, last, the logits), both for layers 1 to depth + 1. For layers 1 to depth, `a` is φ(z), `h`
    what the layer hands on (with `residual` more than a), and for the way back `normalized` and
    `inverse`, with a norm, are û and 1/σ of z = γ û + β, and `branch`, with `residual`, V a + c.
    `x` is what went in, `training` whether BatchNorm used the batch's own statistics.
    `hidden_z` and `hidden_a` are z and a of all hidden layers, [depth, seeds, batch, width].

    With `kept=False` only the logits are there in the end: each layer is written over the last one.
    """

    def __init__(self, network: Network, batch: int, kept: bool = True) -> None:
        recipe, vector = network.recipe, network.vector
        shape = (recipe.depth if kept else 1, len(network.seeds), batch, recipe.width)

        def room() -> Tensor:
            return vector.new_empty(shape).expand(recipe.depth, -1, -1, -1)

        self.hidden_z, self.hidden_a = room(), room()
        hidden_linear = self.hidden_z if recipe.norm == "none" else room()
        self.logits = vector.new_empty(len(network.seeds), batch, network.classes)
        self.linear = [*hidden_linear, self.logits]
        self.z = [*self.hidden_z, self.logits]
        self.a = [*self.hidden_a]
        self.h = [*room()] if recipe.residual else self.a
        self.branch = [*room()] if recipe.residual else []
        self.normalized = [] if recipe.norm == "none" else [*room()]
        self.inverse = list(self.normalized)
        self.x, self.training = self.logits, False
        self._slopes: Tensor | None = None

    def slopes(self, network: Network) -> Tensor:
        """φ′(z) of all hidden layers, [depth, seeds, batch, width]; until the next call."""
        if self._slopes is None:
            self._slopes = torch.empty_like(self.hidden_z)
        out = self._slopes.fill_(1)
        network.activation.fill_back(out, self.hidden_z, self.hidden_a, out=out)
        return out


class Gradients:
    """What a backward pass gives: the gradients of each seed's loss L.

    `vector` [seeds, size] is laid out as `Network.vector`, `parameters` are its parts by name;
    `signals[l]` is ∂L/∂z of layer l + 1, [seeds, batch, units], and `hidden_signals` those of all
    hidden layers, [depth, seeds, batch, width]. `outputs[l]` is ∂L/∂h of hidden layer l + 1, with
    `residual` only (elsewhere it is what W hands down). `x` is ∂L/∂x, [seeds, batch, features], if
    `to_input` asks for it.
    """

    def __init__(self, network: Network, batch: int, to_input: bool = False) -> None:
        recipe, seeds, new = network.recipe, len(network.seeds), network.vector.new_empty
        self.vector = torch.empty_like(network.vector)
        self.parameters = network.parts(self.vector)
        self.hidden_signals = new(recipe.depth, seeds, batch, recipe.width)
        self.signals = [*self.hidden_signals, new(seeds, batch, network.classes)]
        self.outputs = [*torch.empty_like(self.hidden_signals)] if recipe.residual else []
        self.to_input = to_input
        self.x = new(0)
