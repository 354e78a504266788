"""Markdown as Streamlit reads it, as HTML; formulas are left to KaTeX in the browser.

Both follow CommonMark, with tables and with formulas between dollar signs. HTML in a text is shown
as it stands.
"""

from __future__ import annotations

import functools
import html
import re
from typing import Any

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

# What the icons of the app are here: one letter of a font that every device has, or none at all.
_ICONS = {
    "arrow_back": "←",
    "arrow_forward": "→",
    "trending_up": "↗",
    "trending_down": "↘",
}
_ICON = re.compile(r":material/(\w+): ?")


def block(text: str) -> str:
    """A text of paragraphs, lists, headings and the like."""
    return _with_icons(_reader().render(text))


def inline(text: str) -> str:
    """A text of one line, as on a button."""
    return _with_icons(_reader().renderInline(text))


def icon(name: str) -> str:
    """The icon that Streamlit calls `name`, as ":material/home:", with a space after it."""
    return _with_icons(f"{name} ") if name else ""


def _with_icons(written: str) -> str:
    return _ICON.sub(lambda found: _icon(found[1]), written)


def _icon(name: str) -> str:
    letter = _ICONS.get(name)
    return f'<span class="icon" aria-hidden="true">{letter}</span> ' if letter else ""


@functools.cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.use(dollarmath_plugin, allow_labels=False, double_inline=True)
    reader.add_render_rule("math_inline", _formula)
    reader.add_render_rule("math_inline_double", _display)
    reader.add_render_rule("math_block", _display)
    reader.add_render_rule("fence", _code)
    return reader


def code(text: str) -> str:
    """A program; who cannot use a mouse scrolls it by its keys."""
    pre = f'<pre tabindex="0"><code>{html.escape(text)}</code></pre>'
    return f'<div class="stCode" data-testid="stCode">{pre}</div>'


def _code(_self: Any, tokens: Any, place: int, *_: Any) -> str:  # noqa: ANN401
    return code(tokens[place].content.rstrip())


def _formula(_self: Any, tokens: Any, place: int, *_: Any) -> str:  # noqa: ANN401 — markdown-it's
    return f"<span data-tex>{html.escape(tokens[place].content.strip())}</span>"


def _display(_self: Any, tokens: Any, place: int, *_: Any) -> str:  # noqa: ANN401
    formula = html.escape(tokens[place].content.strip())
    return f'<span data-tex="display">{formula}</span>\n'
