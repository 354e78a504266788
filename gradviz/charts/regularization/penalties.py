"""L1 and L2 on a single weight: the penalty, what one step takes away, and many steps.

All in the browser. No data pulls at the weight here, so what is seen is the penalty's own doing.
The axis of many steps is logarithmic, so that little is not nothing.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import in_words, lookup, quoted, tooltip_line
from gradviz.charts.parts.marks import column, layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale, scientific
from gradviz.charts.parts.theme import READOUT, themed
from gradviz.language import t

REACH = 2.0  # weights go from -REACH to REACH
FOOT = 1e-9  # of the logarithmic axis of weights; zero stands there
STEPS = 40
HEIGHT = 150  # pixels, of the picture of many steps
MOST = 0.2  # of learning rate times strength: so L2 hardly ever runs below the axis
SHRINK = "shrink"  # learning rate times strength, the parameter in the browser
START = "start"  # the weight that the last picture starts from
KINDS = ("soft", "l2", "l1")  # from the lowest line to the topmost
# What plain SGD makes of L1 parts from what L1 could do only near zero.
_LOOKS = {
    "soft": {"strokeWidth": 3, "color": COLORS["l1"]},
    "l2": {"strokeWidth": 3, "color": COLORS["l2"]},
    "l1": {"strokeWidth": 1.5, "strokeDash": [4, 3], "color": COLORS["l1"]},
}

# Vega expressions for each kind.
_SIGN = "((datum.w > 0) - (datum.w < 0))"
_PENALTY = {"l2": "datum.w * datum.w", "l1": "abs(datum.w)"}
_TAKEN = {"l2": f"2 * {SHRINK} * datum.w", "l1": f"{SHRINK} * {_SIGN}"}
# From the step on after which L1 is within one step of zero, SGD jumps to and fro across it.
_NEAR = f"floor({START} / max({SHRINK}, 1e-9) + 1e-9)"
_REST = f"max({START} - min(datum.k, {_NEAR}) * {SHRINK}, 0)"
_ACROSS = f"({_REST} > 1e-9) * (datum.k > {_NEAR}) * (abs(datum.k - {_NEAR}) % 2)"
_MANY_STEPS = {
    "soft": f"max({START} - datum.k * {SHRINK}, 0)",
    "l2": f"{START} * pow(1 - 2 * {SHRINK}, datum.k)",
    "l1": f"{_REST} - {SHRINK} * {_ACROSS}",
}


def penalties(shrink: float = 0.11, start: float = 1.5) -> alt.VConcatChart:
    """The penalties over the weight, what one step takes away, and the weight over the steps.

    `shrink` is learning rate × strength, η·λ, and `start` the weight of the last picture; both are
    sliders. L2 is λw² and takes away 2ηλ·w; L1 is λ|w| and takes away ηλ·sign(w). SGD does so even
    across zero; the soft threshold, the proximal step of L1, stops there (Parikh & Boyd 2014,
    section 6.5.2). Raises `ValueError` for a value that a slider does not reach.
    """
    if not 0 <= shrink <= MOST:
        raise ValueError(f"shrink={shrink!r} is not a number from 0 to {MOST:g}")
    if not 0 <= start <= REACH:
        raise ValueError(f"start={start!r} is not a number from 0 to {REACH:g}")
    slider = alt.binding_range(min=0, max=MOST, step=0.01, name="η·λ ")
    begin = alt.binding_range(min=0, max=REACH, step=0.1, name=t("Start w ", "起点 w "))
    return themed(
        column(
            _found(),
            _shapes(),
            _taken(),
            _many_steps(),
            spacing=8,
            description=t(
                "The L1 and L2 penalties over a weight, what one step of each takes away, and the "
                "size of the weight over many steps: L2 takes a share, L1 a constant, and L1 alone "
                "comes to zero",
                "L1 与 L2 惩罚项随权重的变化、每一步各减去多少，以及权重大小随步数的变化："
                "L2 每步减去一定比例，L1 每步减去一个常数，只有 L1 能到达零",
            ),
            independent=(
                "x",
                "y",
            ),
            params=[
                alt.param(SHRINK, value=shrink, bind=slider),
                alt.param(START, value=start, bind=begin),
            ],
        )
    )


def penalty_names() -> dict[str, str]:
    """What the three are called, in the current language."""
    return {
        "l2": "L2",
        "l1": t("L1 by plain SGD", "普通 SGD 下的 L1"),
        "soft": t("L1, stopped at zero", "L1，到零为止"),
    }


def _found() -> alt.LayerChart:
    """The names of the penalties in their colors, and what of the weight each has left."""
    # To the last digit: 1.5 less ten times 0.15 would leave 2·10⁻¹⁶.
    arrives = f"ceil({START} / max({SHRINK}, 1e-9) - 1e-9)"
    left = scientific(f"({START} * pow(1 - 2 * {SHRINK}, {STEPS}))")
    zero = in_words(t("exactly 0 from step {n} on", "从第 {n} 步起恰为 0"), n=arrives)
    not_yet = quoted(t("not yet at 0", "尚未到 0"))
    ends = {
        "l2": f"{START} == 0 ? '0' : "
        + in_words(
            t("{left} left after {n} steps", "{n} 步后还剩 {left}"), left=left, n=str(STEPS)
        ),
        "l1": f"{arrives} <= {STEPS} ? {zero} : {not_yet}",
    }
    rows = []
    for row, (kind, end) in enumerate(ends.items()):
        words = f"{quoted(f'● {kind.upper()}')} + ': ' + ({end})"
        text = alt.Chart(pd.DataFrame({"row": [row]})).transform_calculate(words=words)
        rows.append(
            text.mark_text(
                align="left", baseline="top", fontSize=READOUT, color=COLORS[kind]
            ).encode(x=alt.value(0), y=alt.value(18 * row), text="words:N")
        )
    return layered(*rows).properties(height=36)


def _lines(
    places: pd.DataFrame, expressions: dict[str, str], x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """One line for each kind of `expressions`, over the `places` of its x axis."""
    return [
        alt.Chart(places)
        .transform_calculate(height=expression, kind=quoted(kind))
        .mark_line(clip=True, strokeWidth=3, color=COLORS[kind])
        .encode(x=x, y=y)
        for kind, expression in expressions.items()
    ]


def _over_weights(expressions: dict[str, str], y: alt.Y, axis: alt.Axis) -> alt.LayerChart:
    points = 80
    weights = [place * REACH / points for place in range(-points, points + 1)]
    x = alt.X("w:Q", scale=alt.Scale(domain=[-REACH, REACH]), axis=axis)
    return layered(*_lines(pd.DataFrame({"w": weights}), expressions, x, y))


def _shapes() -> alt.LayerChart:
    title = t("Penalty/λ", "惩罚项/λ")
    y = alt.Y("height:Q", title=title, scale=alt.Scale(domain=[0, 4]), axis=alt.Axis(tickCount=2))
    axis = alt.Axis(title=None, labels=False, ticks=False)
    return _over_weights(_PENALTY, y, axis).properties(height=52)


def _taken() -> alt.LayerChart:
    y = alt.Y(
        "height:Q",
        title=t("A step takes", "一步减去"),
        scale=alt.Scale(domain=[-1, 1]),
        axis=alt.Axis(tickCount=3),
    )
    return _over_weights(
        _TAKEN, y, corner_axis("w", alt.Axis(tickMinStep=1, format="d"))
    ).properties(height=76)


def _many_steps() -> alt.LayerChart:
    title = t("|w| over the steps", "多步之后的 |w|")
    y = alt.Y(
        "level:Q", scale=power_scale(FOOT, REACH), axis=power_axis(FOOT, REACH, title, most=4)
    )
    x = alt.X(
        "k:Q",
        scale=alt.Scale(domain=[0, STEPS]),
        axis=corner_axis(t("steps", "步数"), alt.Axis(grid=False, tickCount=6)),
    )
    walks = {kind: _walk(kind, x, y) for kind in KINDS}
    start = alt.Chart(pd.DataFrame({"k": [0]})).transform_calculate(level=f"max({START}, {FOOT})")
    return layered(
        *(walk.mark_line(clip=True, **_LOOKS[kind]) for kind, walk in walks.items()),
        walks["soft"]
        .transform_filter("datum.height <= 1e-9")
        .mark_point(shape="triangle-down", filled=True, size=45, opacity=1, color=COLORS["l1"]),
        *(_hovered(walk) for walk in walks.values()),
        start.mark_point(filled=True, size=80, opacity=1, color=INK).encode(x=x, y=y),
        walks["l1"]
        .transform_filter(f"datum.k == {STEPS} && {_NEAR} < {STEPS - 8}")
        .mark_text(align="right", dy=-14, color=COLORS["l1"], fontSize=READOUT)
        .encode(text=alt.value(penalty_names()["l1"])),
    ).properties(height=HEIGHT)


def _walk(kind: str, x: alt.X, y: alt.Y) -> alt.Chart:
    """The weight `height` after each step, and its size as the axis holds it.

    Zero stands at the foot; what L2 leaves below that runs out of the picture.
    """
    size = "abs(datum.height)" if kind == "l2" else f"max(abs(datum.height), {FOOT})"
    return (
        alt.Chart(pd.DataFrame({"k": range(STEPS + 1)}))
        .transform_calculate(height=_MANY_STEPS[kind], kind=quoted(kind))
        .transform_calculate(level=size)
        .transform_filter("datum.level > 0")
        .encode(x=x, y=y)
    )


def _hovered(walk: alt.Chart) -> alt.Chart:
    """Unseen points on a line that tell its values: a line has none of its own."""
    tooltip = [
        tooltip_line("called:N", t("penalty", "惩罚")),
        tooltip_line("k:Q", t("step", "步")),
        tooltip_line("height:Q", "w", ".3~g"),
    ]
    called = walk.transform_calculate(called=lookup(penalty_names(), "datum.kind"))
    return called.mark_point(filled=True, size=60, opacity=0).encode(tooltip=tooltip)
