"""The controls of figures: widgets whose value is part of the URL.

A page declares its controls once, at its top: `DEPTH = ui.number("depth", "Layers", ...)`. A
figure draws those that it is given and reads any of them: `DEPTH.value`. A URL such as
`?depth=20&activation=tanh` opens the page in that state, in either language, and a teacher hides a
control with `?hide=depth`. A value that does not fit is named, with what would.

Streamlit's own binding of widgets to the URL is not used: it writes a choice as its *translated*
label, which the other language cannot read back, and it replaces the history's entry where Back
should undo one act of the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar, cast

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from gradviz import runs
from gradviz.language import t
from gradviz.spelled import decimal_number, whole_number
from gradviz.ui import address

Value = TypeVar("Value")
Amount = TypeVar("Amount", int, float)

# In the session state; the values of the controls stand there under their own keys.
_PAGE = "controls_page"  # the page that they belong to
_DECLARED = "controls_declared"  # by key
_TIMES = "controls_times_set"  # by key: how often `set_all` has set them
_SEEN = "controls_seen_in_url"  # what each control last read from the URL or wrote to it


def start_page(name: str) -> None:
    """Begin a run of the page called `name`: its controls follow the URL, no other page's do."""
    if st.session_state.get(_PAGE) != name:
        st.session_state[_PAGE] = name
        st.session_state[_SEEN] = {}
        st.session_state[_DECLARED] = {}


def page() -> str | None:
    """The name of the page that is open, None before any."""
    return st.session_state.get(_PAGE)


