"""A batch at two units of each layer: a plain network beside one with BatchNorm, on equal axes."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from gradviz.charts.batchnorm.digits import digit_color, digit_opacity, with_digit
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.parts.theme import LONG, themed
from gradviz.language import t

LAYER = "cloud_layer"  # the parameter in the browser
REACH = 4.0  # of the axes; beyond it an example stands on the edge
_APART = 2 * REACH + 0.7  # from one network's zero to the next one's
_TICKS = (-2, 0, 2)
_ONE_MARK = 0.04  # a spread within which all examples look like one
_HEIGHT = 410  # pixels, axes and legend included


def clouds(
    arms: Mapping[str, pd.DataFrame], names: Mapping[str, str], layer: int = 1
) -> alt.LayerChart:
    """The examples of `arms` at units 1 and 2 of the layer that a slider says, side by side.

    Each table is that of `engine.units.cloud`, of networks of one depth; `names` says what they
    are called. Raises `ValueError` for a `layer` that the networks do not have.
    """
    parts = [
        _points(rows).assign(arm=arm, panel=panel) for panel, (arm, rows) in enumerate(arms.items())
    ]
    points = pd.concat(parts, ignore_index=True)
    depth = int(points["layer"].max())
    if not 1 <= layer <= depth:
        raise ValueError(f"layer={layer!r} is not a whole number from 1 to {depth}")
    slider = alt.binding_range(min=1, max=depth, step=1, name=t("Layer ", "层 "))
    return themed(
        layered(
            *_grounds(len(arms)),
            _examples(points, len(arms)),
            *_words(points, names),
            _where_all_are(points),
        )
        .add_params(alt.param(LAYER, value=layer, bind=slider))
        .properties(
            height=_HEIGHT,
            description=t(
                "The examples of a batch as points at two units of a layer: {names}",
                "一个批次的样本在某层两个神经元上的位置：{names}",
                names=", ".join(names[arm] for arm in arms),
            ),
        )
    )


def _points(cloud: pd.DataFrame) -> pd.DataFrame:
    """One row for each layer and example: its label, its values x and y, and their spread."""
    keys = ["layer", "example", "label"]
    wide = cloud.pivot(index=keys, columns="unit", values="after").set_axis(["x", "y"], axis=1)
    # The root mean square over the two units.
    spread = cloud.groupby(keys)["spread"].agg(lambda units: (units**2).mean() ** 0.5)
    return wide.assign(spread=spread).reset_index()


def _axes(panels: int) -> tuple[alt.X, alt.Y]:
    """Both axes go from −`REACH` to `REACH`; the one across does so once for each network."""
    own = f"(datum.value - {_APART} * round(datum.value / {_APART}))"
    across = alt.X(
        "at:Q",
        title=t("z of unit 1", "神经元 1 的 z"),
        scale=alt.Scale(domain=[-REACH, REACH + (panels - 1) * _APART], nice=False, zero=False),
        axis=alt.Axis(
            values=[panel * _APART + tick for panel in range(panels) for tick in _TICKS],
            labelExpr=f"replace(format({own}, '.0f'), '-', '−')",
            grid=False,
        ),
    )
    upward = alt.Y(
        "level:Q",
        title=t("z of unit 2", "神经元 2 的 z"),
        scale=alt.Scale(domain=[-REACH, REACH], nice=False),
        axis=alt.Axis(values=list(_TICKS), grid=False),
    )
    return across, upward


def _grounds(panels: int) -> list[alt.Chart]:
    """The ground of each network's part of the picture, with a cross where both units are 0."""
    x, y = _axes(panels)
    zero = pd.Series([panel * _APART for panel in range(panels)])
    ends = {"at": zero - REACH, "right": zero + REACH, "level": -REACH, "top": REACH}
    base = alt.Chart(pd.DataFrame({"zero": zero, "middle": 0.0, **ends}))
    line = base.mark_rule(color=INK, opacity=0.4)
    return [
        base.mark_rect(fill=INK, fillOpacity=0.07).encode(x=x, x2="right:Q", y=y, y2="top:Q"),
        line.encode(x=x, x2="right:Q", y=alt.Y("middle:Q")),
        line.encode(x=alt.X("zero:Q"), y=y, y2="top:Q"),
    ]


def _examples(points: pd.DataFrame, panels: int) -> alt.Chart:
    x, y = _axes(panels)
    drawn = points.assign(
        at=points["x"].clip(-REACH, REACH) + points["panel"] * _APART,
        level=points["y"].clip(-REACH, REACH),
    )
    return (
        alt.Chart(with_digit(drawn))
        .transform_filter(f"datum.layer == {LAYER}")
        .mark_point(filled=True, size=42)
        .encode(
            x=x,
            y=y,
            color=digit_color(),
            opacity=digit_opacity(),
            tooltip=[
                tooltip_line("label:N", t("digit", "数字")),
                tooltip_line("x:Q", t("z of unit 1", "神经元 1 的 z"), ".3f"),
                tooltip_line("y:Q", t("z of unit 2", "神经元 2 的 z"), ".3f"),
            ],
        )
    )


def _words(points: pd.DataFrame, names: Mapping[str, str]) -> list[alt.Chart]:
    """What each network is called, and how far its examples are spread in the layer shown."""
    x, y = _axes(len(names))
    found = points.drop_duplicates(["arm", "layer"])
    words = [
        t("spread {spread}", "标准差 {spread}", spread=rounded_power(value))
        for value in found["spread"]
    ]
    at = found["panel"] * _APART - REACH + 0.15
    rows = found.assign(at=at, level=REACH, name=found["arm"].map(dict(names)), words=words)
    shown = alt.Chart(rows).transform_filter(f"datum.layer == {LAYER}").encode(x=x, y=y)
    below = {"align": "left", "baseline": "top", "fontSize": LONG}
    called = [
        shown.transform_filter(alt.datum.arm == arm)
        .mark_text(dy=6, fontWeight="bold", color=COLORS[arm], **below)
        .encode(text="name:N")
        for arm in names
    ]
    return [*called, shown.mark_text(dy=24, color=INK, **below).encode(text="words:N")]


def _where_all_are(points: pd.DataFrame) -> alt.Chart:
    """Words beside examples that lie within the width of a mark: nobody would count them."""
    x, y = _axes(points["panel"].nunique())
    narrow = points[points["spread"] < _ONE_MARK]
    rows = narrow.groupby(["panel", "layer"], sort=False)[["x", "y"]].mean().reset_index()
    rows = rows.assign(at=rows["x"] + rows["panel"] * _APART, level=rows["y"])
    words = t("all {n} examples", "全部 {n} 个样本", n=points["example"].nunique())
    return (
        alt.Chart(rows)
        .transform_filter(f"datum.layer == {LAYER}")
        .mark_text(align="center", baseline="top", dy=9, color=INK, fontSize=LONG)
        .encode(x=x, y=y, text=alt.value(words))
    )
