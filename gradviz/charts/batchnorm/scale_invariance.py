"""BN((aW)h) = BN(Wh): spread before and after normalization, and the gradient, against a."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.layers import legend_columns
from gradviz.charts.parts.expressions import lookup, tooltip_line, translated
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.theme import READOUT, legend, themed
from gradviz.language import t

# How each quantity depends on a, in theory: a to this power.
POWERS = {"before": 1, "after": 0, "gradient": -1}
_COLORS = {"before": "plain", "after": "batchnorm", "gradient": "deep"}
A = "a_shown"  # the parameter in the browser


def scale_invariance(effects: pd.DataFrame, a: float = 2.0) -> alt.LayerChart:
    """Theory as lines and `effects` as marks, relative to a = 1; a slider picks one a.

    `effects` has one row for each factor a, with columns a, before, after and gradient (see
    `engine.start.scale_effects`); the factors are evenly spaced, 1 among them. Raises
    `ValueError` if `a` is none of them.
    """
    factors = effects["a"].tolist()
    if a not in factors or 1.0 not in factors:
        raise ValueError(f"a={a!r} or 1.0 is not one of {', '.join(map(str, factors))}")
    names = list(POWERS)
    relative = effects.set_index("a")[names] / effects.set_index("a").loc[1.0, names]
    marks = relative.reset_index().melt("a", names, var_name="kind", value_name="ratio")
    marks["theory"] = [a ** POWERS[kind] for a, kind in zip(marks["a"], marks["kind"], strict=True)]
    step = factors[1] - factors[0]
    slider = alt.binding_range(min=factors[0], max=factors[-1], step=step, name="a ")
    return themed(
        _layers(marks, factors)
        .add_params(alt.param(A, value=a, bind=slider))
        .properties(
            height=300,
            description=t(
                "Relative to a = 1: the spread of (aW)h grows with a, the output of BatchNorm "
                "stays, and the gradient falls as 1/a",
                "相对 a = 1：(aW)h 的标准差随 a 增大，BatchNorm 的输出不变，梯度按 1/a 减小",
            ),
        )
    )


def kind_names() -> dict[str, str]:
    """What the three quantities are called, in the current language."""
    return {
        "before": t("spread of (aW)h", "(aW)h 的标准差"),
        "after": t("spread of BN((aW)h)", "BN((aW)h) 的标准差"),
        "gradient": t("gradient of aW", "aW 的梯度"),
    }


def _layers(marks: pd.DataFrame, factors: list[float]) -> alt.LayerChart:
    color = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(POWERS), range=[COLORS[_COLORS[kind]] for kind in POWERS]),
        legend=legend(
            legend_columns(kind_names()), labelExpr=translated(kind_names()), symbolType="circle"
        ),
    )
    ends = [factors[0], factors[-1]]
    scale = alt.Scale(type="log", domain=ends, nice=False)
    axis = alt.Axis(values=[0.25, 0.5, 1, 2, 4], format="~g", grid=False)
    x = alt.X("a:Q", scale=scale, axis=axis, title=t("Factor a", "因子 a"))
    y = alt.Y(
        "ratio:Q",
        scale=alt.Scale(type="log", domain=ends, nice=False),
        axis=alt.Axis(values=[0.25, 0.5, 1, 2, 4], format="~g"),
        title=t("Relative to a = 1", "相对 a = 1"),
    )
    base = alt.Chart(marks).encode(x=x, color=color)
    tooltip = [
        tooltip_line("called:N", t("quantity", "量")),
        tooltip_line("a:Q", "a", "~g"),
        tooltip_line("ratio:Q", t("relative to a = 1", "相对 a = 1"), ".3~g"),
    ]
    told = base.transform_calculate(called=lookup(kind_names(), "datum.kind"))
    shown = base.transform_filter(f"abs(datum.a - {A}) < 1e-6")
    return layered(
        base.mark_line(strokeWidth=2, opacity=0.8).encode(y=alt.Y("theory:Q")),
        told.mark_point(filled=True, size=30, opacity=1).encode(y=y, tooltip=tooltip),
        shown.mark_rule(color=INK, strokeDash=[3, 3]).encode(x=x, color=alt.value(INK)),
        shown.mark_point(filled=True, size=160, opacity=1).encode(y=y),
        shown.mark_text(align="left", dx=10, dy=-10, fontSize=READOUT).encode(
            y=y, text=alt.Text("ratio:Q", format=".3~g")
        ),
    )
