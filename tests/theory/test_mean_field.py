import math

import numpy as np
import pytest

from gradviz.activations import ACTIVATIONS, activation
from gradviz.recipe import INITIALIZATIONS, Recipe
from gradviz.theory import mean_field as theory

TANH, SIGMOID, RELU = (activation(name) for name in ("tanh", "sigmoid", "relu"))
WIDTH = 256


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("sigmoid", 0.0448),
        ("tanh", 0.4644),
        ("elu", 0.668),
        ("selu", 1.072),
        ("leaky_relu", 0.50005),
        ("relu", 0.5),
    ],
)
def test_mean_square_slopes_of_the_reference(name, slope):
    digits = len(str(slope)) - 2
    assert theory.mean_square_slope(activation(name)) == pytest.approx(slope, abs=0.6 * 10**-digits)


def test_gaussian_mean_is_exact_for_kinks_and_for_steep_functions():
    assert theory.gaussian_mean(np.abs) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-13)
    assert theory.gaussian_mean(lambda z: z**4, 3.0) == pytest.approx(27, rel=1e-13)
    assert theory.gaussian_mean(lambda z: (z > 0) * 1.0) == pytest.approx(0.5, rel=1e-13)
    # For a huge variance tanh is a sign, and its slope a peak with the area of its square, 4/3.
    assert theory.mean_square(TANH, 1e6) == pytest.approx(
        1 - 2 / math.sqrt(2e6 * math.pi), rel=1e-6
    )
    expected = 4 / 3 / math.sqrt(2e6 * math.pi)
    assert theory.mean_square_slope(TANH, 1e6) == pytest.approx(expected, rel=1e-5)


def test_gaussian_mean_maps_arrays_of_variances():
    variances = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert theory.gaussian_mean(np.square, variances) == pytest.approx(variances)


@pytest.mark.parametrize("phi", ACTIVATIONS.values(), ids=lambda phi: phi.name)
def test_moments_agree_with_random_numbers(phi):
    z = np.random.default_rng(0).normal(scale=1.5, size=200_000)
    assert theory.mean_square(phi, 2.25) == pytest.approx(np.mean(phi.function(z) ** 2), rel=0.02)
    assert theory.mean_square_slope(phi, 2.25) == pytest.approx(
        np.mean(phi.derivative(z) ** 2), rel=0.02
    )


@pytest.mark.parametrize(
    ("sigma_b2", "sigma_w2"), [(0, 1), (0.01, 1.193**2), (0.05, 1.761), (0.1, 1.986)]
)
def test_critical_line_of_tanh(sigma_b2, sigma_w2):
    sigma_w = theory.critical_sigma_w(TANH, math.sqrt(sigma_b2))
    assert sigma_w**2 == pytest.approx(sigma_w2, rel=1e-3)
    q = theory.fixed_point(TANH, sigma_w, math.sqrt(sigma_b2))
    assert theory.chi(TANH, sigma_w, q) == pytest.approx(1, abs=1e-9)


def test_critical_scale_of_sigmoid_and_relu():
    assert theory.critical_sigma_w(SIGMOID, 0) == pytest.approx(10.15, abs=0.005)
    assert theory.critical_sigma_w(RELU, 0) == pytest.approx(math.sqrt(2), rel=1e-12)
    assert theory.critical_sigma_w(RELU, 1) == pytest.approx(math.sqrt(2), rel=1e-12)


def test_factors_of_the_reference_at_the_fixed_point():
    q = theory.fixed_point(SIGMOID, 1, 0)
    assert math.sqrt(theory.chi(SIGMOID, 1, q)) == pytest.approx(0.236, abs=5e-4)
    q = theory.fixed_point(TANH, 2, 0)
    assert math.sqrt(theory.chi(TANH, 2, q)) == pytest.approx(1.167, abs=5e-4)


def test_fixed_points():
    assert theory.fixed_point(TANH, 0.9, 0) == 0
    assert theory.fixed_point(RELU, 2, 0) == math.inf
    assert theory.fixed_point(RELU, math.sqrt(2), 0, start=0.7) == 0.7
    # V = q/2 + 1 for σ_w = σ_b = 1.
    assert theory.fixed_point(RELU, 1, 1) == pytest.approx(2, rel=1e-9)
    q = theory.fixed_point(TANH, 1.5, 0.3)
    assert theory.variance_map(TANH, 1.5, 0.3, q) == pytest.approx(q, rel=1e-9)
    assert theory.variances(TANH, 1.5, 0.3, 4.0, 60)[-1] == pytest.approx(q, rel=1e-6)


def test_slopes_at_variance_0_are_the_limit_from_above():
    expected = {"relu": 0.125, "leaky_relu": 0.125, "selu": 0.524, "tanh": 0.25, "linear": 0.25}
    for name, value in expected.items():
        assert theory.chi(activation(name), 0.5, 0.0) == pytest.approx(value, abs=5e-4)
    for phi in (*ACTIVATIONS.values(), activation("elu", alpha=2.0)):
        limit = theory.chi(phi, 0.5, 1e-14)
        assert theory.chi(phi, 0.5, 0.0) == pytest.approx(limit, rel=1e-6)
        assert theory.chi(phi, 0.5, np.zeros(2)) == pytest.approx([limit] * 2, rel=1e-6)


