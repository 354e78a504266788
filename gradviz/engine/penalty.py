"""What L1 and L2 regularization add to the loss, with its gradient beside it."""

from __future__ import annotations

import torch
from torch import Tensor

from gradviz.engine.network import Network


class Penalty:
    """l1·Σ|W| + l2·ΣW² over all weight matrices; biases and norms are not penalized.

    `vector` is laid out as `Network.vector`, [seeds, size].
    """

    def __init__(self, network: Network) -> None:
        self.l1, self.l2 = network.recipe.l1, network.recipe.l2
        self._is_weight = network.is_weight().bool()

    def value(self, vector: Tensor) -> Tensor:
        """The penalty of each seed, [seeds]."""
        if self.l1 == self.l2 == 0:
            return torch.zeros(len(vector))
        weights = self._weights(vector)
        return self.l1 * weights.abs().sum(1) + self.l2 * weights.square().sum(1)

    def add_gradient(self, gradient: Tensor, vector: Tensor) -> Tensor:
        """`gradient` plus l1·sign(W) + 2·l2·W, [seeds, size]."""
        if self.l1 == self.l2 == 0:
            return gradient
        weights = self._weights(vector)
        return gradient + self.l1 * weights.sign() + 2 * self.l2 * weights

    def _weights(self, vector: Tensor) -> Tensor:
        return torch.where(self._is_weight, vector, 0.0)
