"""Measurements of a moment, too slow to repeat: recorded, or kept for all visitors once made."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
import streamlit as st

from gradviz import store
from gradviz.language import t
from gradviz.recipe import Recipe
from gradviz.theory.predictions import predicted_profile

Settings = ParamSpec("Settings")
Result = TypeVar("Result")

# Measurements of this process, the oldest forgotten first.
_KEPT = 200


# The functions whose results pages have asked for, by their names in keys.
FUNCTIONS: dict[str, Callable[..., object]] = {}


def measured(compute: Callable[Settings, Result]) -> Callable[Settings, Result]:
    """Decorate `compute`, a function of recipes and numbers, so that it is measured only once.

    What a figure needs for its default and its presets ships with the package; the rest is kept
    for every visitor, and the page shows a spinner while it waits for one. Nobody may change the
    result. Import PyTorch inside `compute`: it takes seconds, and what is recorded needs none.
    """
    name = f"{Path(compute.__code__.co_filename).stem}.{compute.__name__}"

    @functools.wraps(compute)
    def find_or_measure(*settings: Settings.args, **named: Settings.kwargs) -> Result:
        key = ("measured", name, *settings, *named.items())
        FUNCTIONS[name] = compute
        record = store.find(key)
        if record is not None:
            return record.content
        with st.spinner(t("Measuring a real network…", "正在测量真实网络……")):
            return _measure(store.described(key), lambda: _kept(compute, key, settings, named))

    return find_or_measure


@measured
def expected_profile(recipe: Recipe) -> np.ndarray:
    """`predicted_profile`: theory asks for the data, whose library takes a second to load."""
    return predicted_profile(recipe)


@st.cache_resource(show_spinner=False, max_entries=_KEPT)
def _measure(key: str, _compute: Callable[[], Result]) -> Result:
    """`key` alone tells measurements apart: what begins with an underscore is not looked at."""
    return _compute()


def _kept(compute: Callable[..., Result], key: Hashable, settings: tuple, named: dict) -> Result:
    result = compute(*settings, **named)
    store.keep(key, result)
    return result
