"""What a link says: one way to read a value from the URL, to complain of it, and to write it.

What comes from a URL is anybody's text: it is read strictly, and shown as plain text only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import streamlit as st

from gradviz.language import t

LONGEST = 40  # characters of a foreign text that are repeated

# Plain ASCII numbers, short enough for any int or float: no "1_0", no "²", no 400 digits.
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:e[+-]?[0-9]{1,2})?")


def whole_number(raw: str) -> int | None:
    """The whole number that `raw` spells in plain digits, or None."""
    return int(raw) if _WHOLE.fullmatch(raw) else None


def decimal_number(raw: str) -> float | None:
    """The number that `raw` spells in plain digits, such as 0.05 or 1e-3, or None."""
    return float(raw) if _DECIMAL.fullmatch(raw) else None


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
