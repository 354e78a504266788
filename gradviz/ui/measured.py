"""Measurements of a moment, too slow to repeat: recorded, or kept for all visitors once made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import streamlit as st

from gradviz import store
from gradviz.language import t

Settings = ParamSpec("Settings")
Result = TypeVar("Result")

# Measurements of this process, the oldest forgotten first.
_KEPT = 200


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
        _functions[name] = compute
        record = store.find(key)
        if record is not None:
            return record.content
        with st.spinner(t("Measuring a real network…", "正在测量真实网络……")):
            return _measure(compute, key, settings, named)

    return find_or_measure


# Of the measurements that a page has asked for, the functions by their names in keys.
_functions: dict[str, Callable[..., object]] = {}


@st.cache_resource(show_spinner=False, max_entries=_KEPT)
def _measure(
    _compute: Callable[..., Result], key: object, _settings: tuple, _named: dict
) -> Result:
    """`key` alone tells measurements apart: what begins with an underscore is not looked at."""
    result = _compute(*_settings, **_named)
    store.keep(key, result)
    return result


def function_of(name: str) -> Callable[..., object]:
    """The function that measures what is kept under ("measured", `name`, …)."""
    return _functions[name]
