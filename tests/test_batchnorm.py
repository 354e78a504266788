"""What the lesson on BatchNorm says in words and numbers."""

import numpy as np
import pytest
import torch

from gradviz.batch_spread import batch_spread
from gradviz.charts.scale_invariance import scale_invariance
from gradviz.data import load
from gradviz.recipe import Recipe, replace
from gradviz.train import race

pytestmark = pytest.mark.usefixtures("one_core")


def last(recipe, seeds=5):
    return list(race({"arm": recipe}, seeds, record_every=max(1, recipe.steps)))[-1]


def test_the_default_race_is_won_by_batchnorm_and_not_by_layernorm():
    plain = Recipe(steps=150)
    accuracy = {n: last(replace(plain, norm=n)).accuracy for n in ("none", "batch", "layer")}
    assert (accuracy["none"] < 0.2).sum() >= 4
    assert (accuracy["layer"] < 0.2).sum() >= 4
    assert (accuracy["batch"] > 0.9).sum() >= 4


def test_larger_learning_rates_survive():
    plain = Recipe(activation="relu", lr=1.0, steps=100)
    assert not (last(plain).accuracy > 0.2).any()
    assert (last(replace(plain, norm="batch")).accuracy > 0.6).sum() >= 4


def test_batchnorm_keeps_the_examples_apart():
    x = load("digits").x_train[:128]
    assert (batch_spread(Recipe(), x)[:, 9] < 1e-4).all()
    assert batch_spread(Recipe(norm="batch"), x)[:, :10] == pytest.approx(1, abs=0.05)


def test_the_scale_of_the_weights_cancels():
    random = torch.Generator().manual_seed(0)
    u, target = torch.randn(64, 8, generator=random), torch.randn(64, 4, generator=random)
    found = {}
    for a in (1.0, 4.0):
        weight = (a * torch.ones(8, 4).normal_(generator=torch.Generator().manual_seed(1))).double()
        weight.requires_grad_()
        norm = torch.nn.BatchNorm1d(4, eps=1e-12).double()
        out = norm(u.double() @ weight)
        (out * target).sum().backward()
        found[a] = (out.detach().numpy(), weight.grad.numpy())
    assert np.allclose(found[1.0][0], found[4.0][0])
    assert np.allclose(found[1.0][1], 4 * found[4.0][1])
    rows = next(iter(scale_invariance().to_dict()["datasets"].values()))
    assert [row["power"] for row in rows] == [1, 0, -1]


def test_limit_deep_batchnorm_explodes_and_does_not_train():
    deep = Recipe(
        dataset="spirals", depth=80, width=64, batch_size=64, lr=0.01, activation="relu",
        norm="batch", steps=60,
    )  # fmt: skip
    delta = last(replace(deep, steps=0), 3).layers["delta"]
    assert (delta[:, 0] / delta[:, -2]) ** (1 / 79) == pytest.approx(1.21, abs=0.05)
    assert (last(deep, 3).accuracy < 0.7).all()
    assert (last(replace(deep, depth=10), 3).accuracy > 0.9).all()
