"""The terms of the lessons: one short exact definition each, at hand wherever the term appears.

An author marks a term as a link, `[$\\delta$](#term-delta)`. The definitions stand in
`pages/<language>/glossary.md` as a list in which each entry begins with such a link, and so at the
foot of every lesson, where the page's script (`page/terms.js`) takes a term's definition from.
"""

from __future__ import annotations

import functools
import re

import streamlit as st

from gradviz.language import current, t
from gradviz.ui import catalog

_ENTRY = re.compile(r"^- \[(.+?)\]\(#term-([\w-]+)\) (.+)$", re.MULTILINE)
_TERM = re.compile(r"\]\(#term-([\w-]+)\)")


def show() -> None:
    """Draw the list of all terms, closed, at the foot of a page."""
    # Streamlit keeps in the page what a closed expander holds, so the script finds it there.
    title = t("Symbols and terms", "符号与术语")
    with st.expander(title, icon=":material/menu_book:"), st.container(key="glossary"):
        st.markdown(text(current()))


def terms_of(article: str) -> list[str]:
    """The names of the terms that a text marks, in order, each as often as it is marked."""
    return _TERM.findall(article)


def definitions(language: str) -> dict[str, tuple[str, str]]:
    """What each term is called and its definition, by name, in Markdown."""
    return {name: (title, body) for title, name, body in _ENTRY.findall(text(language))}


@functools.cache
def text(language: str) -> str:
    """All definitions as the author wrote them; English where a language has none of its own."""
    path = catalog.ROOT / "pages" / language / "glossary.md"
    if not path.exists():
        path = catalog.ROOT / "pages" / "en" / "glossary.md"
    return path.read_text(encoding="utf-8").strip()
