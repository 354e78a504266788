"""Gradients at inputs that we choose: against theory and plain PyTorch."""

import numpy as np
import pytest
import torch

from gradviz.engine import slices
from gradviz.engine.network import build, export
from gradviz.recipe import Recipe, replace
from gradviz.theory.shattering import gradient_correlation

pytestmark = pytest.mark.usefixtures("one_core")

WIDE = Recipe(activation="relu", width=256)
DEPTHS = (1, 4, 16)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"residual": True},
        {"residual": True, "residual_scale": 1.0},
        {"norm": "batch"},
        {"norm": "batch", "residual": True, "residual_scale": 1.0},
    ],
    ids=str,
)
def test_the_correlation_is_theorys(changes):
    recipe = replace(WIDE, **changes)
    found = slices.gradient_correlations(recipe, DEPTHS, 5).groupby("depth")["value"].mean()
    theory = [gradient_correlation(replace(recipe, depth=depth)) for depth in DEPTHS]
    np.testing.assert_allclose(found[list(DEPTHS)], theory, atol=0.05)


def test_the_correlation_is_the_mean_over_pairs_of_gradients_of_plain_pytorch():
    recipe = Recipe(activation="relu", width=16, depth=3, residual=True)
    (found,) = slices.gradient_correlations(recipe, [3], [7], inputs=4)["value"]
    module = export(build(recipe, [7], features=16, classes=1))
    x = slices._orthogonal(16)[:4].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(module(x).sum(), x)
    raw = gradient @ gradient.T / gradient.norm(dim=1)[:, None] / gradient.norm(dim=1)
    pairs = raw[~torch.eye(4, dtype=torch.bool)]
    assert found == pytest.approx(pairs.mean().item(), abs=1e-5)


def test_the_inputs_are_orthogonal_and_of_mean_square_one():
    x = slices._orthogonal(32)
    torch.testing.assert_close(x @ x.T, 32 * torch.eye(32), atol=1e-3, rtol=0)


def test_the_slope_is_the_difference_quotient_of_the_output():
    recipe = Recipe(activation="tanh", init="xavier_normal", width=16, depth=2, norm="batch")
    rows = slices.slope_along_circle(recipe, points=181, seeds=[3])
    network = slices._network(recipe, [3])
    start, end = slices._orthogonal(16)[:2].double()
    angle = torch.linspace(0, torch.pi, 181, dtype=torch.float64)[:, None]
    x = angle.cos() * start + angle.sin() * end
    output = network.forward(x.float()).logits[0, :, 0].detach().double().numpy()
    quotient = (output[2:] - output[:-2]) / (2 * torch.pi / 180)
    slope = rows["value"].to_numpy()[1:-1]
    scale = np.dot(quotient, slope) / np.dot(slope, slope)
    np.testing.assert_allclose(slope, quotient / scale, atol=0.03)
    assert np.mean(rows["value"] ** 2) == pytest.approx(1)


def test_more_inputs_than_can_be_orthogonal_are_refused():
    with pytest.raises(ValueError, match="inputs=20"):
        slices.gradient_correlations(Recipe(width=16), [1], inputs=20)
