"""How much of the loss depends on each hidden state of a recurrent layer: a curve over time."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import colors_of
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.summary import log_domain, state_of
from gradviz.charts.parts.theme import legend, themed
from gradviz.language import t

HEIGHT, WIDTH = 280, 520


def watched_times(table: pd.DataFrame) -> alt.LayerChart:
    """‖∂L/∂h_t‖ by time on a log axis, dashed at the first recorded step and solid at the last.

    `table` has columns step, layer, time, value. Zeros stand at the foot of the axis, and what is
    not finite at its top.
    """
    ends = table[table["step"].isin([table["step"].min(), table["step"].max()])]
    domain = log_domain(ends["value"])
    state = pd.Series(state_of(ends["value"]), index=ends.index)
    edges = state.map({"zero": domain[0], "overflow": domain[1]})
    ends = ends.assign(
        height=ends["value"].where(state == "measured", edges),
        state=state,
        when=ends["step"].map(lambda step: t("step {step}", "第 {step} 步", step=step)),
    )
    colors = colors_of(ends["layer"])
    when = list(dict.fromkeys(ends.sort_values("step")["when"]))
    title = t("Signal ‖∂L/∂h‖", "误差信号 ‖∂L/∂h‖")
    base = alt.Chart(ends).encode(
        x=alt.X(
            "time:Q",
            title=t("time step", "时间步"),
            axis=alt.Axis(format="d", tickMinStep=1, grid=False),
        ),
        y=alt.Y("height:Q", scale=power_scale(*domain), axis=power_axis(*domain, title)),
        color=alt.Color(
            "layer:N",
            scale=alt.Scale(domain=list(colors), range=list(colors.values())),
            legend=legend(symbolType="stroke"),
        ),
    )
    dashes = [[1, 0]] if len(when) < 2 else [[5, 4], [1, 0]]
    lines = base.mark_line().encode(
        strokeDash=alt.StrokeDash(
            "when:N",
            scale=alt.Scale(domain=when, range=dashes),
            legend=legend(orient="bottom", symbolType="stroke"),
        ),
        tooltip=[
            tooltip_line("layer:N", t("layer", "层")),
            tooltip_line("when:N", t("step", "步")),
            tooltip_line("time:Q", t("time step", "时间步")),
            tooltip_line("value:Q", title, ".2e"),
        ],
    )
    beyond = (
        base.transform_filter("datum.state !== 'measured'")
        .mark_point(filled=True)
        .encode(
            shape=alt.Shape(
                "state:N",
                scale=alt.Scale(
                    domain=["zero", "overflow"], range=["triangle-down", "triangle-up"]
                ),
                legend=None,
            )
        )
    )
    return themed(
        layered(lines, beyond).properties(
            height=HEIGHT,
            width=WIDTH,
            description=t(
                "How much of the loss depends on the hidden state at each time step",
                "损失对各时间步隐藏状态的依赖程度",
            ),
        )
    )
