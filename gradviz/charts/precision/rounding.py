"""Where the update of a weight is lost: between two neighboring numbers of the format."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.layers import Names
from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import in_words, quoted, tooltip_line
from gradviz.charts.parts.handles import (
    GUESSED,
    HAS_GUESS,
    SHARE_REVEALED,
    question_params,
)
from gradviz.charts.parts.marks import column, layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import scientific
from gradviz.charts.parts.theme import READOUT, WORDS, legend, themed
from gradviz.language import t
from gradviz.theory.formats import FORMATS

POWER = "power"  # the parameter: the update is 10 to this power
LINES_HEIGHT, WEIGHT_HEIGHT = 178, 140
LOW, HIGH = 0.9955, 1.0165  # of the number lines
_ROW = 1.0  # between two number lines
_ASKED = "bfloat16"  # the format whose answer is asked for


def rounding(
    weights: pd.DataFrame, names: Names, count: int, power: float, step: float, asked: bool = False
) -> alt.VConcatChart:
    """Number lines around 1, with one update; below, the weight after 0 to `count` of them.

    `weights` has columns format, power, n, moved: how far a weight is from 1, where it began, after
    n updates of 10^power in that format (`engine.precision.repeated_updates`), for powers `step`
    apart; the slider opens at `power`. `names` are those of the formats. If it is `asked` for, what
    becomes of the weight in bfloat16 is covered until the page reveals it.
    """
    powers = sorted(set(weights["power"]))
    slider = alt.binding_range(
        min=powers[0],
        max=powers[-1],
        step=step,
        name=t("Update Δw = 10 to the power ", "更新量 Δw = 10 的幂，指数 "),
    )
    params = [alt.param(POWER, value=power, bind=slider)]
    # The slider's powers are those of the data, but for the last digits.
    now = alt.Chart(weights.rename(columns={"format": "arm"})).transform_filter(
        f"abs(datum.power - {POWER}) < {step / 2}"
    )
    if asked:
        params += question_params()
    color = alt.Color(
        "arm:N",
        scale=alt.Scale(domain=list(names), range=[COLORS[name] for name in names]),
        legend=legend(3, joined=True, symbolType="circle"),
    )
    return themed(
        column(
            _number_lines(now, list(names), color, asked),
            _weights(now, count, color, asked),
            spacing=26,
            params=params,
            description=t(
                "Where a weight lands after one update in three number formats, and after many",
                "三种数字格式下，权重经过一次更新和多次更新后落在哪里",
            ),
        )
    )


def ticks(form: str) -> pd.DataFrame:
    """The numbers of the format on its line, column w; one row for each."""
    return pd.DataFrame({"w": FORMATS[form].numbers(LOW, HIGH)})


def _number_lines(
    now: alt.Chart, forms: list[str], color: alt.Color, asked: bool
) -> alt.LayerChart:
    """A line for each format: its numbers as ticks, the weight, where it should go and where it is.

    float32's numbers lie closer than pixels: its line is a band.
    """
    x = alt.X(
        "w:Q",
        scale=alt.Scale(domain=[LOW, HIGH], nice=False, zero=False),
        axis=corner_axis("w", alt.Axis(values=[0.996, 1, 1.004, 1.008, 1.012, 1.016], grid=False)),
    )
    rows = {form: -_ROW * place for place, form in enumerate(forms)}
    scale = alt.Scale(domain=[-_ROW * (len(forms) - 1) - 0.42, 0.75], nice=False, zero=False)
    y = alt.Y("row:Q", scale=scale, axis=None)
    lines = []
    for form, row in rows.items():
        if FORMATS[form].spacing < 1e-5:
            band = pd.DataFrame({"w": [LOW], "end": [HIGH], "low": [row - 0.1], "row": [row + 0.1]})
            lines.append(
                alt.Chart(band)
                .mark_rect(color=COLORS[form], opacity=0.35)
                .encode(x=x, x2="end:Q", y=y, y2="low:Q")
            )
            continue
        every = ticks(form).assign(row=row + 0.17, low=row - 0.17)
        lines.append(
            alt.Chart(every)
            .mark_rule(color=COLORS[form], strokeWidth=2)
            .encode(x=x, y=y, y2="low:Q")
        )
    landed = (
        now.transform_filter("datum.n == 1")
        .transform_calculate(
            row=" : ".join([*(f"datum.arm === '{f}' ? {r}" for f, r in rows.items()), "0"]),
            w="1 + datum.moved",
            high="datum.row + 0.36",
            stays="datum.moved == 0",
        )
    )  # fmt: skip
    known = landed.transform_filter(_known()) if asked else landed
    stays = t("stays at 1", "仍为 1")
    number = "format(datum.w, '.5f')"
    goes = f"(width < 420 ? {number} : {in_words(t('goes to {w}', '移到 {w}'), w=number)})"
    start = pd.DataFrame({"w": 1.0, "row": list(rows.values())})
    goal = now.transform_filter("datum.n == 1 && datum.arm === 'float32'").transform_calculate(
        w=f"1 + pow(10, {POWER})"
    )
    aim = in_words(t("1 + {update}", "1 + {update}"), update=scientific(f"pow(10, {POWER})"))
    return layered(
        *lines,
        goal.mark_rule(color=INK, strokeDash=[4, 3]).encode(x=x),
        goal.transform_calculate(words=aim)
        .mark_text(align="left", baseline="top", dx=5, **WORDS)
        .encode(x=x, y=alt.value(0), text="words:N"),
        alt.Chart(start).mark_point(size=150, color=INK, strokeWidth=2, opacity=1).encode(x=x, y=y),
        known.mark_point(size=110, filled=True, opacity=1).encode(x=x, y=y, color=color),
        known.transform_calculate(words=f"datum.stays ? {quoted(stays)} : {goes}", row="datum.high")
        .mark_text(align="right", fontSize=READOUT, fontWeight="bold")
        .encode(x=alt.value("width"), y=y, color=color, text="words:N"),
    ).properties(height=LINES_HEIGHT)


def _known() -> str:
    """A Vega expression: may this row be seen already?"""
    return f"datum.arm !== '{_ASKED}' || {SHARE_REVEALED} == 1"


def _weights(now: alt.Chart, count: int, color: alt.Color, asked: bool) -> alt.LayerChart:
    """How far the weight has come after n updates, as a share of all of them together."""
    x = alt.X(
        "n:Q",
        scale=alt.Scale(domain=[0, count], nice=False),
        axis=corner_axis(t("updates", "更新次数"), alt.Axis(grid=False, format="d", tickCount=5)),
    )
    y = alt.Y(
        "share:Q",
        scale=alt.Scale(domain=[-0.06, 1.8], nice=False),
        axis=alt.Axis(
            format="%",
            values=[0, 0.5, 1, 1.5],
            title=t(
                "distance covered, of that of {n} updates", "已走的路程，占 {n} 次更新应走的比例"
            ).format(n=count),
        ),
    )
    way = now.transform_calculate(
        w="1 + datum.moved", share=f"datum.moved / ({count} * pow(10, datum.power))"
    )
    if asked:
        way = way.transform_filter(
            f"datum.arm !== '{_ASKED}' || datum.n <= {count} * {SHARE_REVEALED}"
        )
    # Two formats may both lose all: the upper of the lines is dashed, so that both are seen.
    dashed = alt.when("datum.arm === 'float16'").then(alt.value([8, 6]))
    lines = way.mark_line(strokeWidth=3, interpolate="step-after").encode(
        x=x,
        y=y,
        color=color,
        strokeDash=dashed.otherwise(alt.value([1, 0])),
    )
    points = way.mark_point(filled=True, size=60, opacity=0).encode(
        x=x,
        y=y,
        tooltip=[
            tooltip_line("arm:N", t("format", "格式")),
            tooltip_line("n:Q", t("updates", "更新次数")),
            tooltip_line("w:Q", "w", ".6f"),
        ],
    )
    guess = [_guess(y)] if asked else []
    return layered(lines, points, *guess).properties(height=WEIGHT_HEIGHT)


def _guess(y: alt.Y) -> alt.Chart:
    """The reader's guess, in words at the height where the line would end."""
    row = alt.Chart(pd.DataFrame({"n": [np.nan]})).transform_calculate(share=GUESSED)
    words = row.transform_filter(HAS_GUESS).mark_text(
        align="right", baseline="bottom", dx=-6, dy=-4, **WORDS
    )
    return words.encode(x=alt.value("width"), y=y, text=alt.value(t("your guess", "你的猜测")))
