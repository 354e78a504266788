"""Draw a chart of `gradviz.charts` on the page, the one way that all figures do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    import altair as alt


def picture(chart: alt.TopLevelMixin, key: str) -> None:
    """Show `chart` over the full width; its description serves as its alt text.

    `key` keeps the same element over reruns, so that new data move the marks in place.
    """
    st.altair_chart(chart, width="stretch", key=key)
