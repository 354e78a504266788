"""What the lesson on pre-training says in words and numbers."""

import numpy as np
import pandas as pd
import pytest

from gradviz.data import load
from gradviz.engine.moments import fine_tuning_start
from gradviz.engine.train import race
from gradviz.recipe import Recipe, replace
from gradviz.theory.mean_field import predicted_delta
from gradviz.theory.predictions import predicted_start

pytestmark = pytest.mark.usefixtures("one_core")

SEEDS = 5
RACE = Recipe(width=64, lr=0.1, pretrain_epochs=10, steps=150)
LIMIT = Recipe(depth=5, width=64, activation="relu", lr=0.1, pretrain_epochs=10, steps=300)


def arms_of(base):
    return {kind: replace(base, pretrain=kind) for kind in ("none", "rbm", "autoencoder")}


def last(arms):
    frames = race(arms, SEEDS, record_every=next(iter(arms.values())).steps)
    return {frame.arm: frame for frame in frames}


@pytest.mark.parametrize("depth", [5, 8])
def test_both_kinds_of_pre_training_win_the_race(depth):
    accuracy = {arm: f.accuracy for arm, f in last(arms_of(replace(RACE, depth=depth))).items()}
    assert (accuracy["none"] < 0.2).sum() >= 4
    assert (accuracy["rbm"] > 0.9).sum() >= 4
    assert (accuracy["autoencoder"] > 0.9).sum() >= 4


@pytest.fixture(scope="module")
def factors():
    """The mean over the seeds by layer, columns (quantity, arm); and the frames."""
    frames = list(fine_tuning_start(arms_of(replace(RACE, depth=8)), SEEDS))
    table = pd.concat([frame.table for frame in frames if len(frame.table)])
    hidden = table[table["layer"] <= 8]
    return hidden.pivot_table(index="layer", columns=["quantity", "arm"], values="value"), frames


def test_the_start_is_reported_with_its_progress(factors):
    _, frames = factors
    ends = {frame.arm: (frame.step, frame.steps) for frame in frames}
    assert ends == {"none": (1, 1), "rbm": (81, 81), "autoencoder": (81, 81)}
    assert [frame.arm for frame in frames if len(frame.table)] == list(ends)


@pytest.mark.parametrize("quantity", ["factor", "slope", "weights"])
def test_the_random_start_is_theorys(factors, quantity):
    measured = factors[0][quantity, "none"]
    np.testing.assert_allclose(measured, predicted_start(replace(RACE, depth=8), quantity), 0.05)


def test_the_predicted_factors_multiply_to_the_predicted_signal():
    recipe = replace(RACE, depth=8)
    delta = predicted_delta(recipe, load("digits").x_train)
    assert predicted_start(recipe, "factor").prod() == pytest.approx(delta[0])


@pytest.mark.parametrize("kind", ["rbm", "autoencoder"])
def test_pre_training_raises_the_factors_by_weights_and_not_by_slopes(factors, kind):
    table = factors[0]
    assert (table["factor", "none"] < 0.26).all()
    assert (table["factor", kind].loc[2:7] > 0.8).all()
    assert (table["slope", kind] < table["slope", "none"]).all()
    assert (table["weights", kind] > 2 * table["weights", "none"]).all()
    random = table["slope", kind] * table["weights", kind]
    assert (table["factor", kind] > 2 * random).loc[2:7].all()


def test_limit_with_relu_it_buys_nothing():
    ends = last({"relu": LIMIT, "autoencoder": replace(LIMIT, pretrain="autoencoder")})
    random, trained = (ends[arm].accuracy for arm in ("relu", "autoencoder"))
    assert random.min() > 0.95 and trained.min() > 0.95
    assert abs(random.mean() - trained.mean()) < 0.01
    assert random.max() > trained.min() and trained.max() > random.min()


def test_fine_print_at_a_small_learning_rate_it_is_ahead():
    slow = replace(LIMIT, lr=0.01)
    ends = last({"relu": slow, "autoencoder": replace(slow, pretrain="autoencoder")})
    ahead = ends["autoencoder"].accuracy.mean() - ends["relu"].accuracy.mean()
    assert ahead == pytest.approx(0.02, abs=0.01)
