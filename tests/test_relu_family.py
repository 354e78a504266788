"""What the lesson on the ReLU family says in words and numbers."""

import numpy as np
import pytest

from gradviz.activations import ACTIVATIONS
from gradviz.recipe import Recipe, replace
from gradviz.theory import mean_square_slope
from gradviz.train import race

pytestmark = pytest.mark.usefixtures("one_core")


def last(recipe):
    return list(race({"arm": recipe}, 5, record_every=max(1, recipe.steps)))[-1]


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu"])
def test_the_family_wins_the_default_race(name):
    sigmoid = Recipe(lr=0.02, steps=150)
    assert (last(sigmoid).accuracy < 0.2).sum() >= 4
    assert (last(replace(sigmoid, activation=name)).accuracy > 0.8).sum() >= 4


def test_mean_squared_slopes():
    assert mean_square_slope(ACTIVATIONS["relu"]) == pytest.approx(0.5)
    assert mean_square_slope(ACTIVATIONS["sigmoid"]) == pytest.approx(0.0448, abs=5e-5)


def test_limit_half_the_variance_vanishes():
    he = Recipe(activation="relu", depth=30, width=256, steps=0)
    for recipe, theory in ((he, 1.0), (replace(he, gain=1.0), 2 ** (-29 / 2))):
        delta = last(recipe).layers["delta"]
        middle = np.exp(np.log(delta[:, 0] / delta[:, 29]).mean())
        assert 0.4 < middle / theory < 2.5


def test_limit_the_race_of_initializations():
    he = Recipe(activation="relu", depth=20, lr=0.01, steps=300)
    healthy = last(he).accuracy
    assert (healthy > 0.6).sum() >= 4
    for sick in (replace(he, gain=1.0), replace(he, init="pytorch")):
        assert (last(sick).accuracy < 0.4).sum() >= 4


def test_pytorchs_default_is_smaller_still():
    default = Recipe(activation="relu", depth=30, width=256, steps=0, init="pytorch")
    delta = last(default).layers["delta"]
    middle = np.exp(np.log(delta[:, 0] / delta[:, 29]).mean())
    assert np.log10(middle) == pytest.approx(np.log10(5.3e-12), abs=0.7)


def test_large_steps_kill_most_relu_units_and_no_leaky_ones():
    relu = Recipe(activation="relu", lr=0.2, steps=150)
    dead = last(relu).layers["dead"][:, :-1].mean(axis=1)
    alive = last(replace(relu, lr=0.02)).layers["dead"][:, :-1].mean(axis=1)
    assert (dead > 0.4).sum() >= 4
    assert (alive < 0.2).all()
