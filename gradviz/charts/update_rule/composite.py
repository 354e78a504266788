"""A network of one neuron per layer as a curve F(x), above its slope, as layers are added."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.buttons import line_of_words
from gradviz.charts.parts.expressions import in_words, tooltip_line
from gradviz.charts.parts.handles import GUESSED, HAS_GUESS, SHARE_REVEALED, question_params
from gradviz.charts.parts.marks import column, layered, rule_at
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import (
    power_axis,
    power_of_ten,
    power_scale,
    rounded_power,
    scientific,
)
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.theme import READOUT, WORDS
from gradviz.language import t

LAYERS = "layers"  # the parameter that says how many are stacked
ASKED_LAYERS = 10  # the guess is the spread of the outputs after so many
# The axis of F; where an activation has no largest value it grows with the layers, from the last.
VALUES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
OTHER_VALUES = (0.0, 10.0)
# Thousands as "2k": longer numbers would be cut, since the room for them is that of the first.
_SHORT = "datum.value >= 1000 ? format(datum.value, '~s') : datum.label"
SLOPES = (1e-16, 1e8)
SLOPES_HEIGHT = 145

# While an answer is revealed, the layers are stacked one by one, from the first. Only the layers
# that are asked about are covered: the slider moves the picture before the answer, too.
_STACKED = f"(1 + round({SHARE_REVEALED} * ({LAYERS} - 1)))"
_SHOWN = f"({LAYERS} == {ASKED_LAYERS} ? {_STACKED} : {LAYERS})"


def composite_curves(curves: pd.DataFrame, activation: str, layers: int = 1) -> Spec:
    """F(x) and |F′(x)| after as many layers as a slider in the picture says, at first `layers`.

    Returns a Vega-Lite spec, which is the same for all activations but for its data, so that the
    slider stays where the reader has left it. `curves` has the columns layer (1, 2, …), x, value
    and slope. Raises `ValueError` for a number of layers that it does not have.
    """
    most = int(curves["layer"].max())
    if layers not in range(1, most + 1):
        raise ValueError(f"layers={layers!r} is not a whole number from 1 to {most}")
    ends = float(curves["x"].min()), float(curves["x"].max())
    curves = curves.assign(size=curves["slope"].abs(), color=COLORS[activation])
    summary = summary_frame(curves)
    low, high = VALUES.get(activation, OTHER_VALUES)
    if activation not in VALUES:
        high = summary["top"].map(_rounded_up).clip(lower=high)
    room = 0.08 * (high - low)
    summary = summary.assign(low=low - room, high=high + room)
    return _picture(ends, most, layers).with_data(curves=curves, summary=summary)


def _rounded_up(top: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, … that is at least `top`: so the axis seldom moves."""
    power = 10.0 ** math.floor(math.log10(top)) if top > 0 else 1.0
    return next((n * power for n in (1, 2, 5) if n * power >= top), 10 * power)


def summary_frame(curves: pd.DataFrame) -> pd.DataFrame:
    """For each number of layers: spread of the outputs, largest slope, and both in words.

    `bottom` and `top` are the smallest and the largest output; `off_axis` counts the slopes that
    are too small for the axis.
    """
    by_layer = curves.groupby("layer")
    bottom, top = by_layer["value"].min(), by_layer["value"].max()
    steepest = by_layer["slope"].agg(lambda slope: slope.abs().max())
    off_axis = by_layer["slope"].agg(lambda slope: int((slope.abs() < SLOPES[0]).sum()))
    columns = {"bottom": bottom, "top": top, "spread": top - bottom}
    columns |= {"steepest": steepest, "off_axis": off_axis}
    table = pd.DataFrame(columns).reset_index()
    rows = (table[name].tolist() for name in ("layer", "spread", "steepest"))
    table["words"] = [_in_words(*row) for row in zip(*rows, strict=True)]
    return table


def _in_words(layers: int, spread: float, steepest: float) -> str:
    text = (
        t(
            "1 layer: outputs differ by {spread}; largest slope {steepest}",
            "1 层：输出相差 {spread}；最大斜率 {steepest}",
        )
        if layers == 1
        else t(
            "{layers} layers: outputs differ by {spread}; largest slope {steepest}",
            "{layers} 层：输出相差 {spread}；最大斜率 {steepest}",
        )
    )
    return text.format(
        layers=layers, spread=rounded_power(spread, 2), steepest=rounded_power(steepest, 2)
    )


@built_once
def _picture(ends: tuple[float, float], most: int, layers: int) -> alt.VConcatChart:
    """The picture without its data."""
    slider = alt.binding_range(min=1, max=most, step=1, name=t("Layers ", "层数 "))
    return column(
        line_of_words(_now("summary")),
        _values(ends),
        _slopes(ends),
        spacing=8,
        description=t(
            "The curve of a composite function and, below on a log axis, its slope, for a "
            "number of layers set by a slider",
            "复合函数的曲线，下方是其斜率的大小（对数轴），层数由滑块设定",
        ),
        params=[alt.param(LAYERS, value=layers, bind=slider), *question_params()],
    )


def _now(data: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(data)).transform_filter(f"datum.layer == {_SHOWN}")


def _x(ends: tuple[float, float], axis: alt.Axis) -> alt.X:
    return alt.X("x:Q", scale=alt.Scale(domain=ends, nice=False), axis=axis)


