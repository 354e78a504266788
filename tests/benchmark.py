"""How long the lessons' races take, and what batching and measuring cost; ratios side by side.

    python tests/benchmark.py

Not a test: machines differ and are noisy. Each line compares two ways of doing the same work, in
turn, in one process, and reports the median of the ratios.
"""

import contextlib
import statistics
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from architectures import Transformer
from lessons import arms_on_page
from torch import nn

from gradviz import Recipe, build, export, race, watch
from gradviz.data import load
from gradviz.engine.train import batches
from gradviz.ui import catalog

SEEDS = 3
ROUNDS = 5
RECIPE = Recipe(depth=10, steps=100)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def plain_pytorch():
    """The same training, seed by seed, with nn.Linear and torch.optim, measuring nothing."""
    data = load(RECIPE.dataset)
    network = build(RECIPE, SEEDS)
    for index, seed in enumerate(network.seeds):
        module = export(network, index)
        optimizer = torch.optim.SGD(module.parameters(), RECIPE.lr, RECIPE.momentum)
        stream = batches(data, RECIPE.batch_size, [seed])
        for _ in range(RECIPE.steps + 1):
            x, labels = next(stream)
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x[0]), labels[0]).backward()
            optimizer.step()


def train(arms, seeds=SEEDS, record_every=None):
    for _ in race(arms, seeds, record_every):
        pass


def report(title, first, second):
    ratios = [seconds(first) / seconds(second) for _ in range(ROUNDS)]
    print(f"{title}: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


def train_transformer(every=None, steps=200):
    """A small transformer in plain PyTorch, watched at each `every`-th step or not at all."""
    torch.manual_seed(0)
    module = Transformer(words=64, width=64, heads=4, length=32, blocks=2)
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3)
    x = torch.randint(64, (16, 32))
    with contextlib.nullcontext() if every is None else watch(module, optimizer, every):
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x), x).backward()
            optimizer.step()


def default_races():
    """What a reader of each remedy's lesson waits for, and what measuring has to do with it."""
    for lesson in (entry.name for entry in catalog.LESSONS if entry.section.startswith("§3")):
        arms = arms_on_page(lesson, "race")
        steps = max(recipe.steps for recipe in arms.values())
        whole, bare = partial(train, arms), partial(train, arms, record_every=steps)
        print(f"{lesson}: {seconds(whole):.1f} s for {', '.join(arms)}")
        report("    measured / measured twice only", whole, bare)


if __name__ == "__main__":
    torch.set_num_threads(1)
    arms = {"arm": RECIPE}
    measured, bare = partial(train, arms), partial(train, arms, record_every=RECIPE.steps)
    measured(), plain_pytorch()
    report("race of 3 seeds, measured / the same in plain PyTorch", measured, plain_pytorch)
    report("measuring about 60 frames / measuring two", measured, bare)
    train_transformer()
    for every in (50, 1):
        watched = partial(train_transformer, every)
        report(f"transformer, watched every {every} steps / unwatched", watched, train_transformer)
    report("three seeds at once / one seed", measured, partial(train, arms, 1))
    default_races()
