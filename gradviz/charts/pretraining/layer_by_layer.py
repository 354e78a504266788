"""Greedy layer-wise pre-training as one picture: a network that grows, and what it has learned.

Above, the stack with the layer that learns lit and those below frozen; under each pair of layers
the error of the weights between them. Below, digits and what comes back of them through the layers
there are, and the weights of the first layer as images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import quoted, tooltip_line
from gradviz.charts.parts.handles import REPLAY, RUN, at_step, replay_slider
from gradviz.charts.parts.marks import column, layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import FOREVER, Track, run_key, track_of
from gradviz.charts.parts.theme import LONG
from gradviz.language import t

NETWORK_HEIGHT, ERROR_HEIGHT, IMAGES_HEIGHT = 128, 58, 292
EXAMPLES, FILTERS = 8, 16  # images of each kind
FULL_COLOR = 1.2  # the weight from which on a pixel has its full color
LOWEST, HIGHEST = 4e-4, 0.4  # of the error's axis: inputs lie in [0, 1]
UNITS = 5  # that are drawn of a layer

# The images stand in one view, in pixels of the page. Lengths are in images.
_CELL = 1.1  # the width of an image and the gap after it
_PAIR = 1.06  # from an original to its reconstruction
_TITLE = 22  # pixels
_NARROW = "width < 420"
_ACROSS = f"({_NARROW} ? 6 : 8)"  # images in a row
# Of an image, in pixels: as large as the width and the height allow.
_WIDE = f"min(width / {8 * _CELL}, {(IMAGES_HEIGHT - 2 * _TITLE) / (_PAIR + 1.2 + 2 * _CELL):.1f})"
_SLIM = f"min(width / {6 * _CELL}, {(IMAGES_HEIGHT - 2 * _TITLE) / (_PAIR + 1.2 + 3 * _CELL):.1f})"
_SIZE = f"({_NARROW} ? {_SLIM} : {_WIDE})"
_BESIDE = 0.45  # of the network beyond its first and last column, in layers


class Progress(Protocol):
    """What is drawn of a `gradviz.snapshots.PretrainSnapshot`."""

    step: int
    steps: int
    layer: int
    epoch: int
    status: str
    error: np.ndarray
    originals: np.ndarray
    reconstructions: np.ndarray
    filters: np.ndarray


@dataclass(frozen=True)
class Look:
    """All that the picture depends on but its data; `track` are the steps, if one may scrub."""

    kind: str
    depth: int
    epochs: int
    side: int
    track: Track | None

    @property
    def color(self) -> str:
        """That of what learns."""
        return COLORS[self.kind]

    def x(self, field: str) -> alt.X:
        """Places along the network: the input at 0, layer l at l, the output after the last."""
        domain = [-_BESIDE, self.depth + 1 + _BESIDE]
        return alt.X(field, scale=alt.Scale(domain=domain, nice=False, zero=False), axis=None)


def pretraining(frames: Sequence[Progress], kind: str, depth: int, epochs: int, side: int) -> Spec:
    """The pre-training so far of `depth` layers, `epochs` each, as a Vega-Lite spec.

    `kind` is "rbm" or "autoencoder", and `side` that of the square images. Once the frames are
    finished the reader can scrub through the epochs of all layers: what is not there yet is not
    seen.
    """
    ended = bool(frames) and frames[-1].status == "finished"
    shown = frames if ended else frames[-1:]
    look = Look(kind, depth, epochs, side, track_of([f.step for f in shown]) if ended else None)
    tables = {"errors": errors(frames, epochs)}
    picture = _picture(look)
    if look.track is not None:
        picture = picture.opening(**{REPLAY: look.track.last, RUN: run_key(tables["errors"])})
    learning = frames[-1].layer if frames else 1
    return picture.with_data(
        **tables,
        columns=columns(depth, learning),
        edges=edges(depth, learning),
        digits=digits(shown),
        filters=filters(shown),
        now=_standing(errors(shown, epochs)),
    )


def errors(frames: Sequence[Progress], epochs: int) -> pd.DataFrame:
    """One row per epoch of a layer: step, layer, epoch; mean, low and high error of the seeds.

    And its place `x` between the layer below, where learning begins, and the layer itself.
    """
    rows = [
        (f.step, f.layer, f.epoch, f.error.mean(), f.error.min(), f.error.max()) for f in frames
    ]
    table = pd.DataFrame(rows, columns=["step", "layer", "epoch", "middle", "low", "high"])
    return table.assign(x=table["layer"] - 1 + table["epoch"] / epochs)


def columns(depth: int, learning: int) -> pd.DataFrame:
    """The columns of the network, from the input, 0, to the output: layer, and `learning`.

    `learning` is the layer that learns now, while nobody can scrub.
    """
    return pd.DataFrame({"layer": range(depth + 2), "learning": learning})


def edges(depth: int, learning: int) -> pd.DataFrame:
    """The ends of a line between every two units of neighboring layers, up to the last hidden one.

    Columns layer, the upper of the two; number of the line; x and unit of each end; learning.
    """
    rows = [
        (layer, UNITS * below + above, layer - 1 + end, (below, above)[end], learning)
        for layer in range(1, depth + 1)
        for below in range(UNITS)
        for above in range(UNITS)
        for end in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["layer", "number", "x", "unit", "learning"])


def digits(frames: Sequence[Progress]) -> pd.DataFrame:
    """Test digits and what comes back, as `_images` has them: `below` is 1 for reconstructions."""
    originals = [frame.originals[:EXAMPLES].clip(0, 1) for frame in frames]
    rebuilt = [frame.reconstructions[:EXAMPLES].clip(0, 1) for frame in frames]
    tables = [_images(frames, originals).assign(below=0), _images(frames, rebuilt).assign(below=1)]
    return pd.concat(tables, ignore_index=True)


def filters(frames: Sequence[Progress]) -> pd.DataFrame:
    """The first units' weights as `_images` has them: 0.5 is zero, 0 and 1 are ∓`FULL_COLOR`."""
    shown = [frame.filters[:FILTERS] / FULL_COLOR for frame in frames]
    return _images(frames, [0.5 + weights.clip(-1, 1) / 2 for weights in shown])


