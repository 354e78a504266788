"""Words inside Vega expressions: quoted, so that no text of any language can end an expression.

Expressions without words are written as they are, or with `alt.datum` and `alt.expr`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import Formatter

import altair as alt

# JSON leaves these two as they are; in an expression they would end the line within the quotes.
_LINE_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}


def quoted(text: str) -> str:
    """A Vega expression that is `text`, whatever quotes, backslashes or line ends it contains."""
    inner = json.dumps(text, ensure_ascii=False)[1:-1].replace("'", r"\'")
    for end, escaped in _LINE_ENDS.items():
        inner = inner.replace(end, escaped)
    return f"'{inner}'"


def in_words(text: str, **values: str) -> str:
    """A Vega expression for `text`, in which each `{name}` is the expression of that name.

    So a sentence whose numbers are computed in the browser is translated whole:
    `in_words(t("step {n}", "第 {n} 步"), n="datum.step")`.
    """
    parts: list[str] = []
    for words, name, _, _ in Formatter().parse(text):
        # A quoted beginning, if only an empty one, makes each + one of strings.
        if words or not parts:
            parts.append(quoted(words))
        if name is not None:
            parts.append(values[name])
    return " + ".join(parts)


def lookup(names: Mapping[str, str], key: str) -> str:
    """A Vega expression for the entry of `names` that the expression `key` says."""
    table = ", ".join(f"{quoted(name)}: {quoted(words)}" for name, words in names.items())
    return f"{{{table}}}[{key}]"


def translated(names: Mapping[str, str]) -> str:
    """The `labelExpr` of a legend whose values are the keys of `names`."""
    return f"{lookup(names, 'datum.value')} || datum.value"


def tooltip_line(field: str, title: str, pattern: str | None = None) -> alt.Tooltip:
    """A line of a tooltip: what `field` is called, and its value, written by the D3 `pattern`.

    Vega-Lite pastes the title into an expression of its own, and there escapes quotes only.
    """
    escaped = title.replace("\\", "\\\\")
    return alt.Tooltip(field, title=escaped, format=pattern or alt.Undefined)
