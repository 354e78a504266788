"""A network of one neuron per layer as a curve F(x), above its slope, as layers are added."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.buttons import line_of_words
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import layered, rule_at
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_of_ten, power_scale, rounded_power
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.theme import WORDS
from gradviz.language import t

LAYERS = "layers"  # the parameter that says how many are stacked
# The axis of F; curves beyond it are cut.
VALUES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
OTHER_VALUES = (0.0, 10.0)
SLOPES = (1e-16, 1e8)
SLOPES_HEIGHT = 145


def composite_curves(curves: pd.DataFrame, activation: str, layers: int = 1) -> Spec:
    """F(x) and |F′(x)| after as many layers as a slider in the picture says, at first `layers`.

    Returns a Vega-Lite spec. `curves` has the columns layer (1, 2, …), x, value and slope. Raises
    `ValueError` for a number of layers that it does not have.
    """
    most = int(curves["layer"].max())
    if layers not in range(1, most + 1):
        raise ValueError(f"layers={layers!r} is not a whole number from 1 to {most}")
    ends = float(curves["x"].min()), float(curves["x"].max())
    curves = curves.assign(size=curves["slope"].abs())
    picture = _picture(activation, ends, most, layers)
    return picture.with_data(curves=curves, summary=summary_frame(curves))


def summary_frame(curves: pd.DataFrame) -> pd.DataFrame:
    """For each number of layers: spread of the outputs, largest slope, and both in words.

    `off_axis` counts the slopes that are too small for the axis.
    """
    by_layer = curves.groupby("layer")
    spread = by_layer["value"].max() - by_layer["value"].min()
    steepest = by_layer["slope"].agg(lambda slope: slope.abs().max())
    off_axis = by_layer["slope"].agg(lambda slope: int((slope.abs() < SLOPES[0]).sum()))
    columns = {"spread": spread, "steepest": steepest, "off_axis": off_axis}
    table = pd.DataFrame(columns).reset_index()
    table["words"] = [
        t(
            "outputs differ by {spread}; largest slope {steepest}",
            "输出相差 {spread}；最大斜率 {steepest}",
            spread=rounded_power(differ, 2),
            steepest=rounded_power(slope, 2),
        )
        for differ, slope in zip(spread.tolist(), steepest.tolist(), strict=True)
    ]
    return table


@built_once
def _picture(
    activation: str, ends: tuple[float, float], most: int, layers: int
) -> alt.VConcatChart:
    """The picture without its data."""
    slider = alt.binding_range(min=1, max=most, step=1, name=t("Layers ", "层数 "))
    color = COLORS[activation]
    return (
        alt.vconcat(
            line_of_words(_now("summary")),
            _values(ends, VALUES.get(activation, OTHER_VALUES), color),
            _slopes(ends, color),
            spacing=8,
        )
        .add_params(alt.param(LAYERS, value=layers, bind=slider))
        .properties(
            description=t(
                "The curve of a composite function and, below on a log axis, its slope, for a "
                "number of layers set by a slider",
                "复合函数的曲线，下方是其斜率的大小（对数轴），层数由滑块设定",
            )
        )
    )


def _now(data: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(data)).transform_filter(f"datum.layer == {LAYERS}")


def _x(ends: tuple[float, float], axis: alt.Axis) -> alt.X:
    return alt.X("x:Q", scale=alt.Scale(domain=ends, nice=False), axis=axis)


def _values(ends: tuple[float, float], values: tuple[float, float], color: str) -> alt.LayerChart:
    low, high = values
    room = 0.08 * (high - low)
    x = _x(ends, alt.Axis(title=None, labels=False, ticks=False))
    y = alt.Y(
        "value:Q",
        title="F(x)",
        scale=alt.Scale(domain=[low - room, high + room], nice=False, zero=False),
        axis=alt.Axis(tickCount=5),
    )
    earlier = (
        alt.Chart(alt.NamedData("curves"))
        .transform_filter(f"datum.layer < {LAYERS}")
        .mark_line(color=INK, strokeWidth=1, opacity=0.35, clip=True)
        .encode(x=x, y=y, detail="layer:N")
    )
    now = _now("curves")
    current = now.mark_line(color=color, strokeWidth=3, clip=True).encode(x=x, y=y)
    return layered(earlier, current, _hovered(now, x, y, "value:Q", "F(x)", ".4~g")).properties(
        height=175
    )


def _hovered(
    rows: alt.Chart, x: alt.X, y: alt.Y, field: str, title: str, pattern: str
) -> alt.Chart:
    """Unseen points that tell their values: a line has none of its own."""
    tooltip = [alt.Tooltip("x:Q", format="~r"), tooltip_line(field, title, pattern)]
    points = rows.mark_point(filled=True, size=60, opacity=0, clip=True)
    return points.encode(x=x, y=y, tooltip=tooltip)


def _slopes(ends: tuple[float, float], color: str) -> alt.LayerChart:
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
        seen.mark_line(color=color, strokeWidth=2.5, clip=True).encode(x=x, y=y),
        _hovered(seen, x, y, "size:Q", t("slope", "斜率"), ".2~e"),
        off.mark_point(shape="triangle-down", filled=True, size=35, color=color, opacity=1).encode(
            x=x,
            y=alt.value(SLOPES_HEIGHT - 5),
            tooltip=[alt.Tooltip("x:Q"), tooltip_line("size:Q", t("slope", "斜率"), ".2g")],
        ),
    ).properties(height=SLOPES_HEIGHT)
