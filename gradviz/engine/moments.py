"""The measurements of `start` at later moments: while a network trains, or once it is pre-trained.

Each is a background job for `gradviz.runs`: an iterator of `Moment`s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradviz.data import load
from gradviz.engine.network import Network, build
from gradviz.engine.pretrain import pretraining
from gradviz.engine.start import Seeds, factor_parts, landing_of, probe
from gradviz.engine.threads import on_one_thread
from gradviz.engine.train import Runner
from gradviz.recipe import Recipe
from gradviz.snapshots import Moment

LANDINGS = 30  # recorded steps while a network trains


def fine_tuning_start(
    arms: Mapping[str, Recipe], seeds: Seeds = 3, examples: int = 256
) -> Iterator[Moment]:
    """Pre-train every arm as its recipe says, and measure what that leaves: `start.factor_parts`.

    A moment after every epoch reports progress; the last one of each arm has the table, with a
    column arm.
    """
    return on_one_thread(_fine_tuning_start(arms, seeds, examples))


def _fine_tuning_start(arms: Mapping[str, Recipe], seeds: Seeds, examples: int) -> Iterator[Moment]:
    for arm, recipe in arms.items():
        network = build(recipe, seeds)
        epochs = 0 if recipe.pretrain == "none" else recipe.depth * recipe.pretrain_epochs
        for epoch in pretraining(network, load(recipe.dataset, recipe.seed)):
            yield Moment("pretraining", arm, epoch.step, epochs + 1)
        table = factor_parts(probe(network, examples)).assign(arm=arm)
        yield Moment("pretraining", arm, epochs + 1, epochs + 1, table)


def landing_in_training(recipe: Recipe, seeds: Seeds = 3, examples: int = 128) -> Iterator[Moment]:
    """Train the network of `recipe` as `train.race` does, and measure `start.landing` on the way.

    About 30 times; a moment's step is the number of updates that the network has had.
    """
    return on_one_thread(_landing_in_training(recipe, seeds, examples))


def _landing_in_training(recipe: Recipe, seeds: Seeds, examples: int) -> Iterator[Moment]:
    network, data = build(recipe, seeds), load(recipe.dataset, recipe.seed)
    for _ in pretraining(network, data):
        pass
    yield _landing(network, examples, 0)
    every = max(1, round(recipe.steps / LANDINGS))
    runner = Runner(recipe.activation, network, data, every)
    for updates, snapshot in enumerate(runner.snapshots(), start=1):
        if snapshot is not None and updates <= recipe.steps:
            yield _landing(network, examples, updates)


def _landing(network: Network, examples: int, updates: int) -> Moment:
    recipe = network.recipe
    table = landing_of(probe(network, examples)).assign(step=updates)
    return Moment("training", recipe.activation, updates, recipe.steps, table)
