"""The slope of a network's output as its input turns: one curve above another, to compare."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from gradviz.charts.parts.handles import SHARE_REVEALED, question_params
from gradviz.charts.parts.marks import column, layered, rule_at
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.theme import READOUT, themed
from gradviz.language import t

HEIGHT = 70  # pixels of each curve
LARGEST = 3.2  # of the slope, in units of its root mean square; beyond it is cut


def slopes(
    curves: Mapping[str, pd.DataFrame], names: Mapping[str, str], asked: str | None = None
) -> alt.VConcatChart:
    """`curves` (columns degrees, value) one below the other, each of the color of its name.

    `names` maps those of the palette to what stands above each curve. The one that is `asked` for
    is covered until the figure's question is answered.
    """
    last = list(curves)[-1]
    pictures = [
        _curve(rows, COLORS[name], names[name], labeled=name == last, covered=name == asked)
        for name, rows in curves.items()
    ]
    return themed(
        column(
            *pictures,
            spacing=28,
            description=t(
                "The slope of a network's output against the angle of its input: {names}",
                "网络输出的斜率随输入角度的变化：{names}",
                names=t(", ", "、").join(names[name] for name in curves),
            ),
            independent=("y",),
            params=question_params() if asked else (),
        )
    )


def _curve(
    rows: pd.DataFrame, color: str, name: str, labeled: bool, covered: bool
) -> alt.LayerChart:
    axis = alt.Axis(
        title=t("Angle of the input", "输入的角度") if labeled else None,
        labels=labeled,
        values=[0, 45, 90, 135, 180],
        labelExpr="datum.value + '°'",
        grid=True,
    )
    scale = alt.Scale(domain=[0, 180], nice=False)
    x = alt.X("degrees:Q", scale=scale, axis=axis)
    height = alt.Scale(domain=[-LARGEST, LARGEST], nice=False)
    y = alt.Y("value:Q", scale=height, axis=alt.Axis(title=None, values=[0], labels=False))
    seen = alt.expr(SHARE_REVEALED) if covered else 1
    line = alt.Chart(rows).mark_line(strokeWidth=1.6, color=color, clip=True, opacity=seen)
    words = alt.Chart(pd.DataFrame({"degrees": [0]})).mark_text(
        align="left", baseline="bottom", fontSize=READOUT, fontWeight="bold", color=color
    )
    return layered(
        rule_at(0.0, y, dash=(1, 0)),
        line.encode(x=x, y=y),
        words.encode(x=alt.value(0), y=alt.value(-5), text=alt.value(name)),
    ).properties(height=HEIGHT)
