"""BatchNorm on batches of few directions: what the simple formula misses, and why."""

import numpy as np
import pytest
import torch

from gradviz.data import load
from gradviz.engine.backprop import Loss, backward
from gradviz.engine.network import build
from gradviz.recipe import Recipe, replace
from gradviz.theory.batch_kernel import predicted_batchnorm_delta
from gradviz.theory.mean_field import predicted_delta

DIGITS = load("digits").x_train
MANY_DIRECTIONS = np.random.default_rng(1).normal(size=(512, 256)).astype(np.float32)
OFF_BY_A_THIRD = ("sigmoid", "tanh", "elu", "selu", "linear")


def network_of(recipe, inputs, seeds):
    """A network with as many outputs as units, and its forward pass over `inputs`."""
    network = build(recipe, seeds, features=inputs.shape[1], classes=recipe.width)
    return network, network.forward(torch.tensor(inputs), training=True)


def measured_delta(recipe, inputs, seeds=4):
    """δ relative to the last hidden layer's, the geometric mean over the seeds, [depth].

    The error at the output is random, and independent over the examples.
    """
    network, passed = network_of(recipe, inputs, seeds)
    random = torch.Generator().manual_seed(0)
    loss = Loss(passed.logits, torch.randn(passed.logits.shape, generator=random))
    signals = backward(network, passed, loss).hidden_signals
    delta = signals.norm(dim=(2, 3)).log().mean(dim=1)
    return (delta - delta[-1]).exp().numpy()


def directions(covariance):
    """(Σλ)²/Σλ² of its eigenvalues λ: how many of the same size there would be."""
    return np.trace(covariance) ** 2 / np.sum(covariance**2)


@pytest.mark.parametrize("name", [*OFF_BY_A_THIRD, "relu", "leaky_relu", "gelu", "silu"])
def test_on_digits_the_batch_as_it_is_gives_what_is_measured(name):
    recipe = Recipe(activation=name, norm="batch", width=256, batch_size=128)
    measured = measured_delta(recipe, DIGITS[:128])
    ratio = measured / predicted_batchnorm_delta(recipe, DIGITS)
    assert ratio == pytest.approx(1, abs=0.12)
    assert ratio[:-1] / ratio[1:] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", OFF_BY_A_THIRD)
def test_the_formula_for_general_position_falls_short_on_digits_and_not_there(name):
    recipe = Recipe(activation=name, norm="batch", width=256)
    digits = measured_delta(recipe, DIGITS[:512]) / predicted_delta(recipe, DIGITS)
    assert 1.2 < digits[0] < 1.6
    general = measured_delta(recipe, MANY_DIRECTIONS) / predicted_delta(recipe, MANY_DIRECTIONS)
    assert general[0] == pytest.approx(1, abs=0.08)


def test_digits_have_about_19_directions():
    assert directions(np.cov(DIGITS.T)) == pytest.approx(19, abs=1.5)
    assert directions(np.cov(MANY_DIRECTIONS.T)) > 150
    assert 1.9 < directions(np.cov(load("spirals").x_train.T)) <= 2


def test_the_cause_is_that_the_spread_differs_among_the_units():
    _, passed = network_of(Recipe(norm="batch", width=1024, depth=3), DIGITS[:512], 2)
    for layer in (1, 2):
        linear = passed.linear[layer]
        centered = linear - linear.mean(dim=1, keepdim=True)
        found = directions((centered @ centered.transpose(1, 2))[0].numpy())
        square = centered.square().mean(dim=1)
        excess = (square.mean() * (1 / square).mean()).item() - 1
        assert 15 < found < 22
        # 2/directions, and more where they are not of the same size.
        assert 0.9 * 2 / found < excess < 2 * 2 / found


@pytest.mark.parametrize("scale", [None, 1.0])
def test_residual_networks_too(scale):
    recipe = Recipe(activation="relu", norm="batch", residual=True, residual_scale=scale, width=256)
    measured = measured_delta(recipe, DIGITS[:128])
    assert predicted_batchnorm_delta(recipe, DIGITS) == pytest.approx(measured, rel=0.08)


def test_small_batches_have_few_directions_whatever_the_data():
    recipe = Recipe(norm="batch", width=256, batch_size=8)
    measured = measured_delta(recipe, DIGITS[:8], 8)[0]
    assert measured > 2 * predicted_delta(recipe, DIGITS)[0]
    expected = [predicted_batchnorm_delta(recipe, DIGITS, seed=seed)[0] for seed in range(4)]
    assert measured == pytest.approx(np.mean(expected), rel=0.25)


@pytest.mark.parametrize("depth", [10, 80])
def test_the_deep_network_of_the_lesson_explodes_as_its_line_says(depth):
    spirals = load("spirals").x_train
    recipe = Recipe(activation="relu", norm="batch", width=64, batch_size=64, depth=depth)
    per_layer = [
        delta[0] ** (1 / (depth - 1))
        for delta in (
            measured_delta(recipe, spirals[:64], 8),
            predicted_batchnorm_delta(recipe, spirals),
            predicted_delta(recipe, spirals),
        )
    ]
    assert per_layer[0] == pytest.approx({10: 1.34, 80: 1.24}[depth], abs=0.03)
    assert per_layer[1] == pytest.approx(per_layer[0], rel=0.02)
    assert per_layer[2] == pytest.approx(1.211, abs=5e-4)


def test_the_profile_is_relative_repeatable_and_without_nan():
    recipe = Recipe(norm="batch", depth=200, activation="relu")
    first, again = (predicted_batchnorm_delta(recipe, DIGITS[:32], units=64) for _ in range(2))
    assert np.array_equal(first, again) and first.shape == (200,) and first[-1] == 1
    assert np.isfinite(first).all()
    for change in ({"gain": 0.0}, {"gain": 100.0}, {"batch_size": 1}, {"batch_size": 2}):
        sick = predicted_batchnorm_delta(replace(recipe, depth=5, **change), DIGITS, units=64)
        assert not np.isnan(sick[:-1]).any()


def test_a_network_without_batchnorm_is_refused():
    with pytest.raises(ValueError, match="norm='layer'"):
        predicted_batchnorm_delta(Recipe(norm="layer"), DIGITS)
