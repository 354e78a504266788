"""The controls of figures: widgets whose value is part of the URL.

A URL such as `?depth=20&activation=tanh` opens a figure in that state, in either language, and a
teacher hides a control with `?hide=depth`. A value that does not fit is named, with what would.

Streamlit's own binding to the URL serves numbers and switches. It writes a choice as its
*translated* label, which the other language cannot read back, so choices are kept in the URL here,
by their English names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from gradviz.language import t

Option = TypeVar("Option")

_READING_URL = "controls_read_url"  # True while a whole page is drawn, not one figure
_SEEN = "controls_seen_in_url"  # what each choice last read from the URL or wrote to it


def read_url(reading: bool) -> None:
    """Say whether choices may follow the URL: on a page's run, but not on a figure's own rerun.

    A figure's rerun may carry a URL older than the choice just made.
    """
    st.session_state[_READING_URL] = reading


def choice(
    key: str,
    label: str,
    options: Sequence[str],
    default: str,
    help: str,  # noqa: A002 — Streamlit's own name for it
    names: Callable[[str], str] = str,
    menu: bool = False,
) -> str:
    """One of `options`, shown under `names(option)`: side by side, or in a menu."""
    _follow_url(key, options, default)
    if _hidden(key):
        return st.session_state[key]
    settings = {
        "options": list(options),
        "format_func": names,
        "key": key,
        "help": help,
        "on_change": _write_url,
        "args": (key, default),
    }
    if len(options) <= 5 and not menu:
        st.segmented_control(label, required=True, **settings)
    else:
        st.selectbox(label, **settings)
    return st.session_state[key]


def activation_choice(
    key: str,
    options: Sequence[str] = ("sigmoid", "tanh", "relu"),
    default: str = "sigmoid",
    names: Callable[[str], str] = str,
) -> str:
    """The activation of every hidden layer, one of `options`."""
    help_text = t("Of every hidden layer.", "所有隐藏层都用它。")
    return choice(key, t("Activation", "激活函数"), options, default, help_text, names)


def number(
    key: str,
    label: str,
    low: float,
    high: float,
    default: float,
    step: float,
    help: str,  # noqa: A002
    format: str | None = None,  # noqa: A002
) -> float:
    """A number from `low` to `high` on a slider; an int if all four numbers are ints."""
    asked = _number_in_url(key, low, high, default)
    if _hidden(key):
        return asked
    return st.slider(
        label, low, high, default, step, format=format, key=key, help=help, bind="query-params"
    )


def steps(
    key: str,
    label: str,
    options: Sequence[float],
    default: float,
    help: str,  # noqa: A002
    names: Callable[[float], str] = "{:g}".format,
) -> float:
    """One of a few numbers in order, as on a logarithmic scale; the URL holds the number."""
    texts = [f"{option:g}" for option in options]
    _follow_url(key, texts, f"{default:g}")
    if not _hidden(key):
        st.select_slider(
            label,
            texts,
            format_func=lambda text: names(float(text)),
            key=key,
            help=help,
            on_change=_write_url,
            args=(key, f"{default:g}"),
        )
    return options[texts.index(st.session_state[key])]


def switch(key: str, label: str, default: bool, help: str) -> bool:  # noqa: A002
    """A switch that is on or off."""
    raw = st.query_params.get(key)
    if raw is not None and raw not in ("true", "false"):
        _complain(key, raw, "true, false")
    if _hidden(key):
        return default if raw not in ("true", "false") else raw == "true"
    return st.toggle(label, default, key=key, help=help, bind="query-params")


def value(key: str, default: Option, options: Sequence[Option] = ()) -> Option:
    """What the control `key` of this page stands at, wherever on the page it is drawn.

    A figure that is shown alone may depend on a control of another one: then the URL tells, and
    what is not one of `options`, if there are any, is named.
    """
    if key in st.session_state:
        return type(default)(st.session_state[key])
    raw = st.query_params.get(key, default)
    try:
        found = type(default)(raw)
    except ValueError:
        found = None
    if found is not None and (not options or found in options):
        return found
    if options:
        _complain(key, raw, ", ".join(map(str, options)))
    return default  # without options the control itself complains


def presets(key: str, settings: Mapping[str, Mapping[str, object]]) -> None:
    """A row of buttons; each sets the controls of its figure to the values under its label."""
    if _hidden(key):
        return
    with st.container(horizontal=True, gap="small"):
        for position, (label, values) in enumerate(settings.items()):
            st.button(
                label,
                key=f"{key}_{position}",
                type="secondary",
                on_click=set_all,
                args=(values,),
            )


def set_all(values: Mapping[str, object]) -> None:
    """Set the controls of the page to `values`, by their keys; call it in a callback only."""
    for key, value in values.items():
        if key in st.session_state.get(_SEEN, {}):
            st.session_state[key] = value if isinstance(value, str) else f"{value:g}"
            _write_url(key, None)
        else:
            st.session_state[key] = value


def _follow_url(key: str, options: Sequence[str], default: str) -> None:
    """Take the choice from the URL on a new page, or when the visitor went back to another one."""
    seen = st.session_state.setdefault(_SEEN, {})
    raw = st.query_params.get(key)
    may_read = st.session_state.get(_READING_URL, True)
    if key in st.session_state and not (may_read and raw != seen.get(key)):
        return
    if raw is not None and raw not in options:
        _complain(key, raw, ", ".join(options))
        raw = None
    seen[key] = st.query_params.get(key)
    st.session_state[key] = default if raw is None else raw


def _write_url(key: str, default: str | None) -> None:
    value = st.session_state[key]
    if value == default:
        st.query_params.pop(key, None)
        st.session_state[_SEEN][key] = None
    else:
        st.query_params[key] = st.session_state[_SEEN][key] = value


def _number_in_url(key: str, low: float, high: float, default: float) -> float:
    raw = st.query_params.get(key)
    if raw is None:
        return default
    try:
        value = type(default)(raw)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        _complain(
            key,
            raw,
            t(
                "a number from {low:g} to {high:g}",
                "{low:g} 到 {high:g} 之间的数",
                low=low,
                high=high,
            ),
        )
        return default
    return value


def _complain(key: str, raw: str, allowed: str) -> None:
    st.warning(
        t(
            "The link asks for `{key}={raw}`, which is not possible here. Allowed: {allowed}.",
            "链接中的 `{key}={raw}` 在这里无效。允许的取值：{allowed}。",
            key=key,
            raw=raw,
            allowed=allowed,
        ),
        icon=":material/link_off:",
    )


def _hidden(key: str) -> bool:
    return key in st.query_params.get("hide", "").split(",")


def row(count: int) -> list:
    """`count` columns for one row of controls; on a phone they stand one below the other."""
    return st.columns(count, vertical_alignment="bottom", gap="medium")