def _images(frames: Sequence[Progress], images: Sequence[np.ndarray]) -> pd.DataFrame:
    """Images [number, side²] of values in [0, 1]: step, until, number and pixels.

    Pixels are written as two hexadecimal digits each, so that all epochs can be sent to the
    browser, which unpacks those that are shown. Epochs that change no image have no rows.
    """
    rows: list[dict[str, object]] = []
    before: list[str] = []
    for frame, each in zip(frames, images, strict=True):
        words = [bytes(row).hex() for row in (each * 255).round().astype(np.uint8)]
        if words != before:
            rows += [
                {"step": frame.step, "number": number, "pixels": pixels}
                for number, pixels in enumerate(words)
            ]
        before = words
    return _standing(pd.DataFrame(rows, columns=["step", "number", "pixels"]))


def _standing(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with the column `until`: the step at which others take their place."""
    steps = rows["step"].drop_duplicates().tolist()
    following = dict(zip(steps, [*steps[1:], FOREVER], strict=True)) if steps else {}
    return rows.assign(until=rows["step"].map(following))


@built_once
def _picture(look: Look) -> alt.VConcatChart:
    """The picture without its data."""
    # Its steps are the epochs of all layers, one after another.
    name = t("Epochs so far: ", "已训练轮次：")
    return column(
        _network(look),
        _errors(look),
        _pictures(look),
        spacing=8,
        independent=("color",),
        params=replay_slider(look.track, name) if look.track is not None else (),
        description=t(
            "A network that grows layer by layer, the reconstruction error of each layer, digits "
            "with their reconstructions, and the weights of the first layer as images",
            "逐层生长的网络、各层的重构误差、数字及其重构图，以及以图像显示的第 1 层权重",
        ),
    )


def _learning(name: str, look: Look) -> alt.Chart:
    """The data `name` with the layer that learns at the step that is shown."""
    rows = alt.Chart(alt.NamedData(name))
    if look.track is None:
        return rows
    return rows.transform_calculate(learning=f"max(1, ceil({REPLAY} / {look.epochs}))")


def _network(look: Look) -> alt.LayerChart:
    """The stack: what learns is lit, what is below it stands still, the rest is not there yet."""
    height = alt.Scale(domain=[-1.35, UNITS + 0.55], nice=False)
    y = alt.Y("unit:Q", scale=height, axis=None)
    line = _learning("edges", look).transform_filter("datum.layer <= datum.learning")
    lit = alt.when("datum.layer == datum.learning")
    column_of = _learning("columns", look)
    there = "datum.layer <= datum.learning"
    units = column_of.transform_calculate(units=f"sequence({UNITS})").transform_flatten(
        ["units"], as_=["unit"]
    )
    size = alt.expr("width < 420 ? 60 : 110")
    hidden = f"datum.layer > 0 && datum.layer <= {look.depth}"
    states = column_of.transform_filter(f"{hidden} && {there}").transform_calculate(
        unit=f"{UNITS - 0.2}",
        words=f"datum.layer == datum.learning ? {quoted(t('learns', '学习中'))} : "
        f"{quoted(t('frozen', '固定'))}",
    )
    names = column_of.transform_calculate(
        unit="-1",
        words=f"datum.layer == 0 ? {quoted(t('pixels', '像素'))} : "
        f"datum.layer > {look.depth} ? {quoted(t('output', '输出'))} : '' + datum.layer",
    )
    word = alt.Text("words:N")
    return layered(
        line.mark_line(strokeCap="butt").encode(
            x=look.x("x:Q"),
            y=y,
            detail=["layer:O", "number:O"],
            color=lit.then(alt.value(look.color)).otherwise(alt.value(INK)),
            opacity=lit.then(alt.value(0.85)).otherwise(alt.value(0.3)),
            strokeWidth=lit.then(alt.value(1.6)).otherwise(alt.value(1)),
        ),
        units.transform_filter(f"!({there})")
        .mark_point(size=size, color=INK, opacity=0.45, strokeWidth=1, strokeDash=[2, 2])
        .encode(x=look.x("layer:Q"), y=y),
        units.transform_filter(there)
        .mark_point(size=size, filled=True, opacity=1)
        .encode(
            x=look.x("layer:Q"),
            y=y,
            color=lit.then(alt.value(look.color)).otherwise(alt.value(INK)),
        ),
        states.transform_filter("datum.layer != datum.learning")
        .mark_text(color=INK, fontSize=LONG, baseline="bottom")
        .encode(x=look.x("layer:Q"), y=y, text=word),
        states.transform_filter("datum.layer == datum.learning")
        .mark_text(color=look.color, fontSize=LONG, fontWeight="bold", baseline="bottom")
        .encode(x=look.x("layer:Q"), y=y, text=word),
        names.mark_text(color=INK, fontSize=LONG, baseline="middle").encode(
            x=look.x("layer:Q"), y=y, text=word
        ),
    ).properties(height=NETWORK_HEIGHT)


def _errors(look: Look) -> alt.LayerChart:
    """Under the weights that learn, how their error falls from epoch to epoch."""
    x = look.x("x:Q")
    title = t("reconstruction error", "重构误差")
    y = alt.Y(
        "middle:Q",
        scale=power_scale(LOWEST, HIGHEST),
        axis=power_axis(LOWEST, HIGHEST, title, most=3),
    )
    learned = alt.Chart(alt.NamedData("errors"))
    if look.track is not None:
        learned = learned.transform_filter(f"datum.step <= {REPLAY}")
    curves = learned.encode(x=x, detail="layer:O")
    now = _shown(alt.Chart(alt.NamedData("now")), look)
    tooltip = [
        tooltip_line("layer:O", t("layer", "层")),
        tooltip_line("epoch:Q", t("epoch", "轮次")),
        tooltip_line("middle:Q", title, ".2e"),
    ]
    return layered(
        curves.mark_area(opacity=0.25, clip=True, color=look.color).encode(
            y=alt.Y("low:Q", scale=power_scale(LOWEST, HIGHEST)), y2="high:Q"
        ),
        curves.mark_line(strokeWidth=2.5, clip=True, color=look.color).encode(y=y),
        # A line has no values of its own to hover over.
        curves.mark_point(filled=True, size=60, opacity=0).encode(y=y, tooltip=tooltip),
        now.mark_point(filled=True, size=70, opacity=1, color=look.color).encode(x=x, y=y),
    ).properties(height=ERROR_HEIGHT)


def _shown(rows: alt.Chart, look: Look) -> alt.Chart:
    return rows if look.track is None else at_step(rows)


def _pictures(look: Look) -> alt.LayerChart:
    """A row of digits with what comes back below, and rows of weights."""
    across = f"datum.number % {_ACROSS} * {_CELL}"
    digit = {"across": across, "down": f"datum.below * {_PAIR}"}
    weight = {
        "across": across,
        "down": f"{_PAIR + 1.2} + floor(datum.number / {_ACROSS}) * {_CELL}",
    }
    weights_top = f"{_TITLE} + {_PAIR + 1.2} * {_SIZE}"
    shown = f"datum.number < {_ACROSS}"
    return (
        layered(
            _grid("digits", look, digit["across"], digit["down"], f"{_TITLE}", shown),
            _grid("filters", look, weight["across"], weight["down"], f"{2 * _TITLE}"),
            _title(t("Digits, and below what comes back", "数字，下方是还原的结果"), "0"),
            _title(t("Weights of 16 units of layer 1", "第 1 层 16 个神经元的权重"), weights_top),
        )
        .resolve_scale(color="independent")
        .properties(height=IMAGES_HEIGHT)
    )


def _grid(
    name: str, look: Look, across: str, down: str, top: str, shown: str = "true"
) -> alt.Chart:
    """Square images; the expressions `across` and `down` say where each begins, in images.

    `top` is an expression for the pixels above them; only those are drawn for which `shown` holds.
    """
    pixels = look.side**2
    squares = (
        _shown(alt.Chart(alt.NamedData(name)), look)
        .transform_calculate(pixel=f"sequence({pixels})")
        .transform_flatten(["pixel"])
        .transform_calculate(
            value="parseInt(substring(datum.pixels, 2 * datum.pixel, 2 * datum.pixel + 2), 16)"
        )
    )
    x = f"{across} + datum.pixel % {look.side} / {look.side}"
    y = f"{down} + floor(datum.pixel / {look.side}) / {look.side}"
    side = 1.12 / look.side  # a little overlap hides the seams between pixels
    return squares.mark_rect(strokeWidth=0, opacity=alt.expr(f"{shown} ? 1 : 0")).encode(
        x=alt.value(alt.expr(f"({x}) * {_SIZE}")),
        x2=alt.value(alt.expr(f"({x} + {side}) * {_SIZE}")),
        y=alt.value(alt.expr(f"{top} + ({y}) * {_SIZE}")),
        y2=alt.value(alt.expr(f"{top} + ({y} + {side}) * {_SIZE}")),
        color=alt.Color("value:Q", scale=_SHADES[name], legend=None),
    )


def _title(words: str, y: str) -> alt.Chart:
    text = alt.Chart(pd.DataFrame({"words": [words]})).mark_text(
        align="left", baseline="top", color=INK, fontSize=LONG
    )
    return text.encode(x=alt.value(0), y=alt.value(alt.expr(y)), text="words:N")


# Ink on paper for digits; for weights, zero lies halfway between two colors of equal lightness,
# which are none of those of vanishing and exploding.
_SHADES = {
    "digits": alt.Scale(domain=[0, 255], range=["#10131a", "#f4f1e8"]),
    "filters": alt.Scale(
        domain=[0, 127.5, 255], range=["#b87308", "#f4f1e8", "#8a5ed6"], interpolate="rgb"
    ),
}
