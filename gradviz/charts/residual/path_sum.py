"""The product of residual factors, multiplied out: a sum over paths through the network."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from gradviz.charts.parts.expressions import in_words, tooltip_line
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.powers import scientific
from gradviz.charts.parts.theme import READOUT, themed
from gradviz.language import t

HEIGHT = 320


def path_sum(depth: int) -> alt.LayerChart:
    """(1 + a)^depth as the sum over k of C(depth, k)·a^k, with `a` on a slider in the browser.

    A path of k branches carries a^k; the plain network has only the one with all of them, which has
    its color (Veit et al. 2016, section 3). Raises `ValueError` for a depth below 1.
    """
    if depth < 1:
        raise ValueError(f"depth={depth!r} is not a whole number from 1")
    slider = alt.binding_range(min=0.05, max=1.5, step=0.05, name="a ")
    a = alt.param("a", value=0.2, bind=slider)
    paths = pd.DataFrame({"branches": range(depth + 1)})
    paths["paths"] = [float(math.comb(depth, k)) for k in paths["branches"]]
    return themed(
        layered(_bars(paths, depth).add_params(a), *_words(depth)).properties(
            height=HEIGHT,
            description=t(
                "Bars: what the paths through each number of branches add to the gradient",
                "条形：穿过不同个数支路的路径各自给梯度贡献多少",
            ),
        )
    )


def _bars(paths: pd.DataFrame, depth: int) -> alt.Chart:
    return (
        alt.Chart(paths)
        .transform_calculate(share="datum.paths * pow(a, datum.branches)")
        .mark_bar()
        .encode(
            color=alt.condition(
                alt.datum.branches == depth,
                alt.value(COLORS["plain"]),
                alt.value(COLORS["residual"]),
            ),
            x=alt.X(
                "branches:O",
                title=t("Branches that the path goes through", "路径穿过的支路数"),
                axis=alt.Axis(labelAngle=0, labelOverlap=True, grid=False),
            ),
            # The numbers grow as a is dragged: the axis has room for them from the start.
            y=alt.Y(
                "share:Q",
                title=t("Added to the product", "对乘积的贡献"),
                axis=alt.Axis(format="~g", minExtent=44),
            ),
            tooltip=[
                tooltip_line("branches:O", t("branches", "支路数")),
                tooltip_line("paths:Q", t("paths", "路径数"), ",.0f"),
                tooltip_line("share:Q", t("added", "贡献"), ".2e"),
            ],
        )
    )


def _words(depth: int) -> list[alt.Chart]:
    """Both products in numbers, in the upper right corner."""
    lines = (
        (
            "residual",
            t("residual (1 + a)^L = {product}", "残差 (1 + a)^L = {product}"),
            f"pow(1 + a, {depth})",
        ),
        ("plain", t("plain a^L = {product}", "普通 a^L = {product}"), f"pow(a, {depth})"),
    )
    return [
        alt.Chart(pd.DataFrame({"branches": [depth]}))
        .transform_calculate(words=in_words(text, product=scientific(value)))
        .mark_text(align="right", fontSize=READOUT, fontWeight="bold", color=COLORS[name])
        .encode(x=alt.value("width"), y=alt.value(12 + 18 * row), text="words:N")
        for row, (name, text, value) in enumerate(lines)
    ]
