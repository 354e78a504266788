"""Around a picture: a row of buttons that set a selection in the browser, and a line of words."""

from __future__ import annotations

import re

import altair as alt
import pandas as pd

from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import INK
from gradviz.charts.parts.theme import LONG
from gradviz.language import t

HEIGHT = 30  # pixels
_NARROW = "width < 420"  # then a long name stands on two lines
_LINE = 6  # pixels from the middle of a button to that of either line


def with_lines(presets: pd.DataFrame) -> pd.DataFrame:
    """`presets` with each name's two lines for a narrow page: columns upper and lower.

    A name is broken after its colon; one without stays whole, and then lower is empty.
    """
    parts = [re.split(r"(?<=：)|(?<=:) ", name, maxsplit=1) for name in presets["name"]]
    lower = [part[1] if len(part) > 1 else "" for part in parts]
    return presets.assign(upper=[part[0] for part in parts], lower=lower)


def preset_buttons(presets: alt.NamedData, chosen: str) -> alt.LayerChart:
    """A button for each row of `presets`; a press anywhere on one chooses that row's values.

    `presets` is made by `with_lines` from the columns name and color, and the fields of the
    selection that the buttons set (see `handles`). `chosen` is a Vega expression: is the row
    `datum` what stands now?
    """
    x = alt.X("name:N", axis=None, sort=None, scale=alt.Scale(paddingInner=0.06, paddingOuter=0))
    color = alt.Color("color:N", scale=None)
    base = alt.Chart(presets).encode(x=x)
    face = base.mark_rect(cornerRadius=8, cursor="pointer").encode(
        color=color,
        opacity=alt.when(chosen).then(alt.value(0.35)).otherwise(alt.value(0.12)),
        # The selection is added to another view, so only the tooltip lets these hear events.
        tooltip=tooltip_line("name:N", t("preset", "预设")),
    )
    words = base.mark_text(
        color=INK,
        fontSize=LONG,
        text=alt.expr(f"{_NARROW} ? datum.upper : datum.name"),
        dy=alt.expr(f"{_NARROW} && datum.lower ? {-_LINE} : 0"),
    )
    second = base.mark_text(
        color=INK, fontSize=LONG, text=alt.expr(f"{_NARROW} ? datum.lower : ''"), dy=_LINE
    )
    return layered(face, words, second).properties(height=HEIGHT)


def line_of_words(rows: alt.Chart) -> alt.Chart:
    """A line of text of its own among the pictures of a column: the column `words` of `rows`."""
    return (
        rows.mark_text(align="left", color=INK, fontSize=LONG)
        .encode(x=alt.value(0), y=alt.value(8), text="words:N")
        .properties(height=16)
    )
