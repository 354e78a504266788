"""What the page does in the browser by itself: a script and a style sheet, the same on every page.

The script plays runs by their sliders and closes the navigation of a phone; the style sheet also
gives each color of a picture the shade in which words of it can be read in the theme.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import streamlit as st

from gradviz.charts.parts.palette import text_css
from gradviz.language import t

_HERE = Path(__file__).parent


def page_script() -> None:
    """Put script and style sheet into the page; they take no room."""
    words = {"play": t("Play the run", "播放训练过程"), "pause": t("Pause", "暂停")}
    st.html(f"<style>{_style()}</style>")
    with st.container(key="page_script"):
        st.html(
            f"<script>{_script()}\nwindow.gradviz.speak({json.dumps(words)});</script>",
            unsafe_allow_javascript=True,
        )


@functools.cache
def _script() -> str:
    return (_HERE / "page.js").read_text(encoding="utf-8")


@functools.cache
def _style() -> str:
    return (_HERE / "page.css").read_text(encoding="utf-8") + text_css()
