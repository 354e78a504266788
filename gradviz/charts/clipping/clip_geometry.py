"""Clipping in the plane: a gradient, and what clipping by norm and by value make of it.

All in the browser: the gradient is dragged by the pointer, or set by two sliders; a third sets the
threshold. Where there is room each kind of clipping has a plane of its own, side by side; on a
phone the two planes lie one over the other. The clipped arrows are the answer to the question which
of them keeps the direction: they are not seen before it is revealed, and then come to where they
are from the gradient.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import in_words, quoted
from gradviz.charts.parts.handles import GUESSED, HAS_GUESS, SHARE_REVEALED, question_params
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.planes import WIDE, Planes
from gradviz.charts.parts.theme import LONG, READOUT, themed
from gradviz.language import t

REACH, STEP = 4.0, 0.25  # of both components, and of their sliders
HEIGHT = 340  # pixels
FIRST, SECOND, LIMIT = "pull_first", "pull_second", "limit"  # the parameters in the browser
KINDS = ("plain", "clip_norm", "clip_value")  # a guess is a place among them
PLANES = {"clip_norm": -1, "clip_value": 1}  # to the left and to the right

_LINE = 19  # pixels, of words
_PLANES = Planes((-REACH, -REACH), (REACH, REACH), "height", (2 * _LINE + 8, 3 * _LINE + 8))

# Vega expressions.
_NORM = f"sqrt({FIRST} * {FIRST} + {SECOND} * {SECOND})"
_KNOWN = f"(datum.kind == 'plain' || {SHARE_REVEALED} > 0)"


def clip_geometry(
    first: float = 3.5, second: float = 1.5, threshold: float = 1.5
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
    limit = alt.binding_range(min=0.1, max=REACH, step=0.1, name=t("Threshold ", "阈值 "))
    return themed(
        layered(
            _handles(first, second),
            *_axes(),
            _circle(),
            _square(),
            *_bounds(),
            _direction(),
            _arrows(),
            _tips(),
            *_words(),
        )
        .add_params(*question_params(), alt.param(LIMIT, value=threshold, bind=limit))
        .properties(
            height=HEIGHT,
            description=t(
                "A gradient as an arrow that can be dragged, with the shorter arrows that "
                "clipping by norm and by value make of it, within a circle and a square",
                "可以拖动的梯度箭头，以及按范数剪切、按值剪切之后的箭头，分别限制在圆与正方形之内",
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


def _in_planes(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows once for each plane, with its `side`."""
    return pd.concat([rows.assign(side=side) for side in PLANES.values()], ignore_index=True)


def _handles(first: float, second: float) -> alt.Chart:
    """Unseen cells that the pointer presses or is dragged over, and which then set the gradient."""
    values = np.arange(-REACH, REACH + STEP / 2, STEP)
    grid = np.meshgrid(values, values)
    cells = _in_planes(pd.DataFrame({"first": grid[0].ravel(), "second": grid[1].ravel()}))
    handle = "[event.item && event.item.datum && isValid(event.item.datum.first)]"
    sliders = {
        name: alt.binding_range(min=-REACH, max=REACH, step=STEP, name=f"∂L/∂w{sign} ")
        # The browser draws the last one on top.
        for name, sign in (("second", "₂"), ("first", "₁"))
    }
    pull = alt.selection_point(
        name="pull",
        fields=["first", "second"],
        value=[{"first": first, "second": second}],
        bind=sliders,  # pyright: ignore[reportArgumentType] — Vega-Lite takes one for each field
        on=f"pointerdown{handle}, [pointerdown, window:pointerup] > pointermove{handle}",
        clear=False,
        toggle=False,
    )
    center = _PLANES.x("datum.first", "datum.side")
    x, y = _PLANES.at("left", "bottom")
    return (
        alt.Chart(cells)
        .transform_calculate(
            left=f"{center} - {STEP / 2}",
            right=f"{center} + {STEP / 2}",
            bottom=f"datum.second - {STEP / 2}",
            top=f"datum.second + {STEP / 2}",
        )
        .mark_rect(opacity=0, cursor="grab", tooltip=None)
        .encode(x=x, x2="right:Q", y=y, y2="top:Q")
        .add_params(pull)
    )


