"""Where pre-activations land: against theory's variances, and the names of the columns."""

import numpy as np
import plain
import pytest
import torch
import torch.nn.functional as F

from gradviz.data import load
from gradviz.engine import start
from gradviz.engine.moments import landing_in_training
from gradviz.engine.train import batches
from gradviz.recipe import Recipe
from gradviz.theory.mean_field import mean_square_slope, predicted_variances


def by_layer(table):
    return table.pivot(index="layer", columns="quantity", values="value").reset_index()


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_slopes_and_quartiles_follow_mean_field_theory(name):
    recipe = Recipe(activation=name, init="kaiming_normal", gain=1.0, depth=6, width=256)
    layers = by_layer(start.landing(recipe, seeds=4))
    from gradviz.activations import activation

    expected = predicted_variances(recipe, load(recipe.dataset, recipe.seed).x_train)
    slopes = np.sqrt(mean_square_slope(activation(name), expected))
    assert layers["layer"].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(layers["rms_slope"], slopes, rtol=0.08)


def test_the_quantiles_are_in_order_and_the_slope_of_sigmoid_is_at_most_a_quarter():
    layers = by_layer(start.landing(Recipe(depth=4)))
    ordered = layers[["q05", "q25", "q50", "q75", "q95"]].to_numpy()
    assert (np.diff(ordered, axis=1) > 0).all()
    assert (layers["mean_slope"] <= 0.25).all()


def test_batchnorm_centers_every_layer():
    layers = by_layer(start.landing(Recipe(depth=4, norm="batch")))
    np.testing.assert_allclose(layers["q50"], 0, atol=0.1)
    np.testing.assert_allclose(layers["q95"], 1.64, atol=0.25)


def test_in_training_the_slopes_are_those_of_plain_pytorch():
    recipe = Recipe(dataset="moons", depth=2, width=8, activation="tanh", steps=5, batch_size=32)
    moments = list(landing_in_training(recipe, 1, 256))
    assert [moment.step for moment in moments] == [0, 1, 2, 3, 4, 5]
    data, net = load("moons"), plain.Plain(recipe, 0)
    sgd = plain.optimizer(recipe, net.parameters())
    for _, (x, y) in zip(range(5), batches(data, 32, [0]), strict=False):
        sgd.zero_grad()
        F.cross_entropy(net(x[0]), y[0]).backward()
        sgd.step()
    with torch.no_grad():
        first = net.linears["W1"](torch.tensor(data.x_train[:256]))
        second = net.linears["W2"](torch.tanh(first))
        slopes = [(1 - torch.tanh(z) ** 2).square().mean().sqrt().item() for z in (first, second)]
    np.testing.assert_allclose(by_layer(moments[-1].table)["rms_slope"], slopes, rtol=1e-5)
    np.testing.assert_allclose(moments[0].table["value"], start.landing(recipe, 1, 256)["value"])


def test_in_training_any_recipe_is_followed():
    recipe = Recipe(dataset="moons", depth=2, width=8, norm="batch", clip="norm", steps=100)
    updates = [moment.step for moment in landing_in_training(recipe)]
    assert updates == [0, *range(1, 101, 3)]
    with pytest.raises(ValueError, match="seeds=0"):
        next(landing_in_training(recipe, seeds=0))
