"""The same training in several formats: what is learned, and how many weights stand still."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.layers import Names, arm_color
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import column, layered, step_axis
from gradviz.charts.parts.theme import themed
from gradviz.language import t

HEIGHT = 150  # pixels: of each of the two


def training_curves(history: pd.DataFrame, names: Names, steps: int, copy: str) -> alt.VConcatChart:
    """Test accuracy and the share of weights that a step leaves as they are, over the `steps`.

    `history` has the columns arm, step, quantity ("accuracy" or "still"), value; see
    `engine.precision.train_in_formats`. The arm `copy` runs over an earlier one, and is dashed.
    """
    titles = {
        "accuracy": t("Test accuracy", "测试准确率"),
        "still": t("Weights that a step leaves as they are", "一步之后原地不动的权重"),
    }
    rows = history.dropna(subset="value")
    panels = [
        _panel(rows[rows["quantity"] == name], names, title, steps, copy, last=name == "still")
        for name, title in titles.items()
    ]
    return themed(
        column(
            *panels,
            spacing=22,
            description=t(
                "Test accuracy, and the share of weights that stand still, over the steps of "
                "training in each format",
                "各种格式下，测试准确率与原地不动的权重比例随训练步数的变化",
            ),
        )
    )


def _panel(
    rows: pd.DataFrame, names: Names, title: str, steps: int, copy: str, last: bool
) -> alt.LayerChart:
    dashed = alt.when(f"datum.arm === '{copy}'").then(alt.value([8, 7]))
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", tickCount=3, title=title),
    )
    base = alt.Chart(rows).encode(
        x=step_axis(steps, labeled=last), y=y, color=arm_color(names, joined=True)
    )
    tooltip = [
        tooltip_line("arm:N", t("format", "格式")),
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("value:Q", title, ".0%"),
    ]
    return layered(
        base.mark_line(strokeWidth=3).encode(strokeDash=dashed.otherwise(alt.value([1, 0]))),
        base.mark_point(filled=True, size=60, opacity=0).encode(tooltip=tooltip),
    ).properties(height=HEIGHT)
