"""The loss that is minimized, in its two parts: what the data say, and the penalty."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from gradviz.charts.layers import arm_color
from gradviz.charts.parts.expressions import tooltip_line, translated
from gradviz.charts.parts.marks import step_axis
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import log_domain, summarize_curves
from gradviz.charts.parts.theme import legend
from gradviz.language import t

PARTS = ("loss", "penalty")


def loss_parts(curves: pd.DataFrame, names: Mapping[str, str], steps: int) -> Spec:
    """Data loss and penalty over the steps, one line each per arm, on one log axis.

    `curves` is a `history.curves_frame`; the mean over the seeds is drawn, and a penalty of 0 is
    left out. `steps` is the length of the whole run.
    """
    tables = [summarize_curves(curves, part).assign(part=part) for part in PARTS]
    rows = pd.concat(tables, ignore_index=True)
    rows = rows[rows["middle"] > 0]
    domain = log_domain(rows["middle"], [0.1, 100.0], room=0)
    return _picture(tuple(names.items()), domain, steps).with_data(parts=rows)


@built_once
def _picture(
    names: tuple[tuple[str, str], ...], domain: tuple[float, float], steps: int
) -> alt.Chart:
    """The picture without its data."""
    called = {"loss": t("data loss", "数据损失"), "penalty": t("penalty", "惩罚项")}
    dash = alt.StrokeDash(
        "part:N",
        scale=alt.Scale(domain=list(PARTS), range=[[1, 0], [5, 4]]),
        legend=legend(orient="bottom", labelExpr=translated(called), symbolType="stroke"),
    )
    axis = power_axis(*domain, t("Part of the loss", "损失的组成部分"))
    chart = (
        alt.Chart(alt.NamedData("parts"))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=step_axis(steps),
            y=alt.Y("middle:Q", scale=power_scale(*domain), axis=axis),
            color=arm_color(dict(names)),
            strokeDash=dash,
            tooltip=[
                tooltip_line("step:Q", t("step", "步")),
                tooltip_line("middle:Q", t("mean of seeds", "各种子的均值"), ".3g"),
            ],
        )
    )
    return chart.properties(
        height=300,
        description=t(
            "Data loss and penalty over the training steps, on a log axis",
            "数据损失与惩罚项随训练步的变化，对数轴",
        ),
    )
