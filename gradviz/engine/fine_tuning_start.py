"""The factors of the chain rule where fine-tuning starts: after pre-training, or at random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
import torch

from gradviz.data import Dataset, load
from gradviz.engine.measure import backward, data_loss, slopes
from gradviz.engine.network import Network, build
from gradviz.engine.pretrain import pretrain_steps
from gradviz.recipe import Recipe

EXAMPLES = 256  # the first of the training data, on which all is measured


@dataclass(frozen=True, eq=False)
class StartFrame:
    """How far the pre-training of `arm` is, and at its last step what it leaves.

    `table`, empty before, has one row per seed, layer (2 to depth + 1) and quantity, with the
    columns of `history.history_frame`. The quantities are "factor", δ of layer l − 1 over δ of
    layer l; "slope", √(mean φ′(z)²) of layer l − 1; and "weights", the
    root mean square of W_l times √fan_in, which is 1 where inputs keep their size.
    """

    phase: ClassVar[str] = "pretraining"

    arm: str
    step: int
    steps: int
    table: pd.DataFrame


def fine_tuning_start(arms: Mapping[str, Recipe], seeds: int = 3) -> Iterator[StartFrame]:
    """Pre-train every arm as its recipe says, with a frame after every epoch, and measure it."""
    for arm, recipe in arms.items():
        network, data = build(recipe, seeds), load(recipe.dataset, recipe.seed)
        steps = 1
        if recipe.pretrain != "none":
            steps += recipe.depth * recipe.pretrain_epochs
            for epoch in pretrain_steps(network, recipe, data):
                yield StartFrame(arm, epoch.step, steps, pd.DataFrame())
        yield StartFrame(arm, steps, steps, _factors(network, data).assign(arm=arm, step=0))


def _factors(network: Network, data: Dataset) -> pd.DataFrame:
    passed = network.forward(torch.tensor(data.x_train[:EXAMPLES]))
    labels = torch.tensor(data.y_train[:EXAMPLES]).expand(len(network.seeds), -1)
    signals = backward(network, passed, data_loss(passed.logits, labels)).signals
    delta = torch.stack(
        [_root_mean_square(signal) * signal[0].numel() ** 0.5 for signal in signals]
    )
    slope = torch.stack([_root_mean_square(slopes(network.activation, z)) for z in passed.z[:-1]])
    weights = network.weights(network.vector.detach())
    scale = torch.stack([_root_mean_square(w) * w.shape[1] ** 0.5 for w in weights])
    parts = {"factor": delta[:-1] / delta[1:], "slope": slope, "weights": scale[1:]}
    return pd.DataFrame(
        {"seed": seed, "layer": layer, "quantity": quantity, "value": value}
        for quantity, values in parts.items()
        for layer, row in enumerate(values.tolist(), start=2)
        for seed, value in zip(network.seeds, row, strict=True)
    )


def _root_mean_square(x: torch.Tensor) -> torch.Tensor:
    """Over all but the seeds: [seeds, …] to [seeds], in float64."""
    return x.detach().double().square().flatten(1).mean(dim=1).sqrt()
