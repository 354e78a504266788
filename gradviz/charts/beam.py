"""The beam: a network, and the gradient that flows through it from the loss back to the input.

At each layer the beam is as wide as the power of ten of what arrives there, and has its color: a
straight band where every layer hands on what it gets, a hair in blue where the gradient vanishes, a
trumpet in red where it explodes. What is exactly zero or not finite has no power of ten: there the
beam is gone, or fills the picture, and says so in words.

The mapping stands here once, in Python and as Vega expressions: `BeamScale` and `color_of`. There
are three ways to draw a beam with it:

- of what the browser computes, as on home: a chart of the layers goes through `BeamScale.computed`,
  and then to `beam_layers`.
- of a run: `beam_frame` makes the data of one arm, from columns layer, value and, if the beam
  should follow the replay, step and until (see `summary.with_until`). The layers of the picture are
  `beam_layers(at_step(alt.Chart(data)), BeamLook(depth))`; of a single step, without `at_step`.
- small, on a card: `thumbnail`, an image of about two thousand bytes.

`beam_light` is the beam alone, for a picture that draws the network itself.
"""

from __future__ import annotations

import html
import math
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import in_words, lookup, tooltip_line
from gradviz.charts.parts.marks import layered, state_names
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_of_ten, scientific
from gradviz.charts.parts.summary import Values, state_of
from gradviz.charts.parts.theme import READOUT, WORDS
from gradviz.language import t

VANISHED, EXPLODED = 1e-3, 1e3  # from there on the color is that of vanishing, or exploding
HEIGHT = 250  # pixels

_HAIR = 0.012  # the least half width that is drawn, as a share of the largest
_TALL = 1.3  # of the picture, in largest half widths: room for numbers above and below the beam
_MARGIN = 0.05  # beside the layers, as a share of their number: there stands the loss
# A color for each of some powers of ten; between them it is mixed. From green straight to red
# there would be mud.
_DECADES = (math.log10(VANISHED), 0.0, 1.5, math.log10(EXPLODED))
_COLORS = (COLORS["vanish"], COLORS["healthy"], "#b5872a", COLORS["explode"])
_GLOW = np.arange(0.92, 0.1, -0.09)  # parts of the width that are one over the other brighter
_LEVEL = alt.Scale(domain=[-_TALL, _TALL], nice=False, zero=False)
_NARROW = "width < 420"
_PIECES = 60  # of the ribbon, about, or one for each layer
_QUARTERS = 4  # the layers whose numbers are written: first, last, and evenly between


