"""An exercise is set by a link and met by measurement alone."""

import math
import random

import pytest

from gradviz import exercise
from gradviz.engine.train import race
from gradviz.exercise import FIELDS, GOALS, Exercise, judge, read, written
from gradviz.recipe import Recipe, replace

pytestmark = pytest.mark.usefixtures("one_core")

SICK = Recipe(depth=8, steps=20, width=16, batch_size=32)


def run(recipe):
    return list(race({"a": recipe}, seeds=2))


@pytest.mark.parametrize("goal", GOALS)
def test_a_link_gives_the_exercise_back(goal):
    own = Exercise(SICK, goal, 0.25, 1e3, 2, ("depth",), ("norm", "residual"), "Why? <b>`$x$`")
    assert read(written(own)) == (own, [])
    one_sided = Exercise(SICK, goal, low=0.1)
    assert read(written(one_sided)) == (one_sided, [])


def test_without_a_goal_there_is_no_exercise():
    assert read({"a": "standard"}) == (None, [])


def test_one_change_that_lets_the_signal_through_meets_it():
    task = Exercise(SICK, "kept", low=0.1, high=10.0)
    assert not judge(task, SICK, run(SICK)).met
    cured = replace(SICK, activation="relu")
    verdict = judge(task, cured, run(cured))
    assert verdict.met and 0.1 < verdict.found < 10 and verdict.changed == ("activation",)


def test_two_changes_are_too_many_for_one():
    task = Exercise(SICK, "kept", low=0.1)
    cured = replace(SICK, activation="relu", width=32)
    verdict = judge(task, cured, run(cured))
    assert verdict.too_many and not verdict.met
    assert judge(replace_changes(task, 2), cured, run(cured)).met


def replace_changes(task, changes):
    return Exercise(task.start, task.goal, task.low, task.high, changes)


def test_a_fixed_or_hidden_field_may_not_be_changed():
    cured = replace(SICK, activation="relu")
    for forbid in ({"fixed": ("activation",)}, {"hidden": ("activation",)}):
        verdict = judge(Exercise(SICK, "kept", low=0.1, **forbid), cured, run(cured))
        assert verdict.forbidden == ("activation",) and not verdict.met


def test_numbers_that_have_overflowed_meet_nothing():
    lost = replace(SICK, activation="relu", lr=100.0, gain=50.0)
    verdict = judge(Exercise(SICK, "accuracy", changes=9), lost, run(lost))
    assert math.isnan(verdict.found) and not verdict.met


def test_the_goals_measure_what_they_say():
    snapshots = run(replace(SICK, activation="relu"))
    assert GOALS["accuracy"].measure(snapshots) == pytest.approx(snapshots[-1].accuracy.mean())
    drift = snapshots[-1].layers["drift"][:, 0].mean()
    assert GOALS["drift"].measure(snapshots) == pytest.approx(drift)
    assert 0 <= GOALS["dead"].measure(snapshots) <= 1


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ({"goal": "fame"}, "goal"),
        ({"goal": "kept", "low": "a"}, "low"),
        ({"goal": "kept", "low": "5", "high": "1"}, "low"),
        ({"goal": "kept", "changes": "0"}, "changes"),
        ({"goal": "kept", "fixed": "depth~colour"}, "fixed"),
        ({"goal": "kept", "from": "depth-0"}, "from: depth"),
    ],
)
def test_what_is_wrong_is_named(link, name):
    _, (complaint,) = read(link)
    assert complaint.name == name and complaint.allowed


def test_hostile_text_never_raises():
    draw = random.Random(1)
    names = ["goal", "from", "low", "high", "changes", "fixed", "hidden", "ask", "v"]
    for _ in range(2000):
        link = {
            name: "".join(draw.choices("~-.0123456789aekptdh²\0<>`$", k=draw.randint(0, 30)))
            for name in draw.sample(names, 5)
        }
        read(link | {"goal": draw.choice([*GOALS, "x"])})
    assert len(read({"goal": "kept", "ask": "x" * 10**6})[0].question) == exercise.LONGEST_QUESTION


@pytest.mark.parametrize(
    "wrong", [{"goal": "x"}, {"low": 2.0, "high": 1.0}, {"changes": 0}, {"fixed": ("x",)}]
)
def test_an_impossible_exercise_cannot_be_made(wrong):
    with pytest.raises(ValueError):
        Exercise(**{"start": SICK, "goal": "kept", **wrong})


def test_the_task_in_words():
    assert "at least 0.1" in Exercise(SICK, "kept", low=0.1).task()
    assert "from 0.1 to 10" in Exercise(SICK, "kept", low=0.1, high=10).task()
    assert set(FIELDS) >= {"depth", "norm"}
