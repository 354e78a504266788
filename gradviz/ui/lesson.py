"""A lesson: an article in the visitor's language with a figure in each of its slots.

A page creates its `Lesson`, declares its controls and its figures with `@lesson.figure`, and shows
it. A slot is a line `{{ name }}` of the article; `?figure=name` shows that figure alone.
"""

from __future__ import annotations

import contextlib
import html
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from gradviz.language import current, t
from gradviz.ui import address, catalog, chrome, controls, glossary, stage, turns
from gradviz.ui.address import plain
from gradviz.ui.controls import Control, Opening
from gradviz.ui.share import HIDEABLE, presets_name, share_menu
from gradviz.ui.speech import use_visitors_language
from gradviz.ui.stage import Stage
from gradviz.ui.words import Word, draw_buttons, words_of

_SLOT = re.compile(r"^\{\{ *(\w+) *\}\} *$", re.MULTILINE)
# What an article ends with: an aside under one of these titles.
ENDINGS = {"en": "What you now know.", "zh": "小结。"}
_ENDING = re.compile(rf"^> \*\*(?:{'|'.join(ENDINGS.values())})\*\* .+\Z", re.MULTILINE | re.DOTALL)
_LONGEST_REASON = 300  # characters of an error's message
_log = logging.getLogger(__name__)

_IN_SIGHT = 3  # controls of a figure; further ones stand under "More"
_PICTURE_TO_CONTROLS = (2.3, 1)  # of a figure's width

Draw = Callable[[], str | None]
Controls = Sequence[Control] | Callable[[], Sequence[Control]]


@dataclass(frozen=True)
class Preset:
    """A state worth seeing: its `name`, the controls that it sets, and what to see in it.

    It sets all that it needs, sliders inside the picture too (see `controls.Opening`), so that it
    ends as its name says wherever the reader comes from.
    """

    name: str
    values: Mapping[Control, object]
    sentence: str


@dataclass(frozen=True)
class Figure:
    """A picture that the reader can touch; `draw` returns the sentence on what to see in it.

    Beside the picture stand the `presets`, in the order in which to try them, and the `controls`
    themselves, or what a function says they are in the present state: the most telling first.
    What starts a run stands there too.
    """

    name: str
    title: tuple[str, str]
    draw: Draw
    controls: Controls = ()
    presets: Sequence[Preset] = ()


_shown: list[Lesson] | None = None  # see `shown_lessons`


class Lesson:
    """One page. `name` is its entry in the catalog and the name of its articles.

    `edit` is what is done to an article before it is shown.
    """

    def __init__(self, name: str, edit: Callable[[str], str] = str) -> None:
        self.entry = catalog.find(name)
        self.edit = edit
        self.figures: dict[str, Figure] = {}
        chrome.open_page(name, self.entry.title)

    def figure(
        self,
        title: tuple[str, str],
        controls: Controls = (),
        presets: Sequence[Preset] = (),
    ) -> Callable[[Draw], Draw]:
        """Declare the decorated function as the figure of the slot that bears its name."""

        def register(draw: Draw) -> Draw:
            name = draw.__name__
            self.figures[name] = Figure(name, title, draw, controls, presets)
            return draw

        return register

    def show(self, code: str) -> None:
        """Draw the page; `code` is the Python that computes its main picture in a notebook."""
        if _shown is not None:
            _shown.append(self)
        alone = chrome.single_figure()
        # At the top, though only at the end is it known what the page has.
        complaint = st.container() if controls.all_hidden() else None
        if alone is None:
            with turns.turn():
                self._show_article()
            _show_code(code)
            glossary.show()
            self._show_neighbors()
        elif alone in self.figures:
            show_figure(self.figures[alone])
        else:
            unknown_figure(alone, list(self.figures))
        if complaint is not None:
            with complaint:
                complain_of_hidden(list(self.figures))

    def _show_article(self) -> None:
        chrome.heading(self.entry.source(), t(*self.entry.title))
        text = self.edit(article(self.entry.name, current()))
        words = words_of(text)
        text, known = split_ending(text)
        for position, piece in enumerate(_SLOT.split(text)):
            # re.split alternates between text and the names of the slots.
            if position % 2:
                show_figure(self.figures[piece], words)
            elif piece.strip():
                with st.container(key=f"prose_{position}"):
                    st.markdown(piece)
        # The script notes that the lesson was read when the reader has come here.
        with st.container(key=f"ending_{self.entry.name}"):
            st.markdown(known)

    def _show_neighbors(self) -> None:
        before, after = catalog.neighbors(self.entry.name)
        with st.container(horizontal=True, horizontal_alignment="distribute", key="neighbors"):
            if before is not None:
                label = t("Back: {title}", "上一课：{title}", title=before.label())
                chrome.lesson_link(before, label, icon=":material/arrow_back:")
            if after is not None:
                label = t("Next: {title}", "下一课：{title}", title=after.label())
                chrome.lesson_link(after, label, icon=":material/arrow_forward:")


