"""The share menu of a figure: a link to it in its present state, and the HTML that embeds it."""

from __future__ import annotations

import html
from urllib.parse import urlencode

import streamlit as st

from gradviz.language import current, t
from gradviz.ui import controls

EMBED_HEIGHT = 1200  # pixels; enough for the tallest figure at the width of an article


def share_menu(figure: str) -> None:
    """Draw the menu; its texts are made only when it is opened."""
    menu = st.popover(
        "",
        icon=":material/share:",
        type="tertiary",
        width="content",
        help=t("Share or embed this figure", "分享或嵌入此图"),
        key=f"share_{figure}",
        on_change="rerun",
    )
    if not menu.open:
        return
    with menu:
        link = figure_link(figure)
        st.caption(t("Link to this figure, in this state", "此图当前状态的链接"))
        st.code(link, language=None, wrap_lines=True)
        st.caption(t("Embed it in a course page", "嵌入课程网页"))
        st.code(embed_code(link), language="html", wrap_lines=True)
        st.caption(
            t(
                "Add `&hide=name,name` to hide controls by their names in the link.",
                "在链接后加上 `&hide=名称,名称`，可按链接中的名称隐藏控件。",
            )
        )


def figure_link(figure: str) -> str:
    """The address of this page showing `figure` alone, in its present state.

    Every control stands in it, so that the link means the same when a default has changed.
    """
    state = {key: value for key, value in st.query_params.items() if key != "embed"}
    state |= controls.state() | {"lang": current(), "figure": figure}
    return f"{st.context.url}?{urlencode(state)}"


def embed_code(link: str) -> str:
    """An iframe for `link`, without the frame of the app."""
    source = html.escape(f"{link}&embed=true")
    return f'<iframe src="{source}" width="100%" height="{EMBED_HEIGHT}" loading="lazy"></iframe>'
