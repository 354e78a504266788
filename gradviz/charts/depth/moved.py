"""How far each layer has come from its random start, and how long its way there was."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import tooltip_line, translated
from gradviz.charts.parts.handles import REPLAY, RUN, at_step, replay_slider
from gradviz.charts.parts.marks import column, layered, sized
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import (
    Track,
    hidden,
    latest,
    log_domain,
    run_key,
    track_of,
    with_until,
)
from gradviz.charts.parts.theme import WORDS, legend
from gradviz.language import t

HEIGHT = 300  # pixels
_LABELED = 0.7  # the share of the layers below that whose marks are named


def moved_frame(history: pd.DataFrame) -> pd.DataFrame:
    """Drift and way of each hidden layer: columns arm, step, layer, drift, way.

    `history` is that of `engine.history` with the quantities drift and update_ratio. The way is the
    sum of the sizes of all updates so far, in sizes of the layer; between two recorded steps the
    updates count as large as at the first of them. Both are medians over the seeds.
    """
    chosen = history[history["quantity"].isin(["drift", "update_ratio"])]
    rows = hidden(chosen).groupby(["arm", "layer", "step", "quantity"])["value"].median().unstack()
    rows = rows.reset_index()
    steps = rows.groupby(["arm", "layer"])["step"]
    rows["walked"] = rows["update_ratio"].fillna(0) * (steps.shift(-1) - rows["step"]).fillna(0)
    way = rows.groupby(["arm", "layer"])["walked"].cumsum() - rows["walked"]
    return rows.assign(way=way)[["arm", "step", "layer", "drift", "way"]]


def straightness(history: pd.DataFrame, arm: str) -> pd.Series:
    """Drift over way at the last step, by layer of `arm`: 1 for a layer that never turned."""
    last = latest(moved_frame(history)).query(f"arm == {arm!r}").set_index("layer")
    return last["drift"] / last["way"]


def moved(history: pd.DataFrame, names: dict[str, str], ended: bool) -> Spec:
    """The layers of the arms `names` (what each is called), as a Vega-Lite spec.

    The first arm is drawn with its way. With `ended` the reader scrubs through the run, else its
    latest step is shown.
    """
    rows = moved_frame(history)
    domain = log_domain(rows["drift"], rows["way"], room=0)
    track = track_of(rows["step"]) if ended else None
    rows = with_until(rows) if track else latest(rows)
    # What is 0 stands at the foot of the axis, what float32 cannot hold at its top.
    heights = rows[["drift", "way"]].replace([np.inf, np.nan], domain[1]).clip(*domain)
    rows = rows.assign(drift_y=heights["drift"], way_y=heights["way"])
    picture = _picture(tuple(names.items()), domain, int(rows["layer"].max()), track)
    if track is not None:
        picture = picture.opening(**{REPLAY: track.last, RUN: run_key(rows)})
    return picture.with_data(moved=rows)


@built_once
def _picture(
    names: tuple[tuple[str, str], ...],
    domain: tuple[float, float],
    depth: int,
    track: Track | None,
) -> alt.VConcatChart:
    """The picture without its data."""
    data = alt.Chart(alt.NamedData("moved"))
    rows = at_step(data) if track else data
    title = t(
        "Distance from the start, in sizes of the layer", "与起点的距离（以该层自身大小为单位）"
    )
    axis = power_axis(*domain, title)
    y = alt.Y("drift_y:Q", scale=power_scale(*domain), axis=axis)
    numbers = alt.Axis(grid=False, format="d", tickCount=min(depth, 10))
    x = alt.X(
        "place:Q",
        scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
        axis=corner_axis(t("layer", "层"), numbers),
    )
    arms = [arm for arm, _ in names]
    color = alt.Color(
        "arm:N",
        scale=alt.Scale(domain=arms, range=[COLORS[arm] for arm in arms]),
        legend=legend(symbolType="circle", labelExpr=translated(dict(names))),
    )
    main = f"datum.arm === '{arms[0]}'"
    # Beside the first arm's, so that no mark hides another.
    placed = rows.transform_calculate(place=f"datum.layer + ({main} ? 0 : {0.014 * depth})")
    own = placed.transform_filter(main)
    words = own.transform_filter(
        f"datum.layer == {max(1, round(_LABELED * depth))} && datum.drift > {domain[0]}"
    )
    tips = [
        tooltip_line("layer:Q", t("layer", "层")),
        tooltip_line("drift:Q", t("distance from the start", "与起点的距离"), ".2e"),
        tooltip_line("way:Q", t("length of the way", "所走路程"), ".2e"),
    ]
    picture = layered(
        own.mark_rule(strokeWidth=2, opacity=0.5).encode(
            x=x, y=y, y2="way_y:Q", color=color, tooltip=alt.value(None)
        ),
        own.mark_point(size=150, strokeWidth=2, opacity=1).encode(
            x=x, y=alt.Y("way_y:Q"), color=color, tooltip=tips
        ),
        placed.mark_point(filled=True, size=60, opacity=1).encode(
            x=x, y=y, color=color, tooltip=tips
        ),
        words.mark_text(align="right", dx=-10, dy=-6, **WORDS).encode(
            x=x, y=alt.Y("way_y:Q"), text=alt.value(t("length of the way", "所走的路程"))
        ),
        words.mark_text(align="left", dx=10, dy=8, **WORDS).encode(
            x=x, y=y, text=alt.value(t("distance", "距离"))
        ),
    )
    return column(
        sized(picture, HEIGHT),
        spacing=0,
        params=replay_slider(track) if track else (),
        description=t(
            "How far each hidden layer has come from its random start, and the length of its way, "
            "on a log axis, as training goes on",
            "训练过程中，各隐藏层离开随机起点的距离与所走的路程，对数轴",
        ),
    )
