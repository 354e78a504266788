"""How many layers a product of slopes survives: slope^n, and the threshold it falls under."""

from __future__ import annotations

import math

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.handles import handle_selection
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import INK, colors_of
from gradviz.charts.parts.powers import power_axis, power_of_ten, power_scale
from gradviz.charts.parts.theme import LONG, themed
from gradviz.language import t

EXPONENTS = (-12, -1)  # of the thresholds that can be chosen
LIMIT = "limit_exponent"  # the signal of the selection


def best_product(
    factors: pd.DataFrame, threshold: float = 1e-6, layers: int = 50
) -> alt.LayerChart:
    """slope^n against the number of layers n, and where it falls under a threshold to drag.

    `factors` has columns name (a key of `COLORS` or a name of the caller's), label, slope. The
    `threshold` is a power of ten from `EXPONENTS`. Raises `ValueError` for another one, and for
    slopes outside (0, 1].
    """
    exponent = _exponent_of(threshold)
    if not factors["slope"].between(0, 1, inclusive="right").all():
        raise ValueError(f"slope={factors['slope'].tolist()} is not all above 0 and at most 1")
    low, high = 10.0 ** EXPONENTS[0], 10.0 ** len(factors)
    x = alt.X(
        "layers:Q",
        title=t("Number of layers", "层数"),
        scale=alt.Scale(domain=[0, layers], nice=False),
        axis=alt.Axis(grid=False, tickMinStep=1, tickCount=6),
    )
    title = t("Product of the slopes", "斜率的乘积")
    y = alt.Y("product:Q", scale=power_scale(low, high), axis=power_axis(low, 1, title))
    slider = alt.binding_range(
        min=EXPONENTS[0], max=EXPONENTS[1], step=1, name=t("Power of ten ", "10 的幂次 ")
    )
    limit = handle_selection("limit", "exponent", exponent, slider)
    return themed(
        layered(
            # At the bottom, so that the marks over them can tell their values.
            _threshold_handles(y).add_params(limit),
            *_products(factors, layers, x, y),
            _threshold(y),
            *_crossings(factors, layers, x, y),
        ).properties(
            height=340,
            description=t(
                "Largest slope to the power of the number of layers, on a log axis, with a "
                "threshold and the number of layers at which each curve falls under it",
                "最大斜率的层数次方（对数轴），以及各曲线降到阈值以下所需的层数",
            ),
        )
    )


def layers_until(slope: float, threshold: float) -> int | None:
    """The least n with slope^n < threshold, for slope and threshold below 1; None for slope 1."""
    if slope == 1:
        return None
    # Rounded, because log10(0.1³)/log10(0.1) is not exactly 3.
    return math.floor(round(math.log10(threshold) / math.log10(slope), 9)) + 1


def _exponent_of(threshold: float) -> int:
    exponent = round(math.log10(threshold)) if threshold > 0 else 0
    low, high = EXPONENTS
    if not low <= exponent <= high or not math.isclose(threshold, 10.0**exponent):
        raise ValueError(f"threshold={threshold!r} is not a power of ten from 1e{low} to 1e{high}")
    return exponent


def _products(
    factors: pd.DataFrame, layers: int, x: alt.X, y: alt.Y
) -> tuple[alt.Chart, alt.Chart]:
    rows = factors.merge(pd.DataFrame({"layers": range(layers + 1)}), how="cross")
    rows["product"] = rows["slope"] ** rows["layers"]
    colors = colors_of(factors["name"])
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    color = alt.Color("name:N", scale=scale, legend=None)
    base = alt.Chart(rows).encode(x=x, y=y, color=color)
    tooltip = [
        tooltip_line("label:N", t("activation", "激活函数")),
        tooltip_line("layers:Q", t("layers", "层数")),
        tooltip_line("product:Q", t("product", "乘积"), ".2e"),
    ]
    points = base.mark_point(filled=True, size=25, opacity=1, clip=True)
    return base.mark_line(clip=True), points.encode(tooltip=tooltip)


def _threshold(y: alt.Y) -> alt.Chart:
    """The rule at the threshold."""
    exponents = pd.DataFrame({"e": range(EXPONENTS[0], EXPONENTS[1] + 1)})
    return (
        alt.Chart(exponents.assign(product=10.0 ** exponents["e"]))
        .transform_filter(f"datum.e == {LIMIT}")
        .mark_rule(color=INK, strokeWidth=2, strokeDash=[6, 4])
        .encode(y=y)
    )


def _crossings(factors: pd.DataFrame, layers: int, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """For each slope: a ring at the first product under the threshold, and a sentence above."""
    marks = []
    columns = (factors[name].tolist() for name in ("name", "label", "slope"))
    for row, (name, label, slope) in enumerate(zip(*columns, strict=True)):
        cases = _crossing_cases(label, slope, layers)
        now = alt.Chart(cases).transform_filter(f"datum.e == {LIMIT}")
        color = colors_of(factors["name"])[name]
        ring = now.mark_point(size=160, strokeWidth=2.5, color=color, clip=True).encode(x=x, y=y)
        words = now.mark_text(align="right", color=color, fontSize=LONG, fontWeight="bold")
        place = {"x": alt.value("width"), "y": alt.value(8 + 16 * row)}
        marks += [ring, words.encode(**place, text="words:N")]
    return marks


def _crossing_cases(label: str, slope: float, layers: int) -> pd.DataFrame:
    """One row per threshold: exponent e, crossing (null if beyond the picture) and the sentence."""
    rows = []
    for e in range(EXPONENTS[0], EXPONENTS[1] + 1):
        n = layers_until(slope, 10.0**e)
        values = {"label": label, "limit": power_of_ten(e), "n": n}
        words = (
            t("{label}: never under {limit}", "{label}：永不低于 {limit}", **values)
            if n is None
            else t(
                "{label}: under {limit} from {n} layers", "{label}：{n} 层起低于 {limit}", **values
            )
        )
        place = (None, None) if n is None or n > layers else (n, slope**n)
        rows.append({"e": e, "words": words, "layers": place[0], "product": place[1]})
    return pd.DataFrame(rows)


def _threshold_handles(y: alt.Y) -> alt.Chart:
    """Invisible bands, one for each threshold, to press and drag."""
    exponents = np.arange(EXPONENTS[0], EXPONENTS[1] + 1)
    bands = pd.DataFrame(
        {
            "exponent": exponents,
            "product": 10.0 ** (exponents - 0.5),
            "top": 10.0 ** (exponents + 0.5),
        }
    )
    return (
        alt.Chart(bands)
        .mark_rect(opacity=0, clip=True, cursor="ns-resize", tooltip=None)
        .encode(y=y, y2="top:Q", x=alt.value(0), x2=alt.value("width"))
    )
