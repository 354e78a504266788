"""Measurements of a moment, too slow to repeat: a spinner while they last, then kept for all."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from gradviz.language import t

Result = TypeVar("Result")


def measured(compute: Callable[..., Result]) -> Callable[..., Result]:
    """Decorate `compute`, a function of recipes and numbers, so that it is measured only once.

    Its results are kept for every visitor, and the page shows a spinner while it waits for one.
    Import PyTorch inside `compute`: it takes seconds, and the page's other figures need none of it.
    """
    kept = st.cache_data(show_spinner=False, max_entries=100)(compute)

    @functools.wraps(compute)
    def wait(*settings: object) -> Result:
        with st.spinner(t("Measuring a real network…", "正在测量真实网络……")):
            return kept(*settings)

    return wait
