"""L1 and L2 on a single weight: the penalty, one step of it, and many steps, all in the browser.

No data pulls at the weight here, so what is seen is the penalty's own doing.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import lookup, quoted, tooltip_line, translated
from gradviz.charts.parts.marks import layered, rule_at
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.theme import legend, themed
from gradviz.language import t

REACH = 2.0  # weights go from -REACH to REACH
STEPS = 40
SHRINK = "shrink"  # learning rate times strength, the parameter in the browser
START = "start"  # the weight that the last picture starts from
KINDS = ("soft", "l2", "l1")  # from the lowest line to the topmost
# The soft threshold lies below as a broad band, since it and L1 part only near zero.
_LOOKS = {
    "soft": {"strokeWidth": 8, "opacity": 0.4},
    "l2": {"strokeWidth": 2.5},
    "l1": {"strokeWidth": 2},
}

# Vega expressions for each kind.
_SIGN = "((datum.w > 0) - (datum.w < 0))"
_PENALTY = {"l2": "datum.w * datum.w", "l1": "abs(datum.w)"}
_ONE_STEP = {
    "soft": f"{_SIGN} * max(abs(datum.w) - {SHRINK}, 0)",
    "l2": f"datum.w * (1 - 2 * {SHRINK})",
    "l1": f"datum.w - {SHRINK} * {_SIGN}",
}
# From the step on after which L1 is within one step of zero, SGD jumps to and fro across it.
_NEAR = f"floor({START} / max({SHRINK}, 1e-9) + 1e-9)"
_REST = f"max({START} - min(datum.k, {_NEAR}) * {SHRINK}, 0)"
_ACROSS = f"({_REST} > 1e-9) * (datum.k > {_NEAR}) * (abs(datum.k - {_NEAR}) % 2)"
_MANY_STEPS = {
    "soft": f"max({START} - datum.k * {SHRINK}, 0)",
    "l2": f"{START} * pow(1 - 2 * {SHRINK}, datum.k)",
    "l1": f"{_REST} - {SHRINK} * {_ACROSS}",
}


def penalties(shrink: float = 0.16, start: float = 1.5) -> alt.VConcatChart:
    """The penalties over the weight, the weight after one step, and the weight over the steps.

    `shrink` is learning rate × strength, η·λ, and `start` the weight of the last picture; both are
    sliders. L2 is λw² and multiplies w by 1 − 2ηλ; L1 is λ|w| and, as SGD does it, subtracts
    ηλ·sign(w), even across zero; the soft threshold, its proximal step, stops at zero (Parikh &
    Boyd 2014, section 6.5.2). Raises `ValueError` for a value that a slider does not reach.
    """
    if not 0 <= shrink <= 0.4:
        raise ValueError(f"shrink={shrink!r} is not a number from 0 to 0.4")
    if not 0 <= start <= REACH:
        raise ValueError(f"start={start!r} is not a number from 0 to {REACH:g}")
    slider = alt.binding_range(min=0, max=0.4, step=0.01, name="η·λ ")
    begin = alt.binding_range(min=0, max=REACH, step=0.1, name=t("Start w ", "起点 w "))
    return themed(
        alt.vconcat(_shapes(), _one_step(), _many_steps(), spacing=8)
        .add_params(
            alt.param(SHRINK, value=shrink, bind=slider), alt.param(START, value=start, bind=begin)
        )
        .resolve_scale(x="independent", y="independent")
        .properties(
            description=t(
                "The L1 and L2 penalties over a weight, the weight after one step, and the weight "
                "over many steps: L2 shrinks it by a share, L1 by a constant",
                "L1 与 L2 惩罚项随权重的变化、走一步之后的权重，以及多步之后的权重："
                "L2 按比例缩小权重，L1 每步减去一个常数",
            )
        )
    )


def penalty_names() -> dict[str, str]:
    """What the three are called, in the current language."""
    return {
        "l2": "L2",
        "l1": t("L1 by SGD", "L1（SGD）"),
        "soft": t("L1, soft threshold", "L1（软阈值）"),
    }


def _color() -> alt.Color:
    return alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(KINDS), range=[COLORS[name] for name in ("relu", "l2", "l1")]),
        legend=legend(columns=3, labelExpr=translated(penalty_names()), symbolType="stroke"),
    )


def _lines(
    places: pd.DataFrame, expressions: dict[str, str], x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """One line for each kind of `expressions`, over the `places` of its x axis."""
    return [
        alt.Chart(places)
        .transform_calculate(height=expression, kind=quoted(kind))
        .mark_line(clip=True, **_LOOKS[kind])
        .encode(x=x, y=y, color=_color())
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


def _one_step() -> alt.LayerChart:
    y = alt.Y(
        "height:Q",
        title=t("One step later", "走一步之后"),
        scale=alt.Scale(domain=[-REACH, REACH]),
        axis=alt.Axis(tickCount=5),
    )
    same = alt.Chart(pd.DataFrame({"w": [-REACH, REACH], "height": [-REACH, REACH]}))
    unchanged = same.mark_line(color=INK, strokeDash=[2, 3]).encode(x="w:Q", y=y)
    lines = _over_weights(_ONE_STEP, y, corner_axis("w"))
    return layered(unchanged, lines).properties(height=92)


def _many_steps() -> alt.LayerChart:
    scale = alt.Scale(domain=[-0.5, REACH])
    y = alt.Y("height:Q", title="w", scale=scale, axis=alt.Axis(tickCount=5))
    x = alt.X(
        "k:Q",
        scale=alt.Scale(domain=[0, STEPS]),
        axis=corner_axis(t("steps", "步数"), alt.Axis(grid=False, tickCount=10)),
    )
    lines = _lines(pd.DataFrame({"k": range(STEPS + 1)}), _MANY_STEPS, x, y)
    hovered = [_hovered(line) for line in lines]
    return layered(rule_at(0.0, y, dash=(2, 3)), *lines, *hovered).properties(height=135)


def _hovered(line: alt.Chart) -> alt.Chart:
    """Unseen points on `line` that tell their values: a line has none of its own."""
    tooltip = [
        tooltip_line("called:N", t("penalty", "惩罚")),
        tooltip_line("k:Q", t("step", "步")),
        tooltip_line("height:Q", "w", ".3f"),
    ]
    called = line.transform_calculate(called=lookup(penalty_names(), "datum.kind"))
    return called.mark_point(filled=True, size=60, opacity=0).encode(tooltip=tooltip)
