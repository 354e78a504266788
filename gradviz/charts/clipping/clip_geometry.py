"""Clipping in the plane: a gradient, and what clipping by norm and by value make of it.

All in the browser: two sliders set the gradient's components, a third the threshold. The clipped
arrows are the answer to the question which of them keeps the direction: they are not seen before it
is revealed, and then come to where they are from the gradient.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.parts.expressions import in_words, quoted
from gradviz.charts.parts.handles import GUESSED, HAS_GUESS, SHARE_REVEALED, question_params
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.theme import READOUT, themed
from gradviz.language import t

REACH = 5.0  # of both axes
SIDE = 270  # pixels, of the plot
LINE = 19  # of words
_ABOVE = 32  # pixels from the plot to the words, with the title of the axis between
FIRST, SECOND, LIMIT = "first", "second", "limit"  # the parameters in the browser
KINDS = ("plain", "clip_norm", "clip_value")  # a guess is a place among them
_NORM = f"sqrt({FIRST} * {FIRST} + {SECOND} * {SECOND})"
_KNOWN = f"(datum.kind == 'plain' || {SHARE_REVEALED} > 0)"


def clip_geometry(
    first: float = 4.0, second: float = 1.5, threshold: float = 2.0
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
        layered(_square(), _circle(), _arrows(), _direction(), _tips(), *_labels(), *_words())
        .add_params(
            *question_params(),
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
        "clip_norm": t("by norm", "按范数"),
        "clip_value": t("by value", "按值"),
    }


def _slider(name: str, value: float, low: float, label: str) -> alt.Parameter:
    return alt.param(
        name, value=value, bind=alt.binding_range(min=low, max=REACH, step=0.1, name=label)
    )


def _axes() -> tuple[alt.X, alt.Y]:
    scale = alt.Scale(domain=[-REACH, REACH], nice=False)
    return alt.X("x:Q", title="∂L/∂ω₁", scale=scale), alt.Y("y:Q", title="∂L/∂ω₂", scale=scale)


def _words() -> list[alt.Chart]:
    """Above the picture, in the arrows' colors: their names and tips, and whether they turned.

    Of the clipped ones only the guess is named before the answer is revealed.
    """
    kept, turned = t(", same direction", "，方向不变"), t(", turned by {angle}°", "，转了 {angle}°")
    angle = f"abs(atan2(datum.y, datum.x) - atan2({SECOND}, {FIRST})) * 180 / PI"
    what = in_words(turned, angle=f"format({angle}, '.0f')")
    yours = quoted(t(" ← your guess", " ← 你的猜测"))
    lines = []
    for row, (kind, name) in enumerate(clipped_names().items()):
        tip = in_words(" ({x}, {y})", x=_number("datum.x"), y=_number("datum.y"))
        change = "''" if kind == "plain" else f"({angle} < 0.5 ? {quoted(kept)} : {what})"
        found = tip if kind == "plain" else f"({SHARE_REVEALED} == 1 ? {tip} + {change} : '')"
        guessed = f"({HAS_GUESS} && {GUESSED} == {row})"
        seen = f"datum.kind == 'plain' || {SHARE_REVEALED} == 1 || {guessed}"
        lines.append(
            _arms()
            .transform_filter(alt.datum.kind == kind)
            .transform_filter(seen)
            .transform_calculate(
                words=f"{quoted(f'● {name}')} + {found} + ({guessed} ? {yours} : '')"
            )
            .mark_text(align="left", baseline="bottom", fontSize=READOUT, color=COLORS[kind])
            .encode(
                x=alt.value(-20),
                y=alt.value(LINE * (row - 2) - _ABOVE),
                text="words:N",
                color=alt.value(COLORS[kind]),
            )
        )
    return lines


def _labels() -> list[alt.Chart]:
    """The names of the clipped arrows at their tips, on the two sides of the gradient."""
    x, y = _axes()
    right, up = f"({FIRST} < 0 ? -1 : 1)", f"({SECOND} < 0 ? -1 : 1)"
    flat = f"abs({FIRST}) >= abs({SECOND})"
    outward, inward = f"({right} > 0 ? 'left' : 'right')", f"({right} > 0 ? 'right' : 'left')"
    # Clipped by value the arrow turns away from its larger component, so its name stands there.
    places = {
        "clip_norm": (
            f"{flat} ? {outward} : {inward}",
            f"{right} * ({flat} ? 6 : -12)",
            f"{flat} ? {up} * 16 : 0",
        ),
        "clip_value": (
            f"{flat} ? 'center' : {outward}",
            f"{flat} ? 0 : {right} * 12",
            f"{flat} ? {up} * -15 : 0",
        ),
    }
    return [
        _arms()
        .transform_filter(alt.datum.kind == kind)
        .transform_filter(f"{SHARE_REVEALED} == 1")
        .mark_text(
            fontSize=READOUT,
            baseline="middle",
            align=alt.expr(align),
            dx=alt.expr(dx),
            dy=alt.expr(dy),
            color=COLORS[kind],
        )
        .encode(x=x, y=y, text=alt.value(clipped_names()[kind]), color=alt.value(COLORS[kind]))
        for kind, (align, dx, dy) in places.items()
    ]


def _direction() -> alt.Chart:
    """The direction of the gradient as a dashed line through the whole picture."""
    x, y = _axes()
    longest = f"{1.5 * REACH} / max({_NORM}, 1e-9)"
    ray = alt.Chart(pd.DataFrame({"end": [-1, 1]})).transform_calculate(
        x=f"datum.end * {FIRST} * {longest}", y=f"datum.end * {SECOND} * {longest}"
    )
    line = ray.mark_line(color=INK, strokeDash=[6, 5], strokeWidth=1.5, clip=True)
    return line.encode(x=x, y=y)


def _number(value: str) -> str:
    """A Vega expression that writes the component `value` with a real minus sign."""
    return f"replace(format({value}, '.2~f'), '-', '−')"


def _arms() -> alt.Chart:
    """One row per arrow with its tip (x, y), as `landscape.clip_gradient` computes it.

    Until the answer is revealed it is on its way there from the tip of the gradient.
    """
    factor = f"min(1, {LIMIT} / max({_NORM}, 1e-9))"
    by_kind = "(datum.kind == 'clip_norm' ? {g} * {f} : datum.kind == 'clip_value' ? {c} : {g})"

    def tip(component: str) -> str:
        cut = f"clamp({component}, -{LIMIT}, {LIMIT})"
        clipped = by_kind.format(g=component, f=factor, c=cut)
        return f"{component} + {SHARE_REVEALED} * ({clipped} - {component})"

    return (
        alt.Chart(pd.DataFrame({"kind": list(KINDS)}))
        .transform_filter(_KNOWN)
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
