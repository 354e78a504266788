"""Single units: where the examples of a batch lie, and which units are dead."""

import numpy as np
import pytest
import torch

from gradviz.activations import ACTIVATIONS
from gradviz.data import load
from gradviz.engine.backprop import NORM_EPS
from gradviz.engine.measure import slopes
from gradviz.engine.network import export
from gradviz.engine.train import train
from gradviz.engine.units import ALIVE, DEAD, LOST, cloud, dead_by_step
from gradviz.recipe import Recipe, replace

pytestmark = pytest.mark.usefixtures("one_core")

SMALL = Recipe(depth=3, width=8, batch_size=32, steps=5)


def seen_by(module, kind, x):
    """What the modules of `kind` are given when `x` goes through, in order."""
    seen = []
    for part in module.modules():
        if isinstance(part, kind):
            part.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    module(x)
    return seen


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_cloud_is_what_plain_pytorch_makes_of_the_batch(norm):
    recipe = replace(SMALL, norm=norm)
    rows = cloud(recipe, units=3, examples=16)
    module = export(train(recipe)[0]).train()
    x = torch.tensor(load("digits").x_train[:16])
    activation = type(next(m for m in module.modules() if type(m).__name__ == "Elementwise"))
    after = torch.stack(seen_by(module, activation, x))[:, :, :3].transpose(1, 2)
    assert len(rows) == 3 * 3 * 16
    np.testing.assert_allclose(rows["after"], after.flatten(), rtol=1e-5, atol=1e-6)
    assert rows["label"].tolist() == [*load("digits").y_train[:16]] * 9
    spread = rows.groupby(["layer", "unit"])["after"].std(ddof=0)
    np.testing.assert_allclose(rows.groupby(["layer", "unit"])["spread"].first(), spread)


def test_gamma_and_beta_make_what_leaves_of_what_arrives():
    for (layer, unit), rows in cloud(replace(SMALL, norm="batch"), examples=32).groupby(
        ["layer", "unit"]
    ):
        before = rows["before"]
        scaled = (before - before.mean()) / np.sqrt(before.var(ddof=0) + NORM_EPS)
        found = rows["gamma"] * scaled + rows["beta"]
        np.testing.assert_allclose(rows["after"], found, rtol=1e-4, atol=1e-5)
        assert rows["gamma"].nunique() == 1 and rows["gamma"].iloc[0] != 1, (layer, unit)
        assert rows["beta"].iloc[0] != 0


def test_without_training_or_normalization_gamma_is_1_and_beta_0():
    for recipe in (replace(SMALL, norm="batch", steps=0), SMALL):
        rows = cloud(recipe)
        assert (rows["gamma"] == 1).all() and (rows["beta"] == 0).all()
    assert rows["before"].equals(rows["after"])


def dead_in(network):
    """Which units of a network have slope zero for all training data, by plain PyTorch."""
    x = torch.tensor(load("digits").x_train)
    module = export(network)
    activation = type(next(m for m in module.modules() if type(m).__name__ == "Elementwise"))
    z = torch.stack(seen_by(module, activation, x))
    return (slopes(network.activation, z) == 0).all(dim=1).numpy()


def test_the_dead_units_are_those_of_the_network_at_that_step():
    recipe = replace(SMALL, activation="relu", optimizer="adam", lr=0.3, steps=12)
    states = dead_by_step(recipe, every=3)
    assert states.shape == (5, 3, 8) and states.dtype == np.int8
    for place, steps in enumerate((0, 3, 6, 9, 12)):
        network, _ = train(replace(recipe, steps=steps))
        np.testing.assert_array_equal(states[place] == DEAD, dead_in(network))
    assert (states[-1] == DEAD).any() and set(np.unique(states)) == {ALIVE, DEAD}


def test_a_run_that_overflows_stays_lost():
    recipe = replace(SMALL, activation="leaky_relu", lr=100.0, steps=20)
    states = dead_by_step(recipe, every=2)
    first = int(np.argmax((states == LOST).all(axis=(1, 2))))
    assert 0 < first < 10 and (states[first:] == LOST).all()
    assert (states[0] == ALIVE).all()


def test_a_leaky_unit_has_no_slope_zero():
    assert ACTIVATIONS["leaky_relu"].derivative(np.array([-1e6]))[0] > 0
    recipe = replace(SMALL, activation="leaky_relu", optimizer="adam", lr=0.3)
    assert not dead_by_step(recipe, every=1).any()


def test_units_cannot_be_looked_at_every_0_steps():
    with pytest.raises(ValueError, match="every=0"):
        dead_by_step(SMALL, every=0)
