"""All that a run measures by layer, one profile below the other, at the step of one slider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import altair as alt
import pandas as pd

from gradviz.charts.layers import (
    Look,
    Names,
    line,
    no_theory,
    points,
    profile_layers,
    profile_look,
)
from gradviz.charts.parts.handles import REPLAY, RUN, replay_slider
from gradviz.charts.parts.marks import column, sized
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import (
    STATES,
    Track,
    latest,
    run_key,
    summarize,
    track_of,
    with_until,
)
from gradviz.language import t
from gradviz.quantities import Quantity

HEIGHT = 64  # pixels of each profile


def panels(
    history: pd.DataFrame,
    quantities: Sequence[Quantity],
    names: Names,
    depth: int,
    ended: bool = False,
    opens_at: int | None = None,
    run: str | None = None,
) -> Spec:
    """A profile for each of `quantities` by hidden layer, up to `depth`, as a Vega-Lite spec.

    `history` is that of `engine.history`. Once the run has `ended` one slider scrubs through all of
    them, from the training step `opens_at`, or the last; before, the latest step is shown. The axes
    hold the whole run, so they are still. Its slider moves with those of other pictures of the
    same `run`, see `parts.summary.run_key`.
    """
    track = track_of(history["step"]) if ended else None
    rows = {q.name: summarize(history, q.name, q.axis.log) for q in quantities}
    # One key of the marks' shapes, which no panel may contradict.
    states = tuple(
        state for state in STATES if any((own["state"] == state).any() for own in rows.values())
    )
    looks = tuple(
        replace(
            profile_look(rows[q.name], no_theory(), q, names, track is not None, depth),
            title=q.short_name(),
            states=states,
            underflows=False,
            joined=True,
            footed=q is quantities[-1],
        )
        for q in quantities
    )
    shown = {name: with_until(own) if track else latest(own) for name, own in rows.items()}
    marks = [points(own, look) for own, look in zip(shown.values(), looks, strict=True)]
    picture = _picture(looks, track)
    if track is not None:
        picture = picture.opening(**{REPLAY: track.nearest(opens_at), RUN: run or run_key(history)})
    tables = {f"marks_{place}": own for place, own in enumerate(marks)}
    return picture.with_data(**tables, prediction=line(no_theory(), looks[0]))


@built_once
def _picture(looks: tuple[Look, ...], track: Track | None) -> alt.VConcatChart:
    """The picture without its data."""
    profiles = [
        sized(
            profile_layers(alt.NamedData(f"marks_{place}"), alt.NamedData("prediction"), look),
            HEIGHT,
        )
        for place, look in enumerate(looks)
    ]
    return column(
        *profiles,
        spacing=10,
        params=[] if track is None else replay_slider(track),
        description=t(
            "Everything that is measured by hidden layer, one profile below the other: {titles}",
            "按隐藏层测得的各个量，自上而下为：{titles}",
            titles=t(", ", "、").join(look.title for look in looks),
        ),
    )
