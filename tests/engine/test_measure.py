import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gradviz.activations import ACTIVATIONS
from gradviz.engine.backprop import backward, data_loss
from gradviz.engine.initialization import generator
from gradviz.engine.measure import Origin, measure_layers, slopes
from gradviz.engine.network import build
from gradviz.engine.train import race
from gradviz.quantities import QUANTITIES
from gradviz.recipe import Recipe, replace

pytestmark = pytest.mark.usefixtures("one_core")


def at_start(recipe, seeds=3):
    """The layers of the frame at initialization."""
    return next(race({"arm": replace(recipe, steps=0)}, seeds)).layers


def per_layer(delta, first, last):
    """The factor by which δ grows per layer towards the input, from layer `last` to `first`."""
    middle = np.exp(np.log(delta).mean(axis=0))
    return (middle[first - 1] / middle[last - 1]) ** (1 / (last - first))


def test_sigmoid_multiplies_the_signal_by_0_236_per_layer():
    delta = at_start(Recipe(depth=20, width=256, activation="sigmoid", gain=1.0))["delta"]
    # √χ at the fixed point of the variance map, where biases are 0 and σ_w is 1.
    assert per_layer(delta, 2, 19) == pytest.approx(0.236, rel=0.03)


def test_glorot_signals_shrink_by_root_three_while_weight_gradients_stay():
    # U(±1/√n), zero biases, linear (Glorot & Bengio 2010, section 4.2.1).
    recipe = Recipe(
        depth=20,
        width=256,
        activation="linear",
        init="kaiming_uniform",
        gain=3**-0.5,
        batch_size=64,
    )
    layers = at_start(recipe, seeds=4)
    assert per_layer(layers["delta"], 2, 20) == pytest.approx(3**-0.5, rel=0.02)
    assert per_layer(layers["weight_gradient"], 2, 20) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "depth", "expected"),
    [
        ({"gain": 1.0}, 22, 6.9e-4),
        ({"gain": 1.0}, 30, 4.4e-5),
        ({}, 30, 1.0),
        ({"init": "pytorch"}, 30, 5.3e-12),
    ],
)
def test_relu_signals_under_the_initializations_of_he_2015(changes, depth, expected):
    recipe = Recipe(depth=depth, width=256, activation="relu", batch_size=64, **changes)
    delta = at_start(recipe, seeds=4)["delta"]
    ratio = np.log(delta[:, 0] / delta[:, depth - 1]).mean()
    assert ratio == pytest.approx(math.log(expected), abs=0.7)


def test_batchnorm_explodes_by_1_211_per_layer():
    # Yang et al. 2019: ReLU, squared δ grows by π/(π − 1) per layer towards the input.
    recipe = Recipe(depth=10, width=256, activation="relu", norm="batch", batch_size=256)
    growth = per_layer(at_start(recipe, seeds=2)["delta"], 2, 9)
    assert growth == pytest.approx(math.sqrt(math.pi / (math.pi - 1)), rel=0.03)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_measurements_are_what_they_are_called(norm):
    recipe = Recipe(depth=2, width=6, activation="tanh", norm=norm)
    network = build(recipe, [1, 2], features=4, classes=3)
    x = torch.randn(2, 10, 4, generator=generator(0, "x"))
    y = torch.randint(3, (2, 10), generator=generator(0, "y"))
    passed = network.forward(x, training=True)
    gradients = backward(network, passed, data_loss(passed.logits, y))
    before = network.vector.clone()
    network.vector.mul_(0.9)
    origin = Origin.of(network)
    network.vector.copy_(before * 1.5)
    layers = measure_layers(network, passed, gradients, origin, before)
    assert set(layers) == set(QUANTITIES)
    assert all(part.shape == (2, 3) and part.dtype == np.float64 for part in layers.values())
    np.testing.assert_allclose(layers["update_ratio"], 0.5, rtol=1e-5)
    np.testing.assert_allclose(layers["drift"], 0.1 / 0.9, rtol=1e-5)
    z = passed.z[1][0].detach().requires_grad_()
    matrix, bias = (network.parameters[kind, 3][0].detach() / 1.5 for kind in "Wb")
    loss = F.cross_entropy(torch.tanh(z) @ matrix + bias, y[0])
    [signal] = torch.autograd.grad(loss, z)
    assert layers["delta"][0, 1] == pytest.approx(signal.norm().item(), rel=1e-5)


def test_norms_do_not_underflow_where_the_gradient_does_not():
    layers = at_start(Recipe(depth=45, width=16, batch_size=16))
    # These are under 1e-23, so that their squares have no place in float32.
    assert (layers["delta"][:, 0] < 1e-23).all() and (layers["delta"][:, 0] > 0).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_the_derivative_of_the_table(name):
    z = torch.linspace(-6, 6, 50)
    expected = ACTIVATIONS[name].derivative(z.numpy().astype(float))
    np.testing.assert_allclose(slopes(ACTIVATIONS[name], z), expected, atol=2e-6)


def test_saturation_and_dead_shares_are_counted():
    network = build(Recipe(depth=2, width=4, activation="relu"), 1, features=3, classes=2)
    with torch.no_grad():
        network.parameters["b", 1][0, 0] = torch.tensor([1e3, -1e3, -1e3, -1e3])
        network.parameters["b", 2].fill_(1e6)
    x = torch.randn(1, 8, 3, generator=generator(0, "x"))
    passed = network.forward(x)
    gradients = backward(network, passed, data_loss(passed.logits, torch.zeros(1, 8).long()))
    layers = measure_layers(network, passed, gradients, Origin.of(network), network.vector)
    np.testing.assert_array_equal(layers["dead"], [[0.75, 0, 0]])
    np.testing.assert_array_equal(layers["saturation"], [[0.75, 0, 0]])


def test_saturation_is_a_slope_under_five_percent_of_the_largest():
    network = build(Recipe(depth=1, width=2, activation="sigmoid"), 1, features=1, classes=2)
    with torch.no_grad():
        network.parameters["W", 1].zero_()
        # σ′ is 5% of 1/4 at |z| = 4.36.
        network.parameters["b", 1][0, 0] = torch.tensor([4.35, 4.37])
    passed = network.forward(torch.ones(1, 5, 1))
    gradients = backward(network, passed, data_loss(passed.logits, torch.zeros(1, 5).long()))
    layers = measure_layers(network, passed, gradients, Origin.of(network), network.vector)
    np.testing.assert_array_equal(layers["saturation"], [[0.5, 0]])