def _color() -> alt.Color:
    """That of the activation, which each row of the data says."""
    return alt.Color("color:N", scale=None)


def _of_summary(field: str) -> alt.ExprRef:
    """What the summary has in `field` for the layers shown; some number before it has any."""
    rows = "data('summary')"
    row = f"{rows}[{_SHOWN} - 1]"
    return alt.ExprRef(f"length({rows}) ? {row}.{field} : {0 if field == 'low' else 1}")


def _values(ends: tuple[float, float]) -> alt.LayerChart:
    x = _x(ends, alt.Axis(title=None, labels=False, ticks=False))
    domain = [_of_summary("low"), _of_summary("high")]
    y = alt.Y(
        "value:Q",
        title="F(x)",
        scale=alt.Scale(domain=domain, nice=False, zero=False),
        axis=alt.Axis(tickCount=5, labelExpr=_SHORT),
    )
    earlier = (
        alt.Chart(alt.NamedData("curves"))
        .transform_filter(f"datum.layer < {_SHOWN}")
        .mark_line(color=INK, strokeWidth=1, opacity=0.35, clip=True)
        .encode(x=x, y=y, detail="layer:N")
    )
    now = _now("curves")
    current = now.mark_line(strokeWidth=3, clip=True).encode(x=x, y=y, color=_color())
    return layered(
        earlier, *_guess(), current, _hovered(now, x, y, "value:Q", "F(x)", ".4~g")
    ).properties(height=175)


def _guess() -> list[alt.Chart]:
    """How far apart the reader thinks that the outputs are: a band around the curve, with words."""
    band = (
        _now("summary")
        .transform_filter(f"{HAS_GUESS} && {LAYERS} == {ASKED_LAYERS}")
        .transform_calculate(
            under=f"(datum.bottom + datum.top - {GUESSED}) / 2",
            over=f"(datum.bottom + datum.top + {GUESSED}) / 2",
            guess=in_words(t("your guess: {spread}", "你的猜测：{spread}"), spread=_guessed()),
            truth=in_words(
                t("measured: {spread}", "实测：{spread}"), spread=scientific("datum.spread")
            ),
        )
    )
    under, over = alt.Y("under:Q"), alt.Y("over:Q")
    words = {"align": "left", "dx": 6, "fontSize": READOUT, "color": INK}
    truth = band.transform_filter(f"{SHARE_REVEALED} == 1")
    return [
        band.mark_rect(color=INK, opacity=0.18).encode(y=under, y2="over:Q"),
        *(
            band.mark_rule(color=INK, strokeWidth=1.5, strokeDash=[2, 4]).encode(y=edge)
            for edge in (under, over)
        ),
        band.mark_text(baseline="bottom", dy=-3, **words).encode(
            x=alt.value(0), y=over, text="guess:N"
        ),
        truth.mark_text(baseline="top", dy=5, **words).encode(
            x=alt.value(0), y=under, text="truth:N"
        ),
    ]


def _guessed() -> str:
    """The guess in words; no expression may ask for the logarithm of none."""
    return f"({HAS_GUESS} ? {scientific(GUESSED)} : '')"


def _hovered(
    rows: alt.Chart, x: alt.X, y: alt.Y, field: str, title: str, pattern: str
) -> alt.Chart:
    """Unseen points that tell their values: a line has none of its own."""
    tooltip = [alt.Tooltip("x:Q", format="~r"), tooltip_line(field, title, pattern)]
    points = rows.mark_point(filled=True, size=60, opacity=0, clip=True)
    return points.encode(x=x, y=y, tooltip=tooltip)


def _slopes(ends: tuple[float, float]) -> alt.LayerChart:
    low, high = SLOPES
    x = _x(ends, corner_axis("x", alt.Axis(tickMinStep=1, format="~r")))
    title = t("Slope |F′(x)|", "斜率 |F′(x)|")
    y = alt.Y("size:Q", scale=power_scale(low, high), axis=power_axis(low, high, title, most=6))
    seen = _now("curves").transform_filter(f"datum.size >= {low}")
    off = _now("curves").transform_filter(f"datum.size < {low} && round(datum.x * 20) % 5 == 0")
    edge = t(
        "▼ 0 or below {edge}", "▼ 为 0 或小于 {edge}", edge=power_of_ten(round(math.log10(low)))
    )
    return layered(
        _now("summary")
        .transform_filter("datum.off_axis > 0")
        .mark_text(align="left", dx=6, **WORDS)
        .encode(x=alt.value(0), y=alt.value(10), text=alt.value(edge)),
        rule_at(1.0, y, dash=(6, 4)),
        seen.mark_line(strokeWidth=2.5, clip=True).encode(x=x, y=y, color=_color()),
        _hovered(seen, x, y, "size:Q", t("slope", "斜率"), ".2~e"),
        off.mark_point(shape="triangle-down", filled=True, size=35, opacity=1).encode(
            x=x,
            y=alt.value(SLOPES_HEIGHT - 5),
            color=_color(),
            tooltip=[alt.Tooltip("x:Q"), tooltip_line("size:Q", t("slope", "斜率"), ".2g")],
        ),
    ).properties(height=SLOPES_HEIGHT)
