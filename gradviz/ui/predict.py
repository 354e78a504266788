"""Ask before showing: a question, the visitor's commitment, then the answer with its reason."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from gradviz.language import t

Option = TypeVar("Option")


def predict(
    key: str,
    question: str,
    options: Sequence[Option],
    names: Callable[[Option], str] | Mapping[Option, str] = str,
    start: Option | None = None,
) -> Option | None:
    """Ask `question` until the visitor commits to one of `options`; return it, or None before.

    `names` translates the options. With `start` they are shown in order on a slider that starts
    there. The commitment is kept for the session.
    """
    shown = names.__getitem__ if isinstance(names, Mapping) else names
    kept = f"prediction_{key}"
    if kept in st.session_state:
        guess = st.session_state[kept]
        st.markdown(f"**{question}**")
        with st.container(horizontal=True, vertical_alignment="center"):
            said = t("Your prediction: **{guess}**", "你的预测：**{guess}**", guess=shown(guess))
            st.markdown(said, width="content")
            st.button(
                t("Predict again", "重新预测"),
                key=f"{kept}_again",
                type="tertiary",
                on_click=st.session_state.pop,
                args=(kept,),
            )
        return guess
    _ask(kept, question, options, shown, start)
    return None


def reveal(right: bool | None, answer: str) -> None:
    """Show the answer with its reason; `right` tells if the guess was it."""
    if right is None:
        st.info(answer, icon=":material/lightbulb:")
    elif right:
        st.success(t("Right. ", "正确。") + answer, icon=":material/check:")
    else:
        st.info(t("Not quite. ", "不完全对。") + answer, icon=":material/lightbulb:")


def _ask(
    kept: str,
    question: str,
    options: Sequence[Option],
    names: Callable[[Option], str],
    start: Option | None,
) -> None:
    widget = f"{kept}_widget"
    help_text = t("Commit before you look.", "先作出判断，再看答案。")
    st.markdown(f":material/psychology: **{t('Predict first', '先预测')}** · {question}")
    draw = st.pills if start is None else functools.partial(st.select_slider, value=start)
    chosen = draw(
        question,
        list(options),
        format_func=names,
        key=widget,
        help=help_text,
        label_visibility="collapsed",
    )

    def commit() -> None:
        st.session_state[kept] = st.session_state[widget]

    st.button(
        t("This is my prediction", "这就是我的预测"),
        key=f"{kept}_commit",
        type="primary",
        disabled=chosen is None,
        on_click=commit,
    )
