"""One look for every chart, in light and dark and at the width of a phone.

How a chart takes the page's width in `st.altair_chart(chart, width="stretch")`, Streamlit 1.67:

- A single or layered view is fitted, axes and legends included. Its `height` is the height of the
  whole picture, so a legend that appears takes room from the plot and moves nothing else.
- A `vconcat` is fitted only if it says `autosize={"type": "fit-x", "contains": "padding"}` itself
  (`themed` does); without that a column of layered views gets wider than the page by its axes. Its
  views need equal widths, so none may set one, and `height` counts for each plot alone.
- `hconcat`, `facet`, `row` and `column` are not fitted: they run off a phone. Use `vconcat`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

import altair as alt
from altair.typing import Optional  # a value, or one that is not given

from gradviz.charts.parts.palette import INK

Chart = TypeVar("Chart", alt.Chart, alt.LayerChart, alt.VConcatChart, alt.HConcatChart)

FIT_WIDTH = alt.AutoSizeParams(type="fit-x", contains="padding")
GRID_OPACITY = 0.16
SMALL = 13  # pixels: ticks
READOUT = 14  # pixels: words and numbers inside the picture, titles of axes, legends
# Pixels of long lines of words, which would run off the picture of a phone at their full size.
LONG = alt.expr(f"width < 420 ? {SMALL - 1} : {READOUT}")
# For every mark_text: Streamlit leaves it black in the dark.
WORDS = {"color": INK, "fontSize": READOUT}
LINE = 2.5  # pixels: of a curve

# Quiet axes: ticks are numbers, grid lines are hardly there, and a title stands level where its
# axis begins, above the numbers of an upright one: nobody reads with the head on the shoulder.
_AXIS = {
    "domain": False,
    "ticks": False,
    "gridColor": INK,
    "gridOpacity": GRID_OPACITY,
    "labelColor": INK,
    "labelFontSize": SMALL,
    "labelPadding": 8,
    "titleColor": INK,
    "titleFontSize": READOUT,
    "titleFontWeight": "normal",
}
_LEVEL = {
    "titleAngle": 0,
    "titleAlign": "left",
    "titleAnchor": "end",
    "titleBaseline": "bottom",
    "titleX": 0,
    "titleY": -10,
}

_ABOVE_TITLE = 30  # pixels from a plot to what stands over it, with the title of its axis between
_ABOVE_PICTURES = 8  # from pictures, with the titles of their axes, to what stands over them all

CONFIG = alt.Config(
    background="transparent",
    view=alt.ViewConfig(stroke=None),
    axis=alt.AxisConfig(grid=True, **_AXIS),
    axisX=alt.AxisConfig(titleAnchor="start", titlePadding=10),
    axisLeft=alt.AxisConfig(**_LEVEL),
    legend=alt.LegendConfig(
        orient="top",
        direction="horizontal",
        labelColor=INK,
        labelFontSize=READOUT,
        titleColor=INK,
        titleFontSize=READOUT,
        titleFontWeight="normal",
        labelLimit=0,
        columnPadding=18,
        rowPadding=4,
        offset=_ABOVE_TITLE,
        symbolOpacity=1,
        symbolSize=110,
        symbolStrokeWidth=LINE,
        title=None,
    ),
    line=alt.LineConfig(strokeWidth=LINE, strokeCap="round", strokeJoin="round"),
    point=alt.MarkConfig(size=80),
)


def themed(chart: Chart) -> Chart:
    """The finished `chart` itself in the app's look; call it once, on the outermost chart."""
    chart.config = CONFIG
    # Streamlit sets the bottom; without a right edge the last tick label is cut in half.
    chart.padding = {"top": 4, "right": 12}
    # Streamlit draws pictures of many marks on a canvas, where the page's theme cannot reach words.
    chart.usermeta = {"embedOptions": {"renderer": "svg"}}
    if isinstance(chart, alt.VConcatChart):
        chart.autosize = FIT_WIDTH
    return chart


def _offset(orient: Literal["top", "bottom"], joined: bool) -> int:
    """Pixels from what a legend is of to the legend."""
    if orient == "bottom":
        return 2 if joined else 12
    return _ABOVE_PICTURES if joined else _ABOVE_TITLE


def legend(
    columns: int | alt.ExprRef = 2,
    orient: Literal["top", "bottom"] = "top",
    *,
    joined: bool = False,
    title: Optional[str] = alt.Undefined,
    titleOrient: Optional[Literal["top", "left"]] = alt.Undefined,
    values: Optional[Sequence[float] | Sequence[str]] = alt.Undefined,
    labelExpr: Optional[str] = alt.Undefined,
    symbolType: Optional[Literal["circle", "square", "stroke"]] = alt.Undefined,
    symbolFillColor: Optional[str] = alt.Undefined,
    symbolStrokeColor: Optional[str] = alt.Undefined,
    symbolOpacity: Optional[float] = alt.Undefined,
) -> alt.Legend:
    """A legend outside the data; two columns fit the width of a phone.

    A second legend belongs at the bottom: beside the first it would run off a phone. One that is
    `joined` is of several pictures below each other that share its colors or shapes. The other
    options are those of `alt.Legend`, by their names there. The legend of a color ramp is a few
    squares of it, never a gradient: Vega points at a gradient by the page's address, so it is gone
    as soon as a control writes itself into the address.
    """
    return alt.Legend(
        orient=orient,
        offset=_offset(orient, joined),
        direction="horizontal",
        columns=columns,
        title=title,
        titleOrient=titleOrient,
        values=values,
        labelExpr=labelExpr,
        symbolType=symbolType,
        symbolFillColor=symbolFillColor,
        symbolStrokeColor=symbolStrokeColor,
        symbolOpacity=symbolOpacity,
        type="symbol",
    )
