"""Residual networks at their start: what the blocks do to the forward and to the backward pass."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.layers import Names, arm_color
from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import bars_of_seeds, column, layered, rule_at
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.summary import dodged, log_domain, summarize
from gradviz.charts.parts.theme import themed
from gradviz.language import t

HEIGHT = 165  # pixels of each of the two


def both_ways(start: pd.DataFrame, names: Names) -> alt.VConcatChart:
    """Of a table with the quantities "growth" and "signal" of `engine.start`, and arm: each a plot.

    A dashed rule is at 1, where nothing is changed.
    """
    depth = int(start["layer"].max()) - 1  # the last are the logits
    titles = {
        "growth": t("Forward: E[h²], relative to the input →", "前向：E[h²] 与输入之比 →"),
        "signal": t("← Backward: ‖∂L/∂h‖, relative to the end", "← 反向：‖∂L/∂h‖ 与末端之比"),
    }
    pictures = [
        _profile(start, quantity, title, names, depth) for quantity, title in titles.items()
    ]
    return themed(
        column(
            *pictures,
            spacing=34,
            description=t(
                "The size of what each block hands on, above the size of the gradient that comes "
                "back to it",
                "上：每个残差块输出的大小；下：传回到它的梯度的大小",
            ),
            independent=("y",),
        )
    )


def _profile(
    start: pd.DataFrame, quantity: str, title: str, names: Names, depth: int
) -> alt.LayerChart:
    rows = summarize(start, quantity)
    low, high = log_domain(rows["low"], rows["high"], [0.2, 5.0], room=0)
    y = alt.Y("middle:Q", scale=power_scale(low, high), axis=power_axis(low, high, title, most=5))
    last = quantity == "signal"
    axis = alt.Axis(format="d", tickMinStep=1, grid=False, labels=last)
    x = alt.X(
        "place:Q",
        scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
        axis=corner_axis(t("block", "块"), axis) if last else None,
    )
    rows = rows.assign(place=dodged(rows, list(names), depth))
    color = arm_color(names, joined=True)
    marks = alt.Chart(rows)
    return layered(
        rule_at(1.0, alt.Y("middle:Q")),
        bars_of_seeds(marks, x, color),
        marks.mark_point(filled=True, size=45, opacity=1).encode(
            x=x,
            y=y,
            color=color,
            tooltip=[
                tooltip_line("arm:N", t("network", "网络")),
                tooltip_line("layer:Q", t("block", "块")),
                tooltip_line("middle:Q", t("mean of seeds", "各种子的均值"), ".2e"),
            ],
        ),
    ).properties(height=HEIGHT)
