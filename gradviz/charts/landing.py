"""Where the pre-activations of a deep network's layers land, and the slopes they get there."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import column, layered, rule_at
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.theme import READOUT, WORDS, legend, themed
from gradviz.language import t


def landing(
    layers: pd.DataFrame,
    healthy: tuple[float, float],
    largest_slope: float,
    color: str,
    reach: float | None = None,
) -> alt.VConcatChart:
    """Where the pre-activations z of each layer lie, above the slopes that they get there.

    `layers` has one row per layer with columns layer; q05, q25, q50, q75, q95 (quantiles of z);
    mean_slope and rms_slope (√E[φ′²]). `healthy` is the range of z with slopes worth having,
    `largest_slope` that of the activation, `color` its name in `COLORS`. The axis of z ends at
    ±`reach`, so that it stays while the settings change; without, it holds what there is.
    """
    depth = int(layers["layer"].max())
    scale = alt.Scale(domain=[0.5, depth + 0.5], nice=False)
    x = alt.X("layer:Q", scale=scale, axis=alt.Axis(labels=False, title=None, grid=False))
    axis = alt.Axis(tickMinStep=1, format="d", grid=False, title=t("Hidden layer", "隐藏层"))
    x_below = alt.X("layer:Q", scale=scale, axis=axis)
    return themed(
        column(
            _quantile_bands(layers, healthy, x, COLORS[color], reach),
            _slope_marks(layers, largest_slope, x_below, COLORS[color]),
            spacing=12,
            description=t(
                "Quantiles of the pre-activations of each layer, above the layer's mean slopes",
                "各层预激活值的分位数，下方是该层的平均斜率",
            ),
        )
    )


def _quantile_bands(
    layers: pd.DataFrame,
    healthy: tuple[float, float],
    x: alt.X,
    color: str,
    reach: float | None,
) -> alt.LayerChart:
    if reach is None:
        reach = max(6.0, float(layers[["q05", "q95"]].abs().max().max()) * 1.25)
    z = alt.Scale(domain=[-reach, reach], nice=False)
    region = pd.DataFrame({"low": [healthy[0]], "high": [healthy[1]]}).clip(-reach, reach)
    zone = alt.Chart(region)
    title = t("Pre-activation z", "预激活值 z")
    tooltip = [
        tooltip_line("layer:Q", t("layer", "层")),
        tooltip_line("q05:Q", "5%", ".2f"),
        tooltip_line("q25:Q", "25%", ".2f"),
        tooltip_line("q50:Q", t("median", "中位数"), ".2f"),
        tooltip_line("q75:Q", "75%", ".2f"),
        tooltip_line("q95:Q", "95%", ".2f"),
    ]
    base = alt.Chart(layers).encode(x=x, tooltip=tooltip)
    return layered(
        zone.mark_rect(color=COLORS["healthy"], opacity=0.15).encode(
            y=alt.Y("low:Q", scale=z, title=title), y2="high:Q"
        ),
        base.mark_rule(strokeWidth=3, color=color, opacity=0.45, clip=True).encode(
            y="q05:Q", y2="q95:Q"
        ),
        base.mark_rule(strokeWidth=9, color=color, opacity=0.6, clip=True).encode(
            y="q25:Q", y2="q75:Q"
        ),
        base.mark_point(filled=True, size=35, color=INK, opacity=1, clip=True).encode(y="q50:Q"),
        # Above all marks, at the top, where there is room for words, apart from the axis' title.
        zone.mark_text(
            align="left", baseline="top", dx=6, color=COLORS["healthy"], fontSize=READOUT
        ).encode(
            x=alt.value(0),
            y=alt.value(6),
            text=alt.value(t("within the band the slope is alive", "色带内斜率有效")),
        ),
    ).properties(height=180)


def _slope_marks(
    layers: pd.DataFrame, largest_slope: float, x: alt.X, color: str
) -> alt.LayerChart:
    names = {"mean_slope": t("mean", "平均值"), "rms_slope": t("root mean square", "均方根")}
    rows = layers.rename(columns=names).melt(
        "layer", list(names.values()), var_name="kind", value_name="slope"
    )
    y = alt.Y(
        "slope:Q",
        title=t("Slope", "斜率"),
        scale=alt.Scale(domain=[0, largest_slope * 1.2], nice=False),
        axis=alt.Axis(tickCount=4),
    )
    shape = alt.Shape(
        "kind:N",
        scale=alt.Scale(domain=list(names.values()), range=["circle", "diamond"]),
        legend=legend(joined=True),
    )
    tooltip = [
        tooltip_line("layer:Q", t("layer", "层")),
        tooltip_line("kind:N", t("slope", "斜率")),
        tooltip_line("slope:Q", t("value", "值"), ".3f"),
    ]
    limit = rule_at(largest_slope, y, dash=(6, 4))
    label = t("largest possible: {slope:g}", "上限：{slope:g}", slope=largest_slope)
    return layered(
        limit,
        limit.mark_text(align="left", baseline="bottom", dx=6, dy=-4, **WORDS).encode(
            x=alt.value(0), text=alt.value(label)
        ),
        alt.Chart(rows)
        .mark_point(size=50, color=color, opacity=1)
        .encode(x=x, y=y, shape=shape, tooltip=tooltip),
    ).properties(height=120)
