"""A quadratic loss over two weights and a penalty: their minimum, which moves with the strength.

The loss is a bowl, drawn by its levels; L1 and L2 have a plane each, side by side where there is
room. Through the minimum go a level of the loss and one of the penalty, a diamond or a circle,
which touch there. The strength λ is dragged in the browser, over minima that were all computed
before. They are the answer to the question which penalty makes a weight exactly zero: until it is
revealed both stand where the loss alone has its minimum, and then go to where they are.
"""

from __future__ import annotations

import functools
import json

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import in_words, quoted
from gradviz.charts.parts.handles import GUESSED, HAS_GUESS, SHARE_REVEALED, question_params
from gradviz.charts.parts.marks import column, layered, sized
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.planes import SEEN, WIDE, Planes
from gradviz.charts.parts.theme import LONG, READOUT, themed
from gradviz.language import t
from gradviz.theory.penalized import penalized_minimum

# The bowl: ½(w − c)ᵀA(w − c). Its axes are tilted, as those of a loss are.
CURVATURE, CENTER = np.array([[1.0, 0.4], [0.4, 1.0]]), np.array([2.4, 1.0])
STRENGTH = "bowl_strength"  # the parameter in the browser: λ
MOST, STEP = 3.5, 0.1  # of λ
PENALTIES = {"l1": -1, "l2": 1}  # and the side of its plane
GUESSES = ("l1", "l2", "both")  # a guess is a place among them
HEIGHT, PATHS = 290, 92  # pixels, of the planes and of the weights over λ
_LINE = 19  # pixels, of words
_PLANES = Planes((-1.45, -1.3), (3.45, 2.15), str(HEIGHT), (_LINE + 6, 2 * _LINE + 6))
_LEVELS = 9  # of the loss

# Vega expressions. Until the answer is revealed λ counts as 0.
_PLACE = f"round({STRENGTH} * {SHARE_REVEALED} / {STEP})"


def bowl(strength: float = 1.6) -> alt.VConcatChart:
    """The bowl with the level sets of L1 and L2, their minima, and the weights there over λ.

    `strength` is the λ at which the slider opens. Raises `ValueError` for one outside 0 to `MOST`.
    """
    if not 0 <= strength <= MOST:
        raise ValueError(f"strength={strength!r} is not a number from 0 to {MOST:g}")
    slider = alt.binding_range(min=0, max=MOST, step=STEP, name="λ ")
    planes = layered(
        _ground(),
        *_axes(),
        *(layer for penalty in PENALTIES for layer in _level_set(penalty)),
        _touching(),
        _way(),
        *_points(),
        *_words(),
    )
    return themed(
        column(
            sized(planes, HEIGHT),
            sized(_paths(), PATHS),
            spacing=10,
            description=t(
                "The levels of a bowl-shaped loss over two weights, once with the diamond of L1 "
                "and once with the circle of L2 through the minimum; below, both weights at the "
                "minimum over the strength: with L1 they reach exactly zero and stay there",
                "两个权重上碗状损失的等高线，一边是过最小点的 L1 菱形，另一边是过最小点的 L2 圆；"
                "下方是最小点处的两个权重随惩罚强度的变化：L1 使它们恰好变为零并停在那里",
            ),
            independent=("x", "y", "color"),
            params=[
                *question_params(),
                alt.param(STRENGTH, value=strength, bind=slider),
                *_minimum_params(),
            ],
        )
    )


@functools.cache
def minima() -> pd.DataFrame:
    """The minimum for each penalty and each λ of the slider: penalty, strength, w1, w2."""
    strengths = np.round(np.arange(0, MOST + STEP / 2, STEP), 10)
    rows = [
        {"penalty": penalty, "strength": strength, "w1": w[0], "w2": w[1]}
        for penalty in PENALTIES
        for strength in strengths
        for w in [penalized_minimum(CURVATURE, CENTER, strength, penalty)]
    ]
    return pd.DataFrame(rows)


