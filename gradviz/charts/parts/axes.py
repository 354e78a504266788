"""Axes that save the height of a line: their title stands in the corner, before the ticks."""

from __future__ import annotations

import altair as alt

_LABELS = 14  # pixels below the axis: the middle of its labels


def corner_axis(title: str, axis: alt.Axis | None = None) -> alt.Axis:
    """The x axis with `title` left of its first label, under the y axis; for short titles."""
    axis = alt.Axis() if axis is None else axis.copy()
    axis["title"] = title
    for name, value in {
        "titleAnchor": "start",
        "titleAlign": "right",
        "titleBaseline": "middle",
        "titleX": -16,
        "titleY": _LABELS,
    }.items():
        axis[name] = value
    return axis
