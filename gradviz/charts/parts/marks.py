"""Marks and axes that several pictures repeat: what is the same everywhere looks the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import translated
from gradviz.charts.parts.palette import INK
from gradviz.charts.parts.theme import legend
from gradviz.language import t


def layered(*charts: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    """`charts` one over the other, the first at the bottom.

    As `alt.layer`, which may also return a picture in facets, and so does not say what comes of it.
    """
    return alt.LayerChart(layer=list(charts))


def sized(picture: alt.LayerChart, height: float) -> alt.LayerChart:
    """`picture` itself, that high in pixels: `picture.properties` would copy all its parts."""
    picture.height = height
    return picture


def column(
    *pictures: alt.Chart | alt.LayerChart,
    spacing: float,
    description: str,
    independent: Sequence[Literal["x", "y", "color"]] = (),
    params: Sequence[alt.Parameter] = (),
) -> alt.VConcatChart:
    """`pictures` one below the other, with scales of their own in the `independent` channels.

    As `alt.vconcat` with its methods, each of which would copy all parts of all pictures again:
    that is most of the time that a picture takes. The `params` are values, not selections.
    """
    own: Any = dict.fromkeys(independent, "independent")
    resolve = alt.Resolve(scale=alt.ScaleResolveMap(**own)) if independent else alt.Undefined
    chart = alt.VConcatChart(
        vconcat=list(pictures), spacing=spacing, description=description, resolve=resolve
    )
    # Altair's types do not say that a chart has a list of them, or none.
    selections: Any = [] if chart.params is alt.Undefined else chart.params
    every: Any = [*selections, *(param.param for param in params)]
    chart.params = every or alt.Undefined
    return chart


def over_lines(words: alt.Chart, name: str) -> alt.Chart:
    """`words` themselves, which the page sets off from the lines below them by its own color.

    No other words of the same picture may have that `name`. Vega draws the marks of a named view
    with its name as their class, for which page.css has the rule.
    """
    words.name = f"over_lines_{name}"
    return words


def rule_at(value: float, axis: alt.X | alt.Y, dash: tuple[int, int] = (4, 4)) -> alt.Chart:
    """A dashed rule across the picture at `value` of `axis`, to compare with."""
    field = str(axis["shorthand"]).partition(":")[0]
    rule = alt.Chart(pd.DataFrame({field: [value]})).mark_rule(color=INK, strokeDash=list(dash))
    return rule.encode(x=axis) if isinstance(axis, alt.X) else rule.encode(y=axis)


def bars_of_seeds(levels: alt.Chart, x: alt.X, color: alt.Color) -> alt.Chart:
    """A pale upright bar from the lowest to the highest seed: the columns low and high."""
    bar = levels.mark_rule(strokeWidth=6, opacity=0.3)
    return bar.encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=color)


def step_axis(steps: int, labeled: bool = True) -> alt.X:
    """The x axis of curves over a whole training run, so that growing data never move it.

    It is not drawn unless `labeled`, where another picture below has the same one.
    """
    axis = corner_axis(t("step", "训练步"), alt.Axis(grid=False, format="d", tickCount=7))
    scale = alt.Scale(domain=[0, steps], nice=False)
    return alt.X("step:Q", scale=scale, axis=axis if labeled else None)


def state_names() -> dict[str, str]:
    """What the states of `summary.STATES` are called, in the current language."""
    return {
        "measured": t("measured", "测量值"),
        "zero": t("exactly 0 (underflow)", "恰为 0（下溢）"),
        "overflow": t("∞ or NaN (overflow)", "∞ 或 NaN（上溢）"),
    }


def cells_beyond(
    cells: pd.DataFrame, colors: Mapping[str, str], cursor: bool = False
) -> list[alt.Chart]:
    """The cells of a map that no log scale can hold, in the flat colors of their states.

    `cells` has the column state; the position is still to be encoded. None, if there are none.
    With `cursor` the cells look as if they can be pressed.
    """
    present = [state for state in colors if (cells["state"] == state).any()]
    if not present:
        return []
    color = alt.Color(
        "state:N",
        scale=alt.Scale(domain=present, range=[colors[state] for state in present]),
        legend=legend(orient="bottom", labelExpr=translated(state_names()), symbolType="square"),
    )
    base = alt.Chart(cells[cells["state"] != "measured"])
    marks = base.mark_rect(cursor="pointer") if cursor else base.mark_rect()
    return [marks.encode(color=color)]
