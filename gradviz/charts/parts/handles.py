"""Selections that a slider, a press and the pointer all set, in the browser alone.

A point selection on one field, bound to a slider, keeps its value in the signal `<name>_<field>`.
Vega-Lite lets the events of its `on` set that signal too, so any mark whose datum has the field is
a handle. On a touch screen a drag belongs to the page's scrolling: there one taps, or uses the
slider.

Things to know: a filter in `on` sees `event.item.datum`, never `datum`. The selection must be added
to one view only; marks of other views hear the pointer only if they have a tooltip (`GHOST`).
"""

from __future__ import annotations

from typing import Any

import altair as alt

from gradviz.charts.parts.summary import Track
from gradviz.language import t

GHOST = alt.value("")  # a tooltip that is never shown
REPLAY = "replay_step"  # the parameter that says which training step of a run is shown
RUN = "replay_run"  # says which run it is: by it the page knows what it has already played once
GUESS = "guess"  # the number that the reader guesses for the figure's question; none before that
REVEALED = "revealed"  # from 0, the answer is covered, to 1, it is shown


def handle_selection(
    name: str, field: str, value: float, slider: alt.BindRange, on_hover: bool = False
) -> alt.Parameter:
    """The selection `name`, set by `slider` and by marks with `field`.

    A mark sets it when it is pressed, and when the pointer is dragged (or with `on_hover` merely
    moved) over it.
    """
    handle = f"[event.item && event.item.datum && isValid(event.item.datum.{field})]"
    drag = "" if on_hover else "[pointerdown, window:pointerup] > "
    # Vega-Lite looks for a slider of each field first: it would take the number `slider.step` for
    # that of a field called step.
    bind: Any = {field: slider} if field == "step" else slider
    return alt.selection_point(
        name=name,
        fields=[field],
        value=value,
        bind=bind,
        on=f"pointerdown{handle}, {drag}pointermove{handle}",
        clear=False,
        toggle=False,
    )


def replay_slider(track: Track, name: str | None = None) -> list[alt.Parameter]:
    """The parameter `REPLAY`, which opens at the last step, and beside it `RUN`, not to be seen.

    `name` is what the slider is called, if not "Step".
    """
    name = t("Step: ", "训练步：") if name is None else name
    slider = alt.binding_range(min=track.first, max=track.last, step=track.stride, name=name)
    unseen = alt.BindInput(input="hidden", name="")
    return [alt.param(REPLAY, value=track.last, bind=slider), alt.param(RUN, value="", bind=unseen)]


def at_step(rows: alt.Chart) -> alt.Chart:
    """The `rows` that stand at the step that the slider says: from `step` on, before `until`."""
    return rows.transform_filter(f"datum.step <= {REPLAY} && {REPLAY} < datum.until")


def question_params(guess: float | None = None) -> list[alt.Parameter]:
    """`GUESS`, which begins at `guess`, and `REVEALED`: the page moves both, unseen.

    A picture that covers the answer to its figure's question draws it at `REVEALED` 0 from the
    guess alone, at 1 as it is, and between them on its way.
    """
    unseen = alt.BindInput(input="hidden", name="")
    return [
        alt.param(GUESS, value="" if guess is None else guess, bind=unseen),
        alt.param(REVEALED, value=0, bind=unseen),
    ]


# Vega expressions: what comes from an input is a text, and no guess is an empty one.
GUESSED = f"toNumber({GUESS})"
HAS_GUESS = f"isValid({GUESSED})"
SHARE_REVEALED = f"toNumber({REVEALED})"