def _axes() -> list[alt.Chart]:
    """The axes of both planes as lines, with the components that they stand for."""
    ends = [
        {"x": -REACH, "y": 0, "x2": REACH, "y2": 0},
        {"x": 0, "y": -REACH, "x2": 0, "y2": REACH},
    ]
    names = [{"x": REACH, "y": 0, "words": "∂L/∂w₁"}, {"x": 0, "y": REACH, "words": "∂L/∂w₂"}]
    x, y = _PLANES.at("left", "y")

    def placed(rows: list[dict]) -> alt.Chart:
        chart = alt.Chart(_in_planes(pd.DataFrame(rows)))
        left, right = (_PLANES.x(end, "datum.side") for end in ("datum.x", "datum.x2"))
        return chart.transform_calculate(left=left, right=right)

    words = placed(names).encode(x=x, y=y, text="words:N")
    return [
        placed(ends).mark_rule(color=INK, opacity=0.4).encode(x=x, y=y, x2="right:Q", y2="y2:Q"),
        # Each on the side of its axis where the gradient is not.
        words.transform_filter("datum.x > 0").mark_text(
            align="right", dy=alt.expr(f"{SECOND} < 0 ? -11 : 12"), color=INK, fontSize=READOUT
        ),
        words.transform_filter("datum.x == 0").mark_text(
            align=alt.expr(f"{FIRST} < 0 ? 'left' : 'right'"),
            dx=alt.expr(f"{FIRST} < 0 ? 6 : -6"),
            dy=8,
            color=INK,
            fontSize=READOUT,
        ),
    ]


def _words() -> list[alt.Chart]:
    """Above the planes, in the arrows' colors: their names and tips, and whether they turned.

    Of the clipped ones only the guess is named before the answer is revealed.
    """
    kept, turned = t(", same direction", "，方向不变"), t(", turned by {angle}°", "，转了 {angle}°")
    angle = f"abs(atan2(datum.y, datum.x) - atan2({SECOND}, {FIRST})) * 180 / PI"
    what = in_words(turned, angle=f"format({angle}, '.0f')")
    yours = quoted(t(" ← your guess", " ← 你的猜测"))
    tip = in_words(" ({x}, {y})", x=_number("datum.x"), y=_number("datum.y"))
    lines = []
    for row, (kind, name) in enumerate(clipped_names().items()):
        change = "''" if kind == "plain" else f"({angle} < 0.5 ? {quoted(kept)} : {what})"
        found = tip if kind == "plain" else f"({SHARE_REVEALED} == 1 ? {tip} + {change} : '')"
        guessed = f"({HAS_GUESS} && {GUESSED} == {row})"
        place = alt.expr(_PLANES.line(min(row, 1) * _LINE, row * _LINE))
        across = alt.value(alt.expr(f"{WIDE} ? width / 2 + 6 : 0") if row == 2 else 0)
        lines.append(
            _arms()
            .transform_filter(alt.datum.kind == kind)
            .transform_filter("datum.side == 1" if kind == "clip_value" else "datum.side == -1")
            .transform_calculate(
                words=f"{quoted(f'● {name}')} + {found} + ({guessed} ? {yours} : '')"
            )
            .mark_text(align="left", baseline="top", fontSize=LONG, color=COLORS[kind])
            .encode(x=across, y=alt.value(place), text="words:N", color=alt.value(COLORS[kind]))
        )
    return lines


def _direction() -> alt.Chart:
    """The direction of the gradient as a dashed line through either plane."""
    x, y = _PLANES.at("x", "y")
    longest = f"{REACH} / max(abs({FIRST}), abs({SECOND}), 1e-9)"
    ray = alt.Chart(_in_planes(pd.DataFrame({"end": [-1, 1]}))).transform_calculate(
        x=_PLANES.x(f"datum.end * {FIRST} * {longest}", "datum.side"),
        y=f"datum.end * {SECOND} * {longest}",
    )
    line = ray.mark_line(color=INK, strokeDash=[6, 5], strokeWidth=1.5, clip=True)
    return line.encode(x=x, y=y, detail="side:N")


def _number(value: str) -> str:
    """A Vega expression that writes the component `value` with a real minus sign."""
    return f"replace(format({value}, '.2~f'), '-', '−')"


