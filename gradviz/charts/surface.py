"""A loss surface over two weights as a colored map, on which a press selects a start."""

from __future__ import annotations

import functools
import math

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.powers import exponent_labels
from gradviz.charts.parts.raster import png_url
from gradviz.charts.parts.theme import legend
from gradviz.language import t
from gradviz.theory.landscape import Landscape

START = "start"  # the selection that a press makes, with the fields a and b
LOSSES = (1e-3, 10.0)
POINTS = 61  # in each direction
PIXELS = (320, 200)  # of the smooth map
# From the smallest loss to the largest, evenly between, as in the scale of Vega called viridis.
_COLORS = ("#fde725", "#5ec962", "#21918c", "#3b528b", "#440154")


@functools.lru_cache(maxsize=4)
def surface_frame(scene: Landscape) -> pd.DataFrame:
    """The cells of the picture: their centers a and b, their edges, and the decade of the loss."""
    a, b, loss, _ = scene.grid(POINTS)
    half_a, half_b = (a[1] - a[0]) / 2, (b[1] - b[0]) / 2
    centers = np.meshgrid(a, b)
    cells = pd.DataFrame({"a": centers[0].ravel(), "b": centers[1].ravel()}).round(6)
    edges = {
        "left": cells["a"] - half_a,
        # Cells overlap a little: otherwise hair lines show between them.
        "right": cells["a"] + 2 * half_a,
        "bottom": cells["b"] - half_b,
        "top": cells["b"] + 2 * half_b,
    }
    return cells.assign(decade=np.log10(np.maximum(loss, LOSSES[0] / 10)).ravel(), **edges)


@functools.lru_cache(maxsize=4)
def surface_image(scene: Landscape) -> str:
    """The map without cells, `PIXELS` large, as the address of an image."""
    width, height = PIXELS
    ends = zip(scene.low, scene.high, (width, height), strict=True)
    # The middles of the pixels; in an image the first row is the uppermost.
    a, b = (low + (np.arange(n) + 0.5) * (high - low) / n for low, high, n in ends)
    loss, _, _ = scene.evaluate(a[None, :], b[::-1, None])
    low, high = (math.log10(end) for end in LOSSES)
    share = (np.log10(np.maximum(loss, LOSSES[0])) - low) / (high - low)
    channels = np.array([list(bytes.fromhex(color[1:])) for color in _COLORS])
    stops, levels = np.linspace(0, 1, len(_COLORS)), np.linspace(0, 1, 256)
    palette = np.column_stack([np.interp(levels, stops, channel) for channel in channels.T])
    indices = np.round(np.clip(share, 0, 1) * 255).astype(np.uint8)
    opaque = np.full((len(palette), 1), 255)
    return png_url(indices, np.hstack([np.round(palette), opaque]))


def smooth_map(image: alt.NamedData, height: float) -> alt.Chart:
    """The image whose address the only row of `image` has in `url`, over a plot of that height.

    Over it stand the cells of `surface_map`, unseen.
    """
    picture = alt.Chart(image).mark_image(
        width=alt.expr("width"), height=height, aspect=False, aria=False, tooltip=None
    )
    # Vega-Lite takes the place of an image to be its middle.
    middle = {"x": alt.value(alt.expr("width / 2")), "y": alt.value(height / 2)}
    return picture.encode(url="url:N", **middle)


def surface_map(
    surface: pd.DataFrame | alt.NamedData,
    names: tuple[str, str],
    low: tuple[float, float],
    high: tuple[float, float],
    seen: bool = True,
    title: str | None = None,
) -> alt.Chart:
    """The map of a `surface_frame`; `names` of the weights, `low` and `high` corners (a, b).

    Not `seen`, the cells only take presses: the map is that of `smooth_map`. `title` is what the
    loss is called.
    """
    x = alt.X(
        "left:Q",
        scale=alt.Scale(domain=[low[0], high[0]], nice=False),
        axis=corner_axis(names[0], alt.Axis(tickCount=6)),
    )
    y = alt.Y("bottom:Q", title=names[1], scale=alt.Scale(domain=[low[1], high[1]], nice=False))
    low_end, high_end = (math.log10(end) for end in LOSSES)
    exponents = [-3, -1, 1]  # with more a phone would cut the legend
    color = alt.Color(
        "decade:Q",
        scale=alt.Scale(
            domain=np.linspace(low_end, high_end, len(_COLORS)).tolist(),
            range=list(_COLORS),
            interpolate="rgb",
            clamp=True,
        ),
        legend=legend(
            title=title or t("loss", "损失"),
            symbolOpacity=1,
            values=exponents,
            labelExpr=exponent_labels(exponents),
            columns=len(exponents),
            symbolType="square",
            titleOrient="left",
        ),
    )
    cells = alt.Chart(surface).mark_rect(clip=True, opacity=1 if seen else 0, cursor="crosshair")
    return cells.encode(
        x=x,
        x2="right:Q",
        y=y,
        y2="top:Q",
        color=color,
        tooltip=[
            tooltip_line("a:Q", names[0]),
            tooltip_line("b:Q", names[1]),
        ],
    ).add_params(press_for_start())


def press_for_start() -> alt.Parameter:
    """The selection that a press on a place with the fields a and b makes."""
    return alt.selection_point(name=START, fields=["a", "b"], on="click", clear=False, toggle=False)


def path_marks(walked: alt.Chart, start: alt.Chart, color: str, size: float) -> list[alt.Chart]:
    """A path over the map: its line, a dot of `size` for each step, a ring; all edged in white.

    So it is seen in whatever color on whatever color of the map.
    """
    dots = {"filled": True, "color": color, "opacity": 1, "clip": True}
    return [
        walked.mark_line(color="white", strokeWidth=5, clip=True).encode(order="step:Q"),
        walked.mark_line(color=color, strokeWidth=2, clip=True).encode(order="step:Q"),
        walked.mark_point(size=size, stroke="white", strokeWidth=1, **dots),
        start.transform_filter(alt.datum.step == 0).mark_point(
            size=150, strokeWidth=3, color="white", clip=True
        ),
    ]
