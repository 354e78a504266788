"""The visitor's language: where it comes from and how it survives.

It lives in the session. A new session takes it from `?lang=`, else from the browser. Internal
links carry it, and the URL is corrected whenever it would say another one, so that a reload or a
step back in the browser's history never changes the language.
"""

from __future__ import annotations

import streamlit as st

from gradviz import language
from gradviz.language import LANGUAGES
from gradviz.ui.address import complain

_KEY = "language"  # in the session state; never the key of a widget, which a page change would drop
_SWITCH = "language_switch"


def use_visitors_language() -> None:
    """Make `t` speak the visitor's language in this script run; call it first in every run.

    A fragment's rerun is a run of its own, in another thread, so figures call it too.
    """
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _of_the_url()
    language.use(st.session_state[_KEY])


def keep_language_in_url() -> None:
    """Correct a URL that would give a reload another language, as after going back."""
    if _of_the_url() != language.current():
        st.query_params["lang"] = language.current()


def complain_of_language() -> None:
    """Name a language in the URL that there is not."""
    raw = st.query_params.get("lang")
    if raw is not None and raw not in LANGUAGES:
        complain("lang", raw, ", ".join(LANGUAGES))


def language_switch() -> None:
    """Draw the control that changes the language and nothing else."""
    st.segmented_control(
        "Language / 语言",
        list(LANGUAGES),
        default=language.current(),
        required=True,
        format_func=lambda code: LANGUAGES[code],
        key=_SWITCH,
        on_change=_switched,
        label_visibility="collapsed",
    )


def link_parameters() -> dict[str, str]:
    """What every internal link has to carry."""
    return {"lang": language.current()}


def _switched() -> None:
    st.session_state[_KEY] = st.session_state[_SWITCH]
    st.query_params["lang"] = st.session_state[_KEY]


def _of_the_url() -> str:
    browsers = (st.context.locale or "").split("-")[0].lower()
    for code in (st.query_params.get("lang"), browsers):
        if code in LANGUAGES:
            return code
    return language.DEFAULT
