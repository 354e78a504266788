"""What batching the seeds buys: `python tests/benchmark.py` prints ratios taken side by side.

Not a test: machines differ and are noisy. Each line compares two ways of doing the same work, in
turn, in one process, and reports the median of the ratios.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import nn

from gradviz import Recipe, build, export, race
from gradviz.data import load
from gradviz.train import batches

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


def measured():
    for _ in race({"arm": RECIPE}, SEEDS):
        pass


def barely_measured():
    for _ in race({"arm": RECIPE}, SEEDS, record_every=RECIPE.steps):
        pass


def one_seed():
    for _ in race({"arm": RECIPE}, 1):
        pass


def report(title, first, second):
    ratios = [seconds(first) / seconds(second) for _ in range(ROUNDS)]
    print(f"{title}: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    torch.set_num_threads(1)
    measured(), plain_pytorch()
    report("race of 3 seeds, measured / the same in plain PyTorch", measured, plain_pytorch)
    report("measuring about 60 frames / measuring two", measured, barely_measured)
    report("three seeds at once / one seed", measured, one_seed)
