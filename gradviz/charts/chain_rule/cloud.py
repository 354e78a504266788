"""What a product of random matrices does to a ring of vectors: it becomes a needle, or stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import in_words, lookup
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.marks import column, layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale, scientific
from gradviz.charts.parts.theme import READOUT, WORDS, themed
from gradviz.language import t
from gradviz.theory.chain import KINDS, plane_products

VECTORS = 72  # of the ring
HEIGHT = 270  # pixels, of the two clouds
LOWEST, HIGHEST = 1e-5, 10.0  # of the lengths' axis

_MIDDLE = 130  # pixels from the top to the middle of the clouds
_SPAN = 6.2  # what is seen of the plane where the picture is narrow: both clouds side by side
_UNIT = f"min(width / {_SPAN}, 72)"  # pixels
_AWAY = 1.6  # from the middle of the picture to that of a cloud, where it is narrow


def cloud_frames(depth: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ring after 0 to `depth` matrices: columns kind, step, vector, x, y; and its axes.

    The axes are those of an ellipse, one row for each kind and step: `long` and `short`, half their
    lengths, which are the singular values, and the end points `long_x`, `long_y`, `short_x`,
    `short_y`.
    """
    angles = np.arange(VECTORS) * 2 * np.pi / VECTORS
    ring = np.array([np.cos(angles), np.sin(angles)])
    vectors, axes = [], []
    for kind in KINDS:
        for step, product in enumerate(plane_products(kind, depth, seed)):
            x, y = product @ ring
            vectors.append(
                pd.DataFrame({"kind": kind, "step": step, "vector": range(VECTORS), "x": x, "y": y})
            )
            directions, lengths, _ = np.linalg.svd(product)
            row = {"kind": kind, "step": step, "long": lengths[0], "short": lengths[1]}
            for name, length, direction in zip(
                ("long", "short"), lengths, directions.T, strict=True
            ):
                row |= {f"{name}_x": length * direction[0], f"{name}_y": length * direction[1]}
            axes.append(row)
    return pd.concat(vectors, ignore_index=True), pd.DataFrame(axes)


def cloud(depth: int, opens_at: int, seed: int = 0) -> alt.VConcatChart:
    """A ring of vectors after so many matrices, Gaussian ones and rotations, and its axes' lengths.

    A slider from 0 to `depth`, which the page plays, says how many; it begins at `opens_at`.
    """
    vectors, axes = cloud_frames(depth, seed)
    slider = alt.binding_range(
        min=0, max=depth, step=1, name=t("Matrices multiplied ", "相乘的矩阵个数 ")
    )
    return themed(
        column(
            _plane(vectors, axes),
            _lengths(axes, depth),
            spacing=8,
            independent=("x", "y", "color"),
            params=[alt.param(REPLAY, value=opens_at, bind=slider)],
            description=t(
                "A ring of vectors multiplied by random matrices, one after the other: Gaussian "
                "matrices turn it into a thin needle, rotations leave it a ring; below, the "
                "lengths of its two axes on a log scale",
                "一圈向量依次乘以随机矩阵：高斯矩阵把它变成一根细针，旋转则让它始终是圆；"
                "下方是长短两轴的长度（对数刻度）",
            ),
        )
    )


def _at(name: str) -> str:
    """A Vega expression for the place of the datum's field `name_x` or x on the shared plane."""
    away = f"max({_AWAY}, width / {_UNIT} / 4.4)"
    return f"datum.{name} + (datum.kind === 'gaussian' ? -1 : 1) * {away}"


