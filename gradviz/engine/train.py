"""`race(arms, seeds)`: train networks side by side and measure them on the way.

Plain gradient descent on `Network.vector`, one row per seed, so that an optimizer step is a few
operations whatever the depth. All arms advance together, step by step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from gradviz.data import Dataset, load
from gradviz.engine.histograms import measure_histograms
from gradviz.engine.initialization import WEIGHT_KINDS, generator
from gradviz.engine.measure import (
    Gradients,
    accuracy,
    backward,
    data_loss,
    find_vanished,
    locate_overflow,
    measure_layers,
)
from gradviz.engine.network import Pass, build, is_whole, seed_list
from gradviz.engine.optimizer import clip, make_optimizer
from gradviz.engine.pretrain import PretrainFrame, pretrain_steps
from gradviz.quantities import Event
from gradviz.recipe import RANGES, Recipe

FRAMES = 60  # recorded steps in a run, unless asked otherwise


@dataclass(frozen=True, eq=False)
class Frame:
    """The measurements of one arm at one recorded step.

    Per seed, [seeds]: `loss` (mean cross-entropy over the batch, without penalty), `accuracy` on
    the test set, `gradient_norm` (all parameters, before clipping), `clipped` (share of the steps
    since the last frame that were clipped) and `penalty` (the L1 and L2 part of the loss).
    `layers` holds `quantities.QUANTITIES` by name, each [seeds, depth + 1]: gradients, drift and
    weight norms at `step`, the update ratio of the step taken from there (at the last frame, of
    the step that would come next). `histograms` holds `quantities.DISTRIBUTIONS` by name, of the
    first seed: the share of values in each bin, [depth + 1, bins]. `events` are the zeros and
    overflows found since the last frame. `status` is "running", "finished" or "diverged".
    """

    phase: ClassVar[str] = "training"

    arm: str
    step: int
    steps: int
    seeds: tuple[int, ...]
    loss: np.ndarray
    accuracy: np.ndarray
    gradient_norm: np.ndarray
    clipped: np.ndarray
    penalty: np.ndarray
    layers: dict[str, np.ndarray]
    histograms: dict[str, np.ndarray]
    events: tuple[Event, ...]
    status: str


def race(
    arms: Mapping[str, Recipe],
    seeds: int | Sequence[int] = 1,
    record_every: int | None = None,
    show_pretraining: bool = False,
) -> Iterator[Frame | PretrainFrame]:
    """Train every arm, yielding its frames as they are measured; nothing is computed in advance.

    All arms see the same data, the same batches and, where shapes allow, the same initial weights.
    `seeds` are the seeds themselves, or how many of them from each recipe's `seed` on.
    `record_every` is the number of steps between frames; by default a run has about 60. The step
    at which a seed overflows is always recorded. Arms that are pre-trained are so before the race
    begins; with `show_pretraining` their `PretrainFrame`s, in the arm's name, come first.
    A seed whose parameters are no longer finite keeps its inf and NaN; an arm that has no other
    seeds ends there, while the other arms go on.

    Raises `ValueError` for no arms, bad `seeds` or `record_every`, and for BatchNorm on batches of
    one example, whose variance is 0.
    """
    if not arms:
        raise ValueError("arms={} holds no recipe; at least one is needed")
    if record_every is not None and not is_whole(record_every, 1, RANGES["steps"][1]):
        raise ValueError(f"record_every={record_every!r} is not a whole number from 1")
    for recipe in arms.values():
        seed_list(recipe, seeds)
        if recipe.norm == "batch" and recipe.batch_size < 2:
            raise ValueError('batch_size=1 is not a whole number from 2, as norm="batch" needs')
    runners = [Runner(name, recipe, seeds, record_every) for name, recipe in arms.items()]
    return _take_turns(runners, show_pretraining)


def _take_turns(runners: list[Runner], show_pretraining: bool) -> Iterator[Frame | PretrainFrame]:
    for runner in runners:
        for epoch in runner.prepare():
            if show_pretraining:
                yield epoch
    going = [runner.frames() for runner in runners]
    ended = object()
    while going:
        for arm in tuple(going):
            frame = next(arm, ended)
            if frame is ended:
                going.remove(arm)
            elif frame is not None:
                yield frame


class Runner:
    """One arm on its way: `prepare`, then `frames`.

    At a frame of step s, `network` has already taken that step: it has been updated s + 1 times.
    """

    def __init__(
        self, name: str, recipe: Recipe, seeds: int | Sequence[int], record_every: int | None
    ) -> None:
        self.name = name
        self.recipe = recipe
        self.seeds = seeds
        self.every = record_every or max(1, round(recipe.steps / FRAMES))

    def prepare(self) -> Iterator[PretrainFrame]:
        """Build the network and pre-train it if the recipe says so, a frame for each epoch."""
        data = load(self.recipe.dataset, self.recipe.seed)
        self.network = build(self.recipe, self.seeds)
        if self.recipe.pretrain != "none":
            for frame in pretrain_steps(self.network, self.recipe, data):
                yield replace(frame, arm=self.name)
        self._get_ready(data)

    def frames(self) -> Iterator[Frame | None]:
        """One item for each step: a frame at the recorded ones, None at the others."""
        for step in range(self.recipe.steps + 1):
            yield self._step(step)
            if self.lost:
                return

    def _get_ready(self, data: Dataset) -> None:
        self.start = self.network.vector.clone()
        self.optimizer = make_optimizer(self.recipe)
        self.batches = batches(data, self.recipe.batch_size, self.network.seeds)
        self.x_test, self.y_test = torch.tensor(data.x_test), torch.tensor(data.y_test)
        count = len(self.network.seeds)
        self.overflowed, self.lost = np.zeros(count, dtype=bool), False
        self.found: set[tuple[str, str, int]] = set()
        self.events: list[Event] = []
        self.clipped, self.steps_since = torch.zeros(count), 0

    def _step(self, step: int) -> Frame | None:
        x, labels = next(self.batches)
        passed = self.network.forward(x, training=True)
        loss = data_loss(passed.logits, labels)
        penalty = self._penalty()
        gradients = backward(self.network, passed, loss + penalty)
        norm = torch.linalg.vector_norm(gradients.vector, dim=1, dtype=torch.float64)
        overflow = self._watch_overflow(passed, gradients, loss, norm, step)
        recorded = step % self.every == 0 or step == self.recipe.steps or overflow
        accurate = accuracy(self.network, self.x_test, self.y_test) if recorded else None
        before = self.network.vector.clone() if recorded else None
        self._update(gradients.vector, norm)
        if not recorded:
            return None
        layers = measure_layers(self.network, passed, gradients, self.start, before)
        histograms = measure_histograms(self.network, passed, before)
        self._watch_zeros(passed, layers, step)
        per_seed = (loss, norm, self.clipped / self.steps_since, penalty)
        loss, norm, clipped, penalty = (part.detach().double().numpy() for part in per_seed)
        return self._frame(step, loss, accurate, norm, clipped, penalty, layers, histograms)

    def _frame(self, step: int, *measured: np.ndarray | dict[str, np.ndarray]) -> Frame:
        status = "finished" if step == self.recipe.steps else "running"
        # Not every overflow is the end: clipping by value survives an infinite gradient.
        finite = self.network.vector.isfinite().all(dim=1)
        self.lost = bool(self.overflowed.all() and not finite.any())
        status = "diverged" if self.lost else status
        events, self.events = tuple(self.events), []
        self.clipped, self.steps_since = torch.zeros(len(self.network.seeds)), 0
        return Frame(
            self.name, step, self.recipe.steps, self.network.seeds, *measured, events, status
        )

    def _penalty(self) -> Tensor:
        """l1·Σ|W| + l2·ΣW² over all weight matrices, [seeds]."""
        total = torch.zeros(len(self.network.seeds))
        if self.recipe.l1 == self.recipe.l2 == 0:
            return total
        for (kind, _), weight in self.network.parameters.items():
            if kind in WEIGHT_KINDS:
                total = total + self.recipe.l1 * weight.abs().sum((1, 2))
                total = total + self.recipe.l2 * weight.square().sum((1, 2))
        return total

    def _update(self, gradient: Tensor, norm: Tensor) -> None:
        gradient, clipped = clip(self.recipe, gradient, norm)
        self.clipped += clipped
        self.steps_since += 1
        self.optimizer.step(self.network.vector, gradient)

    def _watch_overflow(
        self, passed: Pass, gradients: Gradients, loss: Tensor, norm: Tensor, step: int
    ) -> bool:
        """Name the layer of each seed that overflows for the first time; whether there is any."""
        finite = (loss.isfinite() & norm.isfinite()).numpy()
        new = np.flatnonzero(~finite & ~self.overflowed)
        for index in new:
            before = self.network.vector
            event = locate_overflow(self.network, passed, gradients, before, step, int(index))
            self.events.append(event)
        self.overflowed |= ~finite
        return new.size > 0

    def _watch_zeros(self, passed: Pass, layers: dict[str, np.ndarray], step: int) -> None:
        for event in find_vanished(self.network, passed, layers, step):
            what = (event.kind, event.quantity, event.seed)
            if what not in self.found:
                self.found.add(what)
                self.events.append(event)


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
