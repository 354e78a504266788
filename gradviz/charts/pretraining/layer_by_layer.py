"""Greedy layer-wise pre-training as one picture: errors, reconstructions and learned filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import in_words, tooltip_line
from gradviz.charts.parts.handles import REPLAY, RUN, at_step, replay_slider
from gradviz.charts.parts.marks import column, layered
from gradviz.charts.parts.palette import INK
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import FOREVER, Track, run_key, track_of
from gradviz.charts.parts.theme import LONG, WORDS, legend
from gradviz.language import t

ERROR_HEIGHT = 125
IMAGES_HEIGHT = 190
EXAMPLES, FILTERS, COLUMNS = 8, 32, 8  # images of each kind, and of filters in a row
LOWEST, HIGHEST = 2e-4, 0.2  # of the error's axis: inputs lie in [0, 1]

# The images stand in one view, in pixels of the page: beside each other where there is room, else
# the weights below the digits. Lengths are in images.
_CELL = 1.2  # the width of an image and the gap after it
_PAIR = 1.05  # from an original to its reconstruction
_TITLE = 22  # pixels
_NARROW = "width < 420"
_SIZES = {  # of an image, in pixels: as large as the width and the height allow
    "wide": f"min(width / 15, {(IMAGES_HEIGHT - _TITLE) / 4.6:.1f})",
    "narrow": f"min(width / 9.4, {(IMAGES_HEIGHT - 2 * _TITLE) / 6.8:.1f})",
}
_SIZE = f"({_NARROW} ? {_SIZES['narrow']} : {_SIZES['wide']})"


class Progress(Protocol):
    """What is drawn of a `gradviz.engine.pretrain.PretrainSnapshot`."""

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

    depth: int
    epochs: int
    side: int
    track: Track | None


def pretraining(frames: Sequence[Progress], depth: int, epochs: int, side: int) -> Spec:
    """The pre-training so far of `depth` layers, `epochs` each, as a Vega-Lite spec.

    `side` is that of the square images. Once the frames are finished the reader can scrub through
    the epochs of all layers: what was not learned yet is not seen.
    """
    ended = bool(frames) and frames[-1].status == "finished"
    shown = frames if ended else frames[-1:]
    look = Look(depth, epochs, side, track_of([f.step for f in shown]) if ended else None)
    tables = {"errors": errors(frames)}
    picture = _picture(look)
    if look.track is not None:
        picture = picture.opening(**{REPLAY: look.track.last, RUN: run_key(tables["errors"])})
    return picture.with_data(
        **tables, digits=digits(shown), filters=filters(shown), now=_standing(errors(shown))
    )


def errors(frames: Sequence[Progress]) -> pd.DataFrame:
    """One row per epoch of a layer: step, layer, epoch; mean, low and high error of the seeds."""
    rows = [
        (f.step, f.layer, f.epoch, f.error.mean(), f.error.min(), f.error.max()) for f in frames
    ]
    return pd.DataFrame(rows, columns=["step", "layer", "epoch", "middle", "low", "high"])


def digits(frames: Sequence[Progress]) -> pd.DataFrame:
    """Test digits and what comes back, as `_images` has them: `below` is 1 for reconstructions."""
    originals = [frame.originals[:EXAMPLES].clip(0, 1) for frame in frames]
    rebuilt = [frame.reconstructions[:EXAMPLES].clip(0, 1) for frame in frames]
    tables = [_images(frames, originals).assign(below=0), _images(frames, rebuilt).assign(below=1)]
    return pd.concat(tables, ignore_index=True)


def filters(frames: Sequence[Progress]) -> pd.DataFrame:
    """The first units' weights as `_images` has them: 0.5 is zero, its largest is 0 or 1."""
    shown = [frame.filters[:FILTERS] for frame in frames]
    largest = [np.abs(each).max(axis=1, keepdims=True) for each in shown]
    scaled = [w / np.where(top > 0, top, 1.0) for w, top in zip(shown, largest, strict=True)]
    return _images(frames, [0.5 + w / 2 for w in scaled])


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
        _errors(look),
        _pictures(look),
        spacing=10,
        independent=("color",),
        params=replay_slider(look.track, name) if look.track is not None else (),
        description=t(
            "Reconstruction error of each layer by epoch, digits with their reconstructions, and "
            "the weights of the first layer as images",
            "各层重构误差随轮次的变化、数字及其重构图，以及以图像显示的第 1 层权重",
        ),
    )


