"""The plateau of one saturated unit: its loss, its gradient, and how far descent gets."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.buttons import line_of_words, preset_buttons, with_lines
from gradviz.charts.parts.handles import GHOST, handle_selection
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.language import t

START = "start_w"  # the signal of the selection


def plateau_chart(
    curve: pd.DataFrame, walks: pd.DataFrame, presets: pd.DataFrame, start: float
) -> Spec:
    """Loss and gradient over the weight ω, and the steps taken from a start that one can drag.

    Returns a Vega-Lite spec. `curve` has the columns w, loss, gradient; `walks` w (the start),
    step, at (where the weight is then) and loss (there); `presets` name, color, w. Raises
    `ValueError` for a start that has no walk.
    """
    starts = np.unique(walks["w"])
    if not np.isclose(starts, start).any():
        raise ValueError(f"start={start!r} is not from {starts[0]:g} to {starts[-1]:g}, by tenths")
    strips = pd.DataFrame({"w": curve["w"], "left": curve["w"] - 0.05, "right": curve["w"] + 0.05})
    return _picture(float(starts[0]), float(starts[-1]), start).with_data(
        curve=curve,
        walks=walks,
        presets=with_lines(presets),
        strips=strips,
        ends=ends_frame(curve, walks),
    )


def ends_frame(curve: pd.DataFrame, walks: pd.DataFrame) -> pd.DataFrame:
    """For each start where its walk ends, and both in words."""
    last = walks[walks["step"] == walks["step"].max()]
    table = last.drop(columns="loss").merge(curve, on="w")
    columns = (table[name].tolist() for name in ("gradient", "step", "w", "at"))
    table["words"] = [
        t(
            "∂Loss/∂ω = {gradient}: {steps} steps move ω from {w:.1f} to {at:.2f}",
            "∂Loss/∂ω = {gradient}：{steps} 步后 ω 从 {w:.1f} 变为 {at:.2f}",
            gradient=rounded_power(gradient, 2),
            steps=steps,
            w=w,
            at=at,
        )
        for gradient, steps, w, at in zip(*columns, strict=True)
    ]
    return table


@built_once
def _picture(low: float, high: float, start: float) -> alt.VConcatChart:
    """The picture without its data."""
    slider = alt.binding_range(min=low, max=high, step=0.1, name=t("Start ω ", "起点 ω "))
    chosen = handle_selection("start", "w", start, slider)
    ends = (low, high)
    return (
        alt.vconcat(
            preset_buttons(alt.NamedData("presets"), f"abs(datum.w - {START}) < 0.05"),
            line_of_words(_at_start("ends")),
            _loss(ends, chosen),
            _gradient(ends),
            spacing=8,
        )
        .resolve_scale(x="independent", color="independent")
        .properties(
            description=t(
                "The loss of one sigmoid unit over its weight, with the steps of gradient descent "
                "from a movable start, above its gradient",
                "单个 sigmoid 神经元的损失随权值变化的曲线，以及从可移动的起点出发的梯度下降，"
                "下方是梯度",
            )
        )
    )


def _at_start(data: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(data)).transform_filter(f"abs(datum.w - {START}) < 0.05")


def _w(ends: tuple[float, float], axis: alt.Axis, field: str = "w") -> alt.X:
    return alt.X(f"{field}:Q", scale=alt.Scale(domain=ends, nice=False), axis=axis)


def _loss(ends: tuple[float, float], chosen: alt.Parameter) -> alt.LayerChart:
    hidden = alt.Axis(title=None, labels=False, ticks=False)
    y = alt.Y(
        "loss:Q",
        title=t("Loss", "损失"),
        scale=alt.Scale(domain=[-0.06, 1.1], nice=False),
        axis=alt.Axis(values=[0, 0.5, 1]),
    )
    line = (
        alt.Chart(alt.NamedData("curve"))
        .mark_line(color=INK, strokeWidth=2)
        .encode(x=_w(ends, hidden), y=y)
    )
    steps = _at_start("walks")
    place = {"x": _w(ends, hidden, "at"), "y": y}
    way = steps.mark_point(filled=True, size=45, color=COLORS["healthy"], opacity=0.8)
    first = steps.transform_filter("datum.step == 0")
    begin = first.mark_point(size=190, strokeWidth=3, color=COLORS["sigmoid"])
    return layered(
        line,
        way.encode(**place),
        begin.encode(**place),
        _handles().add_params(chosen),
    ).properties(height=165)


def _gradient(ends: tuple[float, float]) -> alt.LayerChart:
    x = _w(ends, corner_axis("ω", alt.Axis(tickMinStep=1)))
    y = alt.Y("gradient:Q", title="∂Loss/∂ω", axis=alt.Axis(tickCount=3))
    base = alt.Chart(alt.NamedData("curve")).encode(x=x, y=y)
    here = _at_start("curve").mark_point(filled=True, size=90, color=COLORS["sigmoid"], opacity=1)
    return layered(
        base.mark_area(color=COLORS["sigmoid"], opacity=0.2),
        base.mark_line(color=COLORS["sigmoid"], strokeWidth=2),
        here.encode(x=x, y=y),
        _handles().encode(tooltip=GHOST),
    ).properties(height=100)


def _handles() -> alt.Chart:
    """Invisible upright strips, one for each start."""
    return (
        alt.Chart(alt.NamedData("strips"))
        .mark_rect(opacity=0, clip=True, cursor="ew-resize", tooltip=None)
        .encode(x=alt.X("left:Q"), x2="right:Q", y=alt.value(0), y2=alt.value("height"))
    )
