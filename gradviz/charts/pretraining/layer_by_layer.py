"""Greedy layer-wise pre-training as one picture: errors, reconstructions and learned filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import in_words
from gradviz.charts.parts.handles import REPLAY, RUN, at_step, replay_slider
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import INK
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import Track, run_key, track_of
from gradviz.charts.parts.theme import READOUT, WORDS, legend
from gradviz.language import t

ERROR_HEIGHT = 170
EXAMPLES, FILTERS, COLUMNS = 8, 32, 8  # images of each kind, and of filters in a row
LOWEST, HIGHEST = 1e-4, 1.0  # of the error's axis: inputs lie in [0, 1]
SLIDES = 15  # epochs that the slider offers; more would make the page heavy and show no more
_LARGEST = 36  # pixels of an image, where the page is wide enough
_CELL = 1.2  # the width of an image and the gap after it, in images


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
    a few epochs of every layer.
    """
    ended = bool(frames) and frames[-1].status == "finished"
    slides = _slides(frames) if ended else frames[-1:]
    look = Look(depth, epochs, side, track_of([f.step for f in slides]) if ended else None)
    shown = [{"layer": slide.layer, "epoch": slide.epoch} for slide in slides]
    tables = {"errors": errors(frames)}
    picture = _picture(look)
    if look.track is not None:
        picture = picture.opening(**{REPLAY: look.track.last, RUN: run_key(tables["errors"])})
    return picture.with_data(
        **tables,
        digits=_placed([digits(slide) for slide in slides], slides),
        filters=_placed([filters(slide) for slide in slides], slides),
        now=_placed([pd.DataFrame([row]) for row in shown], slides),
    )


def errors(frames: Sequence[Progress]) -> pd.DataFrame:
    """One row per epoch of a layer: layer, epoch, and the mean, low and high error of the seeds."""
    rows = [(f.layer, f.epoch, f.error.mean(), f.error.min(), f.error.max()) for f in frames]
    return pd.DataFrame(rows, columns=["layer", "epoch", "middle", "low", "high"])


def digits(frame: Progress) -> pd.DataFrame:
    """The pixels of the originals above their reconstructions: row, column, value in [0, 1]."""
    images = np.concatenate([frame.originals[:EXAMPLES], frame.reconstructions[:EXAMPLES]])
    return _pixels(images.clip(0, 1), EXAMPLES)


def filters(frame: Progress) -> pd.DataFrame:
    """The pixels of the first units' weights, each divided by its unit's largest: in [-1, 1]."""
    shown = frame.filters[:FILTERS]
    largest = np.abs(shown).max(axis=1, keepdims=True)
    return _pixels(shown / np.where(largest > 0, largest, 1.0), COLUMNS)


