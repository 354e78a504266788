"""What the lesson on the chain rule says in words and numbers."""

import numpy as np
import pytest

from gradviz.activations import activation
from gradviz.theory.chain import (
    ScalarNetwork,
    autograd_gradient,
    factors,
    matrix_products,
    nielsen_window,
    products,
)

PRESETS = {
    "healthy": ("relu", 1.0, 0.0),
    "vanish": ("sigmoid", 1.0, 0.0),
    "saturated": ("sigmoid", 8.0, 0.0),
    "explode": ("relu", 2.0, 0.0),
}


def network(preset):
    name, weight, bias = PRESETS[preset]
    return ScalarNetwork((weight,) * 4, (bias,) * 4, 0.5, 0.0, activation(name))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("layer", [1, 2, 4])
def test_the_product_of_factors_is_autograds_gradient(preset, layer):
    ours = network(preset).gradient(layer)
    assert ours == pytest.approx(autograd_gradient(network(preset), layer), rel=1e-9)


def test_presets_of_the_walk_do_what_they_are_called():
    inner = {preset: network(preset).factors[2:] for preset in PRESETS}
    assert (inner["explode"] == pytest.approx(2)) and (inner["vanish"] < 0.25).all()
    assert inner["healthy"] == pytest.approx(1)
    assert (network("saturated").slopes[1:] < 0.05 * 0.25).all()


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
