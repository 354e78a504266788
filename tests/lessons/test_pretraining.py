"""What the lesson on pre-training says in words and numbers."""

import numpy as np
import pandas as pd
import pytest
from lessons import arms_on_page, last_frame, seeds
from presets import ends

from gradviz.data import load
from gradviz.engine.moments import fine_tuning_start
from gradviz.recipe import Recipe, replace
from gradviz.theory.mean_field import predicted_delta
from gradviz.theory.predictions import predicted_start

pytestmark = pytest.mark.usefixtures("one_core")

RACE = Recipe(width=64, lr=0.1, pretrain_epochs=10, steps=150)


def arms_of(base):
    return {kind: replace(base, pretrain=kind) for kind in ("none", "rbm", "autoencoder")}


@pytest.mark.claim
@ends("pretraining", "race", "5 layers", "8 layers")
def test_both_kinds_of_pre_training_win_the_race(preset):
    arms, depth = preset.arms(), int(preset.label.split()[0])
    assert {name: arms[name] for name in ("rbm", "autoencoder")}.items() <= (
        arms_of(replace(RACE, depth=depth)).items()
    )
    accuracy = {name: last_frame(recipe).accuracy for name, recipe in arms.items()}
    assert (accuracy["plain"] < 0.2).all()
    assert (accuracy["rbm"] > 0.9).all()
    assert (accuracy["autoencoder"] > 0.9).all()


@pytest.fixture(scope="module")
def factors():
    """The mean over the seeds by layer, columns (quantity, arm); and the frames."""
    frames = list(fine_tuning_start(arms_of(replace(RACE, depth=8)), seeds()))
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


@pytest.mark.claim
@pytest.mark.parametrize("kind", ["rbm", "autoencoder"])
def test_pre_training_raises_the_factors_by_weights_and_not_by_slopes(factors, kind):
    table = factors[0]
    assert (table["factor", "none"] < 0.26).all()
    assert (table["factor", kind].loc[2:7] > 0.75).all()
    assert (table["slope", kind] < table["slope", "none"]).all()
    assert (table["weights", kind] > 2 * table["weights", "none"]).all()
    random = table["slope", kind] * table["weights", kind]
    assert (table["factor", kind] > 2 * random).loc[2:7].all()


@pytest.mark.claim
def test_limit_with_relu_it_buys_nothing():
    arms = arms_on_page("pretraining", "limit")
    random, trained = (last_frame(arms[arm]).accuracy for arm in ("relu", "autoencoder"))
    assert random.min() > 0.93 and trained.min() > 0.93
    # The first five seeds have the random start ahead by 0.01, the next twenty the other by 0.002.
    assert abs(random.mean() - trained.mean()) < 0.02
    assert random.max() > trained.min() and trained.max() > random.min()


@pytest.mark.claim
def test_fine_print_at_a_small_learning_rate_it_is_ahead():
    arms = arms_on_page("pretraining", "limit")
    slow = {name: last_frame(replace(recipe, lr=0.01)).accuracy for name, recipe in arms.items()}
    assert 0.005 < slow["autoencoder"].mean() - slow["relu"].mean() < 0.03
