"""Singular values of a product of matrices over depth: their spread, median and mean square."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.powers import power_axis, power_scale, rounded_power
from gradviz.charts.parts.theme import WORDS, legend, themed
from gradviz.language import t

LOWEST = 1e-20  # of the axis: the smallest of a hundred reach far below


def spread_frame(values: np.ndarray, theory: np.ndarray) -> pd.DataFrame:
    """Summaries over draws and singular values, one row per layer.

    `values` [draws, depth, width], `theory` [depth] is the root mean square in a wide network.
    Columns: layer, low, high (the extremes), q25, q75, median, rms, theory.
    """
    by_layer = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)
    q25, median, q75 = np.quantile(by_layer, [0.25, 0.5, 0.75], axis=1)
    return pd.DataFrame(
        {
            "layer": np.arange(1, values.shape[1] + 1),
            "low": by_layer.min(axis=1),
            "high": by_layer.max(axis=1),
            "q25": q25,
            "q75": q75,
            "median": median,
            "rms": np.sqrt(np.mean(by_layer**2, axis=1)),
            "theory": theory,
        }
    )


def singular_value_spread(spread: pd.DataFrame) -> alt.LayerChart:
    """The frame of `spread_frame` on a log axis: bands, marks for median and mean, and theory."""
    low = max(LOWEST, min(1e-2, float(spread["low"].min())))
    high = max(1e2, float(spread["high"].max()))
    low, high = 10.0 ** np.floor(np.log10(low)), 10.0 ** np.ceil(np.log10(high))
    x = alt.X(
        "layer:Q",
        title=t("Matrices multiplied", "相乘的矩阵个数"),
        scale=alt.Scale(domain=[0, int(spread["layer"].max())], nice=False),
        axis=alt.Axis(grid=False, format="d"),
    )
    axis = power_axis(low, high, t("Singular values of the product", "乘积的奇异值"))
    y = alt.Y("high:Q", scale=power_scale(low, high), axis=axis)
    # A log axis has no room for zero and below its end: what lies there is drawn at the edge.
    edges = {name: spread[name].clip(lower=low) for name in ("low", "high", "q25", "q75")}
    base = alt.Chart(spread.assign(**edges)).encode(x=x)
    color = COLORS["vanish"]
    return themed(
        layered(
            base.mark_area(color=color, opacity=0.15).encode(y=y, y2="low:Q"),
            base.mark_area(color=color, opacity=0.3).encode(y=alt.Y("q75:Q"), y2="q25:Q"),
            base.mark_line(color=COLORS["theory"], strokeWidth=2).encode(y=alt.Y("theory:Q")),
            *_marks(spread, x),
        ).properties(
            height=340,
            description=t(
                "Spread of the singular values of a product of random matrices over the number of "
                "matrices, on a log axis, with median, root mean square and theory",
                "随机矩阵乘积的奇异值分布随矩阵个数的变化（对数轴），标有中位数、均方根与理论值",
            ),
        )
    )


def _marks(spread: pd.DataFrame, x: alt.X) -> list[alt.Chart]:
    names = {
        "rms": t("root mean square (line: theory)", "均方根（线为理论值）"),
        "median": t("median (bands: middle half, all)", "中位数（色带：中间一半、全部）"),
    }
    rows = spread.melt("layer", list(names), var_name="kind", value_name="value")
    rows = rows.assign(kind=rows["kind"].map(names))
    below = rows[rows["value"] < LOWEST].assign(foot=LOWEST)
    rows = rows[rows["value"] >= LOWEST]
    colors = [COLORS["explode"], COLORS["vanish"]]
    color = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(names.values()), range=colors),
        legend=legend(columns=1, symbolType="circle"),
    )
    tooltip = [
        tooltip_line("layer:Q", t("matrices", "矩阵个数")),
        tooltip_line("value:Q", t("value", "值"), ".2e"),
    ]
    marks = alt.Chart(rows).mark_point(filled=True, size=30, opacity=1)
    shown = [marks.encode(x=x, y=alt.Y("value:Q"), color=color, tooltip=tooltip)]
    if len(below):
        foot = alt.Chart(below).mark_point(shape="triangle-down", filled=True, size=35, opacity=1)
        words = t("▼ 0 or below {edge}", "▼ 为 0 或小于 {edge}", edge=rounded_power(LOWEST))
        said = alt.Chart(pd.DataFrame({"words": [words]})).mark_text(align="left", dx=6, **WORDS)
        shown += [
            foot.encode(x=x, y=alt.Y("foot:Q"), color=color, tooltip=tooltip),
            said.encode(x=alt.value(0), y=alt.value(10), text="words:N"),
        ]
    return shown
