"""How fast training is: ratios of two ways of doing the same work, side by side in one process.

    python tests/benchmark.py [engine] [lessons]

Not a test: machines differ and are noisy. The ways take turns, and each figure is the median over
rounds of the processor's time, which other work on the machine disturbs less than the clock. Beside
it stands what is wanted. `tests/peers.py` compares with what others have made.
"""

import contextlib
import statistics
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from architectures import Transformer
from lessons import arms_on_page
from torch import nn

from gradviz import Recipe, build, export, race, replace, watch
from gradviz.data import load
from gradviz.engine.train import batches
from gradviz.ui import catalog

STEPS = 40
TALL = Recipe(depth=20, activation="tanh", init="xavier_normal", lr=0.01, steps=STEPS - 1)
EVERY = 5
ROUNDS = 9


def processor_seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turn(*works, rounds=ROUNDS):
    """The seconds of each of `works` in every round, [rounds, works]; all have run once before."""
    for work in works:
        work()
    return np.array([[processor_seconds(work) for work in works] for _ in range(rounds)])


def say(what, value, wanted="", unit=""):
    print(f"  {what:<62} {value:7.2f}{unit}   {wanted and f'(wanted: {wanted})'}", flush=True)


def median_ratio(first, second):
    return float(np.median(first / second))


# --- One step of twenty tanh layers of 32 units -----------------------------------------------


def raced(recipe, seeds, every):
    """The race of one arm without histograms, as a figure runs it that shows none."""
    return lambda: list(race({"arm": recipe}, seeds, every, histograms=False))


def products_alone(recipe, seeds):
    """The matrix products of as many steps, and nothing else."""
    width, batch = recipe.width, recipe.batch_size
    x, h, top = (torch.randn(seeds, batch, units) for units in (64, width, 10))
    first, inner, last = (
        torch.randn(seeds, *shape) for shape in ((64, width), (width, width), (width, 10))
    )

    def steps():
        for _ in range(recipe.steps + 1):
            torch.bmm(x, first), torch.bmm(h, last)
            torch.bmm(h.mT, top), torch.bmm(top, last.mT), torch.bmm(x.mT, h)
            for _ in range(recipe.depth - 1):
                torch.bmm(h, inner), torch.bmm(h.mT, h), torch.bmm(h, inner.mT)

    return steps


def plain_pytorch(recipe, seeds, every=None):
    """The same training, seed by seed, with nn.Linear and torch.optim; measured, or not at all."""
    data = load(recipe.dataset)
    x_test, y_test = torch.tensor(data.x_test), torch.tensor(data.y_test)

    def steps():
        network = build(recipe, seeds)
        for index, seed in enumerate(network.seeds):
            module = export(network, index)
            optimizer = torch.optim.SGD(module.parameters(), recipe.lr, recipe.momentum)
            stream = batches(data, recipe.batch_size, [seed])
            start = [part.weight.detach().clone() for part in module if isinstance(part, nn.Linear)]
            for step in range(recipe.steps + 1):
                x, labels = next(stream)
                optimizer.zero_grad()
                if every is None or step % every:
                    nn.functional.cross_entropy(module(x[0]), labels[0]).backward()
                    optimizer.step()
                else:
                    measured_step(module, optimizer, (x[0], labels[0]), (x_test, y_test), start)

    return steps


def measured_step(module, optimizer, batch, test, start):
    """A step with what a snapshot holds: norms, shares and accuracy, layer by layer."""
    h, z = batch[0], []
    for part in module:
        h = part(h)
        if isinstance(part, nn.Linear):
            h.retain_grad()
            z.append(h)
    nn.functional.cross_entropy(h, batch[1]).backward()
    with torch.no_grad():
        (module(test[0]).argmax(1) == test[1]).double().mean()
        weights = [part.weight for part in module if isinstance(part, nn.Linear)]
        before = [weight.clone() for weight in weights]
        optimizer.step()
        for own, weight, old, first in zip(z, weights, before, start, strict=True):
            for tensor in (own.grad, weight.grad, weight - old, old - first, old):
                tensor.double().norm()
        for own in z[:-1]:
            slope = 1 - torch.tanh(own) ** 2
            (slope < 0.05).double().mean(), (slope == 0).all(0).double().mean()
            own.isfinite().all()