@dataclass(frozen=True, eq=False, kw_only=True)
class Control(Generic[Value]):
    """A setting of the page: `key` is its name in the URL and in tests, never translated.

    It takes its value when it is made: from the URL on a page that is new, and after Back and
    Forward; else from the session, since any other rerun may carry a URL that is older than the
    latest act.
    """

    # Whether the URL has it even where it stands at its default, which may change.
    always_written: ClassVar[bool] = False

    key: str
    label: str
    default: Value
    help: str

    def __post_init__(self) -> None:
        st.session_state[self.key] = self._settle()
        st.session_state.setdefault(_DECLARED, {})[self.key] = self

    @property
    def value(self) -> Value:
        """What the control stands at, wherever on the page it is drawn, or if it is hidden."""
        return st.session_state.get(self.key, self.default)

    def draw(self) -> None:
        """Draw the widget, unless the link hides it."""
        if not hidden(self.key):
            self._widget()

    def text(self, value: Value) -> str:
        """`value` as it stands in the URL."""
        return str(value)

    def read(self, raw: str) -> Value | None:
        """The value that `raw` says, or None if it is none of the allowed ones."""
        raise NotImplementedError

    def accepts(self, value: object) -> bool:
        """Whether `value` may be kept: not None, nor what another page left under this key."""
        raise NotImplementedError

    def allowed(self) -> str:
        """The allowed values in words."""
        raise NotImplementedError

    def _widget(self) -> None:
        raise NotImplementedError

    def _changed(self) -> None:
        # Who explores is about to train something that was not recorded.
        runs.warm_up()
        write([self])

    def _settle(self) -> Value:
        seen = st.session_state.setdefault(_SEEN, {})
        raw = st.query_params.get(self.key)
        if self.key in seen and (raw == seen[self.key] or not _moved_in_history()):
            kept = st.session_state.get(self.key, self.default)
            return kept if self.accepts(kept) else self.default
        seen[self.key] = raw
        if raw is None:
            return self.default
        found = self.read(raw)
        if found is None:
            address.complain(self.key, raw, self.allowed())
            return self.default
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Choice(Control[str]):
    """One of `options`, shown under `names(option)`: side by side, or in a menu."""

    options: tuple[str, ...]
    names: Callable[[str], str] = str
    menu: bool = False

    def read(self, raw: str) -> str | None:
        """See `Control.read`."""
        return raw if raw in self.options else None

    def accepts(self, value: object) -> bool:
        """See `Control.accepts`."""
        return value in self.options

    def allowed(self) -> str:
        """See `Control.allowed`."""
        return ", ".join(self.options)

    def _widget(self) -> None:
        if len(self.options) <= 5 and not self.menu:
            st.segmented_control(
                self.label,
                self.options,
                format_func=self.names,
                key=self.key,
                help=self.help,
                on_change=self._changed,
                required=True,
            )
        else:
            st.selectbox(
                self.label,
                self.options,
                format_func=self.names,
                key=self.key,
                help=self.help,
                on_change=self._changed,
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class Number(Control[Amount]):
    """A number from `low` to `high` on a slider; an int if all four numbers are ints."""

    low: Amount
    high: Amount
    step: Amount
    format: str | None = None

    def text(self, value: Amount) -> str:
        """See `Control.text`."""
        return f"{value:.10g}"

    def read(self, raw: str) -> Amount | None:
        """See `Control.read`."""
        whole = isinstance(self.default, int)
        found = whole_number(raw) if whole else decimal_number(raw)
        return cast("Amount", found) if self.accepts(found) else None

    def accepts(self, value: object) -> bool:
        """See `Control.accepts`."""
        same_type = type(value) is type(self.default)
        return same_type and self.low <= cast("float", value) <= self.high

    def allowed(self) -> str:
        """See `Control.allowed`."""
        return t(
            "a number from {low:g} to {high:g}",
            "{low:g} 到 {high:g} 之间的数",
            low=self.low,
            high=self.high,
        )

    def _widget(self) -> None:
        # The four numbers are of one type, which Streamlit's overloads ask for one by one.
        low, high, step = cast("tuple[float, float, float]", (self.low, self.high, self.step))
        st.slider(
            self.label,
            low,
            high,
            step=step,
            format=self.format,
            key=self.key,
            help=self.help,
            on_change=self._changed,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Opening(Number[Amount]):
    """Where a slider inside a picture opens: a number of the URL and of presets without a widget.

    `slider` is the name of the input that the browser draws for it: that of the chart's parameter,
    or of a selection and its field, `<selection>_<field>`. Where the reader moves it to, only the
    browser knows, which writes it into the links to the figure.
    """

    slider: str

    def _settle(self) -> Amount:
        # No widget changes it: unless a link or a preset has, it opens where the page says now,
        # which may be elsewhere than for other settings.
        if st.query_params.get(self.key) is None and not times_set(self):
            st.session_state.setdefault(_SEEN, {})[self.key] = None
            return self.default
        return super()._settle()

    def _widget(self) -> None:
        """It has none: the picture draws it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Steps(Control[float]):
    """One of a few numbers in order, as on a logarithmic scale."""

    options: tuple[float, ...]
    names: Callable[[float], str] = field(default="{:g}".format)

    def text(self, value: float) -> str:
        """See `Control.text`."""
        return f"{value:g}"

    def read(self, raw: str) -> float | None:
        """See `Control.read`."""
        found = decimal_number(raw)
        return next((option for option in self.options if option == found), None)

    def accepts(self, value: object) -> bool:
        """See `Control.accepts`."""
        return value in self.options

    def allowed(self) -> str:
        """See `Control.allowed`."""
        return ", ".join(map(self.text, self.options))

    def _widget(self) -> None:
        st.select_slider(
            self.label,
            self.options,
            format_func=self.names,
            key=self.key,
            help=self.help,
            on_change=self._changed,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Switch(Control[bool]):
    """A switch that is on or off."""

    def text(self, value: bool) -> str:
        """See `Control.text`."""
        return "true" if value else "false"

    def read(self, raw: str) -> bool | None:
        """See `Control.read`."""
        return {"true": True, "false": False}.get(raw)

    def accepts(self, value: object) -> bool:
        """See `Control.accepts`."""
        return isinstance(value, bool)

    def allowed(self) -> str:
        """See `Control.allowed`."""
        return "true, false"

    def _widget(self) -> None:
        st.toggle(self.label, key=self.key, help=self.help, on_change=self._changed)


def choice(
    key: str,
    label: str,
    options: Sequence[str],
    *,
    default: str,
    help: str,  # noqa: A002 — Streamlit's own name for it
    names: Callable[[str], str] | Mapping[str, str] = str,
    menu: bool = False,
) -> Choice:
    """Declare one of `options`; `names` translates them for the reader."""
    shown = names.__getitem__ if isinstance(names, Mapping) else names
    return Choice(
        key=key,
        label=label,
        options=tuple(options),
        default=default,
        help=help,
        names=shown,
        menu=menu,
    )


def activation_choice(
    key: str,
    options: Sequence[str] = ("sigmoid", "tanh", "relu"),
    *,
    default: str = "sigmoid",
    names: Callable[[str], str] | Mapping[str, str] = str,
) -> Choice:
    """Declare the activation of every hidden layer, one of `options`."""
    help_text = t("Of every hidden layer.", "所有隐藏层都用它。")
    label = t("Activation", "激活函数")
    return choice(key, label, options, default=default, help=help_text, names=names)


def number(
    key: str,
    label: str,
    *,
    low: Amount,
    high: Amount,
    default: Amount,
    step: Amount,
    help: str,  # noqa: A002
    format: str | None = None,  # noqa: A002
) -> Number[Amount]:
    """Declare a number from `low` to `high`; an int if all four numbers are ints."""
    return Number(
        key=key,
        label=label,
        low=low,
        high=high,
        default=default,
        step=step,
        help=help,
        format=format,
    )


def steps(
    key: str,
    label: str,
    options: Sequence[float],
    *,
    default: float,
    help: str,  # noqa: A002
    names: Callable[[float], str] = "{:g}".format,
) -> Steps:
    """Declare one of a few numbers in order; the URL holds the number."""
    return Steps(
        key=key, label=label, options=tuple(options), default=default, help=help, names=names
    )


def switch(key: str, label: str, *, default: bool, help: str) -> Switch:  # noqa: A002
    """Declare a switch that is on or off."""
    return Switch(key=key, label=label, default=default, help=help)


def opening(
    key: str, slider: str, *, low: Amount, high: Amount, default: Amount
) -> Opening[Amount]:
    """Declare where the slider called `slider` inside a picture opens: see `Opening`."""
    step = type(default)(1)
    return Opening(
        key=key, label=key, low=low, high=high, default=default, step=step, help="", slider=slider
    )


def set_all(values: Mapping[Control, object]) -> None:
    """Set controls of the page as one act, which Back undoes; call it in a callback only.

    What the link hides it also holds: that stays as it is.
    """
    values = {control: value for control, value in values.items() if not hidden(control.key)}
    for control, value in values.items():
        st.session_state[control.key] = value
        counts = st.session_state.setdefault(_TIMES, {})
        counts[control.key] = counts.get(control.key, 0) + 1
    write(values)


def times_set(control: Control) -> int:
    """How many times `set_all` has set the control in this session."""
    return st.session_state.get(_TIMES, {}).get(control.key, 0)


def stand_at(values: Mapping[Control, object]) -> bool:
    """Whether the controls stand at these values."""
    return all(control.value == value for control, value in values.items())


def write(controls: Sequence[Control] | Mapping[Control, object]) -> None:
    """Bring the URL up to date with `controls`; a value that is the default is left out."""
    texts = {
        control.key: control.text(control.value)
        if control.always_written or control.value != control.default
        else None
        for control in controls
    }
    st.session_state[_SEEN].update(texts)
    address.write(texts)


def state() -> dict[str, str]:
    """All that the page's controls stand at, as in a link; defaults too, which may change."""
    return {key: control.text(control.value) for key, control in declared().items()}


def declared() -> Mapping[str, Control]:
    """The controls that the page has declared so far, by key."""
    return st.session_state.get(_DECLARED, {})


def _moved_in_history() -> bool:
    """Whether this run is the answer to Back or Forward."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def hidden(key: str) -> bool:
    """Whether the link hides the control called `key`, and so holds it."""
    return key in all_hidden()


def all_hidden() -> list[str]:
    """The names of all that the link hides, in its order."""
    return list(dict.fromkeys(filter(None, st.query_params.get("hide", "").split(","))))


def can_set(values: Mapping[Control, object]) -> bool:
    """Whether `values` can be set: the link does not hold any of these controls elsewhere."""
    return all(control.value == value for control, value in values.items() if hidden(control.key))
