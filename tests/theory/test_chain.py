import math
import subprocess
import sys

import numpy as np
import pytest

from gradviz.activations import ACTIVATIONS, activation
from gradviz.theory import chain

SIGMOID = activation("sigmoid")


def network(phi=SIGMOID):
    return chain.ScalarNetwork((0.8, -1.5, 2.0, 1.2), (0.1, 0.2, -0.3, 0.4), 0.7, 0.9, phi)


def test_best_sigmoid_product_of_ten_layers():
    assert chain.products(chain.factors(1.0, 0.0, SIGMOID), 10)[-1] == pytest.approx(
        9.54e-7, rel=1e-3
    )
    assert chain.products([2.0, 0.5, 3.0]) == pytest.approx([2, 1, 3])


def test_factors_broadcast_over_a_plane():
    w, z = np.linspace(-2, 2, 3)[:, None], np.linspace(-1, 1, 5)
    assert chain.factors(w, z, SIGMOID).shape == (3, 5)
    assert chain.factors(2.0, [0, 0], activation("tanh")) == pytest.approx([2, 2])


def test_nielsen_window():
    w = np.linspace(4, 40, 3601)
    low, high, width = chain.nielsen_window(w)
    assert w[np.argmax(width)] == pytest.approx(6.9, abs=0.05)
    assert width.max() == pytest.approx(0.45, abs=0.005)
    assert low == pytest.approx(-high) and high[0] == width[0] == 0
    # At the edge of the window the factor is exactly 1.
    assert chain.factors(w, high, SIGMOID) == pytest.approx(1)
    assert chain.nielsen_window(-6.9)[2] == pytest.approx(chain.nielsen_window(6.9)[2])
    assert np.isnan(chain.nielsen_window(3.99)).all()


@pytest.mark.parametrize("phi", ACTIVATIONS.values(), ids=lambda phi: phi.name)
@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_backward_walk_equals_autograd(phi, layer):
    import torch

    scalar = network(phi)
    weights = torch.tensor(scalar.weights, dtype=torch.float64, requires_grad=True)
    f = torch.tensor(scalar.x, dtype=torch.float64)
    for i in range(4):
        f = phi.torch_function(f * weights[i] + scalar.biases[i])
    loss = (f - scalar.target) ** 2
    loss.backward()
    assert scalar.loss == pytest.approx(loss.item(), rel=1e-12)
    assert scalar.gradient(layer) == pytest.approx(weights.grad[layer - 1].item(), rel=1e-9)


def test_backward_walk_is_the_formula_of_the_source():
    scalar = network()
    walk = scalar.backward_walk()
    names = [(factor.of, factor.by) for factor in walk]
    assert names == [("L", "f_4"), ("f_4", "f_3"), ("f_3", "f_2"), ("f_2", "w_2")]
    assert [factor.value for factor in walk[1:3]] == pytest.approx(scalar.factors[[3, 2]])
    assert [factor.other for factor in walk[1:]] == pytest.approx([1.2, 2.0, scalar.values[1]])
    assert [factor.slope for factor in walk[1:]] == pytest.approx(scalar.slopes[[3, 2, 1]])
    assert walk[-1].product == pytest.approx(math.prod(factor.value for factor in walk))


def test_scalar_network_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"layer=5 .* 1 to 4"):
        network().backward_walk(5)
    with pytest.raises(ValueError, match="biases"):
        chain.ScalarNetwork((1.0,), (), 0.0, 0.0, SIGMOID)


def test_composite_function_and_its_slope():
    x = np.linspace(-4, 4, 2001)
    values, slopes = chain.composite(x, np.full(10, 1.5), np.full(10, -0.5), SIGMOID)
    assert values.shape == slopes.shape == (11, 2001)
    assert np.array_equal(values[0], x) and np.all(slopes[0] == 1)
    for layer in (1, 4, 10):
        numeric = np.gradient(values[layer], x)[1:-1]
        assert slopes[layer][1:-1] == pytest.approx(numeric, rel=1e-3, abs=1e-9)
    # Ten sigmoids are flat before any backpropagation.
    assert np.ptp(values[10]) < 2e-4


