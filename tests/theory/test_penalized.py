"""The minimum of a penalized quadratic loss, against brute force, closed forms and descent."""

import numpy as np
import pytest
import torch

from gradviz.theory.penalized import penalized_minimum

TILTED, CENTER = np.array([[1.0, 0.4], [0.4, 1.0]]), np.array([2.4, 1.0])


def objective(w, curvature, center, strength, penalty):
    away = w - center
    loss = 0.5 * np.einsum("...i,ij,...j", away, curvature, away)
    size = np.abs(w) if penalty == "l1" else w**2
    return loss + strength * size.sum(axis=-1)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.4, 2.0, 5.0])
@pytest.mark.parametrize("seed", range(4))
def test_no_other_point_is_lower(penalty, strength, seed):
    random = np.random.default_rng(seed)
    root, center = random.standard_normal((3, 3)), 2 * random.standard_normal(3)
    curvature = root @ root.T + 0.2 * np.eye(3)
    found = penalized_minimum(curvature, center, strength, penalty)
    own = objective(found, curvature, center, strength, penalty)
    for scale in (1e-3, 0.1, 2.0):
        others = found + scale * random.standard_normal((500, 3))
        assert (objective(others, curvature, center, strength, penalty) >= own - 1e-12).all()


@pytest.mark.parametrize("strength", [0.0, 0.7, 1.0, 2.5])
def test_without_a_tilt_l1_is_the_soft_threshold(strength):
    center = np.array([2.4, -1.0, 0.5])
    found = penalized_minimum(np.eye(3), center, strength, "l1")
    soft = torch.nn.functional.softshrink(torch.tensor(center), strength)
    assert found == pytest.approx(soft.numpy(), abs=1e-12)


@pytest.mark.parametrize("strength", [0.0, 0.7, 2.5])
def test_l2_is_ridge_regression(strength):
    found = penalized_minimum(TILTED, CENTER, strength, "l2")
    slope = TILTED @ (found - CENTER) + 2 * strength * found
    assert slope == pytest.approx([0, 0], abs=1e-12)


def test_with_l1_weights_reach_exactly_zero_and_stay_there():
    way = np.array([penalized_minimum(TILTED, CENTER, s, "l1") for s in np.arange(0, 6, 0.05)])
    for weight in way.T:
        gone = weight == 0
        assert gone.any() and gone[gone.argmax() :].all()
    ridge = np.array([penalized_minimum(TILTED, CENTER, s, "l2") for s in np.arange(0, 6, 0.05)])
    assert (ridge > 0).all() and (np.diff(ridge[:, 0]) < 0).all()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"penalty": "l3"}, "penalty"),
        ({"strength": -1.0}, "strength"),
        ({"strength": float("nan")}, "strength"),
        ({"curvature": np.array([[1.0, 2.0], [2.0, 1.0]])}, "curvature"),
    ],
)
def test_a_bad_value_is_named(options, name):
    settings = {"curvature": TILTED, "center": CENTER, "strength": 1.0, "penalty": "l1"}
    with pytest.raises(ValueError, match=name):
        penalized_minimum(**(settings | options))
