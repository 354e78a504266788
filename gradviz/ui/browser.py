"""What the page does in the browser by itself: a script and a style sheet, the same on every page.

The script plays runs by their sliders, asks the questions of figures, completes the links to them,
lets words drive pictures, brings definitions to terms, remembers which lessons were read, says
aloud what pictures show, tells a page around it how high a figure is, and closes the navigation of
a phone; the style sheet also gives each color
of a picture the shade in which words of it can be read in the theme. Both stand in the folder
`page`.

Streamlit runs the script again whenever its element comes anew, so all of it stands behind
`window.gradviz`. It reaches only for what Streamlit and Vega name on purpose: data-testid,
`st-key-…`, `.vega-bind`, and the names of inputs. Streamlit drops a script in which something
looks like a tag, so no markup is written there.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import streamlit as st

from gradviz.charts.parts.palette import theme_css
from gradviz.language import t

PAGE = Path(__file__).parent / "page"
# The parts of the script in the order in which they need each other.
PARTS = (
    "sliders",
    "aloud",
    "questions",
    "player",
    "presets",
    "share",
    "save",
    "table",
    "words",
    "terms",
    "progress",
    "frame",
    "discover",
    "drawer",
)
SHEETS = ("page", "questions", "words", "share")
_SPEAK = """
  // The words of the page's language, for what is read aloud.
  return {
    speak(translated) {
      words = translated;
      document.documentElement.lang = words.lang;
      for (const player of players) player.label();
      discoverProgress();
      translateStreamlit();
      describePictures();
    },
  };
"""


def page_script() -> None:
    """Put script and style sheet into the page; they take no room."""
    _load_charts()
    st.html(f"<style>{style()}</style>")
    with st.container(key="page_script"):
        st.html(
            f"<script>{script()}\nwindow.gradviz.speak({json.dumps(words())});</script>",
            unsafe_allow_javascript=True,
        )


def words() -> dict[str, str]:
    """What the script says, in the current language."""
    return {
        "play": t("Play the run", "播放训练过程"),
        "pause": t("Pause", "暂停"),
        "read": t("{read} of {all} lessons read", "已读 {read} 课，共 {all} 课"),
        "lang": t("en", "zh-Hans"),
        "now": t("{picture}. Now: {state}.", "{picture}。当前：{state}。"),
        "and": t("; ", "；"),
        "help": t("Help on {name}", "说明：{name}"),
        "skip": t("Skip to main content", "跳到正文"),
        "menu": t("Main menu", "主菜单"),
        "open": t("Open the navigation", "打开导航"),
        "close": t("Close the navigation", "收起导航"),
        "section": t("Link to this heading", "此标题的链接"),
        "share": t("Share or embed this figure", "分享或嵌入此图"),
        "set": t("The figure “{title}” is set.", "已设定图“{title}”。"),
    }


def _load_charts() -> None:
    """Draw a hidden dot: the browser loads what draws charts when it meets the first of them, and
    so it does while the page is still on its way.
    """
    with st.container(key="page_first_chart"):
        st.vega_lite_chart({"data": {"values": [{}]}, "mark": "point"})


@functools.cache
def script() -> str:
    """The page's script, which runs once in a tab."""
    parts = "\n".join((PAGE / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)
    return _bare(f"window.gradviz ??= (() => {{\n{parts}\n{_SPEAK}}})();")


@functools.cache
def style() -> str:
    """The page's style sheets."""
    sheets = [(PAGE / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS]
    # On one line: Streamlit looks at each of a text's lines whenever it sends the text.
    rules = re.sub(r"/\*.*?\*/", "", "\n".join([*sheets, theme_css()]), flags=re.DOTALL)
    return " ".join(_bare(rules).splitlines())


def _bare(source: str) -> str:
    """`source` without indentation, empty lines and lines that are comments: every page has it."""
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