def _minimum_params() -> list[alt.Parameter]:
    """The minimum for the present λ, as parameters in the browser: see `_now`."""
    params = []
    for penalty in PENALTIES:
        own = minima().query("penalty == @penalty")
        for weight in ("w1", "w2"):
            values = json.dumps([round(value, 6) for value in own[weight]])
            params.append(alt.param(_now(penalty, weight), expr=f"{values}[{_PLACE}]"))
    return params


def _now(penalty: str, weight: str) -> str:
    """The parameter that holds a weight of the minimum for the present λ."""
    return f"bowl_{penalty}_{weight}"


def _on_sides(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows once for each plane, with its `penalty` and its `side`."""
    sides = [rows.assign(penalty=name, side=side) for name, side in PENALTIES.items()]
    return pd.concat(sides, ignore_index=True)


def _ellipse(points: int = 73) -> pd.DataFrame:
    """The level of the loss at ½, as steps from its center: place, dx, dy."""
    turns = np.linspace(0, 2 * np.pi, points)
    values, vectors = np.linalg.eigh(CURVATURE)
    root = vectors @ np.diag(values**-0.5) @ vectors.T
    steps = root @ np.array([np.cos(turns), np.sin(turns)])
    return pd.DataFrame({"place": range(points), "dx": steps[0], "dy": steps[1]})


def _ground() -> alt.Chart:
    """The bowl: levels of the loss one over the other, so that it is darker the deeper it is."""
    sizes = 0.42 * np.arange(_LEVELS, 0, -1)
    levels = [_ellipse().assign(level=level, size=size) for level, size in enumerate(sizes)]
    rows = _on_sides(pd.concat(levels, ignore_index=True))
    levels = _filled(
        alt.Chart(rows).transform_filter(SEEN),
        f"{CENTER[0]} + datum.size * datum.dx",
        f"{CENTER[1]} + datum.size * datum.dy",
    )
    return levels.mark_line(
        color=INK, strokeWidth=0.7, strokeOpacity=0.45, fill=INK, fillOpacity=0.045
    ).encode(detail=["level:Q", "side:N"])


def _axes() -> list[alt.Chart]:
    """The axes of both planes as lines through the origin, with their names."""
    (left, bottom), (right, top) = _PLANES.low, _PLANES.high
    ends = [(left, 0, right, 0), (0, bottom, 0, top)]
    lines = _on_sides(pd.DataFrame(ends, columns=["x", "y", "x2", "y2"]))
    names = _on_sides(pd.DataFrame({"x": [right, 0], "y": [0, bottom], "words": ["w₁", "w₂"]}))
    x, y = _PLANES.at("left", "y")
    start, stop = (_PLANES.x(end, "datum.side") for end in ("datum.x", "datum.x2"))
    words = (
        alt.Chart(names)
        .transform_filter(SEEN)
        .transform_calculate(left=start)
        .encode(x=x, y=y, text="words:N")
    )
    return [
        alt.Chart(lines)
        .transform_calculate(left=start, right=stop)
        .mark_rule(color=INK, opacity=0.5)
        .encode(x=x, y=y, x2="right:Q", y2="y2:Q"),
        words.transform_filter("datum.x > 0").mark_text(
            align="right", dy=12, color=INK, fontSize=READOUT
        ),
        words.transform_filter("datum.x == 0").mark_text(
            align="right", dx=-6, dy=-8, color=INK, fontSize=READOUT
        ),
    ]


def _level_set(penalty: str) -> list[alt.Chart]:
    """All weights whose penalty is that of the minimum: a diamond, or a circle."""
    w1, w2 = _now(penalty, "w1"), _now(penalty, "w2")
    size = f"(abs({w1}) + abs({w2}))" if penalty == "l1" else f"sqrt({w1} * {w1} + {w2} * {w2})"
    turns = np.linspace(0, 2 * np.pi, 97)
    dx, dy = np.cos(turns), np.sin(turns)
    if penalty == "l1":
        # The same directions, as far as the diamond reaches in them; its corners are among them.
        dx, dy = dx / (abs(dx) + abs(dy)), dy / (abs(dx) + abs(dy))
    rows = pd.DataFrame({"place": range(len(turns)), "dx": dx, "dy": dy})
    rows = rows.assign(side=PENALTIES[penalty])
    across, upward = f"{size} * datum.dx", f"{size} * datum.dy"
    color = COLORS[penalty]
    return [
        _filled(alt.Chart(rows), across, upward).mark_line(
            strokeOpacity=0, fill=color, fillOpacity=0.16
        ),
        _outlined(alt.Chart(rows), across, upward).mark_line(color=color, strokeWidth=2.5),
    ]


def _filled(rows: alt.Chart, x: str, y: str) -> alt.Chart:
    """A closed line through the points (`x`, `y`), pressed against the edges of its plane."""
    left, bottom = _PLANES.at("left", "bottom")
    inside = [
        f"clamp({value}, {low}, {high})"
        for value, low, high in zip((x, y), _PLANES.low, _PLANES.high, strict=True)
    ]
    placed = rows.transform_calculate(left=_PLANES.x(inside[0], "datum.side"), bottom=inside[1])
    return placed.encode(x=left, y=bottom, order="place:Q", detail="side:N")


def _outlined(rows: alt.Chart, x: str, y: str) -> alt.Chart:
    """A line through the points (`x`, `y`) that is not drawn beyond its plane."""
    left, bottom = _PLANES.at("left", "bottom")
    inside = " && ".join(
        f"{value} >= {low} && {value} <= {high}"
        for value, low, high in zip((x, y), _PLANES.low, _PLANES.high, strict=True)
    )
    placed = rows.transform_calculate(
        left=_PLANES.x(x, "datum.side"), bottom=f"({inside}) ? {y} : null"
    )
    return placed.encode(x=left, y=bottom, order="place:Q", detail="side:N")


def _touching() -> alt.Chart:
    """The level of the loss that goes through the minimum, and so touches that of the penalty."""
    (a, b), (_, d) = CURVATURE
    across, upward = (f"({_chosen(w)} - {c})" for w, c in zip(("w1", "w2"), CENTER, strict=True))
    square = (
        f"{a} * {across} * {across} + {2 * b} * {across} * {upward} + {d} * {upward} * {upward}"
    )
    level = alt.Chart(_on_sides(_ellipse(145))).transform_calculate(size=f"sqrt({square})")
    across, upward = (
        f"({c} + datum.size * datum.{d})" for c, d in zip(CENTER, ("dx", "dy"), strict=True)
    )
    return _outlined(level, across, upward).mark_line(color=INK, strokeWidth=2)


def _chosen(weight: str) -> str:
    """A Vega expression for a weight of the minimum in the plane of the datum."""
    return f"(datum.penalty === 'l1' ? {_now('l1', weight)} : {_now('l2', weight)})"


def _color() -> alt.Color:
    colors = [COLORS[penalty] for penalty in PENALTIES]
    return alt.Color(
        "penalty:N", scale=alt.Scale(domain=list(PENALTIES), range=colors), legend=None
    )


def _way() -> alt.Chart:
    """The way of the minimum from no penalty to the present λ."""
    x, y = _PLANES.at("x", "w2")
    rows = minima().assign(side=minima()["penalty"].map(PENALTIES))
    return (
        alt.Chart(rows)
        .transform_filter(f"datum.strength <= {_PLACE} * {STEP} + 1e-6")
        .transform_calculate(x=_PLANES.x("datum.w1", "datum.side"))
        .mark_line(strokeWidth=3)
        .encode(x=x, y=y, color=_color(), order="strength:Q")
    )


def _points() -> list[alt.Chart]:
    """Where the loss alone has its minimum, and where it has it with the penalty."""
    alone = _on_sides(pd.DataFrame({"w1": [CENTER[0]], "w2": [CENTER[1]]}))
    x, y = _PLANES.at("x", "w2")
    bare = (
        alt.Chart(alone)
        .transform_filter(SEEN)
        .transform_calculate(x=_PLANES.x("datum.w1", "datum.side"))
    )
    minimum = alt.Chart(_on_sides(pd.DataFrame({"row": [0]}))).transform_calculate(
        x=_PLANES.x(_chosen("w1"), "datum.side"), w2=_chosen("w2")
    )
    return [
        bare.mark_point(shape="cross", filled=True, size=90, color=INK, opacity=1).encode(x=x, y=y),
        bare.mark_text(dy=-14, color=INK, fontSize=READOUT).encode(
            x=x, y=y, text=alt.value(t("loss alone", "只有损失"))
        ),
        minimum.mark_point(
            filled=True, size=150, opacity=1, stroke="white", strokeWidth=1.5
        ).encode(x=x, y=y, color=_color()),
    ]


def _words() -> list[alt.Chart]:
    """Above the planes, in the penalties' colors, the weights of the minimum."""
    zero = quoted(t("exactly 0", "恰为 0"))
    found = {
        weight: f"({_chosen(weight)} == 0 ? {zero} : format({_chosen(weight)}, '.2f'))"
        for weight in ("w1", "w2")
    }
    weights = in_words(t(": w₁ {w1}, w₂ {w2}", "：w₁ {w1}，w₂ {w2}"), **found)
    yours = quoted(t(" ← your guess", " ← 你的猜测"))
    rows = []
    for row, penalty in enumerate(PENALTIES):
        guessed = f"({HAS_GUESS} && ({GUESSED} == {row} || {GUESSED} == {len(PENALTIES)}))"
        place = alt.value(alt.expr(_PLANES.line(0, row * _LINE)))
        rows.append(
            alt.Chart(pd.DataFrame({"penalty": [penalty]}))
            .transform_calculate(
                words=f"{quoted(f'● {penalty.upper()}')} + ({SHARE_REVEALED} == 1 ? {weights} : '')"
                f" + ({guessed} ? {yours} : '')"
            )
            .mark_text(align="left", baseline="top", fontSize=LONG, color=COLORS[penalty])
            .encode(
                x=alt.value(alt.expr(f"{WIDE} ? width / 2 + 6 : 0") if row else 0),
                y=place,
                text="words:N",
            )
        )
    return rows


def _paths() -> alt.LayerChart:
    """Both weights of the minimum over λ: those that the answer has revealed so far."""
    x = alt.X(
        "strength:Q",
        scale=alt.Scale(domain=[0, MOST], nice=False),
        axis=corner_axis("λ", alt.Axis(tickCount=7, grid=False)),
    )
    title = t("Weights at the minimum", "最小点处的权重")
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[0, 3], nice=False),
        axis=alt.Axis(title=title, values=[0, 1, 2], format="d"),
    )
    rows = minima().melt(["penalty", "strength"], ["w1", "w2"], var_name="weight")
    shown = alt.Chart(rows).transform_filter(f"datum.strength <= {SHARE_REVEALED} * {MOST}")
    names = pd.DataFrame({"value": CENTER, "words": ["w₁", "w₂"]})
    first = rows[(rows["penalty"] == "l1") & (rows["value"] == 0)]
    first = first.groupby("weight", as_index=False).first()
    zero = alt.Chart(first).transform_filter(f"datum.strength <= {SHARE_REVEALED} * {MOST}")
    now = alt.Chart(pd.DataFrame({"row": [0]})).transform_calculate(strength=f"{_PLACE} * {STEP}")
    return layered(
        now.mark_rule(color=INK, strokeDash=[3, 3]).encode(x=x),
        shown.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=_color(), detail=["weight:N"]),
        alt.Chart(names)
        .mark_text(align="left", dx=8, dy=-9, color=INK, fontSize=READOUT)
        .encode(x=alt.value(0), y=y, text="words:N"),
        zero.mark_point(filled=True, size=80, opacity=1, color=COLORS["l1"]).encode(x=x, y=y),
    )