def _plane(vectors: pd.DataFrame, axes: pd.DataFrame) -> alt.LayerChart:
    now = f"datum.step == {REPLAY}"
    half = f"width / 2 / {_UNIT}"
    low, high = f"-({HEIGHT} - {_MIDDLE}) / {_UNIT}", f"{_MIDDLE} / {_UNIT}"
    scale = alt.Scale(domain=[alt.ExprRef(f"-{half}"), alt.ExprRef(half)], nice=False, zero=False)
    level = alt.Scale(domain=[alt.ExprRef(low), alt.ExprRef(high)], nice=False, zero=False)

    def x(field: str) -> alt.X:
        return alt.X(field, scale=scale, axis=None)

    def y(field: str) -> alt.Y:
        return alt.Y(field, scale=level, axis=None)

    ring = alt.Chart(vectors).transform_filter(now).transform_calculate(at=_at("x"))
    start = alt.Chart(vectors).transform_filter("datum.step == 0").transform_calculate(at=_at("x"))
    both = alt.Chart(axes).transform_filter(now)
    dots = ring.mark_point(filled=True, size=26, color=INK, opacity=0.9, tooltip=None)
    first = start.mark_point(filled=True, size=6, color=INK, opacity=0.45, tooltip=None)
    marks = [mark.encode(x=x("at:Q"), y=y("y:Q")) for mark in (first, dots)]
    for name in ("long", "short"):
        axis = both.transform_calculate(
            at=_at(f"{name}_x"), to=f"-{_at(f'{name}_x')}", low=f"-datum.{name}_y"
        )
        rule = axis.mark_rule(strokeWidth=3, tooltip=None)
        marks.append(
            rule.encode(x=x("at:Q"), x2="to:Q", y=y(f"{name}_y:Q"), y2="low:Q", color=_color(name))
        )
    return layered(*marks, *_names(both, x)).properties(height=HEIGHT)


def _color(name: str) -> Any:  # noqa: ANN401 — Altair has no public name for a condition
    own = alt.value(COLORS["deep" if name == "long" else "vanish"])
    return alt.when("datum.kind === 'gaussian'").then(own).otherwise(alt.value(COLORS["healthy"]))


def _names(both: alt.Chart, x: Callable[[str], alt.X]) -> list[alt.Chart]:
    """Over each cloud what its matrices are; below it how long its axes are."""
    placed = both.transform_calculate(zero="0").transform_calculate(at=_at("zero"))
    lines = {
        "long": in_words(t("long axis {n}", "长轴 {n}"), n=scientific("datum.long")),
        "short": in_words(t("short axis {n}", "短轴 {n}"), n=scientific("datum.short")),
    }
    kinds = {"gaussian": t("Gaussian", "高斯"), "orthogonal": t("rotations", "旋转")}
    head = placed.transform_calculate(words=lookup(kinds, "datum.kind"))
    named = [
        head.mark_text(**{**WORDS, "fontWeight": "bold"}).encode(
            x=x("at:Q"), y=alt.value(10), text="words:N"
        )
    ]
    for (name, words), height in zip(lines.items(), (HEIGHT - 24, HEIGHT - 6), strict=True):
        line = placed.transform_calculate(words=words).mark_text(
            fontSize=READOUT, fontWeight="bold"
        )
        named.append(
            line.encode(x=x("at:Q"), y=alt.value(height), text="words:N", color=_color(name))
        )
    return named


def _lengths(axes: pd.DataFrame, depth: int) -> alt.LayerChart:
    """The lengths of the axes up to the present matrix, on a log axis."""
    x = alt.X(
        "step:Q",
        scale=alt.Scale(domain=[0, depth], nice=False),
        axis=corner_axis(t("matrices", "矩阵个数"), alt.Axis(grid=False, format="d", tickCount=6)),
    )
    axis = power_axis(LOWEST, HIGHEST, t("Half the length of the axes", "两轴的半长"), most=4)
    scale = power_scale(LOWEST, HIGHEST)
    met = alt.Chart(axes).transform_filter(f"datum.step <= {REPLAY}")
    marks = []
    for kind, name in (("orthogonal", "long"), ("gaussian", "long"), ("gaussian", "short")):
        own = met.transform_filter(f"datum.kind === '{kind}'").encode(
            x=x, y=alt.Y(f"{name}:Q", scale=scale, axis=axis)
        )
        color = "healthy" if kind == "orthogonal" else "deep" if name == "long" else "vanish"
        marks += [
            own.mark_line(color=COLORS[color], strokeWidth=2),
            own.mark_point(filled=True, size=40, color=COLORS[color], opacity=1, tooltip=None),
        ]
    return layered(*marks).properties(height=120)
