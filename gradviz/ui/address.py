"""What a link says: one way to complain of a value in the URL, and to write it.

What comes from a URL is anybody's text: it is read strictly, and shown as plain text only.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from gradviz.language import t

LONGEST = 40  # characters of a foreign text that are repeated


def plain(text: str, longest: int = LONGEST) -> str:
    """`text` as Markdown that shows it and does nothing else, cut to `longest` characters.

    A code span takes everything literally but the backtick that would close it.
    """
    shown = text[:longest] + ("…" if len(text) > longest else "")
    visible = "".join(character if character.isprintable() else "�" for character in shown)
    return f"`{visible.replace('`', 'ˋ')}`"


def complain(key: str, raw: str, allowed: str) -> None:
    """Tell the visitor that the link's `key=raw` is not possible, and what would be."""
    st.warning(
        t(
            "The link asks for {what}, which is not possible here. Allowed: {allowed}.",
            "链接中的 {what} 在这里无效。允许的取值：{allowed}。",
            what=plain(f"{key}={raw}", len(key) + 1 + LONGEST),
            allowed=allowed,
        ),
        icon=":material/link_off:",
    )


def write(values: Mapping[str, str | None]) -> None:
    """Set parameters of the URL, or remove those that are None, as one step of the history."""
    state = st.query_params.to_dict()
    for key, text in values.items():
        if text is None:
            state.pop(key, None)
        else:
            state[key] = text
    if state != st.query_params.to_dict():
        st.query_params.from_dict(state)