def _pixels(images: np.ndarray, columns: int) -> pd.DataFrame:
    """Images [images, side²] in a grid: `row` and `column` of each pixel, in images, and value."""
    side = round(images.shape[1] ** 0.5)
    image, pixel = np.indices(images.shape)
    down, across = pixel // side, pixel % side
    return pd.DataFrame(
        {
            "row": (image // columns * _CELL + down / side).ravel().astype("float32"),
            "column": (image % columns * _CELL + across / side).ravel().astype("float32"),
            "value": images.ravel().astype("float32"),
        }
    )


def _slides(frames: Sequence[Progress]) -> list[Progress]:
    """At most `SLIDES` of the frames, evenly spaced, the last among them."""
    chosen = np.linspace(0, len(frames) - 1, min(SLIDES, len(frames))).round().astype(int)
    return [frames[i] for i in chosen]


def _placed(tables: Sequence[pd.DataFrame], slides: Sequence[Progress]) -> pd.DataFrame:
    """The table of each slide, with the columns `step`, at which it comes, and `until`."""
    if not tables:
        return pd.DataFrame(columns=["step", "until"])
    steps = [slide.step for slide in slides]
    ends = [*steps[1:], steps[-1] + 1]
    parts = [
        table.assign(step=np.int16(step), until=np.int16(end))
        for table, step, end in zip(tables, steps, ends, strict=True)
    ]
    return pd.concat(parts)


@built_once
def _picture(look: Look) -> alt.VConcatChart:
    """The picture without its data."""
    chart = alt.vconcat(
        _errors(look),
        _images("digits", look, 2, EXAMPLES, t("Digits, and what comes back", "原图与重构图")),
        _images(
            "filters", look, FILTERS // COLUMNS, COLUMNS, t("Weights of layer 1", "第 1 层的权重")
        ),
        spacing=16,
    ).properties(
        description=t(
            "Reconstruction error of each layer by epoch, digits with their reconstructions, and "
            "the weights of the first layer as images",
            "各层重构误差随轮次的变化、数字及其重构图，以及以图像显示的第 1 层权重",
        )
    )
    if look.track is not None:
        # Its steps are the epochs of all layers, one after another.
        chart = chart.add_params(*replay_slider(look.track, t("Epochs so far: ", "已训练轮次：")))
    return chart.resolve_scale(color="independent")


def _errors(look: Look) -> alt.LayerChart:
    x = alt.X(
        "epoch:Q",
        title=t("Epochs of the layer", "该层的训练轮次"),
        scale=alt.Scale(domain=[1, max(look.epochs, 2)], nice=False),
        axis=alt.Axis(grid=False, format="d", tickMinStep=1),
    )
    y = alt.Y(
        "middle:Q",
        scale=power_scale(LOWEST, HIGHEST),
        axis=power_axis(LOWEST, HIGHEST, t("Reconstruction error", "重构误差")),
    )
    layers = list(range(1, look.depth + 1))
    color = alt.Color(
        "layer:O",
        scale=alt.Scale(domain=layers, scheme=alt.SchemeParams("viridis", extent=[0.25, 0.9])),
        legend=legend(columns=look.depth, title=t("layer", "层"), symbolType="circle"),
    )
    curves = alt.Chart(alt.NamedData("errors")).encode(x=x, color=color)
    now = _now(look)
    return layered(
        curves.mark_area(opacity=0.25, clip=True).encode(
            y=alt.Y("low:Q", scale=power_scale(LOWEST, HIGHEST)), y2="high:Q"
        ),
        curves.mark_line(strokeWidth=2.5, clip=True).encode(y=y),
        now.mark_rule(color=INK, strokeDash=[3, 3]).encode(x="epoch:Q"),
        now.transform_calculate(words=_now_in_words())
        .mark_text(align="right", baseline="top", **WORDS)
        .encode(x=alt.value("width"), y=alt.value(2), text="words:N"),
    ).properties(height=ERROR_HEIGHT)


def _now(look: Look) -> alt.Chart:
    shown = alt.Chart(alt.NamedData("now"))
    return shown if look.track is None else at_step(shown)


def _now_in_words() -> str:
    """A Vega expression."""
    words = t("layer {n}, epoch {m}", "第 {n} 层，第 {m} 轮")
    return in_words(words, n="datum.layer", m="datum.epoch")


def _images(name: str, look: Look, rows: int, columns: int, title: str) -> alt.Chart:
    """A grid of square images; `title` stands above it."""
    pixels = alt.Chart(alt.NamedData(name))
    if look.track is not None:
        pixels = at_step(pixels)
    size = 1.12 / look.side  # a little overlap hides the seams between pixels
    pixels = pixels.transform_calculate(right=f"datum.column + {size}", below=f"datum.row + {size}")
    height, across = rows * _CELL * _LARGEST, columns * _CELL - 0.2
    # As many images across and down as keep them square, whatever the page's width.
    x = alt.Scale(domain=[0, alt.expr(f"max({across}, width / {_LARGEST})")], nice=False)
    lowest = alt.expr(f"{height} * max({across} / width, 1 / {_LARGEST})")
    y = alt.Scale(domain=[lowest, 0], nice=False)
    return (
        pixels.mark_rect(strokeWidth=0)
        .encode(
            x=alt.X("column:Q", scale=x, axis=None),
            x2="right:Q",
            y=alt.Y("row:Q", scale=y, axis=None),
            y2="below:Q",
            color=alt.Color("value:Q", scale=_SHADES[name], legend=None),
        )
        .properties(height=height, title=alt.TitleParams(title, anchor="start", **_TITLE))
    )


_TITLE = {"color": INK, "fontSize": READOUT, "fontWeight": "normal"}

# Ink on paper for digits; for weights, zero lies halfway between two colors of equal lightness.
_SHADES = {
    "digits": alt.Scale(domain=[0, 1], range=["#10131a", "#f4f1e8"]),
    "filters": alt.Scale(
        domain=[-1, 0, 1], range=["#e06a1f", "#f4f1e8", "#2a6fc4"], interpolate="rgb"
    ),
}
