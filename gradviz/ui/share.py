"""The share menu of a figure: a link to it in its present state, and the HTML that embeds it.

Where the reader has moved the sliders inside the picture, only the browser knows: page.js completes
the link and the HTML with that.
"""

from __future__ import annotations

import html
import json
from urllib.parse import urlencode

import streamlit as st

from gradviz.language import current, t
from gradviz.ui import controls
from gradviz.ui.picture import sliders_of

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
        st.html(
            _FORM.format(
                figure=html.escape(figure),
                sliders=html.escape(json.dumps(sliders_of(figure))),
                link_title=html.escape(
                    t("Link to this figure, in this state", "此图当前状态的链接")
                ),
                link=html.escape(link),
                embed_title=html.escape(t("Embed it in a course page", "嵌入课程网页")),
                embed=html.escape(embed_code(link)),
                copy=html.escape(t("Copy", "复制")),
                copied=html.escape(t("Copied", "已复制")),
            )
        )
        st.caption(
            t(
                "Add `&hide=name,name` to hide controls by their names in the link.",
                "在链接后加上 `&hide=名称,名称`，可按链接中的名称隐藏控件。",
            )
        )


_FORM = """
<form class="gradviz-share" data-figure="{figure}" data-sliders="{sliders}" data-copied="{copied}">
<label>{link_title}<textarea readonly rows="4" class="gradviz-link">{link}</textarea></label>
<button type="button" class="gradviz-copy">{copy}</button>
<label>{embed_title}<textarea readonly rows="5" class="gradviz-embed">{embed}</textarea></label>
<button type="button" class="gradviz-copy">{copy}</button>
</form>
"""


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
