"""BN((aW)u) = BN(Wu): the spread before and after normalization, and the gradient, against a."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.palette import COLORS
from gradviz.charts.theme import themed
from gradviz.language import t


def scale_invariance() -> alt.Chart:
    """Three bars that follow a slider `a` in the browser (Ioffe & Szegedy 2015, section 3.3)."""
    slider = alt.binding_range(min=0.25, max=4, step=0.25, name="a ")
    a = alt.param("a", value=2, bind=slider)
    bars = pd.DataFrame(
        {
            "what": [t("spread of (aW)u", "(aW)u 的散布"), "BN((aW)u)", t("gradient", "梯度")],
            "power": [1, 0, -1],
        }
    )
    return themed(
        alt.Chart(bars)
        .transform_calculate(size="pow(a, datum.power)")
        .mark_bar(color=COLORS["batchnorm"])
        .encode(
            x=alt.X("size:Q", title=t("Relative to a = 1", "相对 a = 1"), scale={"domain": [0, 4]}),
            y=alt.Y("what:N", sort=None, title=None),
            tooltip=[alt.Tooltip("size:Q", format=".3~g")],
        )
        .add_params(a)
        .properties(
            height=150,
            description=t(
                "Bars: the spread grows with a, the output stays, the gradient shrinks as 1/a",
                "条形：散布随 a 增大，输出不变，梯度按 1/a 缩小",
            ),
        )
    )
