"""Exercises of the lab: the task that a link sets, its verdict, its receipt, and a form for one."""

from __future__ import annotations

import math
from urllib.parse import urlencode

import streamlit as st

from gradviz import bench, exercise
from gradviz.bench import Bench
from gradviz.exercise import FIELDS, GOALS, LONGEST_QUESTION, MOST_CHANGES, Exercise, Verdict
from gradviz.language import t
from gradviz.recipe import Recipe
from gradviz.ui import address
from gradviz.ui.address import plain
from gradviz.ui.live import Frames, ended
from gradviz.ui.recipe_fields import FIELDS as KNOWN

_STARTED = "receipt_started"  # in the session state
RECEIPT = "receipt"  # the parameter of a link that shows a solution


def of_link() -> Exercise | None:
    """The exercise that the page's link sets, if any; what is wrong in it is named."""
    found, complaints = exercise.read(st.query_params.to_dict())
    address.complain_of(complaints)
    return found


def is_receipt() -> bool:
    """Whether the link shows somebody's solution, to be computed anew."""
    return RECEIPT in st.query_params


def train_receipt(race: str) -> None:
    """Of a receipt, start the figure `race` by itself, once in a session."""
    if is_receipt() and not st.session_state.get(_STARTED):
        st.session_state[_STARTED] = True
        st.session_state[f"{race}_start"] = True


def in_place(article: str, slot: str) -> str:
    """The article with the slot of the task at its head, if the link sets one, else at its foot."""
    line = f"{{{{ {slot} }}}}"
    if line not in article or not st.query_params.get("goal"):
        return article
    return f"{line}\n\n{article.replace(line, '')}"


def show_task(task: Exercise, arm: Recipe, frames: Frames, bench_now: Bench) -> None:
    """The task, and once `frames` of arm "a" are all there whether `arm` meets it."""
    if task.question:
        st.markdown(plain(task.question, LONGEST_QUESTION))
    st.markdown(f"**{t('Exercise', '练习')}** · {task.task()}")
    if not ended(frames):
        st.caption(
            t("Change the network below, then train it there.", "先在下面改动网络，再训练它。")
        )
        return
    verdict = exercise.judge(task, arm, [frame for frame in frames if frame.arm == bench.NAMES[0]])
    (st.success if verdict.met else st.info)(_in_words(task, verdict))
    if verdict.met:
        st.caption(
            t(
                "Your receipt: whoever opens it sees this network trained anew and judged again.",
                "你的凭据：任何人打开它，都会看到这个网络被重新训练、重新评判。",
            )
        )
        st.code(_link(bench.written(bench_now) | exercise.written(task) | {RECEIPT: "1"}), None)


def _in_words(task: Exercise, verdict: Verdict) -> str:
    found = "–" if math.isnan(verdict.found) else f"{verdict.found:.3g}"
    said = t("Measured: {found}. ", "实测：{found}。", found=found)
    if verdict.met:
        return said + t("The exercise is met.", "练习完成。")
    if verdict.forbidden:
        names = t(", ", "、").join(KNOWN[field].label() for field in verdict.forbidden)
        return said + t(
            "Not to be changed here: {names}.", "此题不允许改动：{names}。", names=names
        )
    if verdict.too_many:
        return said + t(
            "{n} fields were changed; {most} are allowed.",
            "改动了 {n} 处，最多允许 {most} 处。",
            n=len(verdict.changed),
            most=task.changes,
        )
    return said + t("Not yet.", "还没有达到要求。")


def show_form(start: Recipe) -> None:
    """The form with which a teacher sets an exercise that begins with `start`; shows its link."""
    goal = st.selectbox(
        t("What is to be reached", "要达到什么"),
        list(GOALS),
        format_func=lambda name: GOALS[name].title(),
        key="exercise_goal",
        help=t("Measured on arm A, the mean over its seeds.", "在 A 组上测量，取各种子的均值。"),
    )
    low_place, high_place, changes_place = st.columns(3)
    low = low_place.number_input(
        t("At least", "至少"),
        value=0.9,
        step=0.1,
        format="%g",
        key="exercise_low",
        help=t("Empty: no lower bound.", "留空表示没有下限。"),
    )
    high = high_place.number_input(
        t("At most", "不超过"),
        value=None,
        step=0.1,
        format="%g",
        key="exercise_high",
        help=t("Empty: no upper bound.", "留空表示没有上限。"),
    )
    changes = changes_place.number_input(
        t("Changes", "改动处数"),
        1,
        MOST_CHANGES,
        1,
        key="exercise_changes",
        help=t("How many fields may be changed.", "最多可以改动几处设置。"),
    )
    fixed, hidden = (
        st.multiselect(
            label,
            FIELDS,
            format_func=lambda field: KNOWN[field].label() if field in KNOWN else field,
            key=f"exercise_{key}",
            placeholder=t("no field", "无"),
            help=help_text,
        )
        for key, label, help_text in (
            ("fixed", t("Locked", "锁定"), t("Seen, but not to be changed.", "可见但不可改动。")),
            ("hidden", t("Hidden", "隐藏"), t("Not even seen.", "完全不显示。")),
        )
    )
    question = st.text_input(
        t("Your question", "你的问题"),
        max_chars=LONGEST_QUESTION,
        key="exercise_question",
        placeholder=t("Make layer 1 learn with one change.", "只改一处，让第 1 层学起来。"),
        help=t("Shown above the task, as plain text.", "以纯文本显示在题目上方。"),
    )
    bounds = (-math.inf if low is None else low, math.inf if high is None else high)
    if bounds[0] > bounds[1]:
        st.warning(t("The lower bound is above the upper one.", "下限大于上限。"))
        return
    task = Exercise(start, goal, *bounds, int(changes), tuple(fixed), tuple(hidden), question)
    st.code(_link(exercise.written(task) | {"v": bench.written(Bench((start,)))["v"]}), None)


def _link(parameters: dict[str, str]) -> str:
    return f"{address.of_page()}?{urlencode(parameters)}"
