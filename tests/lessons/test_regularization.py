"""What the lesson on regularization says: the races, the penalties, weight decay, the limits."""

import numpy as np
import pytest
import torch
from lessons import arms_on_page, first_and_last_frame, last_frame, seeds
from presets import ends, lesson_of
from questions import question, replies

from gradviz.activations import ACTIVATIONS
from gradviz.charts.regularization.bowl import minima
from gradviz.engine.history import histogram_frame
from gradviz.engine.optimizer import make_optimizer
from gradviz.engine.train import race
from gradviz.recipe import Recipe, replace

pytestmark = pytest.mark.usefixtures("one_core")


@pytest.fixture(scope="module")
def runs():
    """The first and the last frame of each arm of the default race."""
    arms = arms_on_page("regularization", "race")
    return {name: first_and_last_frame(recipe) for name, recipe in arms.items()}


@pytest.mark.claim
@ends("regularization", "race", "It helps")
def test_the_default_race_is_won_by_the_penalties(preset, runs):
    assert preset.arms() == arms_on_page("regularization", "race")
    accuracy = {name: last.accuracy for name, (_, last) in runs.items()}
    assert (accuracy["l2"] > 0.85).all()
    assert (accuracy["l1"] > accuracy["plain"]).all()
    assert (accuracy["l1"] - accuracy["plain"]).mean() > 0.08
    assert (accuracy["plain"] < 0.8).all()


def test_the_first_weights_are_2_4_times_as_large_as_tanhs_gain_makes_them():
    plain = arms_on_page("regularization", "race")["plain"]
    assert plain.init == "kaiming_normal" and plain.gain == 4
    assert ACTIVATIONS[plain.activation].gain == pytest.approx(5 / 3)
    assert plain.gain / ACTIVATIONS[plain.activation].gain == pytest.approx(2.4)


@pytest.mark.claim
@ends("regularization", "race", "Too weak")
def test_too_weak_a_penalty_helps_little(preset):
    arms = preset.arms()
    accuracy = {name: last_frame(recipe).accuracy.mean() for name, recipe in arms.items()}
    for name in ("l1", "l2"):
        assert abs(accuracy[name] - accuracy["plain"]) < 0.15
        first, last = first_and_last_frame(arms[name])
        shrunk = last.layers["weight_norm"] / first.layers["weight_norm"]
        assert (shrunk[:, :-1] > 0.85).all()


@pytest.mark.claim
def test_the_weights_shrink_with_the_penalties(runs):
    norms = {name: last.layers["weight_norm"].mean() for name, (_, last) in runs.items()}
    assert norms["l2"] < norms["l1"] < 0.6 * norms["plain"]
    for name in ("l1", "l2"):
        first, last = (frame.layers["weight_norm"][:, :-1] for frame in runs[name])
        assert (last < 0.6 * first).all(), "in every layer"


@pytest.mark.claim
def test_the_penalty_is_the_larger_part_of_the_loss_at_first(runs):
    for name in ("l1", "l2"):
        first, last = runs[name]
        assert (first.penalty > 10 * first.loss).all()
        assert (last.penalty < first.penalty).all()
    assert (runs["plain"][1].penalty == 0).all()


@pytest.mark.claim
def test_l1_piles_weights_up_at_zero_and_keeps_larger_ones_than_l2(runs):
    spread = {}
    for name in ("l1", "l2"):
        rows = histogram_frame(runs[name], "weight").query("step == 200 and layer == 5")
        spread[name] = rows.assign(middle=(rows["low"] + rows["high"]) / 2)
    near = {n: rows[rows["middle"].abs() < 0.1]["value"].sum() for n, rows in spread.items()}
    far = {n: rows[rows["middle"].abs() > 1.0]["value"].sum() for n, rows in spread.items()}
    assert near["l1"] > 1.3 * near["l2"]
    assert far["l1"] > 2 * far["l2"]


@pytest.mark.claim
@ends("regularization", "race", "Too strong")
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_limit_too_strong_a_penalty_kills_the_signal(preset, penalty):
    assert preset.arms() == arms_on_page("regularization", "limit")
    last = last_frame(preset.arms()[penalty])
    assert (last.accuracy < 0.2).all()
    assert (last.layers["delta"][:, 0] < 1e-10 * last.layers["delta"][:, 9]).all()


@pytest.mark.claim
@ends("regularization", "limit", "Too strong")
def test_limit_too_strong_a_penalty_helps_at_first_and_then_undoes_it(preset):
    arms = preset.arms()
    assert arms == arms_on_page("regularization", "limit")
    steps = (36, 60, 80)
    frames = [f for f in race(arms, seeds(), record_every=4) if f.step in steps]
    accuracy = {(frame.arm, frame.step): frame.accuracy for frame in frames}
    # Of 15 seeds from 0.38 to 0.66, in the mean 0.54.
    assert 0.4 < accuracy["l2", 36].mean() < 0.68
    for other in ("plain", "l1"):
        assert accuracy["l2", 36].mean() > accuracy[other, 36].mean() + 0.1
    assert (accuracy["l2", 60] < 0.15).all()
    # L1 loses it later.
    assert accuracy["l1", 60].mean() < 0.2 and (accuracy["l1", 80] < 0.15).all()
    assert (accuracy["plain", 80] > 0.25).all()
    delta = {frame.arm: frame.layers["delta"] for frame in frames if frame.step == 80}
    for penalty in ("l1", "l2"):
        assert (delta[penalty][:, 0] < 1e-2 * delta[penalty][:, 9]).all()


