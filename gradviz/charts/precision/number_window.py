"""What a number format can hold, as a window over the gradients of a deep network.

Multiplying the loss moves float16's window down; the gradients stay where they are.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.layers import Names, arm_color
from gradviz.charts.parts.expressions import in_words, quoted, tooltip_line
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale, scientific
from gradviz.charts.parts.summary import dodged, state_of
from gradviz.charts.parts.theme import LONG, READOUT, themed
from gradviz.language import t
from gradviz.theory.formats import FORMATS

HEIGHT = 430
EXPONENT = "exponent"  # the parameter: the loss is multiplied by 2 to this power
DOMAIN = (1e-22, 1e6)  # room for the window above the gradients, and for words at the foot
_HALF = "float16"


def number_window(signals: pd.DataFrame, names: Names, depth: int, last: int) -> alt.LayerChart:
    """The size of an entry of ∂L/∂z by layer in each format, with a slider for the loss's scale.

    `signals` has columns format, exponent, seed, layer, value, as `engine.precision` measures them,
    for exponents from 0, where the slider opens, to `last`. `names` are those of the formats in
    their order. The window holds what float16 does: from its smallest to its largest number,
    divided by the scale.
    """
    rows = points(signals, list(names), depth)
    form = FORMATS[_HALF]
    scale = f"pow(2, {EXPONENT})"
    edge = pd.DataFrame({"low": [form.smallest], "high": [form.largest]})
    window = (
        alt.Chart(edge)
        .transform_calculate(low=f"datum.low / {scale}", high=f"datum.high / {scale}")
        .transform_calculate(top=f"min(datum.high, {DOMAIN[1]})")
    )
    domain = power_scale(*DOMAIN)
    y = alt.Y(
        "y:Q",
        scale=domain,
        axis=power_axis(*DOMAIN, t("Size of an entry of ∂L/∂z", "∂L/∂z 一个元素的大小"), most=8),
    )
    slider = alt.binding_range(
        min=0, max=last, step=1, name=t("Loss times 2 to the power ", "损失乘以 2 的幂，指数 ")
    )
    shown = alt.Chart(rows).transform_filter(f"datum.exponent == {EXPONENT}")
    color = arm_color(names)
    place = alt.X(
        "place:Q",
        title=t("Layer (1 is next to the input)", "层（第 1 层紧邻输入）"),
        scale=alt.Scale(domain=[0.2, depth + 1.8], nice=False),
        axis=alt.Axis(
            values=[1, *range(4, depth - 1, 4), depth + 1],
            labelExpr=f"datum.value > {depth} ? {quoted(t('output', '输出'))} : "
            "format(datum.value, 'd')",
            grid=False,
        ),
    )
    shape = alt.Shape(
        "state:N",
        scale=alt.Scale(
            domain=["measured", "zero", "overflow"],
            range=["circle", "triangle-down", "triangle-up"],
        ),
        legend=None,
    )
    picture = layered(
        window.mark_rect(color=COLORS[_HALF], opacity=0.13).encode(
            y=alt.Y("low:Q", scale=domain), y2="top:Q"
        ),
        *_edges(window, domain, scale),
        shown.mark_point(filled=True, opacity=1, size=alt.expr("width < 420 ? 22 : 44")).encode(
            x=place,
            y=y,
            color=color,
            shape=shape,
            tooltip=[
                tooltip_line("arm:N", t("format", "格式")),
                tooltip_line("layer:Q", t("layer", "层")),
                tooltip_line("middle:Q", t("size", "大小"), ".1e"),
            ],
        ),
        _in_short(rows, depth, domain),
    ).add_params(alt.param(EXPONENT, value=0, bind=slider))
    return themed(
        picture.properties(
            height=HEIGHT,
            description=t(
                "The size of gradients in each layer in three number formats, with the range that "
                "float16 can hold as a band",
                "三种数字格式下各层梯度的大小，float16 能表示的范围画成一条带",
            ),
        )
    )


def points(signals: pd.DataFrame, forms: list[str], depth: int) -> pd.DataFrame:
    """One row for each format ("arm"), exponent and layer: state, middle, height y, place.

    The middle is geometric, over the seeds that have a number; "zero" if all seeds are 0,
    "overflow" if one is not finite. Formats stand beside each other.
    """
    named = signals.rename(columns={"format": "arm"})
    states = state_of(named["value"])
    with np.errstate(divide="ignore"):
        logs = np.log(named["value"].where(states == "measured"))
    each = named.assign(log=logs, overflow=states == "overflow")
    found = each.groupby(["arm", "exponent", "layer"], sort=False)
    rows = found.agg(log=("log", "mean"), overflow=("overflow", "any")).reset_index()
    gone = rows["log"].isna()  # without a seed that has a number
    rows["state"] = np.select([rows["overflow"], gone], ["overflow", "zero"], "measured")
    rows["middle"] = np.exp(rows["log"].where(rows["state"] == "measured"))
    rows = rows[["arm", "exponent", "layer", "state", "middle"]]
    feet = rows["state"].map({"zero": DOMAIN[0], "overflow": DOMAIN[1]})
    heights = rows["middle"].fillna(feet).astype(float)
    return rows.assign(y=heights, place=dodged(rows, forms, depth))


def zeros(rows: pd.DataFrame, depth: int) -> pd.DataFrame:
    """For each exponent: how many hidden layers get exactly 0 in float16, and whether all is NaN.

    `rows` are those of `points`; columns exponent, zeros, lost.
    """
    own = rows[(rows["arm"] == _HALF) & (rows["layer"] <= depth)]
    found = own.groupby("exponent")["state"]
    return pd.DataFrame(
        {
            "zeros": found.agg(lambda states: int((states == "zero").sum())),
            "lost": found.agg(lambda states: bool((states == "overflow").any())),
        }
    ).reset_index()


def _edges(window: alt.Chart, domain: alt.Scale, scale: str) -> list[alt.Chart]:
    """Both ends of the window in words, where the gradients are not."""
    form = FORMATS[_HALF]
    least = t("float16, smallest: {number}", "float16 最小：{number}")
    most = t("float16, largest: {number}", "float16 最大：{number}")
    look = {"color": COLORS[_HALF], "fontSize": READOUT, "baseline": "top", "dy": 5}
    # On a phone the words would lie on the marks: there the number stands alone, in the color.
    number = scientific(f"{form.smallest!r} / {scale}")
    return [
        window.transform_calculate(
            words=f"width < 420 ? {number} : {in_words(least, number=number)}"
        )
        .mark_text(align="right", **look)
        .encode(x=alt.value("width"), y=alt.Y("low:Q", scale=domain), text="words:N"),
        window.transform_calculate(
            words=in_words(most, number=scientific(f"{form.largest!r} / {scale}"))
        )
        .mark_text(align="left", **look)
        .encode(x=alt.value(6), y=alt.Y("top:Q", scale=domain), text="words:N"),
    ]


def _in_short(rows: pd.DataFrame, depth: int, domain: alt.Scale) -> alt.Chart:
    """What float16 has lost, in words over its marks at the foot, or at the top."""
    found = zeros(rows, depth)
    zero = t("float16: exactly 0 in {n} of {depth} layers", "float16：{depth} 层中 {n} 层恰为 0")
    lost = t("float16: ∞ or NaN", "float16：∞ 或 NaN")
    found["words"] = [
        lost if gone else zero.format(n=n, depth=depth) if n else ""
        for n, gone in zip(found["zeros"], found["lost"], strict=True)
    ]
    found["y"] = np.where(found["lost"], DOMAIN[1], DOMAIN[0])
    text = alt.Chart(found).transform_filter(f"datum.exponent == {EXPONENT}")
    return text.mark_text(
        align="left",
        baseline="bottom",
        dy=alt.expr("datum.lost ? 26 : -8"),
        color=INK,
        fontSize=LONG,
        fontWeight="bold",
    ).encode(x=alt.value(6), y=alt.Y("y:Q", scale=domain), text="words:N")
