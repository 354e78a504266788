"""Singular values of a product of matrices over depth: their spread, median and mean square."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.handles import GUESSED, HAS_GUESS, SHARE_REVEALED, question_params
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale, rounded_power
from gradviz.charts.parts.theme import WORDS, legend, themed
from gradviz.language import t

LOWEST = 1e-20  # of the axis: the smallest of a hundred reach far below
IN_SIGHT = 5  # layers that are seen while the answer is covered


def spread_frame(values: np.ndarray, theory: np.ndarray) -> pd.DataFrame:
    """Summaries over draws and singular values, one row per layer.

    `values` [draws, depth, width], `theory` [depth] is the root mean square in a wide network.
    Columns: layer, low, high (the extremes), q25, q75, median, rms, theory.
    """
    by_layer = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)
    q25, median, q75 = np.quantile(by_layer, [0.25, 0.5, 0.75], axis=1)
    return pd.DataFrame(
        {
            "layer": np.arange(1, values.shape[1] + 1),
            "low": by_layer.min(axis=1),
            "high": by_layer.max(axis=1),
            "q25": q25,
            "q75": q75,
            "median": median,
            "rms": np.sqrt(np.mean(by_layer**2, axis=1)),
            "theory": theory,
        }
    )


def singular_value_spread(spread: pd.DataFrame, asked: bool = False) -> alt.LayerChart:
    """The frame of `spread_frame` on a log axis: bands, marks for median and mean, and theory.

    If it is `asked` where the median ends, all but the first layers come as that is revealed.
    """
    low = max(LOWEST, min(1e-2, float(spread["low"].min())))
    high = max(1e2, float(spread["high"].max()))
    low, high = 10.0 ** np.floor(np.log10(low)), 10.0 ** np.ceil(np.log10(high))
    x = alt.X(
        "layer:Q",
        title=t("Matrices multiplied", "相乘的矩阵个数"),
        scale=alt.Scale(domain=[0, int(spread["layer"].max())], nice=False),
        axis=alt.Axis(grid=False, format="d", tickCount=6),
    )
    axis = power_axis(low, high, t("Singular values of the product", "乘积的奇异值"))
    y = alt.Y("high:Q", scale=power_scale(low, high), axis=axis)
    # A log axis has no room for zero and below its end: what lies there is drawn at the edge.
    edges = {name: spread[name].clip(lower=low) for name in ("low", "high", "q25", "q75")}
    met = _met(int(spread["layer"].max())) if asked else "true"
    base = alt.Chart(spread.assign(**edges)).transform_filter(met).encode(x=x)
    color = COLORS["deep"]
    picture = themed(
        layered(
            base.mark_area(color=color, opacity=0.15).encode(y=y, y2="low:Q"),
            base.mark_area(color=color, opacity=0.3).encode(y=alt.Y("q75:Q"), y2="q25:Q"),
            base.mark_line(color=COLORS["theory"], strokeWidth=2).encode(y=alt.Y("theory:Q")),
            *_marks(spread, x, met),
            *(_guess(spread, x, low) if asked else []),
        ).properties(
            height=390,
            description=t(
                "Spread of the singular values of a product of random matrices over the number of "
                "matrices, on a log axis, with median, root mean square and theory",
                "随机矩阵乘积的奇异值分布随矩阵个数的变化（对数轴），标有中位数、均方根与理论值",
            ),
        )
    )
    return picture.add_params(*question_params()) if asked else picture


def _met(depth: int) -> str:
    """A Vega expression: has the layer of the datum been met, as the answer is revealed?"""
    return f"datum.layer <= {IN_SIGHT} + {SHARE_REVEALED} * {depth - IN_SIGHT}"


def _guess(spread: pd.DataFrame, x: alt.X, low: float) -> list[alt.Chart]:
    """Where the reader thinks that the median ends, as a ring with a line to it; and the truth."""
    last = spread[["layer", "median"]].tail(1)
    truth = last.assign(value=last["median"].clip(lower=low))
    y = alt.Y("value:Q")
    line = (
        alt.Chart(spread.loc[spread["layer"].isin([1, last["layer"].iloc[0]]), ["layer", "median"]])
        .transform_filter(HAS_GUESS)
        .transform_calculate(value=f"datum.layer == 1 ? datum.median : {GUESSED}")
    )
    ring = line.transform_filter(f"datum.layer == {last['layer'].iloc[0]}").encode(x=x, y=y)
    known = alt.Chart(truth).transform_filter(f"{HAS_GUESS} && {SHARE_REVEALED} == 1")
    words = {"align": "right", "dx": -10, **WORDS}
    close = f"abs(log({GUESSED} / {truth['value'].iloc[0]})) < {2.5 * np.log(10)}"
    number = t("median: {median}", "中位数：{median}", median=rounded_power(last["median"].iloc[0]))
    return [
        line.mark_line(color=INK, strokeWidth=2, strokeDash=[2, 4]).encode(x=x, y=y),
        ring.mark_point(size=150, strokeWidth=2.5, color=INK, opacity=1),
        # Below the ring, and below the words on the truth where the two are close.
        ring.mark_text(baseline="top", dy=alt.expr(f"{close} ? 26 : 8"), **words).encode(
            text=alt.value(t("your guess", "你的猜测"))
        ),
        known.mark_point(size=190, strokeWidth=3, color=COLORS["deep"], opacity=1).encode(x=x, y=y),
        known.mark_text(baseline="top", dy=8, **words).encode(x=x, y=y, text=alt.value(number)),
    ]


def _marks(spread: pd.DataFrame, x: alt.X, met: str) -> list[alt.Chart]:
    names = {
        "rms": t("root mean square (line: theory)", "均方根（线为理论值）"),
        "median": t("median (bands: middle half, all)", "中位数（色带：中间一半、全部）"),
    }
    rows = spread.melt("layer", list(names), var_name="kind", value_name="value")
    rows = rows.assign(kind=rows["kind"].map(names))
    below = rows[rows["value"] < LOWEST].assign(foot=LOWEST)
    rows = rows[rows["value"] >= LOWEST]
    colors = [COLORS["shallow"], COLORS["deep"]]
    color = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(names.values()), range=colors),
        legend=legend(columns=1, symbolType="circle"),
    )
    tooltip = [
        tooltip_line("layer:Q", t("matrices", "矩阵个数")),
        tooltip_line("value:Q", t("value", "值"), ".2e"),
    ]
    # Where the two are equal, as for rotations, both are seen.
    shown = [
        alt.Chart(rows[rows["kind"] == names[kind]])
        .transform_filter(met)
        .mark_point(filled=True, size=size, opacity=1)
        .encode(x=x, y=alt.Y("value:Q"), color=color, tooltip=tooltip)
        for kind, size in (("rms", 60), ("median", 22))
    ]
    if len(below):
        foot = alt.Chart(below).transform_filter(met)
        foot = foot.mark_point(shape="triangle-down", filled=True, size=35, opacity=1)
        words = t("▼ 0 or below {edge}", "▼ 为 0 或小于 {edge}", edge=rounded_power(LOWEST))
        said = alt.Chart(pd.DataFrame({"words": [words]})).mark_text(align="left", dx=6, **WORDS)
        shown += [
            foot.encode(x=x, y=alt.Y("foot:Q"), color=color, tooltip=tooltip),
            said.encode(x=alt.value(0), y=alt.value(10), text="words:N"),
        ]
    return shown
