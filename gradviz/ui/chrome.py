"""What surrounds every page: title, language, navigation. Each page begins with `open_page`."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

import streamlit as st

from gradviz import tidy
from gradviz.language import t
from gradviz.ui import catalog, controls, wire
from gradviz.ui.browser import page_script
from gradviz.ui.speech import (
    complain_of_language,
    keep_language_in_url,
    language_switch,
    link_parameters,
    use_visitors_language,
)

LANGUAGE = "language"  # the switch of languages, to a link that hides it
# Pixels: the longest title in the navigation fits, and a figure at 1280 has all that it can get.
SIDEBAR_WIDTH = 296


def open_page(name: str, title: tuple[str, str]) -> None:
    """Start the page `name` with its `title` (English, Chinese): language, tab title, navigation.

    With `?figure=` in the URL the page is a single figure, so no navigation is drawn.
    """
    use_visitors_language()
    st.set_page_config(
        page_title=f"{t(*title)} · gradviz",
        page_icon=str(catalog.ROOT / "assets" / "icon.svg"),
        layout="wide",
        initial_sidebar_state=SIDEBAR_WIDTH,
    )
    complain_of_language()
    keep_language_in_url()
    page_script()
    controls.start_page(name)
    tidy.freeze()
    tidy.keep_tidy()
    wire.compress_lightly()
    if single_figure() is None:
        _navigation(name)


def heading(source: str, title: str) -> None:
    """The head of a page: what it follows, language switch, title."""
    with st.container(key="page_head", gap=None):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(source, width="stretch")
            if not controls.hidden(LANGUAGE):
                language_switch()
        st.title(title, anchor=False)


def single_figure() -> str | None:
    """The name of the only figure to show, from `?figure=`, or None for the whole page."""
    return st.query_params.get("figure")


def lesson_link(entry: catalog.Entry, label: str | None = None, icon: str | None = None) -> None:
    """A link to a lesson in the current language; one that is not built is named, not linked."""
    text = label or entry.label()
    if entry.built:
        st.page_link(entry.page, label=text, icon=icon, query_params=link_parameters())
    else:
        st.caption(t("{text} · coming", "{text} · 即将推出", text=text))


def _navigation(here: str) -> None:
    with st.sidebar:
        with _place("home", here):
            st.page_link(
                catalog.HOME,
                label=t("The whole story", "全貌"),
                icon=":material/home:",
                query_params=link_parameters(),
            )
        for heading, entries in catalog.parts().items():
            st.caption(heading)
            for entry in entries:
                with _place(entry.name, here):
                    lesson_link(entry)


def _place(name: str, here: str) -> AbstractContextManager[object]:
    """Around the link to the page `name`: the style sheet knows by it which page is open."""
    return st.container(key="navigation_here") if name == here else contextlib.nullcontext()
