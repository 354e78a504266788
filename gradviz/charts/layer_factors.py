"""The factors of the chain rule, layer by layer, on an axis on which 0 and 1 can be seen."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.layers import Names, arm_color
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import bars_of_seeds, layered, rule_at
from gradviz.charts.parts.summary import dodged, summarize
from gradviz.charts.parts.theme import themed
from gradviz.language import t

HEIGHT = 300
USUAL = 1.5  # the top of the axis, unless a factor is larger


def layer_factors(
    history: pd.DataFrame,
    names: Names,
    theory: pd.DataFrame,
    quantity: str = "factor",
    title: str | None = None,
) -> alt.LayerChart:
    """The factor by which each hidden layer multiplies δ: marks with a band over the seeds.

    `history` has the quantity "factor" in the columns of `engine.history`; `theory`, drawn as
    lines, has columns arm, layer, value. The dashed rule is at 1, where nothing is lost. A part of
    the factor can be drawn the same way, as another `quantity` with its `title`.
    """
    rows = summarize(history, quantity)
    deepest = max([*rows["layer"], *theory["layer"]])
    rows = rows.assign(place=dodged(rows, list(names), deepest))
    top = max(USUAL, 1.1 * float(rows["high"].max()))
    x, beside = _layer_axis("layer:Q", deepest), _layer_axis("place:Q", deepest)
    y = alt.Y(
        "middle:Q",
        title=title or t("δ of layer l−1 / δ of layer l", "第 l−1 层的 δ / 第 l 层的 δ"),
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(tickCount=4),
    )
    color = arm_color(names)
    marks = alt.Chart(rows)
    return themed(
        layered(
            rule_at(1.0, alt.Y("value:Q")),
            alt.Chart(theory).mark_line(opacity=0.8).encode(x=x, y="value:Q", color=color),
            bars_of_seeds(marks, beside, color),
            marks.mark_point(filled=True, size=55, opacity=1).encode(
                x=beside, y=y, color=color, tooltip=_tooltip()
            ),
        ).properties(
            height=HEIGHT,
            description=t(
                "The factor by which each layer multiplies the signal on its way back",
                "误差信号往回传时，每一层乘上的因子",
            ),
        )
    )


def _layer_axis(field: str, deepest: int) -> alt.X:
    return alt.X(
        field,
        title=t("Hidden layer (1 is next to the input)", "隐藏层（第 1 层紧邻输入）"),
        scale=alt.Scale(domain=[0.5, deepest + 0.5], nice=False),
        axis=alt.Axis(format="d", tickMinStep=1, grid=False),
    )


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("arm:N", t("network", "网络")),
        tooltip_line("layer:Q", t("layer", "层")),
        tooltip_line("middle:Q", t("factor", "因子"), ".3f"),
    ]