@pytest.mark.parametrize("start", [1.0, 1e6, 1e13])
@pytest.mark.parametrize("sigma_b", [1e-3, 0.1, 1.0])
def test_at_criticality_a_bias_lets_the_variance_grow_forever(sigma_b, start):
    assert theory.fixed_point(RELU, math.sqrt(2), sigma_b, start) == math.inf
    assert theory.fixed_point(activation("linear"), 1.0, sigma_b, start) == math.inf


@pytest.mark.parametrize(("short", "sigma_b"), [(1e-6, 0.1), (1e-8, 1.0), (1e-10, 100.0)])
def test_large_and_small_fixed_points_are_finite(short, sigma_b):
    # V = (1 − short) q + σ_b².
    expected = sigma_b**2 / short
    for start in (1.0, 100 * expected):
        found = theory.fixed_point(RELU, math.sqrt(2 * (1 - short)), sigma_b, start)
        assert found == pytest.approx(expected, rel=1e-3)
    assert theory.fixed_point(RELU, 1, 1e-8) == pytest.approx(2e-16, rel=1e-9)
    q = theory.fixed_point(TANH, 1.5, 0.3)
    assert theory.fixed_point(TANH, 1.5, 0.3, q) == pytest.approx(q, rel=1e-9)


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_gelu_and_silu_do_not_stay_at_their_critical_point(name):
    from gradviz.engine.start import signal

    phi = activation(name)
    with pytest.warns(theory.UnstableCriticalPoint, match=name):
        sigma_w = theory.critical_sigma_w(phi, 0)
    assert sigma_w == pytest.approx(2, abs=1e-6)
    assert not theory.is_stable(phi, sigma_w, 0, 0)
    grown = theory.variances(phi, sigma_w, 0, 1.0, 40)
    assert grown[-1] > 100 * grown[0] and theory.chi(phi, sigma_w, grown[-1]) > 1.5
    recipe = Recipe(activation=name, gain=sigma_w, depth=40, width=128)
    first = signal(recipe).query("layer == 1")["value"]
    assert (first > 1e5).all()
    with pytest.warns(theory.UnstableCriticalPoint):
        theory.critical_sigma_w(phi, 0.1)
    theory.critical_sigma_w(phi, 1.0)  # A warning here would be an error.


def test_the_other_critical_points_hold_and_those_above_tanhs_do_not():
    for name in ACTIVATIONS.keys() - {"gelu", "silu"}:
        for sigma_b in (0.0, 0.1, 1.0):
            theory.critical_sigma_w(activation(name), sigma_b)
    assert theory.is_stable(TANH, 2, 0, theory.fixed_point(TANH, 2, 0))
    assert not theory.is_stable(TANH, 2, 0, 0)


def test_variances_start_at_the_first_and_never_warn():
    assert theory.variances(RELU, 1, 0, 8.0, 4) == pytest.approx([8, 4, 2, 1])
    for phi in ACTIVATIONS.values():
        assert not np.isnan(theory.variances(phi, 100, 0, 1.0, 200)).any()


@pytest.mark.parametrize("init", INITIALIZATIONS)
@pytest.mark.parametrize("fans", [(300, 200), (200, 300)])
def test_weight_scale_is_that_of_the_drawn_weights(init, fans):
    from gradviz.engine.network import build

    fan_in, width = fans
    recipe = Recipe(init=init, width=width, depth=1, std=0.1, bias_std=0.2, activation="tanh")
    parameters = build(recipe, seeds=1, features=fan_in, classes=2).parameters
    sigma_w, sigma_b = theory.weight_scale(recipe, fan_in, width)
    drawn = parameters["W", 1].detach().square().mean().item()
    assert math.sqrt(fan_in * drawn) == pytest.approx(sigma_w, rel=0.02)
    assert parameters["b", 1].detach().std().item() == pytest.approx(sigma_b, rel=0.15)