def test_orthogonal_products_keep_every_singular_value():
    values = chain.matrix_products("orthogonal", width=200, depth=20, draws=1)
    assert np.abs(values - 1).max() < 1e-12
    scaled = chain.matrix_products("orthogonal", width=8, depth=10, draws=1, gain=0.5)
    assert scaled[0, -1] == pytest.approx(0.5**10)


def test_gaussian_products_lose_the_median_but_not_the_mean_square():
    values = chain.matrix_products("gaussian", width=200, depth=50, draws=2, seed=1)
    assert values.shape == (2, 50, 200)
    last = values[:, -1]
    # The mean square of few draws scatters, because few singular values carry it.
    assert 0.5 < np.sqrt(np.mean(last**2)) < 2
    assert np.log10(np.median(last)) == pytest.approx(math.log10(2e-8), abs=0.5)
    scale = chain.mean_field_products(1.0, 50)
    assert np.sqrt(np.mean(values**2, axis=(0, 2))) == pytest.approx(scale, rel=0.5)


def test_singular_values_are_accurate_over_fifty_decades():
    width, depth = 24, 50
    values = chain.matrix_products("gaussian", width, depth, draws=1, seed=3)[0]
    rng = np.random.default_rng(3)
    weights = [rng.standard_normal((width, width)) / width**0.5 for _ in range(depth)]
    # Two independent truths: the product of all is the determinant, the smallest is one over the
    # largest of the inverse.
    determinants = np.cumsum([np.linalg.slogdet(weight)[1] for weight in weights])
    assert np.log(values).sum(axis=1) == pytest.approx(determinants, abs=1e-9)
    inverse = np.eye(width)
    for weight in weights:
        inverse = inverse @ np.linalg.inv(weight)
    assert values[-1, -1] < 1e-40
    assert values[-1, -1] * np.linalg.norm(inverse, 2) == pytest.approx(1, rel=1e-8)
    assert (np.diff(values, axis=1) <= 0).all()


def test_first_layer_is_the_matrix_itself_and_draws_repeat():
    values = chain.matrix_products(width=10, depth=1, draws=3, gain=2.0, seed=5)
    weights = 2 * np.random.default_rng(5).standard_normal((3, 10, 10)) / math.sqrt(10)
    assert values[:, 0] == pytest.approx(np.linalg.svd(weights, compute_uv=False))
    again = chain.matrix_products(width=10, depth=1, draws=3, gain=2.0, seed=5)
    assert np.array_equal(values, again)


def test_unknown_kind_is_named():
    with pytest.raises(ValueError, match="kind='uniform'"):
        chain.matrix_products("uniform")


def test_the_light_modules_do_not_import_torch():
    code = (
        "import sys, gradviz.theory.chain, gradviz.theory.mean_field, gradviz.recipe;"
        "assert not {'torch', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal"])
def test_products_in_the_plane_keep_the_mean_square(kind):
    products = chain.plane_products(kind, 12, seed=3)
    assert products.shape == (13, 2, 2)
    assert np.sum(products**2, axis=(1, 2)) / 2 == pytest.approx(1)
    assert products[0] == pytest.approx(np.eye(2))
    with pytest.raises(ValueError, match="kind='round' is not one of gaussian, orthogonal"):
        chain.plane_products("round", 1)


def test_each_gaussian_matrix_of_the_plane_halves_the_short_axis_against_the_long_one():
    ends = np.array([chain.plane_products("gaussian", 20, seed)[[8, 20]] for seed in range(400)])
    values = np.linalg.svd(ends, compute_uv=False)
    logs = np.log(values[..., 1] / values[..., 0]).mean(axis=0)
    assert (logs[1] - logs[0]) / 12 == pytest.approx(-np.log(2), abs=0.06)
    round_ones = np.linalg.svd(chain.plane_products("orthogonal", 20), compute_uv=False)
    assert round_ones == pytest.approx(1, abs=1e-9)


def test_a_step_gets_more_points_until_it_is_one():
    def step(x):
        return np.tanh(1e4 * (x - 0.3))

    x = chain.refined(step, np.linspace(-1, 1, 21))
    assert np.abs(np.diff(step(x))).max() <= 0.05 * 2
    assert len(x) < 80 and (np.diff(x) > 0).all() and set(np.linspace(-1, 1, 21)) <= set(x)
    assert len(chain.refined(np.tanh, np.linspace(-1, 1, 101))) == 101
