"""`race(arms, seeds)`: train networks side by side and measure them on the way.

Plain gradient descent on `Network.vector`, one row per seed, so that an optimizer step is a few
operations whatever the depth. All arms advance together, step by step. Every step is computed on
one thread, so that the numbers do not depend on how many threads PyTorch is set to use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gradviz.data import Dataset, load
from gradviz.engine.backprop import backward, data_loss
from gradviz.engine.events import Watch
from gradviz.engine.histograms import measure_histograms
from gradviz.engine.initialization import generator
from gradviz.engine.measure import Origin, accuracy, measure_layers
from gradviz.engine.network import Network, build, is_whole, seed_list
from gradviz.engine.optimizer import clip, make_optimizer
from gradviz.engine.passes import Gradients, Pass
from gradviz.engine.penalty import Penalty
from gradviz.engine.pretrain import pretraining
from gradviz.engine.threads import on_one_thread, one_thread
from gradviz.recipe import RANGES, Recipe
from gradviz.snapshots import USUAL_NUMBER, PretrainSnapshot, Snapshot


def race(
    arms: Mapping[str, Recipe],
    seeds: int | Sequence[int] = 1,
    record_every: int | None = None,
    show_pretraining: bool = False,
    histograms: bool = True,
) -> Iterator[Snapshot | PretrainSnapshot]:
    """Train every arm, yielding its snapshots as they are measured; nothing is computed in advance.

    Arms with the same `dataset`, `seed` and `batch_size` see the same data in the same batches;
    arms that differ in one of them are compared on different examples. The initial weights of a
    seed are, where shapes allow, the same in all arms.
    `seeds` are the seeds themselves, or how many of them from each recipe's `seed` on. They decide
    initial weights, batches and pre-training, while `recipe.seed` decides the data and their
    split: `Recipe(seed=3)` with `seeds=1` is another experiment than the fourth of
    `Recipe(seed=0)` with `seeds=5`, which is `seeds=[3]` with `Recipe(seed=0)`.
    `record_every` is the number of steps between snapshots; by default a run has about 60. The
    step at which a seed overflows is always recorded. Arms that are pre-trained are so before the
    race begins; with `show_pretraining` their `PretrainSnapshot`s, in the arm's name, come first.
    Without `histograms` the snapshots have none, and measuring costs a quarter less.
    A seed whose parameters are no longer finite keeps its inf and NaN; an arm that has no other
    seeds ends there, while the other arms go on.

    For the trained networks see `train`. Raises `ValueError` for no arms, bad `seeds` or
    `record_every`, and for BatchNorm on batches of one example, whose variance is 0.
    """
    if not arms:
        raise ValueError("arms={} holds no recipe; at least one is needed")
    for recipe in arms.values():
        _check(recipe, seeds, record_every)
    return on_one_thread(_take_turns(arms, seeds, record_every, show_pretraining, histograms))


def train(
    recipe: Recipe, seeds: int | Sequence[int] = 1, record_every: int | None = None
) -> tuple[Network, list[Snapshot]]:
    """Train `recipe` as an arm of `race`, to the same numbers; the trained network, and snapshots.

    The network, of all seeds, is in the state in which the last snapshot measured it: at its step,
    and not one step beyond. `network.export` gives each seed's as an ordinary PyTorch module.
    Raises as `race` does.
    """
    _check(recipe, seeds, record_every)
    with one_thread():
        network, data = build(recipe, seeds), load(recipe.dataset, recipe.seed)
        for _ in pretraining(network, data):
            pass
        steps = Runner(recipe.activation, network, data, record_every).snapshots()
        return network, [snapshot for snapshot in steps if snapshot is not None]


def _check(recipe: Recipe, seeds: int | Sequence[int], record_every: int | None) -> None:
    if record_every is not None and not is_whole(record_every, 1, RANGES["steps"][1]):
        raise ValueError(f"record_every={record_every!r} is not a whole number from 1")
    seed_list(recipe, seeds)
    if recipe.norm == "batch" and recipe.batch_size < 2:
        raise ValueError('batch_size=1 is not a whole number from 2, as norm="batch" needs')


def _take_turns(
    arms: Mapping[str, Recipe],
    seeds: int | Sequence[int],
    record_every: int | None,
    show_pretraining: bool,
    histograms: bool,
) -> Iterator[Snapshot | PretrainSnapshot]:
    going = []
    for name, recipe in arms.items():
        network, data = build(recipe, seeds), load(recipe.dataset, recipe.seed)
        for epoch in pretraining(network, data):
            if show_pretraining:
                yield replace(epoch, arm=name)
        going.append(Runner(name, network, data, record_every, histograms).snapshots())
    while going:
        for arm in tuple(going):
            try:
                snapshot = next(arm)
            except StopIteration:
                going.remove(arm)
                continue
            if snapshot is not None:
                yield snapshot


class Runner:
    """One arm, ready for its first step: `network` learns from `data`, as its recipe says.

    `every` is the number of steps between snapshots; by default there are about 60. Without
    `histograms` these have none.
    """

    def __init__(
        self,
        name: str,
        network: Network,
        data: Dataset,
        every: int | None = None,
        histograms: bool = True,
    ) -> None:
        recipe, count = network.recipe, len(network.seeds)
        self.network = network
        self._name, self._recipe = name, recipe
        self._histograms = histograms
        self._every = every or max(1, round(recipe.steps / USUAL_NUMBER))
        self._origin = Origin.of(network)
        self._before = self._origin.vector  # the parameters that the last snapshot measured
        self._penalty = Penalty(network)
        self._optimizer = make_optimizer(recipe)
        self._batches = batches(data, recipe.batch_size, network.seeds)
        self._test = torch.tensor(data.x_test), torch.tensor(data.y_test)
        size = min(recipe.batch_size, len(data.y_train))
        self._passed, self._gradients = Pass(network, size), Gradients(network, size)
        self._tested = Pass(network, len(data.y_test), kept=False)
        self._watch = Watch(network)
        self._clipped, self._since = torch.zeros(count), 0  # steps since the last snapshot

    def snapshots(self) -> Iterator[Snapshot | None]:
        """One item for each step: a snapshot at the recorded ones, None at the others.

        At a snapshot of step s, `network` has already taken that step: it has been updated s + 1
        times. Once the run has ended, it is in the state of the last snapshot.
        """
        for step in range(self._recipe.steps + 1):
            snapshot = self._step(step)
            yield snapshot
            if snapshot is not None and snapshot.status == "diverged":
                break
        # The last step was taken only to be measured.
        self.network.vector.copy_(self._before)

    def _step(self, step: int) -> Snapshot | None:
        """Take one step; if it is recorded, measure it and the network before it."""
        network = self.network
        x, labels = next(self._batches)
        passed = network.forward(x, training=True, into=self._passed)
        loss = data_loss(passed.logits, labels)
        gradients = backward(network, passed, loss, self._gradients)
        gradient = self._penalty.add_gradient(gradients.vector, network.vector)
        norm = torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float64)
        overflow = self._watch.overflows(passed, gradients, loss.value, norm, step)
        if not (overflow or step % self._every == 0 or step == self._recipe.steps):
            self._update(gradient, norm)
            return None

        correct = accuracy(network, *self._test, self._tested)
        self._before = before = network.vector.clone()
        self._update(gradient, norm)
        layers = measure_layers(network, passed, gradients, self._origin, before)
        self._watch.zeros(passed, layers, step)
        return Snapshot(
            arm=self._name,
            step=step,
            steps=self._recipe.steps,
            seeds=network.seeds,
            loss=_numbers(loss.value),
            accuracy=correct,
            gradient_norm=_numbers(norm),
            clipped=self._share_clipped(),
            penalty=_numbers(self._penalty.value(before)),
            layers=layers,
            histograms=measure_histograms(network, passed, before) if self._histograms else {},
            events=self._watch.news(),
            status=self._status(step),
        )

    def _update(self, gradient: Tensor, norm: Tensor) -> None:
        gradient, clipped = clip(self._recipe, gradient, norm)
        self._clipped += clipped
        self._since += 1
        self._optimizer.step(self.network.vector, gradient)

    def _share_clipped(self) -> np.ndarray:
        """The share of the steps since the last snapshot that were clipped; then counts anew."""
        share = self._clipped / self._since
        self._clipped, self._since = torch.zeros_like(share), 0
        return _numbers(share)

    def _status(self, step: int) -> str:
        # Not every overflow is the end: clipping by value survives an infinite gradient.
        if self._watch.overflowed.all() and not self.network.vector.isfinite().all(dim=1).any():
            return "diverged"
        return "finished" if step == self._recipe.steps else "running"


def _numbers(values: Tensor) -> np.ndarray:
    return values.double().numpy()


def batches(
    data: Dataset, batch_size: int, seeds: Sequence[int]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches, x [seeds, batch, features] and labels [seeds, batch].

    Each seed goes through shuffled epochs of its own and leaves out the rest that fills no batch;
    a batch larger than the data is the data. They depend on nothing else, so arms share them.
    """
    x, y = torch.tensor(data.x_train), torch.tensor(data.y_train)
    randoms = [generator(seed, "batches") for seed in seeds]
    size = min(batch_size, len(y))
    while True:
        orders = torch.stack([torch.randperm(len(y), generator=random) for random in randoms])
        for start in range(0, len(y) - size + 1, size):
            chosen = orders[:, start : start + size]
            yield x[chosen], y[chosen]
