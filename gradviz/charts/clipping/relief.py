"""A loss surface over two weights as a landscape seen from above, whose height is the loss.

The first weight runs across, the second away from the reader, from its high end in front to its
low end behind: so the wall of the cliff faces the reader. In the picture a point lies at
x = a + `SHEAR`·(width of a)·u and y = `DEPTH`·u + (1 − `DEPTH`)·loss/`TOP`, where u goes from 0 in
front to 1 behind: an oblique projection, in which each weight keeps its own scale.
"""

from __future__ import annotations

import functools
import math

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.palette import INK
from gradviz.charts.parts.raster import png_url
from gradviz.charts.parts.theme import READOUT
from gradviz.charts.surface import press_for_start
from gradviz.language import t
from gradviz.theory.landscape import Landscape

SHEAR, DEPTH, TOP = 0.16, 0.52, 0.5
MARGIN = 0.11  # of the width of a, on the left, for the numbers of b
SIZE = (420, 1000)  # pixels of the image, rows and columns
_SLICES = 600  # of the landscape, from the front to the back
_TONES = 255
# From what has no loss to the highest place; a wall lies in the shade.
_LIGHT, _DARK, _SHADE = (236, 239, 244), (150, 160, 176), 0.42
_CELL = 0.05  # of both weights: as fine as the controls of the page


def project(scene: Landscape, a: np.ndarray, b: np.ndarray, loss: np.ndarray) -> pd.DataFrame:
    """Where points lie in the picture: x and y of each, from arrays of one shape."""
    u = _away(scene, b)
    width = scene.high[0] - scene.low[0]
    return pd.DataFrame({"x": a + SHEAR * width * u, "y": DEPTH * u + (1 - DEPTH) * loss / TOP})


def extent(low: tuple[float, float], high: tuple[float, float]) -> tuple[float, float]:
    """The ends of the picture's x axis for a landscape with these corners (a, b)."""
    width = high[0] - low[0]
    return low[0] - MARGIN * width, high[0] + SHEAR * width


@functools.lru_cache(maxsize=2)
def relief_frame(scene: Landscape) -> pd.DataFrame:
    """One row: the image of the landscape and its edges left, right, bottom, top."""
    left, right = scene.low[0], extent(scene.low, scene.high)[1]
    edges = {"left": left, "right": right, "bottom": 0.0, "top": 1.0}
    return pd.DataFrame([{"image": png_url(_tones(scene), _colors()), **edges}])


@functools.lru_cache(maxsize=2)
def ground_frame(scene: Landscape) -> pd.DataFrame:
    """The places that can be pressed: weights a and b, the loss, and the edges in the picture.

    Those behind come first, so that a press meets what is seen.
    """
    ends = zip(scene.low, scene.high, strict=True)
    counts = [round((high - low) / _CELL) + 1 for low, high in ends]
    a = np.linspace(scene.low[0], scene.high[0], counts[0])
    b = np.linspace(scene.low[1], scene.high[1], counts[1])
    a, b = (part.ravel() for part in np.meshgrid(a, b))
    edges = []
    for side in (-1, 1):
        edge = np.clip(b - side * _CELL / 2, scene.low[1], scene.high[1])
        edges.append(project(scene, a, edge, scene.evaluate(a, edge)[0])["y"])
    middle = project(scene, a, b, np.zeros_like(a))["x"]
    sides = {"left": middle - _CELL / 2, "right": middle + _CELL / 2}
    places = pd.DataFrame({"a": a, "b": b, "loss": scene.evaluate(a, b)[0]}).round(6)
    return places.assign(**sides, bottom=edges[0], top=edges[1])


