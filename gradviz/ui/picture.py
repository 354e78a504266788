"""Draw a chart of `gradviz.charts` on the page, the one way that all figures do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    import altair as alt


def picture(chart: alt.TopLevelMixin | dict[str, object], key: str) -> None:
    """Show `chart`, or a Vega-Lite spec, over the full width; its description is its alt text.

    `key` keeps the same element over reruns, so that new data move the marks in place.
    """
    if isinstance(chart, dict):
        st.vega_lite_chart(spec=chart, width="stretch", key=key)
    else:
        st.altair_chart(chart, width="stretch", key=key)
