"""An exercise of the lab: a network to mend, what may be changed, and how it is seen to be done.

A teacher sets it as a link. Whether it is met is decided by measurement alone, on a run that is
computed from the recipe anew: a receipt is a link to a bench, and holds no result.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradviz import bench
from gradviz.bench import Complaint
from gradviz.language import t
from gradviz.recipe import Recipe
from gradviz.snapshots import Snapshot
from gradviz.spelled import decimal_number, whole_number

LONGEST_QUESTION = 200  # characters
MOST_CHANGES = 26
FIELDS = tuple(field.name for field in dataclasses.fields(Recipe))


@dataclass(frozen=True)
class Goal:
    """Something measured on an arm, as one number, and in words what it is."""

    name: str
    titles: tuple[str, str]
    measure: Callable[[Sequence[Snapshot]], float]

    def title(self) -> str:
        """What is measured, in the current language."""
        return t(*self.titles)


def _accuracy(run: Sequence[Snapshot]) -> float:
    return float(run[-1].accuracy.mean())


def _kept(run: Sequence[Snapshot]) -> float:
    delta = run[0].layers["delta"].astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp(np.log(delta[:, 0] / delta[:, -2]).mean()))


def _drift(run: Sequence[Snapshot]) -> float:
    return float(run[-1].layers["drift"][:, 0].mean())


def _dead(run: Sequence[Snapshot]) -> float:
    return float(run[-1].dead_units.mean())


GOALS: dict[str, Goal] = {
    goal.name: goal
    for goal in (
        Goal(
            "accuracy",
            ("Test accuracy at the end", "训练结束时的测试准确率"),
            _accuracy,
        ),
        Goal(
            "kept",
            (
                "Signal at layer 1, relative to the last hidden layer, before training",
                "训练之前，第 1 层的误差信号与最后一个隐藏层之比",
            ),
            _kept,
        ),
        Goal("drift", ("How far layer 1 has moved", "第 1 层偏离初始值的程度"), _drift),
        Goal("dead", ("Share of dead units at the end", "训练结束时死亡神经元的比例"), _dead),
    )
}


@dataclass(frozen=True)
class Exercise:
    """Change at most `changes` fields of `start` so that the goal lies in [`low`, `high`].

    `fixed` fields may not be changed, `hidden` ones are not even seen. `question` is the teacher's
    own text, plain. Raises `ValueError` naming what is wrong.
    """

    start: Recipe
    goal: str
    low: float = -math.inf
    high: float = math.inf
    changes: int = 1
    fixed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    question: str = ""

    def __post_init__(self) -> None:
        if self.goal not in GOALS:
            raise ValueError(f"goal={self.goal!r} is not one of {', '.join(GOALS)}")
        if not self.low <= self.high:
            raise ValueError(f"low={self.low:g} is not at most high={self.high:g}")
        if not 1 <= self.changes <= MOST_CHANGES:
            raise ValueError(f"changes={self.changes!r} is not a number from 1 to {MOST_CHANGES}")
        for field in (*self.fixed, *self.hidden):
            if field not in FIELDS:
                raise ValueError(f"{field!r} is not one of {', '.join(FIELDS)}")

    def task(self) -> str:
        """What is asked, in the current language."""
        title = GOALS[self.goal].title()
        wanted = _wanted(self.low, self.high)
        one = t("with one change at most", "最多改动 1 处")
        several = t("with at most {n} changes", "最多改动 {n} 处", n=self.changes)
        changes = one if self.changes == 1 else several
        return t(
            "{title}: {wanted}, {changes}",
            "{title}：{wanted}，{changes}",
            title=title,
            wanted=wanted,
            changes=changes,
        )


@dataclass(frozen=True)
class Verdict:
    """Whether an exercise is met: the number `found`, and the fields that were `changed`."""

    met: bool
    found: float
    changed: tuple[str, ...]
    too_many: bool
    forbidden: tuple[str, ...]


def judge(exercise: Exercise, arm: Recipe, run: Iterable[Snapshot]) -> Verdict:
    """Whether `arm`, whose whole `run` is given, meets the exercise."""
    snapshots = list(run)
    found = GOALS[exercise.goal].measure(snapshots)
    changed = tuple(bench.differing((exercise.start, arm)))
    forbidden = tuple(field for field in changed if field in (*exercise.fixed, *exercise.hidden))
    too_many = len(changed) > exercise.changes
    in_range = exercise.low <= found <= exercise.high  # false for NaN
    return Verdict(in_range and not too_many and not forbidden, found, changed, too_many, forbidden)


def written(exercise: Exercise) -> dict[str, str]:
    """The exercise as parameters of a link, beside those of the bench; `read` gives it back."""
    link = {"goal": exercise.goal, "from": bench.spelled(exercise.start)}
    if exercise.low > -math.inf:
        link["low"] = repr(exercise.low)
    if exercise.high < math.inf:
        link["high"] = repr(exercise.high)
    link["changes"] = str(exercise.changes)
    if exercise.fixed:
        link["fixed"] = "~".join(exercise.fixed)
    if exercise.hidden:
        link["hidden"] = "~".join(exercise.hidden)
    if exercise.question:
        link["ask"] = exercise.question
    return link


def read(link: Mapping[str, str]) -> tuple[Exercise | None, list[Complaint]]:
    """The exercise that a link sets, None if it sets none, and what in it is not possible."""
    if "goal" not in link:
        return None, []
    if link["goal"] not in GOALS:
        return None, [Complaint("goal", link["goal"], ", ".join(GOALS))]
    start, complaints = bench.read_arm({"from": "standard", **link}, "from")
    assert start is not None  # only arms after the first can be missing
    low, high = (_number(link, name, complaints) for name in ("low", "high"))
    low, high = (-math.inf if low is None else low), (math.inf if high is None else high)
    if low > high:
        complaints.append(Complaint("low", link["low"], f"≤ {high:g}"))
        low = -math.inf
    fixed, hidden = (_fields(link, name, complaints) for name in ("fixed", "hidden"))
    question = link.get("ask", "")[:LONGEST_QUESTION]
    changes = _changes(link, complaints)
    exercise = Exercise(start, link["goal"], low, high, changes, fixed, hidden, question)
    return exercise, complaints


def _number(link: Mapping[str, str], name: str, complaints: list[Complaint]) -> float | None:
    if name not in link:
        return None
    found = decimal_number(link[name])
    if found is None:
        complaints.append(Complaint(name, link[name], "0.5, 1e-3, …"))
    return found


def _changes(link: Mapping[str, str], complaints: list[Complaint]) -> int:
    raw = link.get("changes", "1")
    found = whole_number(raw)
    if found is None or not 1 <= found <= MOST_CHANGES:
        complaints.append(Complaint("changes", raw, f"1–{MOST_CHANGES}"))
        return 1
    return found


def _fields(link: Mapping[str, str], name: str, complaints: list[Complaint]) -> tuple[str, ...]:
    found = []
    for field in link[name].split("~") if link.get(name) else ():
        if field in FIELDS:
            found.append(field)
        else:
            complaints.append(Complaint(name, field, ", ".join(FIELDS)))
    return tuple(dict.fromkeys(found))


def _wanted(low: float, high: float) -> str:
    if low == -math.inf:
        return t("at most {high:g}", "不超过 {high:g}", high=high)
    if high == math.inf:
        return t("at least {low:g}", "至少 {low:g}", low=low)
    return t("from {low:g} to {high:g}", "介于 {low:g} 与 {high:g} 之间", low=low, high=high)