@dataclass(frozen=True)
class BeamScale:
    """Half the beam's width by the power of ten of a signal, relative to the one at the loss.

    It grows evenly from 10^`low`, where but a hair is left, to 1 at 10^`high`; a signal as large
    as that at the loss stands between them. Beyond both ends it stays as it is there.
    """

    low: int = -6
    high: int = 6

    def half(self, relative: Values, state: Sequence[str] | pd.Series) -> np.ndarray:
        """Half the width for each signal and its state: 0 for a zero, 1 for an overflow."""
        numbers = np.asarray(relative, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (np.log10(numbers) - self.low) / (self.high - self.low)
        states = np.asarray(state)
        drawn = np.clip(share, _HAIR, 1.0)
        return np.select([states == "zero", states == "overflow"], [0.0, 1.0], drawn)

    @property
    def even(self) -> float:
        """Half the width of a signal that is as large as that at the loss."""
        return -self.low / (self.high - self.low)

    def half_of(self, relative: str) -> str:
        """A Vega expression for `half` of a positive number, which is an expression itself."""
        share = f"(log({relative}) / LN10 - ({self.low})) / {self.high - self.low}"
        return f"clamp({share}, {_HAIR}, 1)"

    def computed(self, layers: alt.Chart, relative: str, nearer: str) -> alt.Chart:
        """`layers` with the columns that `beam_layers` draws, computed in the browser.

        Their rows have the column layer, from 1 to one more than there are layers: the last one is
        the loss. `relative` is a Vega expression for the signal of such a row, `nearer` one for
        that of the next row.
        """
        return layers.transform_calculate(relative=relative, nearer=nearer).transform_calculate(
            state="'measured'",
            decade="log(datum.relative) / LN10",
            half=self.half_of("datum.relative"),
            nearer_half=self.half_of("datum.nearer"),
        )


@dataclass(frozen=True)
class BeamLook:
    """All that a beam's picture depends on but its data.

    `depth` is the number of layers, or the name of the parameter that says it.
    """

    depth: int | str
    scale: BeamScale = BeamScale()
    loss_at: float | None = None  # on the axis of layers; None: close to the last one
    ends: tuple[float, float] | None = None  # of that axis; None: it ends with the network
    pane: float = 0.14  # half the height of a layer

    @property
    def loss(self) -> str:
        """A Vega expression for the place of the loss on the axis of layers."""
        if self.loss_at is not None:
            return f"{self.loss_at}"
        return f"({self.depth} + {_MARGIN} * {self.depth} + 0.2)"

    def layer_scale(self) -> alt.Scale:
        """The axis on which the layers stand, from the input on the left to the loss."""
        if self.ends is not None:
            return alt.Scale(domain=list(self.ends), nice=False, zero=False)
        low, high = f"1 - {_MARGIN} * 0.4 * {self.depth}", f"{self.loss} + 0.005 * {self.depth}"
        return alt.Scale(domain=[alt.ExprRef(low), alt.ExprRef(high)], nice=False, zero=False)

    def x(self, field: str) -> alt.X:
        """The encoding of places on that axis, which is not drawn."""
        return alt.X(field, scale=self.layer_scale(), axis=None)

    def y(self, field: str) -> alt.Y:
        """The encoding of heights: 0 in the middle of the beam, ±1 where it is widest."""
        return alt.Y(field, scale=_LEVEL, axis=None)


def beam_frame(
    levels: pd.DataFrame,
    scale: BeamScale = BeamScale(),
    reference: float | None = None,
    sent: float | None = None,
) -> pd.DataFrame:
    """The data of a beam, from the signal δ at each layer: columns layer, value, and any others.

    With a column step each step is a beam. It is measured by its own last layer, the nearest to
    the loss (or the nearest that has a number), or by `reference`. Added are the columns `state`
    (see `summary.STATES`), `relative` and `decade` (null where there is no such number), `half`,
    and `nearer_half`, that of the next row; and for each beam a row for the loss, which sends out
    what the last layer gets, or `sent` of it.
    """
    rows = levels.sort_values("layer").assign(state=lambda rows: state_of(rows["value"]))
    measured = rows["value"].where(rows["state"] == "measured")
    key = rows["step"] if "step" in rows else pd.Series(0, index=rows.index)
    base = measured.groupby(key).transform("last") if reference is None else reference
    rows = rows.assign(relative=measured / base)
    last = rows.groupby(key).tail(1)
    # Where the last layer gets nothing there was something yet at the loss.
    gone = (last["state"] == "zero") if sent is None else pd.Series(True, index=last.index)
    loss = last.assign(
        layer=last["layer"] + 1,
        state=last["state"].mask(gone, "measured"),
        relative=last["relative"].mask(gone, 1.0 if sent is None else sent),
    )
    rows = pd.concat([rows, loss], ignore_index=True)
    rows = rows.sort_values([*(["step"] if "step" in rows else []), "layer"], ignore_index=True)
    rows["decade"] = np.log10(rows["relative"])
    rows["half"] = scale.half(rows["relative"], rows["state"])
    beams = rows.groupby("step") if "step" in rows else rows.groupby(lambda _: 0)
    return rows.assign(nearer_half=beams["half"].shift(-1).fillna(rows["half"]))


def beam_layers(rows: alt.Chart, look: BeamLook) -> alt.LayerChart:
    """The beam of `rows` in its network, unthemed; see the module for what `rows` are.

    It wants a height of about `HEIGHT`.
    """
    # The parts have no data of their own: they inherit those of the whole, computed once.
    every = alt.Chart()
    layers = _layers(every, look)
    parts = [*_network(layers, every, look), *_beyond(layers, look), *_words(layers, look)]
    return _placed(rows, look, [_untouched(layers, look), *_light(every, look), *parts])


def beam_light(rows: alt.Chart, look: BeamLook, shown: str = "true") -> alt.LayerChart:
    """The beam of `rows` alone, without the network in which it runs, unthemed.

    `shown` is a Vega expression: has the beam come to the layer of the row `datum`? The pale band
    is there from the start.
    """
    every = alt.Chart()
    lit = every.transform_filter(shown)
    return _placed(rows, look, [_untouched(_layers(every, look), look), *_light(lit, look)])


def _layers(every: alt.Chart, look: BeamLook) -> alt.Chart:
    """The rows but that of the loss."""
    return every.transform_filter(f"datum.layer <= {look.depth}")


def _placed(rows: alt.Chart, look: BeamLook, parts: list[alt.Chart]) -> alt.LayerChart:
    """The `parts`, which have no data of their own, over the data of `rows`."""
    place = f"datum.layer <= {look.depth} ? datum.layer : {look.loss}"
    placed = rows.transform_calculate(place=place)
    beam = layered(*parts)
    beam.data, beam.transform = placed.data, placed.transform
    return beam


def _light(every: alt.Chart, look: BeamLook) -> list[alt.Chart]:
    """The ribbon with its halo, and what is brighter along its middle."""
    layers = _layers(every, look)
    halo = _ribbon(layers, look, wide=1.1).mark_area(opacity=0.16, tooltip=None)
    # Edged in its own color, so that no light falls between two pieces.
    ribbon = _ribbon(layers, look).mark_area(strokeWidth=0.7, strokeJoin="round", tooltip=None)
    return [halo, ribbon.encode(stroke=_stroke(signal_color("shade:Q"))), *_glow(every, look)]


def signal_color(field: str = "decade:Q") -> alt.Color:
    """Blue, green, red by the power of ten of a signal: `color_of` in the browser."""
    scale = alt.Scale(domain=_DECADES, range=_COLORS, clamp=True, interpolate="rgb")
    return alt.Color(field, scale=scale, legend=None)


def zone_color() -> Any:  # noqa: ANN401 — Altair has no public name for a chain of conditions
    """The color of a number beside the beam: that of vanishing or exploding, from there on."""
    return (
        alt.when(f"datum.relative < {VANISHED}")
        .then(alt.value(COLORS["vanish"]))
        .when(f"datum.relative > {EXPLODED}")
        .then(alt.value(COLORS["explode"]))
        .otherwise(alt.value(INK))
    )


def color_of(decade: float) -> str:
    """The color "#rrggbb" of the power of ten of a signal, which may be infinite."""
    channels = zip(*(bytes.fromhex(color[1:]) for color in _COLORS), strict=True)
    return "#" + "".join(f"{round(np.interp(decade, _DECADES, own)):02x}" for own in channels)


def _stroke(color: alt.Color) -> alt.Stroke:
    return alt.Stroke(color["shorthand"], scale=color["scale"], legend=None)


def _ribbon(layers: alt.Chart, look: BeamLook, wide: float = 1.0) -> alt.Chart:
    """Pieces from each layer to the next row, each in the color of its left end.

    Where layers are few there are several pieces between two, so that the color flows too. They
    are so many times as wide as the beam.
    """
    low, high = look.scale.low, look.scale.high
    further = f"(datum.layer < {look.depth} ? datum.layer + 1 : {look.loss})"
    between = "datum.half + (datum.nearer_half - datum.half) * {share}"
    return (
        layers.transform_filter("datum.half > 0 || datum.nearer_half > 0")
        .transform_calculate(pieces=f"sequence(max(1, round({_PIECES} / {look.depth})))")
        .transform_calculate(share="1 / length(datum.pieces)")
        .transform_flatten(["pieces"], as_=["piece"])
        .transform_calculate(
            # Half the width says the color: beyond the ends of its scale no color changes.
            shade=f"{low} + {high - low} * ({between.format(share='datum.piece * datum.share')})",
            ends="[0, 1]",
        )
        .transform_flatten(["ends"], as_=["end"])
        .transform_calculate(on="(datum.piece + datum.end) * datum.share")
        .transform_calculate(
            at=f"datum.layer + ({further} - datum.layer) * datum.on",
            top=f"{wide} * ({between.format(share='datum.on')})",
        )
        .transform_calculate(bottom="-datum.top")
        .mark_area()
        .encode(
            x=look.x("at:Q"),
            y=look.y("top:Q"),
            y2="bottom:Q",
            detail=["layer:Q", "piece:Q"],
            color=signal_color("shade:Q"),
        )
    )


def _glow(rows: alt.Chart, look: BeamLook) -> list[alt.Chart]:
    """The beam is brightest along its middle."""
    return [
        rows.transform_calculate(top=f"{wide} * datum.half", bottom=f"-{wide} * datum.half")
        .mark_area(color="white", opacity=0.06, tooltip=None)
        .encode(x=look.x("place:Q"), y=look.y("top:Q"), y2="bottom:Q")
        for wide in _GLOW.round(2)
    ]


def _untouched(layers: alt.Chart, look: BeamLook) -> alt.Chart:
    """The pale band that the beam would fill if every layer handed on what it gets."""
    even = look.scale.even
    return (
        layers.transform_filter("datum.layer == 1")
        .transform_calculate(end=look.loss, top=f"{even}", bottom=f"{-even}")
        .mark_rect(color=INK, opacity=0.1, tooltip=None)
        .encode(x=look.x("layer:Q"), x2="end:Q", y=look.y("top:Q"), y2="bottom:Q")
    )


def _network(layers: alt.Chart, rows: alt.Chart, look: BeamLook) -> list[alt.Chart]:
    """The layers, through which the beam goes, and the loss, from which it comes."""
    pitch = f"width / {look.depth}"
    size = alt.expr(f"clamp({pitch} < 9 ? 0.3 * {pitch} : 0.42 * {pitch}, 1.2, 12)")
    edge = alt.expr(f"{pitch} < 9 ? 0.5 : 1")
    odd = lookup(state_names(), "datum.state")
    arrives = f"datum.state === 'measured' ? {scientific('datum.relative')} : {odd}"
    names = [
        tooltip_line("layer:Q", t("layer", "层")),
        tooltip_line("arrives:N", t("gradient, of that at the loss", "梯度，相对于损失处")),
    ]
    loss = rows.transform_filter(f"datum.layer > {look.depth}")
    return [
        layers.transform_calculate(arrives=arrives, top=f"{look.pane}", bottom=f"{-look.pane}")
        .mark_bar(fill="white", stroke=INK, strokeWidth=edge, cornerRadius=3, size=size)
        .encode(x=look.x("layer:Q"), y=look.y("top:Q"), y2="bottom:Q", tooltip=names),
        loss.transform_calculate(top="datum.half + 0.05", bottom="-datum.half - 0.05")
        .mark_bar(color=INK, size=5, cornerRadius=2.5, tooltip=None)
        .encode(x=look.x("place:Q"), y=look.y("top:Q"), y2="bottom:Q"),
        loss.transform_calculate(at=f"(datum.place + {look.depth}) / 2", level="0")
        .mark_point(shape="triangle-left", color="white", filled=True, size=70, opacity=0.95)
        .encode(x=look.x("at:Q"), y=look.y("level:Q"), tooltip=alt.value(None)),
    ]


def cut_marks(layers: alt.Chart, look: BeamLook) -> list[alt.Chart]:
    """Where the signal is beyond the scale and the beam is not: from which layer on, in words.

    Above the scale a dashed edge says that the beam is cut; the words stand on that side of the
    last layer that has its true width on which there is room.
    """
    scale = look.scale
    sides = {
        ">": (scale.high, COLORS["explode"], t("beyond {end}", "超出 {end}"), -1.03),
        "<": (scale.low, COLORS["vanish"], t("below {end}", "不足 {end}"), -look.pane - 0.03),
    }
    marks = []
    for sign, (end, color, words, level) in sides.items():
        cut = (
            layers.transform_filter(f"datum.state === 'measured' && datum.decade {sign} {end}")
            .transform_aggregate(layer="max(layer)", far="min(layer)")
            .transform_calculate(level=f"{level}", upper="1.03", lower="-1.03")
            .transform_calculate(at=f"datum.layer > 0.4 * {look.depth} ? datum.layer : datum.far")
        )
        if sign == ">":
            edge = cut.mark_rule(color=color, strokeWidth=2, strokeDash=[5, 4], tooltip=None)
            x, x2 = look.x("far:Q"), "layer:Q"
            marks += [edge.encode(x=x, x2=x2, y=look.y(f"{side}:Q")) for side in ("upper", "lower")]
        align = alt.expr("datum.at > datum.far ? 'right' : 'left'")
        place = {"x": look.x("at:Q"), "y": look.y("level:Q")}
        text = words.format(end=power_of_ten(end))
        said = cut.mark_text(align=align, baseline="top", dy=2, **{**WORDS, "color": color})
        marks.append(said.encode(**place, text=alt.value(text)))
    return marks


def _beyond(layers: alt.Chart, look: BeamLook) -> list[alt.Chart]:
    """What the scale does not reach, and what has no power of ten: triangles, one in words."""
    odd = layers.transform_filter("datum.state !== 'measured'").transform_calculate(
        level="datum.state === 'zero' ? 0.26 : 1.08"
    )
    place = {"x": look.x("layer:Q"), "y": look.y("level:Q")}
    zero = alt.when("datum.state === 'zero'")
    color = zero.then(alt.value(COLORS["vanish"])).otherwise(alt.value(COLORS["explode"]))
    shape = zero.then(alt.value("triangle-down")).otherwise(alt.value("triangle-up"))
    first = odd.transform_joinaggregate(first="min(layer)", groupby=["state"]).transform_filter(
        "datum.layer == datum.first"
    )
    words = first.transform_calculate(words=lookup(state_names(), "datum.state"))
    return [
        *cut_marks(layers, look),
        odd.mark_point(filled=True, size=50, opacity=1).encode(**place, color=color, shape=shape),
        words.mark_text(align="left", baseline="bottom", dx=-4, dy=-9, **WORDS).encode(
            **place, text="words:N"
        ),
    ]


def _words(layers: alt.Chart, look: BeamLook) -> list[alt.Chart]:
    """What arrives at a few layers, over the beam; at its foot which they are, input and loss."""
    nth = f"round(1 + ({look.depth} - 1) * datum.quarter / {_QUARTERS})"
    chosen = (
        layers.transform_calculate(quarters=f"sequence({_QUARTERS + 1})")
        .transform_flatten(["quarters"], as_=["quarter"])
        .transform_filter(f"datum.layer == {nth}")
        .transform_calculate(level=f"max(datum.half, {look.pane} + 0.01)", foot=f"{-_TALL}")
    )
    crowded = f"{_NARROW} && datum.quarter % 2"
    first, last = "datum.quarter == 0", f"datum.quarter == {_QUARTERS}"
    number = chosen.transform_filter("datum.state === 'measured'").transform_calculate(
        words=scientific("datum.relative")
    )
    begin = in_words(t("input · layer {n}", "输入 · 第 {n} 层"), n="datum.layer")
    layer = chosen.transform_calculate(words=f"{first} ? {begin} : '' + datum.layer")
    align = alt.expr(f"{first} ? 'left' : 'center'")
    loss = layers.transform_filter("datum.layer == 1").transform_calculate(foot=f"{-_TALL}")
    return [
        number.mark_text(
            baseline="bottom",
            align=align,
            dx=alt.expr(f"{first} ? -6 : 0"),
            dy=-8,
            fontSize=READOUT + 1,
            fontWeight="bold",
            opacity=alt.expr(f"{crowded} ? 0 : 1"),
        ).encode(x=look.x("layer:Q"), y=look.y("level:Q"), text="words:N", color=zone_color()),
        layer.mark_text(
            baseline="bottom",
            align=align,
            dx=alt.expr(f"{first} ? -6 : 0"),
            opacity=alt.expr(f"{crowded} || {_NARROW} && {last} ? 0 : 1"),
            **WORDS,
        ).encode(x=look.x("layer:Q"), y=look.y("foot:Q"), text="words:N"),
        loss.mark_text(baseline="bottom", align="right", **WORDS).encode(
            x=alt.value("width"), y=look.y("foot:Q"), text=alt.value(t("loss", "损失"))
        ),
    ]


_THUMBNAIL = (240, 36)  # the width and the height of one beam's box, which the page stretches


def thumbnail(beams: Sequence[pd.DataFrame], description: str) -> str:
    """The beams below each other, small, as an image element that fills its place on the page.

    Each is a frame of `beam_frame` with one step only. Ticks are layers; `description` is the alt
    text. It is an image, not an SVG element, since Streamlit lets no other picture into its HTML.
    """
    width, height = _THUMBNAIL
    parts = [
        f"<g transform='translate(0,{row * height})'>{_small(frame, row)}</g>"
        for row, frame in enumerate(beams)
    ]
    picture = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height * len(beams)}' "
        f"preserveAspectRatio='none'>{''.join(parts)}</svg>"
    )
    # Of what an address may not hold, the rest may stand as it is.
    address = urllib.parse.quote(picture, safe=" =:/'(),.-")
    return (
        f'<img class="gradviz-beam" alt="{html.escape(description)}" '
        f'src="data:image/svg+xml,{address}">'
    )


