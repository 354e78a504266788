"""Ask before showing: a question, the reader's commitment, then the answer, as one act.

All of it happens in the browser (see page.js): the answers to every guess come with the page, and
are covered, as is the picture that gives them away, until the reader has committed.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from gradviz.language import t
from gradviz.ui import stage

Option = TypeVar("Option")


def ask(
    key: str,
    question: str,
    options: Sequence[Option],
    reply: Callable[[Option | None], tuple[bool | None, str]],
    names: Callable[[Option], str] | Mapping[Option, str] = str,
    *,
    guess: Callable[[Option], float] | None = None,
    start: Option | None = None,
    of_the_start: bool = False,
) -> None:
    """Ask `question` above the picture of the present figure until the reader commits.

    `reply(option)` is what is said to who guessed `option`, and whether that was right (None if
    there is no right or wrong); `reply(None)` is said to who wants to see the answer unasked.
    `names` translates the options. With `start` they are shown in order on a slider that starts
    there. `guess` turns an option into the number that the picture marks as the reader's (its
    parameter `handles.GUESS`).

    Until then the figure's words are covered, and its picture covers the answer by its parameter
    `handles.REVEALED`. Where the answer is `of_the_start` of a run, the run stands there until the
    answer is revealed, and only then plays.
    """
    shown = names.__getitem__ if isinstance(names, Mapping) else names
    numbers = [json.dumps(guess(option)) if guess else "" for option in options]
    labels = [shown(option) for option in options]
    choose = _slider if start is not None else _buttons
    chosen = choose(question, labels, numbers, options.index(start) if start is not None else 0)
    body = _FORM.format(
        key=html.escape(key),
        start="true" if of_the_start else "false",
        predict=html.escape(t("Predict first", "先预测")),
        question=symbols(question),
        choose=chosen,
        commit=html.escape(t("This is my prediction", "这就是我的预测")),
        skip=html.escape(t("Just show me", "直接看答案")),
        replies="".join(_reply(place, *reply(option)) for place, option in enumerate(options)),
        answer=_reply("skipped", *reply(None)),
        again=html.escape(t("Predict again", "重新预测")),
    )
    figure = stage.current()
    with figure.question if figure is not None and figure.question else st.container():
        st.html(body)


_FORM = """
<form class="gradviz-question" data-key="{key}" data-of-the-start="{start}">
<p class="gradviz-asked"><strong>{predict}</strong> · {question}</p>
<div class="gradviz-guess">{choose}<button type="submit">{commit}</button>
<button type="button" class="gradviz-skip">{skip}</button></div>
<div class="gradviz-replies" role="status">{replies}{answer}
<button type="button" class="gradviz-again">{again}</button></div>
</form>
"""


def symbols(text: str) -> str:
    """`text` as HTML in which σ_w and its like have an index below the line.

    Formulas of Markdown are typeset by Streamlit, which leaves HTML as it is.
    """
    return _INDEX.sub(r"<i>\1</i><sub>\2</sub>", html.escape(text))


_INDEX = re.compile(r"\b([^\W\d_])_([^\W_])\b")


def _buttons(question: str, labels: Sequence[str], numbers: Sequence[str], _start: int) -> str:
    options = "".join(
        f'<label><input type="radio" name="option" value="{place}" data-guess="{number}">'
        f"<span><bdi>{symbols(label)}</bdi></span></label>"
        for place, (label, number) in enumerate(zip(labels, numbers, strict=True))
    )
    return (
        f'<div class="gradviz-options" role="radiogroup" aria-label="{html.escape(question)}">'
        + (f"{options}</div>")
    )


def _slider(question: str, labels: Sequence[str], numbers: Sequence[str], start: int) -> str:
    return (
        f'<input type="range" min="0" max="{len(labels) - 1}" step="1" value="{start}"'
        f' aria-label="{html.escape(question)}" data-labels="{html.escape(json.dumps(labels))}"'
        f' data-guesses="{html.escape(json.dumps(numbers))}">'
        f"<output>{html.escape(labels[start])}</output>"
    )


def _reply(place: int | str, right: bool | None, text: str) -> str:
    opening = {True: t("Right. ", "正确。"), False: t("Not quite. ", "不完全对。"), None: ""}[right]
    verdict = {True: "right", False: "wrong", None: "open"}[right]
    words = f"<strong>{html.escape(opening)}</strong>{symbols(text)}"
    return f'<p data-for="{place}" data-verdict="{verdict}" hidden>{words}</p>'
