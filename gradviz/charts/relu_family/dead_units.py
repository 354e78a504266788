"""How many units of a network die while it trains."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.layers import Names
from gradviz.charts.parts.expressions import tooltip_line, translated
from gradviz.charts.parts.marks import layered, step_axis
from gradviz.charts.parts.palette import colors_of
from gradviz.charts.parts.theme import legend, themed
from gradviz.language import t

HEIGHT = 280


def dead_shares(history: pd.DataFrame) -> pd.DataFrame:
    """The share of all hidden units that are dead, from the history of a run.

    One row per arm and step: mean `middle`, `low` and `high` over the seeds that have not
    overflowed, and their number `seeds`; a step at which none is left is left out.
    """
    rows = history[history["quantity"] == "dead"]
    # The output layer has no activation, so it is not counted.
    rows = rows[rows["layer"] < rows.groupby("arm")["layer"].transform("max")]
    shares = rows.groupby(["arm", "step", "seed"], sort=False)["value"].mean(skipna=False)
    shares = shares[np.isfinite(shares)].groupby(["arm", "step"], sort=False)
    levels = shares.agg(["mean", "min", "max", "count"]).reset_index()
    return levels.set_axis(["arm", "step", "middle", "low", "high", "seeds"], axis=1)


def dead_units(shares: pd.DataFrame, names: Names, steps: int) -> alt.LayerChart:
    """The `dead_shares` of a run of `steps` steps as curves, with bands over the seeds."""
    x = step_axis(max(steps, 1))
    y_low = alt.Y(
        "low:Q",
        title=t("Dead hidden units", "死亡的隐藏单元"),
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", tickCount=5),
    )
    tooltip = [
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("middle:Q", t("dead", "死亡"), ".0%"),
        tooltip_line("seeds:Q", t("seeds left", "剩余种子数")),
    ]
    colors = colors_of(names)
    key = legend(labelExpr=translated(names), symbolType="stroke")
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    curves = alt.Chart(shares).encode(x=x, color=alt.Color("arm:N", scale=scale, legend=key))
    return themed(
        layered(
            curves.mark_area(opacity=0.2).encode(y=y_low, y2="high:Q"),
            curves.mark_line(strokeWidth=2).encode(y="middle:Q", tooltip=tooltip),
        ).properties(
            height=HEIGHT,
            description=t(
                "Share of dead hidden units over the training steps",
                "死亡隐藏单元的比例随训练步的变化",
            ),
        )
    )
