"""Clipping in the plane: a gradient, and what clipping by norm and by value make of it.

All in the browser: two sliders set the gradient's components, a third the threshold.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.parts.expressions import in_words, quoted
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.theme import READOUT, themed
from gradviz.language import t

REACH = 5.0  # of both axes
SIDE = 250  # pixels, of the plot
LINE = 19  # of words
FIRST, SECOND, LIMIT = "first", "second", "limit"  # the parameters in the browser
KINDS = ("plain", "clip_norm", "clip_value")


def clip_geometry(
    first: float = 4.0, second: float = 1.0, threshold: float = 2.0
) -> alt.LayerChart:
    """The gradient (`first`, `second`) and its clipped versions as arrows from the origin.

    The circle and the square are what the two thresholds allow. Raises `ValueError` for a
    component outside ±`REACH` or a threshold outside (0, `REACH`].
    """
    for name, value in (("first", first), ("second", second)):
        if abs(value) > REACH:
            raise ValueError(f"{name}={value!r} is not a number from {-REACH:g} to {REACH:g}")
    if not 0 < threshold <= REACH:
        raise ValueError(f"threshold={threshold!r} is not a number above 0, at most {REACH:g}")
    return themed(
        layered(_square(), _circle(), _arrows(), _tips(), *_words())
        .add_params(
            _slider(FIRST, first, -REACH, t("∂L/∂ω₁ ", "∂L/∂ω₁ ")),
            _slider(SECOND, second, -REACH, t("∂L/∂ω₂ ", "∂L/∂ω₂ ")),
            _slider(LIMIT, threshold, 0.1, t("Threshold ", "阈值 ")),
        )
        .properties(
            # As wide as high, or angles would lie; and no wider than a phone.
            width=SIDE,
            height=SIDE,
            autosize=alt.AutoSizeParams(type="pad"),
            description=t(
                "A gradient as an arrow, with the shorter arrows that clipping by norm and by "
                "value make of it",
                "以箭头表示的梯度，以及按范数剪切、按值剪切之后的箭头",
            ),
        )
    )


def clipped_names() -> dict[str, str]:
    """What the three arrows are called, in the current language."""
    return {
        "plain": t("gradient", "梯度"),
        "clip_norm": t("clipped by norm", "按范数剪切"),
        "clip_value": t("clipped by value", "按值剪切"),
    }


def _slider(name: str, value: float, low: float, label: str) -> alt.Parameter:
    return alt.param(
        name, value=value, bind=alt.binding_range(min=low, max=REACH, step=0.1, name=label)
    )


def _axes() -> tuple[alt.X, alt.Y]:
    scale = alt.Scale(domain=[-REACH, REACH], nice=False)
    return alt.X("x:Q", title="∂L/∂ω₁", scale=scale), alt.Y("y:Q", title="∂L/∂ω₂", scale=scale)


def _words() -> list[alt.Chart]:
    """Above the picture, in the arrows' colors: their names and tips, and whether they turned."""
    kept, turned = t(", same direction", "，方向不变"), t(", turned by {angle}°", "，转了 {angle}°")
    angle = f"abs(atan2(datum.y, datum.x) - atan2({SECOND}, {FIRST})) * 180 / PI"
    what = in_words(turned, angle=f"format({angle}, '.0f')")
    lines = []
    for row, (kind, name) in enumerate(clipped_names().items()):
        tip = in_words(
            "● {name} ({x}, {y})", name=quoted(name), x=_number("datum.x"), y=_number("datum.y")
        )
        change = "''" if kind == "plain" else f"({angle} < 0.5 ? {quoted(kept)} : {what})"
        lines.append(
            _arms()
            .transform_filter(alt.datum.kind == kind)
            .transform_calculate(words=f"{tip} + {change}")
            .mark_text(align="left", baseline="bottom", fontSize=READOUT, color=COLORS[kind])
            .encode(
                x=alt.value(-20),
                y=alt.value(LINE * (row - 2) - 12),
                text="words:N",
                color=alt.value(COLORS[kind]),
            )
        )
    return lines


def _number(value: str) -> str:
    """A Vega expression that writes the component `value` with a real minus sign."""
    return f"replace(format({value}, '.2~f'), '-', '−')"


def _arms() -> alt.Chart:
    """One row per arrow with its tip (x, y), as `landscape.clip_gradient` computes it."""
    norm = f"sqrt({FIRST} * {FIRST} + {SECOND} * {SECOND})"
    factor = f"min(1, {LIMIT} / max({norm}, 1e-9))"
    by_kind = "datum.kind == 'clip_norm' ? {g} * {f} : datum.kind == 'clip_value' ? {c} : {g}"

    def tip(component: str) -> str:
        cut = f"clamp({component}, -{LIMIT}, {LIMIT})"
        return by_kind.format(g=component, f=factor, c=cut)

    return (
        alt.Chart(pd.DataFrame({"kind": list(KINDS)}))
        .transform_calculate(x=tip(FIRST), y=tip(SECOND), zero="0")
        .encode(color=_color())
    )


def _color() -> alt.Color:
    return alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(KINDS), range=[COLORS[kind] for kind in KINDS]),
        legend=None,
    )


def _arrows() -> alt.Chart:
    x, y = _axes()
    return (
        _arms()
        .mark_rule(strokeWidth=3, clip=True)
        .encode(x=x, y=y, x2=alt.X2("zero:Q"), y2=alt.Y2("zero:Q"))
    )


def _tips() -> alt.Chart:
    x, y = _axes()
    return _arms().mark_point(filled=True, size=120, opacity=1, clip=True).encode(x=x, y=y)


def _circle() -> alt.Chart:
    x, y = _axes()
    turns = alt.sequence(0, 65, as_="turn")
    return (
        alt.Chart(turns)
        .transform_calculate(
            x=f"{LIMIT} * cos(datum.turn * PI / 32)", y=f"{LIMIT} * sin(datum.turn * PI / 32)"
        )
        .mark_line(color=COLORS["clip_norm"], strokeDash=[3, 3], clip=True)
        .encode(x=x, y=y, order="turn:Q")
    )


def _square() -> alt.Chart:
    x, y = _axes()
    return (
        alt.Chart(pd.DataFrame({"corner": [0]}))
        .transform_calculate(x=f"-{LIMIT}", y=f"-{LIMIT}", right=LIMIT, top=LIMIT)
        .mark_rect(fill=INK, fillOpacity=0.08, stroke=COLORS["clip_value"], strokeDash=[3, 3])
        .encode(x=x, y=y, x2="right:Q", y2="top:Q")
    )
