"""The correlation of gradients against the literature, and the kernels against sampling."""

import numpy as np
import pytest

from gradviz.recipe import Recipe, replace
from gradviz.theory.shattering import (
    gradient_correlation,
    gradient_correlations,
    open_together,
    rectified,
)

PLAIN = Recipe(activation="relu")
DEPTHS = (1, 2, 4, 8)


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.3, 0.9])
def test_the_kernels_are_those_of_a_wide_layer(rho):
    # Cho & Saul 2009: means over Gaussian pairs of correlation ρ.
    first, other = np.random.default_rng(0).standard_normal((2, 1_000_000))
    second = rho * first + np.sqrt(1 - rho**2) * other
    both = np.mean((first > 0) & (second > 0)) / np.mean(first > 0)
    assert open_together(rho) == pytest.approx(both, abs=0.003)
    product = np.mean(first.clip(0) * second.clip(0)) / np.mean(first.clip(0) ** 2)
    assert rectified(rho) == pytest.approx(product, abs=0.003)


def test_the_kernels_by_hand():
    assert open_together(0.0) == pytest.approx(0.5) and open_together(1.0) == 1.0
    assert rectified(0.0) == pytest.approx(1 / np.pi) and rectified(1.0) == 1.0


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({}, [0.500, 0.302, 0.142, 0.050]),
        ({"residual": True, "residual_scale": 1.0}, [0.750, 0.582, 0.375, 0.187]),
        ({"norm": "batch"}, [2.0**-depth for depth in DEPTHS]),
    ],
    ids=str,
)
def test_at_two_inputs_at_a_right_angle(changes, values):
    found = gradient_correlations(replace(PLAIN, **changes), DEPTHS)
    assert found["depth"].tolist() == list(DEPTHS)
    assert found["value"].tolist() == pytest.approx(values, abs=6e-4)


def test_one_layer_is_that_of_balduzzi():
    # Balduzzi et al. 2017, theorems 1 and 2: 2^(−L) and (3/4)^L, of which the first factors hold.
    assert gradient_correlation(replace(PLAIN, depth=1)) == pytest.approx(1 / 2)
    one = replace(PLAIN, depth=1, residual=True, residual_scale=1.0)
    assert gradient_correlation(one) == pytest.approx(3 / 4)


def test_deep_plain_networks_lose_it_like_the_cube_of_their_depth():
    deep, deeper = (gradient_correlation(replace(PLAIN, depth=depth)) for depth in (100, 200))
    assert np.log2(deep / deeper) == pytest.approx(3, abs=0.2)


def test_with_batchnorm_in_the_branches_it_falls_like_one_over_the_root_of_depth():
    # Balduzzi et al. 2017, theorem 3; slowly, for the identity's own part fades like 1/L.
    recipe = replace(PLAIN, norm="batch", residual=True, residual_scale=1.0)
    deep, deeper = (gradient_correlation(replace(recipe, depth=depth)) for depth in (100, 200))
    assert np.log2(deep / deeper) == pytest.approx(0.5, abs=0.25)


def test_scaled_by_one_over_the_root_of_depth_it_stays():
    for depth in (1, 2, 8, 50, 200):
        assert gradient_correlation(replace(PLAIN, depth=depth, residual=True)) > 0.63


def test_at_one_and_the_same_input_it_is_one():
    for changes in ({}, {"residual": True}, {"norm": "batch"}):
        assert gradient_correlation(replace(PLAIN, **changes), rho=1.0) == pytest.approx(1)


@pytest.mark.parametrize(
    "changes",
    [
        {"activation": "tanh"},
        {"init": "pytorch"},
        {"gain": 1.0},
        {"bias_std": 0.1},
        {"norm": "layer"},
    ],
    ids=str,
)
def test_what_it_does_not_hold_for_is_refused(changes):
    (field,) = changes
    with pytest.raises(ValueError, match=field):
        gradient_correlation(replace(PLAIN, **changes))