def relief(
    names: tuple[str, str], low: tuple[float, float], high: tuple[float, float]
) -> list[alt.Chart]:
    """The layers of the landscape: image, places on which a press selects a start, numbers of b.

    Their data are `relief_frame` under "relief", `ground_frame` under "ground" and `depth_frame`
    under "depths"; `names` are those of the weights, `low` and `high` the corners (a, b).
    """
    # The axis is that of the front edge.
    ticks = [float(value) for value in range(math.ceil(low[0]), math.floor(high[0]) + 1)]
    axis = corner_axis(names[0], alt.Axis(values=ticks, format="d", grid=False))
    ends = extent(low, high)
    x = alt.X("left:Q", axis=axis, scale=alt.Scale(domain=list(ends), nice=False))
    y = alt.Y("bottom:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    image = (
        alt.Chart(alt.NamedData("relief"))
        .mark_image(aspect=False)
        .encode(x=x, x2="right:Q", y=y, y2="top:Q", url="image:N")
    )
    places = (
        alt.Chart(alt.NamedData("ground"))
        .mark_rect(opacity=0, cursor="crosshair")
        .encode(
            x=x,
            x2="right:Q",
            y=y,
            y2="top:Q",
            tooltip=[
                tooltip_line("a:Q", names[0]),
                tooltip_line("b:Q", names[1]),
                tooltip_line("loss:Q", t("loss", "损失"), ".3f"),
            ],
        )
        .add_params(press_for_start())
    )
    numbers = alt.Chart(alt.NamedData("depths")).encode(x="x:Q", y="y:Q", text="words:N")
    return [
        image,
        places,
        numbers.mark_text(align="right", dx=-6, color=INK, fontSize=READOUT),
    ]


def depth_frame(scene: Landscape) -> pd.DataFrame:
    """The numbers along the left edge of the landscape: words, x and y of each."""
    low, high = scene.low[1], scene.high[1]
    b = np.arange(np.ceil(2 * low), np.floor(2 * high) + 1) / 2
    a = np.full_like(b, scene.low[0])
    words = [f"{scene.names[1]} = {value:g}".replace("-", "−") for value in b]
    return project(scene, a, b, scene.evaluate(a, b)[0]).assign(words=words)


def _away(scene: Landscape, b: np.ndarray) -> np.ndarray:
    return (scene.high[1] - b) / (scene.high[1] - scene.low[1])


def _colors() -> np.ndarray:
    """The tones from dark to light, and last nothing at all."""
    share = np.linspace(0, 1, _TONES)[:, None]
    darkest = np.array(_DARK) * _SHADE
    tones = darkest + share * (np.array(_LIGHT) - darkest)
    return np.vstack([np.column_stack([tones, np.full(_TONES, 255)]), np.zeros((1, 4))])


def _tones(scene: Landscape) -> np.ndarray:
    """The image as places in `_colors`, [rows, columns]: what is seen in each pixel.

    In each column the landscape is cut into slices from the front to the back; the first one that
    reaches as high as a pixel is what hides all behind it there.
    """
    rows, columns = SIZE
    width = scene.high[0] - scene.low[0]
    x = np.linspace(scene.low[0], extent(scene.low, scene.high)[1], columns)
    u = np.linspace(0, 1, _SLICES)
    a = x - SHEAR * width * u[:, None]
    b = scene.high[1] - u * (scene.high[1] - scene.low[1])
    loss, *_ = scene.evaluate(a, np.broadcast_to(b[:, None], a.shape))
    there = (a >= scene.low[0]) & (a <= scene.high[0])
    reached = np.where(there, DEPTH * u[:, None] + (1 - DEPTH) * loss / TOP, -1.0)
    reached = np.maximum.accumulate(reached, axis=0)
    first = np.where(there.any(axis=0), u[there.argmax(axis=0)], 2.0)
    steep = np.abs(np.gradient(loss, u, axis=0))
    y = np.linspace(1, 0, rows)
    tones = np.full(SIZE, _TONES)
    for column in range(columns):
        place = np.searchsorted(reached[:, column], y)
        seen = (place < _SLICES) & (y >= DEPTH * first[column])
        place = np.minimum(place, _SLICES - 1)
        height = np.clip((y - DEPTH * u[place]) / (1 - DEPTH), 0, 1) * TOP
        light = _light(height, steep[place, column], a[place, column], b[place])
        tones[seen, column] = np.round(light[seen] * (_TONES - 1))
    return tones


def _light(loss: np.ndarray, steep: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How light a place is, from 0 to 1: the lighter the lower, a wall dark, with a pale net."""
    # By the root of the loss, or the valley could hardly be told from the plain.
    own = 1 - 0.45 * np.sqrt(loss / TOP)
    wall = steep / (steep + 1.5)
    net = np.minimum(_from_line(a, 0.5), _from_line(b, 0.25) * 2.5) < 0.006
    return np.clip(own * (1 - 0.62 * wall) - 0.06 * net, 0, 1)


def _from_line(value: np.ndarray, spacing: float) -> np.ndarray:
    """The distance to the nearest multiple of `spacing`."""
    return np.abs(value - spacing * np.round(value / spacing))
