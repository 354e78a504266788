"""Where pre-activations land: against theory's variances, and the names of the columns."""

import numpy as np
import pytest

from gradviz.data import load
from gradviz.preactivations import preactivations_at_start
from gradviz.recipe import Recipe
from gradviz.theory import mean_square_slope, predicted_variances


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_slopes_and_quartiles_follow_mean_field_theory(name):
    recipe = Recipe(activation=name, init="kaiming_normal", gain=1.0, depth=6, width=256)
    layers = preactivations_at_start(recipe, seeds=4)
    from gradviz.activations import activation

    expected = predicted_variances(recipe, load(recipe.dataset, recipe.seed).x_train)
    slopes = np.sqrt(mean_square_slope(activation(name), expected))
    assert layers["layer"].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(layers["rms_slope"], slopes, rtol=0.08)


def test_the_quantiles_are_in_order_and_the_slope_of_sigmoid_is_at_most_a_quarter():
    layers = preactivations_at_start(Recipe(depth=4))
    ordered = layers[["q05", "q25", "q50", "q75", "q95"]].to_numpy()
    assert (np.diff(ordered, axis=1) > 0).all()
    assert (layers["mean_slope"] <= 0.25).all()


def test_batchnorm_centers_every_layer():
    layers = preactivations_at_start(Recipe(depth=4, norm="batch"))
    np.testing.assert_allclose(layers["q50"], 0, atol=0.1)
    np.testing.assert_allclose(layers["q95"], 1.64, atol=0.25)
