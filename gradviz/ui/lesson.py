"""A lesson: an article in the visitor's language with a figure in each of its slots.

A page creates its `Lesson`, declares its figures with `@lesson.figure`, and shows it. A slot is a
line `{{ name }}` of the article; `?figure=name` shows that figure alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from gradviz.language import current, t
from gradviz.ui import catalog, chrome, controls, share
from gradviz.ui.speech import use_visitors_language

_SLOT = re.compile(r"^\{\{ *(\w+) *\}\} *$", re.MULTILINE)
_log = logging.getLogger(__name__)

Draw = Callable[[], str | None]


@dataclass(frozen=True)
class Figure:
    """A picture that the reader can touch; `draw` returns the sentence on what to see in it."""

    name: str
    title: tuple[str, str]
    draw: Draw


class Lesson:
    """One page. `name` is its entry in the catalog and the name of its articles.

    `edit` is what is done to an article before it is shown.
    """

    def __init__(self, name: str, edit: Callable[[str], str] = str) -> None:
        self.entry = catalog.find(name)
        self.edit = edit
        self.figures: dict[str, Figure] = {}
        chrome.open_page(self.entry.title)

    def figure(self, title: tuple[str, str]) -> Callable[[Draw], Draw]:
        """Declare the decorated function as the figure of the slot that bears its name."""

        def register(draw: Draw) -> Draw:
            self.figures[draw.__name__] = Figure(draw.__name__, title, draw)
            return draw

        return register

    def show(self, code: str) -> None:
        """Draw the page; `code` is the Python that computes its main picture in a notebook."""
        controls.read_url(True)
        alone = chrome.single_figure()
        if alone is None:
            self._show_article()
            _show_code(code)
            self._show_next()
        elif alone in self.figures:
            show_figure(self.figures[alone])
        else:
            self._unknown_figure(alone)
        controls.read_url(False)

    def _show_article(self) -> None:
        chrome.heading(self.entry.section, t(*self.entry.title))
        text = self.edit(article(self.entry.name, current()))
        for position, piece in enumerate(_SLOT.split(text)):
            # re.split alternates between text and the names of the slots.
            if position % 2:
                show_figure(self.figures[piece])
            elif piece.strip():
                st.markdown(piece)

    def _show_next(self) -> None:
        following = catalog.following(self.entry.name)
        if following is not None:
            label = t("Next: {title}", "下一课：{title}", title=following.label())
            chrome.lesson_link(following, label, icon=":material/arrow_forward:")

    def _unknown_figure(self, name: str) -> None:
        st.warning(
            t(
                "There is no figure `{name}` in this lesson. Its figures: {known}.",
                "本课没有名为 `{name}` 的图。可用的图：{known}。",
                name=name,
                known=", ".join(self.figures),
            )
        )


def article(name: str, language: str) -> str:
    """The text of a lesson; English where the language has none of its own."""
    path = catalog.ROOT / "pages" / language / f"{name}.md"
    if not path.exists():
        path = catalog.ROOT / "pages" / "en" / f"{name}.md"
    return path.read_text(encoding="utf-8")


def slots(text: str) -> list[str]:
    """The names of the figures that an article asks for, in order."""
    return _SLOT.findall(text)


def show_figure(figure: Figure) -> None:
    """Draw a figure as a fragment: touching it reruns it alone."""
    st.fragment(_draw_figure, key=figure.name)(figure)


def _draw_figure(figure: Figure) -> None:
    use_visitors_language()
    with st.container(border=True, key=f"figure_{figure.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"##### {t(*figure.title)}", width="stretch")
            share.share_menu(figure.name)
        what_to_see = _guarded(figure)
        if what_to_see:
            st.caption(what_to_see)


def _guarded(figure: Figure) -> str | None:
    """Draw; a visitor reads what was wrong with a setting, and never a traceback."""
    try:
        return figure.draw()
    except (ValueError, NotImplementedError) as error:
        st.warning(str(error), icon=":material/error:")
    except Exception:
        _log.exception("figure %s", figure.name)
        st.error(
            t(
                "This figure could not be drawn. The details are in the server's log.",
                "此图未能绘出，详细原因已写入服务器日志。",
            )
        )
    return None


def _show_code(code: str) -> None:
    with st.expander(t("The code of this picture", "本页图形的代码"), icon=":material/code:"):
        st.caption(
            t(
                "The same computation in a notebook, without the app.",
                "在笔记本中完成同样的计算，无需打开本应用。",
            )
        )
        st.code(code.strip(), language="python")
