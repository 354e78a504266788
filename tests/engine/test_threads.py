"""The same numbers, to the last bit, however many threads the caller's PyTorch is set to use."""

import numpy as np
import pytest
import torch

from gradviz.data import load
from gradviz.engine import start
from gradviz.engine.moments import fine_tuning_start, landing_in_training
from gradviz.engine.network import build
from gradviz.engine.pretrain import pretrain_steps
from gradviz.engine.threads import on_one_thread, one_thread
from gradviz.engine.train import race, train
from gradviz.recipe import Recipe, replace

# Sizes at which each of these numbers did depend on them.
BATCH = Recipe(depth=3, width=128, norm="batch", activation="relu", batch_size=1024, steps=6)
RBM = Recipe(depth=2, width=101, pretrain="rbm", pretrain_epochs=2, batch_size=500, steps=2)


@pytest.fixture
def threads():
    """A function that sets the number of threads; afterwards it is what it was."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def raced(recipe):
    return [
        values
        for snapshot in race({"arm": recipe}, 2, record_every=1)
        for values in (snapshot.loss, snapshot.accuracy, *snapshot.layers.values())
    ]


def pretrained():
    network = build(RBM, 2)
    errors = [epoch.error for epoch in pretrain_steps(network, RBM, load("digits"))]
    return [*errors, network.vector.detach().numpy()]


COMPUTED = {
    "batchnorm": lambda: raced(BATCH),
    "adam": lambda: raced(replace(BATCH, optimizer="adam", lr=0.01)),
    "rbm": lambda: raced(RBM),
    "pretraining": pretrained,
    "trained": lambda: [train(BATCH, 2)[0].vector.detach().numpy()],
    "orthogonal": lambda: [build(Recipe(width=256, init="orthogonal")).vector.detach().numpy()],
    "signal": lambda: [start.signal(BATCH, 2, 1024)["value"]],
    "factors": lambda: [start.layer_factors(BATCH, 2, 1024)["value"]],
    "landing": lambda: [start.landing(BATCH, 2, 1024)["value"]],
    "spread": lambda: [start.batch_spread(BATCH, 2, 1024)["value"]],
    "growth": lambda: [start.block_growth(replace(BATCH, residual=True), 2, 1024)["value"]],
    "scale": lambda: [start.scale_effects(BATCH, [0.5, 2.0], 2, 1024)["value"]],
    "in training": lambda: [
        moment.table["value"] for moment in landing_in_training(BATCH, 2, 1024)
    ],
    "fine-tuning": lambda: [
        moment.table.get("value", []) for moment in fine_tuning_start({"rbm": RBM}, 2)
    ],
}


@pytest.mark.parametrize("name", COMPUTED)
def test_numbers_do_not_depend_on_the_callers_threads(name, threads):
    found = []
    for count in (1, 2):
        threads(count)
        found.append(COMPUTED[name]())
        assert torch.get_num_threads() == count
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_setting_of_the_caller_holds_between_two_snapshots(threads):
    threads(2)
    for _ in race({"arm": replace(RBM, steps=2)}, record_every=1, show_pretraining=True):
        assert torch.get_num_threads() == 2


def test_one_thread_is_left_as_it_was_entered_even_after_an_error(threads):
    threads(2)

    def items():
        yield torch.get_num_threads()
        raise ArithmeticError

    found = on_one_thread(items())
    assert next(found) == 1 and torch.get_num_threads() == 2
    with pytest.raises(ArithmeticError):
        next(found)
    with pytest.raises(ArithmeticError), one_thread():
        raise ArithmeticError
    assert torch.get_num_threads() == 2
