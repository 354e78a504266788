"""Activations above their slopes, with a tangent that follows the pointer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from gradviz.activations import Activation, activation
from gradviz.charts.parts.expressions import in_words, quoted, translated
from gradviz.charts.parts.handles import (
    GHOST,
    GUESSED,
    HAS_GUESS,
    SHARE_REVEALED,
    handle_selection,
    question_params,
)
from gradviz.charts.parts.marks import column, layered
from gradviz.charts.parts.palette import COLORS, INK, colors_of
from gradviz.charts.parts.theme import LONG, READOUT, WORDS, legend, themed
from gradviz.language import t

POINTER_STEPS = 20  # positions of the tangent per unit of z
POINTER_LIMIT = 5.0
PROBE = "probe_z"  # the signal of the selection: where the tangent is
FUNCTION_HEIGHT, FUNCTION_RANGE = 145, (-1.2, 1.2)
UNITS = FUNCTION_RANGE[1] - FUNCTION_RANGE[0]  # in the height of the functions
IDENTITY_TOP, IDENTITY_UNIT = 3.6, 54  # in pixels: as wide as a unit is beside controls
SLOPE_HEIGHT, SLOPE_RANGE = 110, (0.0, 1.25)
TANGENT_LENGTH = 1.4  # to each side of the point, in units of z
COVERED = 3.0  # where sigmoid is asked about, its slope is seen only as far out as this
_OPEN = "datum.name == 'tanh'"  # and that of tanh everywhere


def tangent(
    z: float = 1.0,
    names: Sequence[str] = ("sigmoid", "tanh"),
    titles: Mapping[str, str] | None = None,
    negative_slope: float = 0.01,
    alpha: float = 1.0,
    identity: bool = False,
) -> alt.VConcatChart:
    """The activations `names`, their slopes below, and a tangent that follows the pointer from `z`.

    At the width of an article one unit is as long across as upward, so that a slope of 1 rises at
    45°; a phone shows the same range narrower. `titles` says what the activations are called on
    the page; `negative_slope` and `alpha` shape LeakyReLU and ELU. With `identity` the functions
    are seen as far up as `IDENTITY_TOP`, beside the line φ(z) = z. Raises `ValueError` for an
    unknown activation or a `z` outside ±`POINTER_LIMIT`.
    """
    if not -POINTER_LIMIT <= z <= POINTER_LIMIT:
        raise ValueError(f"z={z!r} is not a number from {-POINTER_LIMIT:g} to {POINTER_LIMIT:g}")
    functions = {name: activation(name, negative_slope, alpha) for name in names}
    called = {name: (titles or {}).get(name, name) for name in names}
    return _drawn(_curves(functions), called, z, identity=identity)


def asked_tangent(z: float = 1.0) -> alt.VConcatChart:
    """As `tangent`, for sigmoid and tanh, where it is asked how large a slope can be.

    Of sigmoid's slope only the ends are seen, beside all of tanh's; the rest comes as the answer
    is revealed, and beside it is the guess.
    """
    functions = {name: activation(name) for name in ("sigmoid", "tanh")}
    return _drawn(_curves(functions), {name: name for name in functions}, z, asked=True)


def _drawn(
    curves: pd.DataFrame,
    titles: Mapping[str, str],
    z: float,
    asked: bool = False,
    identity: bool = False,
) -> alt.VConcatChart:
    slider = alt.binding_range(
        min=-POINTER_LIMIT, max=POINTER_LIMIT, step=1 / POINTER_STEPS, name="z "
    )
    probe = handle_selection("probe", "z", round(z * POINTER_STEPS) / POINTER_STEPS, slider, True)
    return themed(
        column(
            _functions(curves, titles, probe, asked, identity),
            _slopes(curves, titles, asked),
            spacing=12,
            params=question_params() if asked else (),
            description=t(
                "Curves of {names} with a movable tangent, above the curves of their slopes",
                "{names} 的曲线与可移动的切线，下方是各自的导数曲线",
                names=", ".join(titles.values()),
            ),
        )
    )


def _curves(functions: Mapping[str, Activation]) -> pd.DataFrame:
    """One row per activation and position: z, value, slope, and the ends of the tangent."""
    steps = int(POINTER_LIMIT * POINTER_STEPS)
    z = np.arange(-steps, steps + 1) / POINTER_STEPS
    parts = []
    for name, phi in functions.items():
        value, slope = phi.function(z), phi.derivative(z)
        reach = TANGENT_LENGTH / np.sqrt(1 + slope**2)
        ends = {"left": z - reach, "right": z + reach}
        ends |= {"start": value - slope * reach, "stop": value + slope * reach}
        parts.append(pd.DataFrame({"name": name, "z": z, "value": value, "slope": slope} | ends))
    return pd.concat(parts, ignore_index=True)


def _z(axis: alt.Axis) -> alt.X:
    scale = alt.Scale(domain=[-POINTER_LIMIT, POINTER_LIMIT], nice=False)
    return alt.X("z:Q", scale=scale, axis=axis)


def _name_color(titles: Mapping[str, str]) -> alt.Color:
    colors = colors_of(titles)
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    key = legend(symbolType="stroke", labelExpr=translated(dict(titles)))
    return alt.Color("name:N", scale=scale, legend=key)


def _functions(
    curves: pd.DataFrame,
    titles: Mapping[str, str],
    probe: alt.Parameter,
    asked: bool,
    identity: bool,
) -> alt.LayerChart:
    low, high = FUNCTION_RANGE
    unit = IDENTITY_UNIT if identity else FUNCTION_HEIGHT / UNITS
    # Of a curve that is flat at −2 or −3 all is shown; one that goes on down leaves the picture.
    flat = curves.loc[(curves["z"] == -POINTER_LIMIT) & (curves["slope"].abs() < 0.1), "value"]
    low = min(low, 1.05 * float(flat.min())) if len(flat) else low
    if identity:
        # Who goes deep down leaves less room above: the picture stays in the window.
        high = min(IDENTITY_TOP, low + IDENTITY_TOP - FUNCTION_RANGE[0])
    x = _z(alt.Axis(title=None, labels=False, ticks=False, tickMinStep=1))
    y = alt.Y(
        "value:Q",
        title=t("Function", "函数"),
        scale=alt.Scale(domain=[low, high], nice=False),
        axis=alt.Axis(tickMinStep=1, tickCount=4, format="~r"),
    )
    color = _name_color(titles)
    lines = alt.Chart(curves).mark_line(clip=True, strokeWidth=1.5).encode(x=x, y=y, color=color)
    here = _at_probe(curves).encode(color=color)
    line = here.mark_rule(strokeWidth=4, clip=True).encode(
        x=alt.X("left:Q"), x2="right:Q", y=alt.Y("start:Q"), y2="stop:Q"
    )
    point = here.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y)
    return layered(
        *(_identity(x, y, low, high) if identity else []),
        lines,
        line,
        point,
        *_slope_words(curves, titles, asked),
        _handles().add_params(probe),
    ).properties(height=round(unit * (high - low)))


def _identity(x: alt.X, y: alt.Y, low: float, high: float) -> list[alt.Chart]:
    """The line φ(z) = z, dashed, with its name below where it leaves the picture."""
    ends = alt.Chart(pd.DataFrame({"z": [low, high], "value": [low, high]})).encode(x=x, y=y)
    line = ends.mark_line(color=INK, strokeWidth=1.5, strokeDash=[4, 4], clip=True)
    words = ends.transform_filter(alt.datum.z == high).mark_text(
        align="left", baseline="top", dx=8, dy=10, **WORDS
    )
    return [line, words.encode(text=alt.value("φ(z) = z"))]


def _slope_words(curves: pd.DataFrame, titles: Mapping[str, str], asked: bool) -> list[alt.Chart]:
    """The slopes in numbers, in the upper left corner that no curve enters."""
    words = []
    for row, (name, title) in enumerate(titles.items()):
        text = t("slope of {name}: {slope}", "{name} 的斜率：{slope}")
        slope = "format(datum.slope, '.3f')"
        words.append(
            _at_probe(curves[curves["name"] == name])
            .transform_filter(_answered(asked))
            .transform_calculate(words=in_words(text, name=quoted(title), slope=slope))
            .mark_text(align="left", color=COLORS[name], fontSize=LONG, fontWeight="bold")
            .encode(x=alt.value(6), y=alt.value(12 + 16 * row), text="words:N")
        )
    return words


def _slopes(curves: pd.DataFrame, titles: Mapping[str, str], asked: bool) -> alt.LayerChart:
    low, high = SLOPE_RANGE
    high = max(high, 1.25 * float(curves["slope"].max()))
    ticks = [0, 0.25, 0.5, 0.75, 1] if high < 1.5 else list(range(int(high) + 1))
    x = _z(alt.Axis(title="z", tickMinStep=1))

    def height(field: str) -> alt.Y:
        return alt.Y(
            f"{field}:Q",
            title=t("Slope", "斜率"),
            scale=alt.Scale(domain=[low, high], nice=False),
            axis=alt.Axis(values=ticks, format="~r"),
        )

    y = height("slope")
    color = _name_color(titles)
    base = alt.Chart(curves)
    if asked:
        # Between its ends the curve that is asked for is broken off, not bridged.
        traced = f"datum.z <= {-POINTER_LIMIT} + {SHARE_REVEALED} * {2 * POINTER_LIMIT}"
        seen = f"{_OPEN} || abs(datum.z) >= {COVERED} || {traced}"
        base = base.transform_calculate(seen=f"{seen} ? datum.slope : null")
    line = base.mark_line(clip=True).encode(x=x, y=height("seen") if asked else y, color=color)
    tops = curves.loc[curves.groupby("name")["slope"].idxmax()]
    top = alt.Chart(tops).transform_filter(_answered(asked)).encode(x=x, y=y, color=color)
    label = in_words(t("max {slope}", "最大 {slope}"), slope="format(datum.slope, '.3~r')")
    return layered(
        *(_guess(y) if asked else []),
        line,
        top.mark_point(size=70),
        # On the right, where no other slope rises past the top of a lower one.
        top.mark_text(align="left", dx=6, dy=-11, fontSize=READOUT, fontWeight="bold")
        .transform_calculate(words=label)
        .encode(text="words:N"),
        _at_probe(curves)
        .transform_filter(f"{_OPEN} || {_answered(asked)}")
        .mark_point(filled=True, size=70, opacity=1)
        .encode(x=x, y=y, color=color),
        _handles(),
    ).properties(height=SLOPE_HEIGHT + (50 if asked else 0))


def _guess(y: alt.Y) -> list[alt.Chart]:
    """The largest slope that the reader guesses, as a line at that height."""
    line = (
        alt.Chart(pd.DataFrame({"guess": [0]}))
        .transform_filter(HAS_GUESS)
        .transform_calculate(
            slope=GUESSED,
            words=in_words(t("your guess: {slope}", "你的猜测：{slope}"), slope=GUESSED),
        )
        .encode(y=y)
    )
    return [
        line.mark_rule(color=INK, strokeWidth=2, strokeDash=[2, 4]),
        line.mark_text(align="left", baseline="bottom", dx=6, dy=-4, **WORDS).encode(
            x=alt.value(0), text="words:N"
        ),
    ]


def _answered(asked: bool) -> str:
    """A Vega expression: is there no question, or has it been answered?"""
    return f"{SHARE_REVEALED} == 1" if asked else "true"


def _at_probe(curves: pd.DataFrame) -> alt.Chart:
    """The rows of `curves` at the position of the tangent."""
    return alt.Chart(curves).transform_filter(f"abs(datum.z - {PROBE}) < {0.5 / POINTER_STEPS}")


def _handles() -> alt.Chart:
    """Invisible upright strips, one for each position of the tangent."""
    steps = int(POINTER_LIMIT * POINTER_STEPS)
    z = np.arange(-steps, steps + 1) / POINTER_STEPS
    half = 0.5 / POINTER_STEPS
    strips = pd.DataFrame({"z": z, "left": z - half, "right": z + half})
    return (
        alt.Chart(strips)
        .mark_rect(opacity=0, clip=True, cursor="ew-resize")
        .encode(
            x=alt.X("left:Q"),
            x2="right:Q",
            y=alt.value(0),
            y2=alt.value("height"),
            tooltip=GHOST,
        )
    )
