"""Draw a chart of `gradviz.charts` on the page, the one way that all figures do it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import altair as alt
import streamlit as st

from gradviz.charts.parts.spec import Spec, held, opened, written
from gradviz.ui import stage
from gradviz.ui.controls import Control, Opening, hidden, set_all, times_set

SLIDERS = "sliders_of_figures"  # in the session state: by figure, the keys of `Opening`s by slider


def picture(
    chart: alt.TopLevelMixin | Spec,
    key: str,
    *,
    opens: Sequence[Opening] = (),
    press: str | None = None,
    sets: Mapping[str, Control] | None = None,
    stretch: bool = True,
) -> None:
    """Show `chart` over the full width; its description is its alt text, which the page's script
    completes with what the picture says and its sliders stand at now (`page/aloud.js`).

    Without `stretch` it keeps its own width, as a picture does in which angles matter.

    `key` keeps the same element over reruns, so that new data move the marks in place. The sliders
    inside the picture begin where the controls `opens` say. With `press`, the name of a point
    selection of the chart, a press on a mark sets controls of the page: `sets` maps the
    selection's fields to controls.
    """
    spec = _opening(chart if isinstance(chart, dict) else written(chart), opens)
    if press is not None:
        # Where there is no server, the page's script needs to know what a press would set.
        setting = {field: control.key for field, control in (sets or {}).items()}
        spec = _with_note(spec, press={"selection": press, "sets": setting})
    figure = stage.current()
    if figure is not None:
        figure.pictures[key] = spec
    draw = functools.partial(
        st.vega_lite_chart,
        spec=spec,
        width="stretch" if stretch else "content",
        key=key,
    )
    if press is None:
        draw()
    else:
        set_controls = functools.partial(_set_controls, key, press, sets or {})
        draw(on_select=set_controls, selection_mode=press)


def sliders_of(figure: str) -> dict[str, str]:
    """The sliders inside the pictures of `figure`, with the names that they have in a link."""
    return st.session_state.get(SLIDERS, {}).get(figure, {})


def _opening(spec: Spec, opens: Sequence[Opening]) -> Spec:
    """`spec` with its sliders where `opens` say, and anew whenever a preset has set one of them."""
    if not opens:
        return spec
    figure = stage.current()
    if figure is not None:
        known = st.session_state.setdefault(SLIDERS, {}).setdefault(figure.name, {})
        known.update({control.slider: control.key for control in opens})
    spec = opened(spec, {control.slider: control.value for control in opens})
    spec = held(spec, {control.slider for control in opens if hidden(control.key)})
    # The browser keeps a slider where the reader left it as long as the picture is the same.
    return _with_note(spec, set=sum(map(times_set, opens)))


def _with_note(spec: Spec, **note: object) -> Spec:
    """`spec` with something that Vega does not look at."""
    return {**spec, "usermeta": {**spec.get("usermeta", {}), **note}}


def _set_controls(key: str, press: str, sets: Mapping[str, Control]) -> None:
    for mark in st.session_state[key].selection[press]:
        # A mark's number reaches us as JSON has it: 1.0 may have become 1.
        set_all({control: type(control.default)(mark[field]) for field, control in sets.items()})
