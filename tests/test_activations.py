import math

import numpy as np
import pytest
import torch
from torch import nn

from gradviz.activations import ACTIVATIONS, RELU_FAMILY, activation, elu, leaky_relu, living_range

Z = np.concatenate([np.linspace(-8, 8, 161), [-50.0, 50.0]])
# Parameters that a reader may choose stand beside the standard ones.
EVERY = [*ACTIVATIONS.values(), leaky_relu(0.3), leaky_relu(0.0), elu(0.5), elu(2.0)]


def mean(values):
    """E[values(z)] for z ~ N(0, 1), by a fine Riemann sum."""
    z = np.linspace(-12, 12, 200_001)
    return float((values(z) * np.exp(-(z**2) / 2)).sum() * (z[1] - z[0]) / math.sqrt(2 * math.pi))


@pytest.mark.parametrize("phi", EVERY, ids=lambda phi: f"{phi.name}-{phi.largest_slope:.2f}")
def test_function_and_derivative_are_those_of_torch(phi):
    z = torch.tensor(Z, requires_grad=True)
    out = phi.torch_function(z)
    [slope] = torch.autograd.grad(out.sum(), z)
    np.testing.assert_allclose(phi.function(Z), out.detach(), rtol=1e-9, atol=1e-12)
    # At a kink (z = 0) both sides' slopes are right, and torch takes the left one.
    smooth = Z != 0
    np.testing.assert_allclose(
        phi.derivative(Z)[smooth], slope.numpy()[smooth], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("phi", EVERY, ids=lambda phi: f"{phi.name}-{phi.largest_slope:.2f}")
def test_the_largest_slope_is_reached_and_never_passed(phi):
    slopes = np.abs(phi.derivative(np.linspace(-10, 10, 20_001)))
    assert slopes.max() <= phi.largest_slope * (1 + 1e-4)
    assert slopes.max() == pytest.approx(phi.largest_slope, rel=1e-3)


def test_sigmoid_and_tanh_have_the_slopes_of_the_lesson():
    sigmoid, tanh = ACTIVATIONS["sigmoid"], ACTIVATIONS["tanh"]
    assert sigmoid.derivative(0.0) == 0.25 == sigmoid.largest_slope
    assert tanh.derivative(0.0) == 1 == tanh.largest_slope
    assert sigmoid.largest_slope**10 == pytest.approx(9.54e-7, rel=1e-3)
    assert np.isfinite(sigmoid.function(np.array([-1e4, 1e4]))).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigmoid", 0.0448),
        ("tanh", 0.4644),
        ("elu", 0.668),
        ("selu", 1.072),
        ("leaky_relu", 0.50005),
        ("relu", 0.5),
        ("linear", 1.0),
    ],
)
def test_mean_squared_slopes_under_a_standard_normal(name, expected):
    slope = ACTIVATIONS[name].derivative
    assert mean(lambda z: slope(z) ** 2) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "selu", "linear"])
def test_gains_are_those_of_torch_where_torch_has_one(name):
    assert ACTIVATIONS[name].gain == pytest.approx(nn.init.calculate_gain(name))


@pytest.mark.parametrize("a", [0.0, 0.01, 0.3])
def test_the_gain_of_leaky_relu_is_that_of_torch(a):
    assert leaky_relu(a).gain == pytest.approx(nn.init.calculate_gain("leaky_relu", a))


@pytest.mark.parametrize("phi", [elu(), elu(0.3), *(ACTIVATIONS[n] for n in ("gelu", "silu"))])
def test_the_other_gains_keep_the_second_moment(phi):
    assert phi.gain**-2 == pytest.approx(mean(lambda z: phi.function(z) ** 2), rel=1e-3)


def test_an_activation_is_found_by_name_and_takes_only_its_own_parameter():
    assert activation("leaky_relu", 0.2, 3.0).function(np.array(-1.0)) == pytest.approx(-0.2)
    assert activation("elu", 0.2, 3.0).function(np.array(-50.0)) == pytest.approx(-3.0)
    assert activation("relu", 0.2, 3.0) is ACTIVATIONS["relu"]
    assert set(RELU_FAMILY) < set(ACTIVATIONS)
    with pytest.raises(ValueError, match="activation='swish' is not one of sigmoid, tanh"):
        activation("swish")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("sigmoid", -2 * np.arctanh(0.95**0.5), 2 * np.arctanh(0.95**0.5)),
        ("tanh", -np.arctanh(0.95**0.5), np.arctanh(0.95**0.5)),
        ("relu", 0.0, 12.0),
        ("elu", np.log(0.05), 12.0),
    ],
)
def test_the_living_range_is_where_the_slope_is_a_twentieth_of_the_largest(name, low, high):
    assert living_range(ACTIVATIONS[name]) == pytest.approx((low, high), abs=0.011)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_largest_slope_is_the_supremum_to_the_last_digits(name):
    phi = ACTIVATIONS[name]
    z = np.linspace(-8, 8, 160_001)
    found = np.abs(phi.derivative(z)).max()
    # Near a smooth maximum the grid is off by less than φ‴ times (half its step)²/2, some 1e-9.
    assert found <= phi.largest_slope + 1e-15
    assert found == pytest.approx(phi.largest_slope, abs=2e-9)


def test_the_suprema_of_gelu_and_silu():
    assert ACTIVATIONS["gelu"].largest_slope == pytest.approx(1.128904, abs=1e-6)
    assert ACTIVATIONS["silu"].largest_slope == pytest.approx(1.099839, abs=1e-6)