def unknown_figure(name: str, known: Sequence[str]) -> None:
    """Tell the visitor that the page has no figure called `name`, but the `known` ones."""
    st.warning(
        t(
            "There is no figure {name} on this page. Its figures: {known}.",
            "此页没有名为 {name} 的图。可用的图：{known}。",
            name=plain(name),
            known=", ".join(known),
        )
    )


def complain_of_hidden(figures: Sequence[str]) -> None:
    """Name what the link hides and the page with these `figures` does not have."""
    known = [*controls.declared(), *map(presets_name, figures), *HIDEABLE]
    unknown = [name for name in controls.all_hidden() if name not in known]
    address.complain_of_hidden(unknown, known)


@contextlib.contextmanager
def shown_lessons() -> Iterator[list[Lesson]]:
    """While it lasts, the lessons that are shown in this process are collected."""
    global _shown
    _shown = []
    try:
        yield _shown
    finally:
        _shown = None


def article(name: str, language: str) -> str:
    """The text of a lesson; English where the language has none of its own."""
    path = catalog.ROOT / "pages" / language / f"{name}.md"
    if not path.exists():
        path = catalog.ROOT / "pages" / "en" / f"{name}.md"
    return path.read_text(encoding="utf-8")


def split_ending(text: str) -> tuple[str, str]:
    """An article without what the reader knows at its end, and that; "" if it does not say it."""
    found = _ENDING.search(text)
    return (text[: found.start()], found[0]) if found else (text, "")


def slots(text: str) -> list[str]:
    """The names of the figures that an article asks for, in order."""
    return _SLOT.findall(text)


def show_figure(figure: Figure, words: Sequence[Word] = ()) -> None:
    """Draw a figure as a fragment: touching it, or a word that drives it, reruns it alone."""
    st.fragment(_draw_figure, key=figure.name)(figure, words)


def _draw_figure(figure: Figure, words: Sequence[Word]) -> None:
    use_visitors_language()
    with st.container(border=True, gap="small", key=f"figure_{figure.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"##### {t(*figure.title)}", width="stretch")
            share = st.container(width="content")
        question = st.container(key=f"question_{figure.name}")
        presets = _offered(figure)
        declared = figure.controls() if callable(figure.controls) else figure.controls
        shown = [control for control in declared if not controls.hidden(control.key)]
        if presets or shown:
            # The picture comes first: on a phone what sets it stands below it.
            picture, settings = st.columns(_PICTURE_TO_CONTROLS, gap="medium")
            with settings, st.container(gap="xsmall", key=f"settings_{figure.name}"):
                _draw_presets(figure.name, presets)
                _draw_controls(shown)
                actions = st.container(key=f"actions_{figure.name}")
        else:
            picture, actions = st.container(), None
        now = Stage(figure.name, question, actions)
        with picture, st.container(gap="xsmall"), stage.on(now):
            what_to_see = _guarded(figure)
            with st.container(key=f"words_{figure.name}"):
                if what_to_see:
                    st.caption(what_to_see)
        with share:
            # Last, when it is known what the picture shows and which sliders it has.
            share_menu(t(*figure.title), now, declared, bool(figure.presets))
        draw_buttons(figure.name, words)


def _offered(figure: Figure) -> Sequence[Preset]:
    """The presets of a figure that a reader can press: none that would move what the link holds."""
    if controls.hidden(presets_name(figure.name)):
        return ()
    return [preset for preset in figure.presets if controls.can_set(preset.values)]


def _draw_presets(name: str, presets: Sequence[Preset]) -> None:
    """A numbered sequence of states worth seeing; the one that the controls stand at is lit."""
    if not presets:
        return
    now = next((preset for preset in presets if controls.stand_at(preset.values)), None)
    with st.container(key=f"presets_{name}"):
        for position, preset in enumerate(presets):
            st.button(
                f"{position + 1} · {preset.name}",
                key=f"{name}_presets_{position}",
                type="primary" if preset is now else "secondary",
                width="stretch",
                on_click=controls.set_all,
                args=(preset.values,),
            )
    with st.container(key=f"sentence_{name}"):
        st.caption(now.sentence if now else "")
        if now:
            st.html(_sliders_of(now))


def _sliders_of(preset: Preset) -> str:
    """What the preset that is lit sets of the sliders inside the picture, for the page's script.

    Where the reader moves them, only the browser knows, which then puts the preset out.
    """
    numbers = {
        control.slider: value
        for control, value in preset.values.items()
        if isinstance(control, Opening)
    }
    return f'<i class="gradviz-sets" data-sets="{html.escape(json.dumps(numbers))}" hidden></i>'


def _draw_controls(shown: Sequence[Control]) -> None:
    """The first controls in sight, the others a press away."""
    for control in shown[:_IN_SIGHT]:
        control.draw()
    if len(shown) > _IN_SIGHT:
        with st.expander(t("More", "更多"), icon=":material/tune:"):
            for control in shown[_IN_SIGHT:]:
                control.draw()


def _guarded(figure: Figure) -> str | None:
    """Draw; a visitor reads what was wrong with a setting, and never a traceback."""
    try:
        return figure.draw()
    except (ValueError, NotImplementedError) as error:
        st.warning(plain(str(error), _LONGEST_REASON), icon=":material/error:")
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
