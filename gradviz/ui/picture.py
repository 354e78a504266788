"""Draw a chart of `gradviz.charts` on the page, the one way that all figures do it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from gradviz.ui.controls import Control, set_all

if TYPE_CHECKING:
    import altair as alt


def picture(
    chart: alt.TopLevelMixin | dict[str, Any],
    key: str,
    press: str | None = None,
    sets: Mapping[str, Control] | None = None,
    stretch: bool = True,
) -> None:
    """Show `chart`, or a Vega-Lite spec, over the full width; its description is its alt text.

    Without `stretch` it keeps its own width, as a picture does in which angles matter.

    `key` keeps the same element over reruns, so that new data move the marks in place. With
    `press`, the name of a point selection of the chart, a press on a mark sets controls of the
    page: `sets` maps the selection's fields to controls.
    """
    width = "stretch" if stretch else "content"
    # Streamlit names the one class of Altair's that it means; any top-level chart is drawn alike.
    if isinstance(chart, dict):
        draw = functools.partial(st.vega_lite_chart, spec=chart, width=width, key=key)
    else:
        whole = cast("alt.Chart", chart)
        draw = functools.partial(st.altair_chart, whole, width=width, key=key)
    if press is None:
        draw()
    else:
        set_controls = functools.partial(_set_controls, key, press, sets or {})
        draw(on_select=set_controls, selection_mode=press)


def _set_controls(key: str, press: str, sets: Mapping[str, Control]) -> None:
    for mark in st.session_state[key].selection[press]:
        # A mark's number reaches us as JSON has it: 1.0 may have become 1.
        set_all({control: type(control.default)(mark[field]) for field, control in sets.items()})
