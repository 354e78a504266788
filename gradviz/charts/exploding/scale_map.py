"""A map of weight scale × depth: by how many powers of ten the signal changes on its way back."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import cells_beyond, layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import exponent_labels
from gradviz.charts.parts.summary import state_of
from gradviz.charts.parts.theme import WORDS, legend, themed
from gradviz.language import t

HEIGHT = 250
PRESS = "cell"  # the selection that a press on a cell makes, with the fields sigma and depth
REACH = 10  # powers of ten at which the colors end
_MIDDLE = "#d5d8dc"


def scale_map(cells: pd.DataFrame, critical: float, chosen: tuple[float, int]) -> alt.LayerChart:
    """log₁₀ of δ_1/δ_L as colors, with the critical scale as a line and one cell marked.

    `cells` has the columns sigma (in equal ratios), depth and ratio = δ_1/δ_L; a ratio that is
    0, inf or NaN has a color of its own. `chosen` is the (sigma, depth) of the marked cell.
    """
    cells = _with_edges(cells)
    ends = [float(cells["left"].min()), float(cells["right"].max())]
    ticks = sorted(cells["sigma"].unique())
    x = alt.X(
        "left:Q",
        scale=alt.Scale(type="log", domain=ends, nice=False),
        axis=corner_axis(
            t("scale", "尺度"), alt.Axis(values=ticks, format="~r", grid=False, labelOverlap=True)
        ),
    )
    y = alt.Y(
        "depth:O",
        sort="descending",
        title=t("Hidden layers", "隐藏层数"),
        axis=alt.Axis(labelAngle=0, grid=False),
    )
    here = cells[(cells["sigma"] == chosen[0]) & (cells["depth"] == chosen[1])]
    beyond = cells_beyond(cells, {"zero": INK, "overflow": COLORS["overflow"]}, cursor=True)
    marked = alt.Chart(here).mark_rect(filled=False, stroke="black", strokeWidth=3)
    return themed(
        layered(
            _measured(cells, x, y),
            *(cell.encode(x=x, x2="right:Q", y=y, tooltip=_tooltip()) for cell in beyond),
            marked.encode(x=x, x2="right:Q", y=y),
            *_critical_line(critical, ends),
        )
        .resolve_scale(color="independent")
        .properties(
            height=HEIGHT,
            description=t(
                "Change of the signal from the last to the first hidden layer, as colors over "
                "weight scale and depth, with the critical scale as a line",
                "误差信号从最后一个隐藏层传到第一个隐藏层的变化，以颜色画在权重尺度与深度的平面上，"
                "竖线为临界尺度",
            ),
        )
    )


def _with_edges(cells: pd.DataFrame) -> pd.DataFrame:
    """Each cell's left and right edge, halfway to its neighbors in ratio, its log10 and state."""
    scales = np.sort(cells["sigma"].unique())
    middles = np.sqrt(scales[1:] * scales[:-1])
    edges = np.concatenate(
        [[scales[0] ** 2 / middles[0]], middles, [scales[-1] ** 2 / middles[-1]]]
    )
    with np.errstate(divide="ignore"):
        log10 = np.log10(cells["ratio"])
    return cells.assign(
        left=cells["sigma"].map(dict(zip(scales, edges[:-1], strict=True))),
        right=cells["sigma"].map(dict(zip(scales, edges[1:], strict=True))),
        log10=log10,
        state=state_of(cells["ratio"]),
    )


def _measured(cells: pd.DataFrame, x: alt.X, y: alt.Y) -> alt.Chart:
    exponents = [-REACH, 0, REACH]  # as many as a phone has room for
    color = alt.Color(
        "log10:Q",
        scale=alt.Scale(
            domain=[-REACH, 0, REACH],
            range=[COLORS["vanish"], _MIDDLE, COLORS["explode"]],
            clamp=True,
            interpolate="lab",  # straight through gray: a hue on the way would tell of neither end
        ),
        legend=legend(
            title=t("δ₁ / last δ", "δ₁ / 末层 δ"),
            values=exponents,
            labelExpr=exponent_labels(exponents),
            columns=3,
            symbolType="square",
            titleOrient="left",
        ),
    )
    press = alt.selection_point(name=PRESS, fields=["sigma", "depth"], empty=False, toggle=False)
    return (
        alt.Chart(cells[cells["state"] == "measured"])
        .mark_rect(cursor="pointer")
        .encode(x=x, x2="right:Q", y=y, color=color, tooltip=_tooltip())
        .add_params(press)
    )


def _critical_line(critical: float, ends: list[float]) -> list[alt.Chart]:
    if not ends[0] < critical < ends[1]:
        return []
    base = alt.Chart(pd.DataFrame({"left": [critical]})).encode(x="left:Q")
    label = t("χ = 1 at {sigma:.4g}", "{sigma:.4g} 处 χ = 1", sigma=critical)
    left_half = critical < (ends[0] * ends[1]) ** 0.5
    return [
        base.mark_rule(color="black", strokeWidth=2, strokeDash=[6, 4]),
        base.mark_text(
            **{**WORDS, "color": "black"},
            align="left" if left_half else "right",
            dx=6 if left_half else -6,
        ).encode(y=alt.value(10), text=alt.value(label)),
    ]


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("sigma:Q", t("weight scale", "权重尺度"), "~r"),
        tooltip_line("depth:O", t("hidden layers", "隐藏层数")),
        tooltip_line("ratio:Q", t("δ₁ / δ of the last", "δ₁ / 末层 δ"), ".2e"),
    ]
