"""The mean squared slopes of several activations, side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import altair as alt
import pandas as pd

from gradviz.charts.parts.handles import GUESSED, HAS_GUESS, SHARE_REVEALED, question_params
from gradviz.charts.parts.marks import layered, rule_at
from gradviz.charts.parts.palette import INK, colors_of
from gradviz.charts.parts.theme import READOUT, WORDS, themed
from gradviz.language import t

ROW = 34  # pixels for each activation; above its mark there is room for a word


@dataclass(frozen=True)
class AskedSlope:
    """A question asks for the slope of one activation, `name`, and covers all that `known` lacks.

    `start` is the guess before any.
    """

    name: str
    known: Collection[str]
    start: float


def mean_slopes(
    values: Mapping[str, float], names: Mapping[str, str], asked: AskedSlope | None = None
) -> alt.LayerChart:
    """`values` is E[φ′²] by activation, shown in its order under `names`; the rule is at 1.

    The mark that is `asked` for stands at the guess, and moves from there to where it belongs.
    """
    rows = pd.DataFrame({"name": list(values), "value": list(values.values())})
    rows["title"] = rows["name"].map(names)
    rows["known"] = [asked is None or name in asked.known for name in rows["name"]]
    top = 1.1 * max(1.0, rows["value"].max())
    x = alt.X(
        "at:Q",
        title=t("E[φ′²] for z ~ N(0, 1)", "E[φ′²]，z ~ N(0, 1)"),
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(tickCount=5),
    )
    chart = themed(
        layered(
            *_kept(),
            *_lollipops(rows, x, asked),
            *(_guess(rows, x, asked) if asked else []),
        ).properties(
            height=ROW * len(rows) + 50,
            description=t(
                "Mean squared slopes: {values}",
                "斜率平方的均值：{values}",
                values=", ".join(f"{names[name]} {value:.3g}" for name, value in values.items()),
            ),
        )
    )
    return chart.add_params(*question_params(asked.start)) if asked else chart


def _kept() -> list[alt.Chart]:
    """A dashed rule at 1, in words what it stands for."""
    rule = rule_at(1.0, alt.X("value:Q"))
    words = rule.mark_text(align="right", baseline="top", dx=-6, **WORDS)
    said = t("1: δ keeps its size", "1：δ 大小不变")
    return [rule, words.encode(y=alt.value(4), text=alt.value(said))]


def _lollipops(rows: pd.DataFrame, x: alt.X, asked: AskedSlope | None) -> list[alt.Chart]:
    """Each value as a bar with a head and its number, the covered ones as far as they may be."""
    colors = colors_of(rows["name"])
    seen, number, at = "1", "1", "datum.value"
    if asked is not None:
        way, is_asked = SHARE_REVEALED, f"datum.name === '{asked.name}'"
        seen = f"datum.known || ({is_asked} && {HAS_GUESS}) ? 1 : {way}"
        number = f"datum.known ? 1 : {way}"
        at = f"{is_asked} && {HAS_GUESS} ? {way} * datum.value + (1 - {way}) * {GUESSED} : {at}"
    base = (
        alt.Chart(rows)
        .transform_calculate(at=at, seen=seen, number=number)
        .encode(
            x=x,
            y=_row_axis(),
            color=alt.Color(
                "name:N",
                scale=alt.Scale(domain=list(colors), range=list(colors.values())),
                legend=None,
            ),
        )
    )
    shown = alt.Opacity("seen:Q", scale=None)
    return [
        base.mark_bar(height=6)
        .transform_calculate(pale="0.6 * datum.seen")
        .encode(opacity=alt.Opacity("pale:Q", scale=None)),
        base.mark_point(filled=True, size=90).encode(opacity=shown),
        base.mark_text(align="left", dx=9, fontSize=READOUT, fontWeight="bold").encode(
            text=alt.Text("value:Q", format=".3~f"), opacity=alt.Opacity("number:Q", scale=None)
        ),
    ]


def _guess(rows: pd.DataFrame, x: alt.X, asked: AskedSlope) -> list[alt.Chart]:
    """A dashed rule at the guess, across the row that it is for, with its name above the mark."""
    row = (
        alt.Chart(rows[rows["name"] == asked.name])
        .transform_filter(HAS_GUESS)
        .transform_calculate(at=GUESSED)
        .encode(x=x)
    )
    right = f"{GUESSED} < 0.6"  # beside the rule where there is more room
    words = row.mark_text(
        align=alt.expr(f"{right} ? 'left' : 'right'"),
        dx=alt.expr(f"{right} ? 6 : -6"),
        dy=-13,
        **WORDS,
    )
    return [
        row.mark_rule(color=INK, strokeWidth=2, strokeDash=[3, 3]).encode(
            y=alt.Y("title:N", sort=None, bandPosition=0), y2=alt.Y2("title:N", bandPosition=1)
        ),
        words.encode(y=_row_axis(), text=alt.value(t("your guess", "你的猜测"))),
    ]


def _row_axis() -> alt.Y:
    return alt.Y("title:N", sort=None, title=None, axis=alt.Axis(grid=False, ticks=False))
