"""Selections that a slider, a press and the pointer all set, in the browser alone.

A point selection on one field, bound to a slider, keeps its value in the signal `<name>_<field>`.
Vega-Lite lets the events of its `on` set that signal too, so any mark whose datum has the field is
a handle. On a touch screen a drag belongs to the page's scrolling: there one taps, or uses the
slider.

Things to know: a filter in `on` sees `event.item.datum`, never `datum`. The selection must be added
to one view only; marks of other views hear the pointer only if they have a tooltip (`GHOST`).
"""

from __future__ import annotations

import altair as alt

from gradviz.language import t

GHOST = alt.value("")  # a tooltip that is never shown
FRAME = "frame"  # the parameter that says which recorded step of a run is shown


def handle_selection(
    name: str, field: str, value: float, slider: alt.BindRange, on_hover: bool = False
) -> alt.Parameter:
    """The selection `name`, set by `slider` and by marks with `field`.

    A mark sets it when it is pressed, and when the pointer is dragged (or with `on_hover` merely
    moved) over it.
    """
    handle = f"[event.item && event.item.datum && isValid(event.item.datum.{field})]"
    drag = "" if on_hover else "[pointerdown, window:pointerup] > "
    return alt.selection_point(
        name=name,
        fields=[field],
        value=value,
        bind=slider,
        on=f"pointerdown{handle}, {drag}pointermove{handle}",
        clear=False,
        toggle=False,
    )


def replay_slider(last: int) -> alt.Parameter:
    """The parameter `FRAME`, from 0 to the `last` frame, at which it starts."""
    slider = alt.binding_range(min=0, max=max(last, 1), step=1, name=t("Replay: ", "回放："))
    return alt.param(FRAME, value=last, bind=slider)


def at_frame(rows: alt.Chart) -> alt.Chart:
    """The `rows` of the frame that the slider says."""
    return rows.transform_filter(f"datum.frame == {FRAME}")