@pytest.mark.claim
@ends("regularization", "limit", "Five times weaker")
def test_limit_the_weaker_penalty_forgets_nothing(preset):
    arms = preset.arms()
    assert arms["l2"].l2 == arms_on_page("regularization", "limit")["l2"].l2 / 5
    accuracy = {name: [] for name in arms}
    for frame in race(arms, seeds(), record_every=20):
        accuracy[frame.arm].append(frame.accuracy)
    for penalty in ("l1", "l2"):
        best, last = np.max(accuracy[penalty], axis=0), accuracy[penalty][-1]
        assert (last > best - 0.1).all() and (last > 0.55).all()


@pytest.mark.claim
@ends("regularization", "limit", "Too late")
@pytest.mark.parametrize("arm", ["plain", "l1", "l2"])
def test_limit_late_networks_are_wrecked_within_twenty_steps(preset, arm):
    late = preset.arms()[arm]
    dead = last_frame(replace(late, steps=20)).layers["dead"][:, :-1]
    overflowed = np.isnan(dead).any(axis=1)
    # Of 30 seeds from 0.78 on.
    assert (overflowed | (np.nan_to_num(dead).max(axis=1) > 0.65)).all()


@pytest.mark.claim
@ends("regularization", "limit", "Too late", "Stronger is no help")
def test_limit_a_penalty_of_any_strength_comes_too_late_where_clipping_does_not(preset):
    arms = preset.arms()
    assert arms["l2"].l2 == preset.values["limit_strength"]
    for late in ("plain", "l1", "l2"):
        assert not (last_frame(arms[late]).accuracy > 0.5).any()
    # One seed in a hundred comes to less.
    assert (last_frame(arms["clip_norm"]).accuracy > 0.6).sum() >= 4


def weight_norms_after_one_step(**changes):
    recipe = Recipe(depth=2, width=8, lr=0.1, steps=1, **changes)
    return last_frame(recipe, 1).layers["weight_norm"]


def test_in_sgd_weight_decay_is_the_l2_penalty_with_twice_its_strength():
    # Biases start at 0, so the first step is the same although weight decay acts on them too.
    by_penalty = weight_norms_after_one_step(l2=0.1)
    assert by_penalty == pytest.approx(weight_norms_after_one_step(weight_decay=0.2), rel=1e-6)
    assert (by_penalty < 0.99 * weight_norms_after_one_step()).all()


def shrinkage(optimizer, decay):
    """By how much the weights 2 and 0.1 get smaller in one step without another gradient."""
    start = torch.tensor([[2.0, 0.1]])
    weights = start.clone()
    recipe = Recipe(optimizer=optimizer, lr=0.01, weight_decay=decay)
    make_optimizer(recipe).step(weights, torch.zeros(1, 2))
    return (start - weights).numpy()[0]


def test_adam_rescales_the_penalty_and_adamw_does_not():
    # Adam takes its full step whatever the weight and the strength are.
    assert shrinkage("adam", 0.1) == pytest.approx([0.01, 0.01], rel=1e-3)
    assert shrinkage("adam", 0.5) == pytest.approx([0.01, 0.01], rel=1e-3)
    assert shrinkage("adamw", 0.1) == pytest.approx([0.01 * 0.1 * 2.0, 0.01 * 0.1 * 0.1], rel=1e-3)


def test_the_question_is_answered_for_each_guess():
    form = question("regularization", "bowl")
    assert [verdict for verdict, _ in replies(form).values()] == ["right", "wrong", "wrong", "open"]
    assert "soft threshold" not in form
    # The picture of single steps gives the answer away, so it stands after the question.
    article = lesson_of("regularization")
    assert list(article.figures)[:2] == ["bowl", "idea"]


def test_the_words_say_from_which_strength_on_a_weight_is_zero():
    table = minima()
    gone = table[table["penalty"] == "l1"]
    assert gone.loc[gone["w2"] == 0, "strength"].min() == pytest.approx(1.4)
    assert gone.loc[gone["w1"] == 0, "strength"].min() == pytest.approx(2.8)
    left = table[(table["penalty"] == "l2") & (table["strength"] == 3.5)]
    assert (left[["w1", "w2"]] > 0.2).all(axis=None)


def test_histograms_belong_to_the_step_they_were_taken_at(runs):
    first = histogram_frame(runs["plain"], "weight").query("step == 0 and layer == 5")
    middle = (first["low"] + first["high"]) / 2
    spread = np.sqrt((first["value"] * middle**2).sum())
    assert spread == pytest.approx(4 / np.sqrt(32), rel=0.1)