def _errors(look: Look) -> alt.LayerChart:
    x = alt.X(
        "epoch:Q",
        scale=alt.Scale(domain=[1, max(look.epochs, 2)], nice=False),
        axis=corner_axis(
            t("epoch", "轮次"), alt.Axis(grid=False, format="d", tickMinStep=1, tickCount=6)
        ),
    )
    y = alt.Y(
        "middle:Q",
        scale=power_scale(LOWEST, HIGHEST),
        axis=power_axis(LOWEST, HIGHEST, t("Error", "误差")),
    )
    layers = list(range(1, look.depth + 1))
    color = alt.Color(
        "layer:O",
        scale=alt.Scale(domain=layers, scheme=alt.SchemeParams("viridis", extent=[0.25, 0.9])),
        legend=legend(
            columns=look.depth, title=t("layer", "层"), titleOrient="left", symbolType="circle"
        ),
    )
    learned = alt.Chart(alt.NamedData("errors"))
    if look.track is not None:
        learned = learned.transform_filter(f"datum.step <= {REPLAY}")
    curves = learned.encode(x=x, color=color)
    now = _shown(alt.Chart(alt.NamedData("now")), look)
    tooltip = [
        tooltip_line("layer:O", t("layer", "层")),
        tooltip_line("epoch:Q", t("epoch", "轮次")),
        tooltip_line("middle:Q", t("reconstruction error", "重构误差"), ".2e"),
    ]
    return layered(
        curves.mark_area(opacity=0.25, clip=True).encode(
            y=alt.Y("low:Q", scale=power_scale(LOWEST, HIGHEST)), y2="high:Q"
        ),
        curves.mark_line(strokeWidth=2.5, clip=True).encode(y=y),
        # A line has no values of its own to hover over.
        curves.mark_point(filled=True, size=60, opacity=0).encode(y=y, tooltip=tooltip),
        now.mark_rule(color=INK, strokeDash=[3, 3]).encode(x="epoch:Q"),
        now.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=color),
        now.transform_calculate(words=_now_in_words())
        .mark_text(align="right", baseline="top", **WORDS)
        .encode(x=alt.value("width"), y=alt.value(2), text="words:N"),
    ).properties(height=ERROR_HEIGHT)


def _shown(rows: alt.Chart, look: Look) -> alt.Chart:
    return rows if look.track is None else at_step(rows)


def _now_in_words() -> str:
    """A Vega expression."""
    words = t("layer {n}, epoch {m}", "第 {n} 层，第 {m} 轮")
    return in_words(words, n="datum.layer", m="datum.epoch")


def _pictures(look: Look) -> alt.LayerChart:
    """The digits with their reconstructions, and the weights: beside each other, or below."""
    digit = {
        "across": f"({_NARROW} ? datum.number : datum.number % 4) * {_CELL}",
        "down": f"datum.below * {_PAIR} + ({_NARROW} ? 0 : floor(datum.number / 4) * {2 * _CELL})",
    }
    weight = {
        "across": f"datum.number % {COLUMNS} * {_CELL} + ({_NARROW} ? 0 : 5.6)",
        "down": f"floor(datum.number / {COLUMNS}) * {_CELL} + ({_NARROW} ? 2.2 : 0)",
    }
    right, below = f"({_NARROW} ? 0 : 5.6 * {_SIZE})", f"({_NARROW} ? {_TITLE} + 2.2 * {_SIZE} : 0)"
    digits_top, weights_top = str(_TITLE), f"({_NARROW} ? {2 * _TITLE} : {_TITLE})"
    return (
        layered(
            _grid("digits", look, digit["across"], digit["down"], digits_top),
            _grid("filters", look, weight["across"], weight["down"], weights_top),
            _title(t("Digits, rebuilt below", "数字，下方为重构"), "0", "0"),
            _title(t("Weights of layer 1", "第 1 层的权重"), right, below),
        )
        .resolve_scale(color="independent")
        .properties(height=IMAGES_HEIGHT)
    )


def _grid(name: str, look: Look, across: str, down: str, top: str) -> alt.Chart:
    """Square images; the expressions `across` and `down` say where each begins, in images.

    `top` is an expression for the pixels above them.
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
    return squares.mark_rect(strokeWidth=0).encode(
        x=alt.value(alt.expr(f"({x}) * {_SIZE}")),
        x2=alt.value(alt.expr(f"({x} + {side}) * {_SIZE}")),
        y=alt.value(alt.expr(f"{top} + ({y}) * {_SIZE}")),
        y2=alt.value(alt.expr(f"{top} + ({y} + {side}) * {_SIZE}")),
        color=alt.Color("value:Q", scale=_SHADES[name], legend=None),
    )


def _title(words: str, x: str, y: str) -> alt.Chart:
    text = alt.Chart(pd.DataFrame({"words": [words]})).mark_text(
        align="left", baseline="top", color=INK, fontSize=LONG
    )
    return text.encode(x=alt.value(alt.expr(x)), y=alt.value(alt.expr(y)), text="words:N")


# Ink on paper for digits; for weights, zero lies halfway between two colors of equal lightness,
# which are none of those of vanishing and exploding.
_SHADES = {
    "digits": alt.Scale(domain=[0, 255], range=["#10131a", "#f4f1e8"]),
    "filters": alt.Scale(
        domain=[0, 127.5, 255], range=["#b87308", "#f4f1e8", "#8a5ed6"], interpolate="rgb"
    ),
}
