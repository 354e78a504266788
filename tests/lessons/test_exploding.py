"""The numbers of the lesson on large initial weights, through the functions that draw it."""

import numpy as np
import pytest

from gradviz.activations import activation
from gradviz.engine.start import signal, signal_by_depth
from gradviz.engine.train import race
from gradviz.recipe import Recipe
from gradviz.theory.mean_field import critical_sigma_w


@pytest.mark.parametrize(
    ("name", "gain", "per_layer"),
    [("sigmoid", 1.0, 0.236), ("tanh", 2.0, 1.167), ("relu", 2**0.5, 1.0)],
)
def test_delta_changes_per_layer_as_mean_field_says(name, gain, per_layer):
    recipe = Recipe(activation=name, gain=gain, depth=20, width=128)
    first = signal(recipe, seeds=2).query("layer == 1")["value"]
    assert np.mean(first) ** (1 / 19) == pytest.approx(per_layer, rel=0.03)


def test_critical_scales():
    found = [critical_sigma_w(activation(name), 0.0) for name in ("tanh", "relu", "sigmoid")]
    assert found == pytest.approx([1, 2**0.5, 10.15], abs=0.005)


def test_twice_the_critical_scale_of_relu_doubles_delta_per_layer():
    rows = signal_by_depth(Recipe(activation="relu", gain=2 * 2**0.5, width=64), [5, 10], seeds=3)
    first = rows[rows["layer"] == 1].groupby("depth")["value"].mean()
    assert list(first ** (1 / (first.index - 1))) == pytest.approx([2, 2], rel=0.15)


def test_biases_move_the_critical_scale_of_tanh_up():
    assert critical_sigma_w(activation("tanh"), 0.1) == pytest.approx(1.193, abs=1e-3)


def test_the_run_that_blows_up_overflows_after_its_weights_have_grown_and_the_other_learns():
    arms = {
        "explode": Recipe(activation="relu", gain=3.0, lr=0.01, steps=60),
        "healthy": Recipe(activation="relu", gain=2**0.5, lr=0.01, steps=60),
    }
    frames = list(race(arms, seeds=5))
    lost = [frame for frame in frames if frame.arm == "explode"]
    assert lost[-1].status == "diverged" and lost[-1].step <= 10
    assert {event.kind for frame in lost for event in frame.events} >= {"overflow"}
    largest = [np.nanmax(frame.layers["weight_norm"], initial=0) for frame in lost[:3]]
    assert largest[0] < 30 and largest[1] > 2 * largest[0] and largest[2] > 100 * largest[0]
    healthy = [frame for frame in frames if frame.arm == "healthy"][-1]
    assert healthy.status == "finished" and (healthy.accuracy > 0.5).sum() >= 4
