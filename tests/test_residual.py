"""What the lesson on residual networks says in words and numbers."""

import numpy as np
import pytest

from gradviz.block_growth import block_growth
from gradviz.charts.path_sum import path_sum
from gradviz.data import load
from gradviz.recipe import Recipe, replace
from gradviz.theory import residual_growth
from gradviz.train import race

pytestmark = pytest.mark.usefixtures("one_core")

SEEDS = 5


def last(recipe):
    return list(race({"arm": recipe}, SEEDS, record_every=max(1, recipe.steps)))[-1]


def test_the_default_race_is_won_by_the_residual_network():
    plain = Recipe(depth=20, steps=150)
    sick, cured = last(plain), last(replace(plain, residual=True))
    assert (sick.accuracy < 0.2).sum() >= 4
    assert (cured.accuracy > 0.9).sum() >= 4


def test_shortcuts_keep_the_signal():
    plain = Recipe(depth=20, steps=0)
    sick, cured = (last(r).layers["delta"] for r in (plain, replace(plain, residual=True)))
    assert (sick[:, 0] / sick[:, -2] < 1e-10).all()
    assert (cured[:, 0] / cured[:, -2] > 0.5).all()


@pytest.mark.parametrize("scale", [1.0, 30**-0.5])
def test_the_variance_grows_by_one_plus_the_square_of_the_scale(scale):
    recipe = Recipe(depth=30, width=256, activation="relu", residual=True, residual_scale=scale)
    grown = block_growth(recipe, load("digits").x_train[:128], 3)
    middle = np.exp(np.log(grown).mean(axis=0))
    assert middle[-1] == pytest.approx(residual_growth(scale, 30), rel=0.6)


def test_growth_of_a_plain_network_is_refused():
    with pytest.raises(ValueError, match="residual=False"):
        block_growth(Recipe(), load("digits").x_train[:8])


def test_limit_the_plain_network_wins_on_spirals():
    plain = Recipe(dataset="spirals", depth=10, activation="relu", lr=0.01)
    ahead = last(plain).accuracy > last(replace(plain, residual=True)).accuracy
    assert ahead.sum() >= 4


def test_limit_unscaled_branches_overflow():
    scaled = Recipe(depth=40, activation="relu", steps=20, residual=True)
    assert last(replace(scaled, residual_scale=1.0)).status == "diverged"
    assert last(scaled).status == "finished"


def test_the_paths_add_up_to_the_product():
    spec = path_sum(10).to_dict()
    (paths,) = (rows for rows in spec["datasets"].values() if len(rows) == 11)
    total = sum(row["paths"] * 0.2 ** row["branches"] for row in paths)
    assert total == pytest.approx(1.2**10)
    assert spec["params"][0]["bind"]["max"] == 1.5
    with pytest.raises(ValueError, match="depth=0"):
        path_sum(0)