def _small(frame: pd.DataFrame, number: int) -> str:
    """One beam: the pale band of an even one, its outline twice (once brighter), its layers."""
    width, height = _THUMBNAIL
    middle, unit = height / 2, height / 2 - 1
    last = len(frame) - 1
    x = (frame["layer"] - frame["layer"].min() + 0.2).to_numpy() / (last + 0.2) * width
    half = frame["half"].to_numpy() * unit
    decades = frame["decade"].where(frame["state"] == "measured")
    shades = decades.fillna(frame["state"].map({"zero": -np.inf, "overflow": np.inf}))
    stops = "".join(
        f"<stop offset='{place / width:.3f}' stop-color='{color_of(shade)}'/>"
        for place, shade in zip(x, shades, strict=True)
    )
    even, start = BeamScale().even * unit, x[0]
    ticks = "".join(f"M{place:.1f} {middle - 4:g}v8" for place in x[:-1])
    return (
        f"<linearGradient id='b{number}' gradientUnits='userSpaceOnUse' x2='{width}'>{stops}"
        f"</linearGradient>"
        f"<rect x='{start:.1f}' y='{middle - even:g}' width='{x[-1] - start:.1f}' "
        f"height='{2 * even:g}' fill='{INK}' opacity='.12'/>"
        f"<path d='{_outline(x, half, middle)}' fill='url(#b{number})'/>"
        f"<path d='{_outline(x, half * 0.45, middle)}' fill='#fff' opacity='.28'/>"
        f"<path d='{ticks}' stroke='{INK}' vector-effect='non-scaling-stroke'/>"
    )


def _outline(x: np.ndarray, half: np.ndarray, middle: float) -> str:
    upper = [f"{place:.1f} {middle - h:.2f}" for place, h in zip(x, half, strict=True)]
    lower = [f"{place:.1f} {middle + h:.2f}" for place, h in zip(x, half, strict=True)]
    return f"M{'L'.join([*upper, *lower[::-1]])}Z"