def _arms() -> alt.Chart:
    """One row per arrow with its tip (x, y), as `landscape.clip_gradient` computes it.

    Until the answer is revealed it is on its way there from the tip of the gradient. It is drawn
    from the middle of its plane, (`from`, 0), to `to`.
    """
    factor = f"min(1, {LIMIT} / max({_NORM}, 1e-9))"
    by_kind = "(datum.kind == 'clip_norm' ? {g} * {f} : datum.kind == 'clip_value' ? {c} : {g})"

    def tip(component: str) -> str:
        cut = f"clamp({component}, -{LIMIT}, {LIMIT})"
        clipped = by_kind.format(g=component, f=factor, c=cut)
        return f"{component} + {SHARE_REVEALED} * ({clipped} - {component})"

    rows = [{"kind": "plain", "side": side} for side in PLANES.values()]
    rows += [{"kind": kind, "side": side} for kind, side in PLANES.items()]
    return (
        alt.Chart(pd.DataFrame(rows))
        .transform_filter(_KNOWN)
        .transform_calculate(x=tip(FIRST), y=tip(SECOND), zero="0")
        .transform_calculate(
            start=_PLANES.x("0", "datum.side"), stop=_PLANES.x("datum.x", "datum.side")
        )
        .encode(color=_color())
    )


def _color() -> alt.Color:
    return alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(KINDS), range=[COLORS[kind] for kind in KINDS]),
        legend=None,
    )


def _arrows() -> alt.Chart:
    x, y = _PLANES.at("stop", "y")
    return (
        _arms()
        .mark_rule(strokeWidth=alt.expr("datum.kind == 'plain' ? 3 : 5"))
        .encode(x=x, y=y, x2=alt.X2("start:Q"), y2=alt.Y2("zero:Q"))
    )


def _tips() -> alt.Chart:
    """A dot at each tip; that of the gradient is larger, for the hand."""
    x, y = _PLANES.at("stop", "y")
    size = alt.expr("datum.kind == 'plain' ? 190 : 120")
    return _arms().mark_point(filled=True, size=size, opacity=1).encode(x=x, y=y)


def _circle() -> alt.Chart:
    x, y = _PLANES.at("x", "y")
    return (
        alt.Chart(alt.sequence(0, 65, as_="turn"))
        .transform_calculate(
            x=_PLANES.x(f"{LIMIT} * cos(datum.turn * PI / 32)", PLANES["clip_norm"]),
            y=f"{LIMIT} * sin(datum.turn * PI / 32)",
        )
        .mark_line(
            color=COLORS["clip_norm"],
            fill=COLORS["clip_norm"],
            fillOpacity=0.12,
            strokeDash=[3, 3],
            clip=True,
        )
        .encode(x=x, y=y, order="turn:Q")
    )


def _square() -> alt.Chart:
    x, y = _PLANES.at("x", "y")
    return (
        alt.Chart(pd.DataFrame({"corner": [0]}))
        .transform_calculate(
            x=_PLANES.x(f"-{LIMIT}", PLANES["clip_value"]),
            y=f"-{LIMIT}",
            right=_PLANES.x(LIMIT, PLANES["clip_value"]),
            top=LIMIT,
        )
        .mark_rect(
            fill=COLORS["clip_value"],
            fillOpacity=0.12,
            stroke=COLORS["clip_value"],
            strokeDash=[3, 3],
        )
        .encode(x=x, y=y, x2="right:Q", y2="top:Q")
    )


def _bounds() -> list[alt.Chart]:
    """What the circle and the square allow, in words, on the side that the gradient leaves free."""
    words = {
        "clip_norm": t("length ≤ {limit}", "长度 ≤ {limit}"),
        "clip_value": t("each component ≤ {limit}", "每个分量 ≤ {limit}"),
    }
    x, y = _PLANES.at("x", "y")
    down = f"({SECOND} < 0 ? 1 : -1)"
    return [
        alt.Chart(pd.DataFrame({"kind": [kind]}))
        .transform_filter(f"{WIDE} && {LIMIT} < {0.85 * REACH}")
        .transform_calculate(
            x=_PLANES.x("0", PLANES[kind]),
            y=f"{down} * {LIMIT}",
            words=in_words(text, limit=f"format({LIMIT}, '.2~f')"),
        )
        .mark_text(
            align=alt.expr(f"{FIRST} < 0 ? 'right' : 'left'"),
            dx=alt.expr(f"{FIRST} < 0 ? -6 : 6"),
            dy=alt.expr(f"-{down} * 12"),
            fontSize=READOUT,
            color=COLORS[kind],
        )
        .encode(x=x, y=y, text="words:N")
        for kind, text in words.items()
    ]
