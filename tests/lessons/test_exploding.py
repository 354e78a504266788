"""The numbers of the lesson on large initial weights, through the functions that draw it."""

import numpy as np
import pytest
from lessons import arms_on_page, seeds
from presets import ends

from gradviz.activations import activation
from gradviz.data import load
from gradviz.engine.start import signal, signal_by_depth
from gradviz.engine.train import race
from gradviz.recipe import Recipe, replace
from gradviz.theory.mean_field import critical_sigma_w, predicted_delta, predicted_variances


@pytest.mark.parametrize(
    ("name", "gain", "per_layer"),
    [("sigmoid", 1.0, 0.236), ("tanh", 2.0, 1.167), ("relu", 2**0.5, 1.0)],
)
def test_delta_changes_per_layer_as_mean_field_says(name, gain, per_layer):
    recipe = Recipe(activation=name, gain=gain, depth=20, width=128)
    first = signal(recipe, seeds=2).query("layer == 1")["value"]
    assert np.mean(first) ** (1 / 19) == pytest.approx(per_layer, rel=0.03)


def test_sigmoid_shrinks_the_signal_to_0_236_of_its_size():
    recipe = Recipe(activation="sigmoid", gain=1.0, depth=20)
    factors = predicted_delta(recipe, load("digits").x_train)
    assert factors[9] / factors[10] == pytest.approx(0.236, abs=5e-4)


def arrived(preset):
    """The signal at layer 1, as a share of that at the last, by seed."""
    values = preset.values
    recipe = Recipe(activation=values["activation"], gain=values["scale"], depth=20, width=128)
    return signal(recipe, seeds()).query("layer == 1")["value"]


@pytest.mark.claim
@ends("exploding", "scale", "Vanish")
def test_at_half_the_critical_scale_the_signal_of_tanh_vanishes(preset):
    assert (arrived(preset) < 1e-5).all()


@pytest.mark.claim
@ends("exploding", "scale", "Critical")
def test_at_the_critical_scale_a_fifth_of_the_signal_arrives(preset):
    # Theory says 0.22: on its way to 0, tanh still bends a little.
    assert arrived(preset).between(0.1, 1).all()
    assert 0.15 < arrived(preset).mean() < 0.3


def test_at_the_critical_scale_it_is_the_bend_of_tanh_that_costs_and_not_the_width():
    recipe = Recipe(activation="tanh", gain=1.0, depth=20, width=128)
    expected = predicted_delta(recipe, load("digits").x_train)
    each = (expected[0] / expected[19]) ** (1 / 19)
    assert each == pytest.approx(0.919, abs=5e-4)
    # Of 32 units as of 256: were the width the reason, the narrow one would lose far more.
    for width in (32, 256):
        first = signal(replace(recipe, width=width), seeds=3).query("layer == 1")["value"]
        assert np.mean(first) ** (1 / 19) == pytest.approx(each, abs=0.015)
    # The factor of a layer alone is the nearer to 1 the closer it is to the loss.
    single = (expected[:-2] / expected[1:-1])[:19]
    assert (np.diff(single) > 0).all() and single[0] < 0.85 and single[-1] > 0.96
    variances = predicted_variances(recipe, load("digits").x_train)
    assert (variances[0], variances[-1]) == pytest.approx((0.94, 0.03), abs=0.005)


@pytest.mark.claim
@ends("exploding", "scale", "Explode")
def test_at_four_times_the_critical_scale_the_signal_of_tanh_explodes(preset):
    assert (arrived(preset) > 1000).all()


@pytest.mark.claim
@ends("exploding", "scale", "Sigmoid at 1")
def test_at_the_scale_that_suits_tanh_the_signal_of_sigmoid_vanishes(preset):
    assert preset.values["activation"] == "sigmoid" and preset.values["scale"] == 1
    assert (arrived(preset) < 1e-11).all()


def test_critical_scales():
    found = [critical_sigma_w(activation(name), 0.0) for name in ("tanh", "relu", "sigmoid")]
    assert found == pytest.approx([1, 2**0.5, 10.15], abs=0.005)


def test_twice_the_critical_scale_of_relu_doubles_delta_per_layer():
    rows = signal_by_depth(Recipe(activation="relu", gain=2 * 2**0.5, width=64), [5, 10], seeds=3)
    first = rows[rows["layer"] == 1].groupby("depth")["value"].mean()
    assert list(first ** (1 / (first.index - 1))) == pytest.approx([2, 2], rel=0.15)


def test_biases_move_the_critical_scale_of_tanh_up():
    assert critical_sigma_w(activation("tanh"), 0.1) == pytest.approx(1.193, abs=1e-3)


@pytest.mark.claim
def test_the_run_that_blows_up_overflows_after_its_weights_have_grown_and_the_other_learns():
    frames = list(race(arms_on_page("exploding", "blow_up"), seeds()))
    lost = [frame for frame in frames if frame.arm == "explode"]
    assert lost[-1].status == "diverged" and lost[-1].step <= 10
    assert {event.kind for frame in lost for event in frame.events} >= {"overflow"}
    # Of 400 seeds: from 1.005 to 16 times in the first step, then from 2.2 times up.
    largest = [frame.layers["weight_norm"].max(axis=1) for frame in lost[:3]]
    assert (largest[0] < 30).all()
    assert (largest[1] > largest[0]).all() and (largest[2] > 1.5 * largest[1]).all()
    first, *_, last = [frame for frame in frames if frame.arm == "healthy"]
    # A loss lower by 0.2 to 0.4 was seen, and norms that change by less than 1%.
    assert last.status == "finished" and (last.loss < first.loss - 0.05).all()
    norms = [frame.layers["weight_norm"] for frame in (first, last)]
    assert np.allclose(*norms, rtol=0.05)
