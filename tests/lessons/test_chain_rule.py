"""What the lesson on the chain rule says in words and numbers."""

import numpy as np
import pytest
from lessons import seeds
from presets import Preset, buttons_in_pictures, ends

from gradviz.activations import activation
from gradviz.theory.chain import (
    ScalarNetwork,
    autograd_gradient,
    factors,
    matrix_products,
    nielsen_window,
    products,
)

SETTINGS = [("tanh", 1.25, 0.0), ("relu", 2.0, 0.0), ("sigmoid", 1.0, 0.0), ("sigmoid", 8.0, -4.0)]


def network(name, weight, bias):
    return ScalarNetwork((weight,) * 4, (bias,) * 4, 0.5, 0.0, activation(name))


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("layer", [1, 2, 4])
def test_the_product_of_factors_is_autograds_gradient(setting, layer):
    ours = network(*setting).gradient(layer)
    assert ours == pytest.approx(autograd_gradient(network(*setting), layer), rel=1e-9)


def walked(preset):
    """The network of the walk, and its factors from layer to layer."""
    walked = network(*(preset.values[key] for key in ("walk_phi", "omega", "b")))
    between = [factor.value for factor in walked.backward_walk(2)[1:-1]]
    return walked, np.array(between)


def other(label):
    return walked(Preset("chain_rule", "walk", label))[0].gradient(2)


@ends("chain_rule", "walk", "Healthy")
def test_on_the_healthy_walk_every_layer_gets_the_same_gradient(preset):
    healthy, between = walked(preset)
    assert between == pytest.approx(1)
    assert [healthy.gradient(layer) for layer in (1, 2, 3, 4)] == pytest.approx([0.5] * 4)


@ends("chain_rule", "walk", "Vanish")
def test_on_the_walk_that_vanishes_each_layer_passes_less_than_a_quarter(preset):
    vanished, between = walked(preset)
    assert (between < 0.25).all()
    assert abs(vanished.gradient(2)) < 0.03 * other("Healthy")


@ends("chain_rule", "walk", "Saturated")
def test_on_the_saturated_walk_the_units_have_no_slope_left(preset):
    saturated, _ = walked(preset)
    assert (saturated.slopes[1:] < 0.05 * 0.25).all()
    assert abs(saturated.gradient(2)) < 1e-5 * other("Vanish")


@ends("chain_rule", "walk", "Explode")
def test_on_the_walk_that_explodes_each_layer_passes_more_than_it_gets(preset):
    exploded, between = walked(preset)
    assert (between >= 2).all()
    assert exploded.gradient(2) > 100 * other("Healthy") and exploded.gradient(2) > 10


@ends("chain_rule", "scalar", "vanish", "healthy", "explode", "saturated")
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_presets_of_the_factor_are_what_they_are_called(preset, name):
    buttons = buttons_in_pictures("chain_rule", figure="scalar", scalar_phi=name)["scalar"]
    # A ReLU is not saturated but dead.
    called = buttons["name"].replace("dead", "saturated") == preset.label
    (row,) = buttons[called].itertuples()
    product = float(factors(row.w, row.z, activation(name))) ** 10
    low, high = {
        "vanish": (0, 2e-3),
        "healthy": (0.99, 1.01),
        "explode": (500, np.inf),
        "saturated": (0, 1e-8),
    }[preset.label]
    assert low <= product < high


def ends_of_products(preset):
    values = preset.values
    return np.concatenate(
        [
            matrix_products(
                values["kind"],
                int(values["width"]),
                50,
                int(values["draws"]),
                values["gain"],
                seed,
            )[:, -1]
            for seed in seeds(3)
        ]
    )


@pytest.mark.claim
@ends("chain_rule", "matrix", "Gaussian")
def test_of_gaussian_matrices_the_median_dies_and_the_mean_square_stays(preset):
    values = ends_of_products(preset)
    assert np.median(values) < 1e-6
    # From 0.79 to 1.2 was seen.
    assert 0.4 < np.sqrt(np.mean(values**2)) < 2.5


@pytest.mark.claim
@ends("chain_rule", "matrix", "Orthogonal")
def test_of_orthogonal_matrices_every_singular_value_stays_one(preset):
    assert ends_of_products(preset) == pytest.approx(1, abs=1e-10)


@pytest.mark.claim
@ends("chain_rule", "matrix", "Vanish")
def test_all_singular_values_vanish(preset):
    assert ends_of_products(preset).max() < 1e-4


@pytest.mark.claim
@ends("chain_rule", "matrix", "Explode")
def test_all_singular_values_explode(preset):
    assert ends_of_products(preset).min() > 1e4


def test_above_one_grows_and_below_one_decays():
    up, down = products(1.1, 50), products(0.9, 50)
    assert np.diff(np.log(up)) == pytest.approx(np.log(1.1))
    assert np.diff(np.log(down)) == pytest.approx(np.log(0.9))


def test_the_weight_is_a_factor_too():
    sigmoid = activation("sigmoid")
    assert factors(4.0, 0.0, sigmoid) == 1 > factors(1.0, 0.0, sigmoid)


def test_nielsens_window_in_the_words_of_the_article():
    w = np.linspace(4, 20, 1601)
    width = nielsen_window(w)[2]
    assert width.max() == pytest.approx(0.45, abs=0.005)
    assert w[width.argmax()] == pytest.approx(6.9, abs=0.05)
    assert np.isnan(nielsen_window(3.99)[2])


def test_a_few_directions_carry_nearly_everything():
    values = matrix_products("gaussian", 64, 50, 4)[:, -1]
    assert 1e-9 < np.median(values) < 1e-7 and 0.5 < np.sqrt(np.mean(values**2)) < 2
    four = np.sum(values[:, :4] ** 2, axis=1) / np.sum(values**2, axis=1)
    assert four.mean() > 0.95
    # The logarithms' average is negative although the mean square of one matrix is 1.
    one = matrix_products("gaussian", 64, 1, 4)
    assert np.mean(one**2) == pytest.approx(1, abs=0.05) and np.mean(np.log(one)) < -0.3
