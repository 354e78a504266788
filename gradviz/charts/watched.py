"""What was measured of a network of one's own: its layers downward, an axis for each quantity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import layered, rule_at
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.summary import log_domain, state_of
from gradviz.charts.parts.theme import READOUT, themed
from gradviz.language import t
from gradviz.quantities import WATCHED, Quantity

WIDTH, ROW = 210, 24  # pixels: of one quantity's axis, and of a layer's row
_EDGES = {"zero": "triangle-left", "overflow": "triangle-right"}


def watched(
    table: pd.DataFrame, layers: Sequence[str], quantities: Sequence[str], theory: pd.DataFrame
) -> alt.HConcatChart:
    """The picture of a record: `table` has columns step, layer, quantity, value.

    `layers` are in the order of the forward pass, and those of which nothing shown was measured
    have no row. `theory` has columns layer and delta, and belongs to the first step.
    """
    shown = table[table["quantity"].isin(list(quantities))]
    names = [name for name in layers if name in set(shown["layer"])]
    panels = [
        _panel(shown[shown["quantity"] == name], name, names, theory, first=place == 0)
        for place, name in enumerate(quantities)
    ]
    steps = shown["step"]
    title = alt.TitleParams(
        _explained(int(steps.min()), int(steps.max()), not theory.empty) if len(steps) else "",
        anchor="start",
        color=INK,
        fontSize=READOUT,
        fontWeight="normal",
        offset=14,
    )
    description = t(
        "What was measured of each layer, at the first and at the last step",
        "各层在第一步和最后一步的测量值",
    )
    row = alt.HConcatChart(hconcat=panels, spacing=18, title=title, description=description)
    row = themed(row)
    row.padding = {"top": 4, "right": 12, "left": 6, "bottom": 4}
    return row


def _explained(first: int, last: int, theory: bool) -> str:
    words = [t("● step {last}", "● 第 {last} 步", last=last)]
    if first < last:
        words.append(t("○ step {first}", "○ 第 {first} 步", first=first))
    if theory:
        words.append(t("line: theory at the start", "线：初始时的理论值"))
    return t(", ", "，").join(words)


def levels(rows: pd.DataFrame, log: bool = True) -> pd.DataFrame:
    """One row for each layer: `first` and `last` with their states, `low` and `high` of all steps.

    Zeros and what is not finite have a state and no level of their own.
    """
    rows = rows.sort_values("step", kind="stable")
    ends = rows.groupby("layer", sort=False)["value"].agg(["first", "last"])
    # `agg` leaves NaN out, and NaN is what an overflow may be.
    for end, place in (("first", 0), ("last", -1)):
        ends[end] = rows.groupby("layer", sort=False)["value"].nth(place).to_numpy()
    positive = rows["value"].where(np.isfinite(rows["value"]) & ((rows["value"] > 0) | (not log)))
    spread = positive.groupby(rows["layer"], sort=False).agg(["min", "max"])
    ends = ends.assign(low=spread["min"], high=spread["max"])
    for end in ("first", "last"):
        states = (
            state_of(ends[end]) if log else np.where(np.isfinite(ends[end]), "measured", "overflow")
        )
        ends[f"{end}_state"] = states
    return ends.reset_index()


def _panel(
    rows: pd.DataFrame, name: str, names: list[str], theory: pd.DataFrame, first: bool
) -> alt.LayerChart:
    quantity = WATCHED[name]
    ends = levels(rows, quantity.axis.log)
    theory = theory if name == "delta" else theory.iloc[:0]
    domain = (0.0, 1.0)
    if quantity.axis.log:
        domain = log_domain(ends["low"], ends["high"], theory["delta"], room=0)
    level = _level(quantity, domain)
    axis = alt.Axis(grid=True, labelLimit=260, labels=first)
    y = alt.Y("layer:N", sort=None, scale=alt.Scale(domain=names), title=None, axis=axis)
    edges = {"zero": domain[0], "overflow": domain[1]}
    for end in ("first", "last"):
        state = ends[f"{end}_state"]
        ends[end] = ends[end].where(state == "measured", state.map(edges))
    marks = alt.Chart(ends)
    span = marks.mark_rule(strokeWidth=6, opacity=0.2, color=COLORS["deep"])
    guide = quantity.guide
    parts = [rule_at(guide, alt.X("value:Q", **level))] if _lies_in(guide, domain) else []
    parts += [_line(theory, names, level, y)] if len(theory) else []
    parts.append(span.encode(x=alt.X("low:Q", **level), x2="high:Q", y=y))
    parts += [_marks(marks, end, level, y) for end in ("first", "last")]
    return layered(*parts).properties(width=WIDTH, height=max(ROW * len(names), ROW))


def _lies_in(value: float | None, domain: tuple[float, float]) -> TypeGuard[float]:
    return value is not None and domain[0] < value < domain[1]


def _level(quantity: Quantity, domain: tuple[float, float]) -> dict[str, Any]:
    """The scale and the axis of the quantity's values."""
    title = quantity.title()
    if quantity.axis.log:
        return {"scale": power_scale(*domain), "axis": power_axis(*domain, title, most=4)}
    axis = alt.Axis(title=title, format="%", tickCount=3)
    return {"scale": alt.Scale(domain=list(domain)), "axis": axis}


def _marks(marks: alt.Chart, end: str, level: dict[str, Any], y: alt.Y) -> alt.Chart:
    last = end == "last"
    states = ["measured", *_EDGES]
    shape = alt.Shape(
        f"{end}_state:N",
        scale=alt.Scale(domain=states, range=["circle", *_EDGES.values()]),
        legend=None,
    )
    return marks.mark_point(
        filled=last, size=70, opacity=1, color=COLORS["deep"], strokeWidth=1.5
    ).encode(x=alt.X(f"{end}:Q", **level), y=y, shape=shape, tooltip=_tooltip())


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("layer:N", t("layer", "层")),
        tooltip_line("first:Q", t("first step", "第一步"), ".2e"),
        tooltip_line("last:Q", t("last step", "最后一步"), ".2e"),
    ]


def _line(theory: pd.DataFrame, names: list[str], level: dict[str, Any], y: alt.Y) -> alt.Chart:
    """Theory along the layers; a chain that ends leaves the next one alone."""
    ordered = theory.assign(place=theory["layer"].map(names.index)).sort_values("place")
    # Each chain ends with the layer that has no factor to a next one.
    chain = ordered["chi"].isna().astype(int).shift(fill_value=0).cumsum()
    line = alt.Chart(ordered.assign(chain=chain)).mark_line(color=COLORS["theory"], strokeWidth=2)
    return line.encode(x=alt.X("delta:Q", **level), y=y, order="place:O", detail="chain:N")