def profile(recipe, inputs, seed):
    """δ of a plain numpy network at layers 1 to depth, and the squares of z."""
    rng = np.random.default_rng(seed)
    phi = activation(recipe.activation)
    h, weights, zs = inputs, [], []
    for _ in range(recipe.depth):
        sigma_w, sigma_b = theory.weight_scale(recipe, h.shape[1], recipe.width)
        weights.append(rng.normal(size=(h.shape[1], recipe.width)) * sigma_w / h.shape[1] ** 0.5)
        zs.append(h @ weights[-1] + sigma_b * rng.normal(size=recipe.width))
        h = phi.function(zs[-1])
    delta = rng.normal(size=h.shape) * phi.derivative(zs[-1])
    norms = [np.linalg.norm(delta)]
    for layer in range(recipe.depth - 1, 0, -1):
        delta = (delta @ weights[layer].T) * phi.derivative(zs[layer - 1])
        norms.insert(0, np.linalg.norm(delta))
    return np.array(norms), np.array([np.mean(z**2) for z in zs])


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(activation="sigmoid", init="xavier_normal"),
        Recipe(activation="tanh", init="pytorch"),
        Recipe(activation="tanh", init="kaiming_normal", gain=2.0, bias_std=0.1),
        Recipe(activation="relu", init="kaiming_normal"),
        Recipe(activation="relu", init="normal", std=0.2),
        Recipe(activation="elu", init="xavier_uniform"),
    ],
    ids=lambda recipe: f"{recipe.activation}-{recipe.init}",
)
def test_prediction_agrees_with_measured_networks(recipe):
    recipe = Recipe(**{**vars(recipe), "depth": 10, "width": WIDTH})
    inputs = np.random.default_rng(1).normal(scale=1.3, size=(64, 100))
    measured = [profile(recipe, inputs, seed) for seed in range(6)]
    delta = np.exp(np.mean([np.log(norms / norms[-1]) for norms, _ in measured], axis=0))
    predicted = theory.predicted_delta(recipe, inputs)
    assert predicted.shape == (10,) and predicted[-1] == 1
    factors = (predicted[:-1] / predicted[1:]) / (delta[:-1] / delta[1:])
    assert factors == pytest.approx(1, abs=0.1)
    squares = np.mean([squares for _, squares in measured], axis=0)
    assert theory.predicted_variances(recipe, inputs) == pytest.approx(squares, rel=0.2)


@pytest.mark.parametrize(
    "change",
    [
        {"norm": "batch"},
        {"norm": "layer"},
        {"residual": True},
        {"residual": True, "residual_scale": 1.0},
        {"residual": True, "norm": "batch", "residual_scale": 1.0},
        {"residual": True, "activation": "sigmoid", "init": "pytorch"},
        {"norm": "batch", "activation": "sigmoid"},
    ],
    ids=str,
)
def test_prediction_agrees_with_the_engine_under_norm_and_residual(change):
    import torch

    from gradviz.engine.backprop import Loss, backward
    from gradviz.engine.network import build

    recipe = Recipe(**{"activation": "relu", "depth": 8, "width": WIDTH} | change)
    inputs = np.random.default_rng(2).normal(size=(256, 100)).astype(np.float32)
    network = build(recipe, seeds=4, features=100, classes=WIDTH)
    passed = network.forward(torch.from_numpy(inputs), training=True)
    generator = torch.Generator().manual_seed(0)
    loss = Loss(passed.logits, torch.randn(passed.logits.shape, generator=generator))
    signals = backward(network, passed, loss).hidden_signals
    delta = signals.norm(dim=(2, 3)).log().mean(dim=1)
    measured = (delta - delta[-1]).exp().numpy()
    factors = theory.predicted_delta(recipe, inputs) / measured
    assert factors[:-1] / factors[1:] == pytest.approx(1, abs=0.1)


def test_he_against_xavier_on_depth():
    """He et al. 2015, section 2.2: 1/n loses √2 per layer, 2/n nothing, PyTorch's 1/3n √6."""
    inputs = np.ones((5, 256))

    def ratio(**settings):
        recipe = Recipe(activation="relu", depth=30, width=256, **settings)
        return theory.predicted_delta(recipe, inputs)[0]

    assert ratio(init="kaiming_normal", gain=1.0) == pytest.approx(2 ** (-29 / 2), rel=1e-9)
    assert ratio(init="kaiming_normal") == pytest.approx(1, rel=1e-9)
    assert ratio(init="pytorch") == pytest.approx(6 ** (-29 / 2), rel=1e-9)


def test_batchnorm_factor_and_residual_growth():
    assert theory.batchnorm_factor(RELU) == pytest.approx(math.pi / (math.pi - 1), rel=1e-12)
    assert theory.batchnorm_factor(activation("linear")) == pytest.approx(1, rel=1e-12)
    deep = Recipe(activation="relu", norm="batch", depth=80)
    delta = theory.predicted_delta(deep, np.random.default_rng(0).normal(size=(9, 4)))
    assert delta[0] ** (1 / 79) == pytest.approx(1.211, abs=5e-4)
    assert theory.residual_growth(1, 30) == 2**30
    assert theory.residual_growth(1 / math.sqrt(30), 30) == pytest.approx(2.7, abs=0.05)


def test_residual_variance_follows_the_growth_law():
    inputs = np.random.default_rng(0).normal(size=(50, 256))
    recipe = Recipe(activation="relu", residual=True, residual_scale=0.5, depth=20, width=256)
    q = theory.predicted_variances(recipe, inputs)
    assert q[-1] / q[0] == pytest.approx(theory.residual_growth(0.5, 19), rel=1e-9)


def test_extremes_neither_warn_nor_turn_into_nan():
    inputs = np.ones((3, 8))
    for name in ACTIVATIONS:
        for gain in (0.0, 100.0):
            recipe = Recipe(activation=name, gain=gain, depth=200)
            assert not np.isnan(theory.predicted_delta(recipe, inputs)).any()
