"""How alike the gradients at two inputs are, against depth: theory as lines, measured as marks."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.layers import Names, arm_color
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import bars_of_seeds, layered
from gradviz.charts.parts.theme import themed
from gradviz.language import t

HEIGHT = 340  # pixels, of the whole picture


def correlations(measured: pd.DataFrame, theory: pd.DataFrame, names: Names) -> alt.LayerChart:
    """`measured` (arm, depth, seed, value) over `theory` (arm, depth, value), depth doubling.

    A mark is the mean over the seeds, with a bar from the lowest to the highest.
    """
    rows = measured.groupby(["arm", "depth"], sort=False)["value"].agg(["mean", "min", "max"])
    rows = rows.reset_index().rename(columns={"mean": "middle", "min": "low", "max": "high"})
    depths = sorted({*rows["depth"], *theory["depth"]})
    # Arms stand a little beside each other, on an axis on which doubling is a step.
    shift = {arm: 2 ** (0.07 * (i - (len(names) - 1) / 2)) for i, arm in enumerate(names)}
    rows["place"] = rows["depth"] * rows["arm"].map(shift)
    scale = alt.Scale(type="log", base=2, domain=[0.85, depths[-1] * 1.2], nice=False)
    ticks = [depth for depth in (1, 2, 4, 8, 16, 32, 64) if depth <= depths[-1]]
    axis = alt.Axis(
        title=t("Layers or blocks, L", "层数或块数 L"), values=ticks, format="d", grid=False
    )
    beside = alt.X("place:Q", scale=scale, axis=axis)
    title = t("Correlation of the gradients", "梯度的相关系数")
    level = alt.Scale(domain=[-0.05, 1], nice=False)
    y = alt.Y(
        "middle:Q", title=title, scale=level, axis=alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1])
    )
    color = arm_color(names)
    marks = alt.Chart(rows)
    return themed(
        layered(
            alt.Chart(theory)
            .mark_line(strokeWidth=2, opacity=0.8)
            .encode(x=alt.X("depth:Q", scale=scale, axis=axis), y="value:Q", color=color),
            bars_of_seeds(marks, beside, color),
            marks.mark_point(filled=True, size=70, opacity=1).encode(
                x=beside,
                y=y,
                color=color,
                tooltip=[
                    tooltip_line("arm:N", t("network", "网络")),
                    tooltip_line("depth:Q", t("layers", "层数")),
                    tooltip_line("middle:Q", t("correlation", "相关系数"), ".3f"),
                ],
            ),
        ).properties(
            height=HEIGHT,
            description=t(
                "The correlation of the gradients at two inputs at right angles, against depth, "
                "for networks with and without shortcuts",
                "两个正交输入处梯度的相关系数随深度的变化，比较有捷径与没有捷径的网络",
            ),
        )
    )