def steps_of_a_tall_network():
    for seeds in (1, 3, 20, 40):
        bare, measured = raced(TALL, seeds, TALL.steps), raced(TALL, seeds, EVERY)
        works = {
            "matrix products alone": products_alone(TALL, seeds),
            "race, bare": bare,
            f"race, measured every {EVERY}th step": measured,
            "plain PyTorch, bare": plain_pytorch(TALL, seeds),
            f"plain PyTorch, measured every {EVERY}th step": plain_pytorch(TALL, seeds, EVERY),
        }
        taken = in_turn(*works.values(), rounds=ROUNDS if seeds < 20 else 3)
        print(f"{seeds} networks at once, ms a step:")
        for name, own in zip(works, np.median(taken, axis=0), strict=True):
            say(name, own * 1000 / STEPS)
        alone, bare, measured, plain, plain_measured = taken.T
        limits = {3: "at most 3.5", 20: "at most 2.5"}
        say("race, bare / products alone", median_ratio(bare, alone), limits.get(seeds, ""))
        say("race, measured / bare", median_ratio(measured, bare), "at most 1.25")
        limits = {3: "at least 2.5", 20: "at least 4"}
        faster = median_ratio(plain_measured, measured)
        say("plain, measured / race, measured", faster, limits.get(seeds, "at least 1"))
        say("plain, bare / race, bare", median_ratio(plain, bare), "at least 1")


def growth():
    """The exponents p of time ~ depth^p and time ~ seeds^p, fitted to the medians."""
    depths, counts = (10, 20, 40, 80), (1, 3, 10, 30)
    by_depth = [raced(replace(TALL, depth=depth), 3, TALL.steps) for depth in depths]
    by_seeds = [raced(TALL, count, TALL.steps) for count in counts]
    print("How the time of a bare race grows:")
    for what, sizes, works, wanted in (
        ("depth, 10 to 80 layers: exponent", depths, by_depth, "about 1"),
        ("seeds, 1 to 30: exponent", counts, by_seeds, "under 1"),
    ):
        seconds = np.median(in_turn(*works, rounds=5), axis=0)
        say(what, np.polyfit(np.log(sizes), np.log(seconds), 1)[0], wanted)


REMEDIES = {
    "plain": {},
    "batchnorm": {"norm": "batch"},
    "layernorm": {"norm": "layer"},
    "residual": {"residual": True},
    "residual, batchnorm": {"residual": True, "norm": "batch"},
    "adam": {"optimizer": "adam"},
    "l2 and clipping": {"l2": 1e-4, "clip": "norm"},
    "gelu": {"activation": "gelu"},
    "relu": {"activation": "relu"},
}


def no_case_slower_than_plain():
    print("Plain PyTorch, bare / race, bare, 3 networks:")
    for name, changes in REMEDIES.items():
        recipe = replace(TALL, **changes)
        taken = in_turn(raced(recipe, 3, recipe.steps), plain_pytorch(recipe, 3), rounds=5)
        say(name, median_ratio(taken[:, 1], taken[:, 0]), "at least 1")


def lab():
    """Four arms of 20 layers and 5 seeds, 300 steps, as the lab runs them."""
    tall = replace(TALL, steps=300)
    changes = ({}, {"norm": "batch"}, {"residual": True}, {"optimizer": "adam"})
    arms = {str(own): replace(tall, **own) for own in changes}
    seconds = np.median(in_turn(lambda: list(race(arms, 5, histograms=False)), rounds=3))
    print("The lab:")
    say("four arms of 20 layers, 5 seeds, 300 steps", seconds, "under 8 s", " s")


def engine():
    steps_of_a_tall_network()
    growth()
    no_case_slower_than_plain()
    lab()


# --- The lessons, and what watching costs -----------------------------------------------------


def report(title, first, second):
    ratios = [processor_seconds(first) / processor_seconds(second) for _ in range(ROUNDS)]
    print(f"{title}: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


def train(arms, every):
    for _ in race(arms, 3, every, histograms=False):
        pass


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


def lessons():
    """What a reader of each remedy's lesson waits for, and what measuring has to do with it."""
    for lesson in (entry.name for entry in catalog.LESSONS if entry.section.startswith("§3")):
        arms = arms_on_page(lesson, "race")
        steps = max(recipe.steps for recipe in arms.values())
        whole, bare = (partial(train, arms, every) for every in (None, steps))
        print(f"{lesson}: {processor_seconds(whole):.1f} s for {', '.join(arms)}")
        report("    measured / measured twice only", whole, bare)
    train_transformer()
    for every in (50, 1):
        watched = partial(train_transformer, every)
        report(f"transformer, watched every {every} steps / unwatched", watched, train_transformer)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"{torch.get_num_threads()} thread, PyTorch {torch.__version__}")
    for part in sys.argv[1:] or ("engine", "lessons"):
        {"engine": engine, "lessons": lessons}[part]()
