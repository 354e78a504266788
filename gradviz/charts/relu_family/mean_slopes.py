"""The mean squared slopes of several activations, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from gradviz.charts.parts.marks import layered, rule_at
from gradviz.charts.parts.palette import colors_of
from gradviz.charts.parts.theme import READOUT, themed
from gradviz.language import t

ROW = 26  # pixels for each activation


def mean_slopes(values: Mapping[str, float], names: Mapping[str, str]) -> alt.LayerChart:
    """`values` is E[φ′²] by activation, shown in its order under `names`; the rule is at 1."""
    colors = colors_of(values)
    rows = pd.DataFrame({"name": list(values), "value": list(values.values())})
    rows["title"] = rows["name"].map(names)
    top = 1.1 * max(1.0, rows["value"].max())
    y = alt.Y("title:N", sort=None, title=None, axis=alt.Axis(grid=False, ticks=False))
    x = alt.X(
        "value:Q",
        title=t("Mean squared slope E[φ′²] for z ~ N(0, 1)", "斜率平方的均值 E[φ′²]，z ~ N(0, 1)"),
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(tickCount=5),
    )
    color = alt.Color(
        "name:N",
        scale=alt.Scale(domain=list(colors), range=list(colors.values())),
        legend=None,
    )
    base = alt.Chart(rows).encode(x=x, y=y, color=color)
    return themed(
        layered(
            rule_at(1.0, alt.X("value:Q")),
            base.mark_bar(height=6, opacity=0.6),
            base.mark_point(filled=True, size=90, opacity=1),
            base.mark_text(align="left", dx=9, fontSize=READOUT, fontWeight="bold").encode(
                text=alt.Text("value:Q", format=".3~f")
            ),
        ).properties(
            height=ROW * len(rows) + 50,
            description=t(
                "Mean squared slopes: {values}",
                "斜率平方的均值：{values}",
                values=", ".join(f"{names[name]} {value:.3g}" for name, value in values.items()),
            ),
        )
    )
