"""The hidden units of a few networks over a run: each is lit until it dies.

A row for each unit, a column for each recorded step, the networks side by side. The run is replayed
in the browser: what is later than the step shown is not seen yet.
"""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import in_words, lookup, tooltip_line
from gradviz.charts.parts.handles import REPLAY, RUN, replay_slider
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import INK, colors_of
from gradviz.charts.parts.spec import opened, written
from gradviz.charts.parts.summary import Track, run_key
from gradviz.charts.parts.theme import LONG, themed
from gradviz.language import t

ALIVE, DEAD, LOST = 0, 1, 2  # as in `engine.units`
_GAP = 0.08  # between two networks, as a share of a run's length
_BETWEEN = 3  # units of room between two layers
_HEIGHT = 480  # pixels, axis and title included


def dead_units(
    states: Mapping[str, np.ndarray], names: Mapping[str, str], every: int, step: int | None = None
) -> dict:
    """The units of each network over its run, as a Vega-Lite spec that opens at `step`.

    `states` by network are those of `engine.units.dead_by_step`, [records, layers, units] of equal
    shape, `every` steps apart; `names` says what the networks are called. Opens at the last step
    if `step` is None. Raises `ValueError` for networks of different shapes.
    """
    shapes = {values.shape for values in states.values()}
    if len(shapes) != 1:
        raise ValueError(f"states of {len(shapes)} shapes are given, not of one")
    records, layers, units = shapes.pop()
    track = Track(0, (records - 1) * every, every)
    bars = pd.concat(
        [
            _bars(values, every).assign(arm=arm, offset=panel * (1 + _GAP) * track.last)
            for panel, (arm, values) in enumerate(states.items())
        ],
        ignore_index=True,
    )
    chart = themed(
        layered(
            _lit(bars, track, layers, units, len(states)),
            *_titles(states, names, every),
        )
        .add_params(*replay_slider(track))
        .properties(
            height=_HEIGHT,
            description=t(
                "The hidden units of {names} over the training steps: dead in the end are {dead}",
                "{names} 的隐藏神经元在训练过程中的存亡：最后死亡的比例为 {dead}",
                names=", ".join(names[arm] for arm in states),
                dead=", ".join(f"{share_dead(values)[-1]:.0%}" for values in states.values()),
            ),
        )
    )
    values = {REPLAY: track.nearest(step), RUN: run_key(bars)}
    return opened(written(chart), values)


def share_dead(states: np.ndarray) -> np.ndarray:
    """The share of all units that are dead at each record; NaN where a layer is not finite."""
    flat = states.reshape(len(states), -1)
    return np.where((flat == LOST).any(axis=1), np.nan, (flat == DEAD).mean(axis=1))


def _bars(states: np.ndarray, every: int) -> pd.DataFrame:
    """For each unit its stretches of one state, from `start` to `end`: layer, row and state.

    Within a layer those units stand on top that are dead longest. A stretch ends where the next
    one begins, so what is found at the last look only is not seen.
    """
    records, layers, units = states.shape
    rows = []
    for layer in range(layers):
        order = np.argsort(-(states[:, layer] == DEAD).sum(axis=0), kind="stable")
        for place, unit in enumerate(order):
            own = states[:, layer, unit]
            begins = np.flatnonzero(np.diff(own, prepend=-1))
            ends = np.append(begins[1:], records - 1)
            row = layer * (units + _BETWEEN) + place
            rows += [
                (layer + 1, row, int(own[begin]), begin * every, end * every)
                for begin, end in zip(begins, ends, strict=True)
                if end > begin
            ]
    return pd.DataFrame(rows, columns=["layer", "row", "state", "start", "end"])


def _lit(bars: pd.DataFrame, track: Track, layers: int, units: int, panels: int) -> alt.Chart:
    """The stretches up to the step shown: in the network's color, pale where the unit is dead."""
    colors = colors_of(bars["arm"])
    width = (1 + _GAP) * track.last
    ticks = [panel * width + step for panel in range(panels) for step in (0, track.last)]
    # A tick at the end of a network is still of that network.
    whole = f"round(datum.value - floor(datum.value / {width} + 1e-6) * {width})"
    x = alt.X(
        "left:Q",
        title=t("Training step", "训练步"),
        scale=alt.Scale(domain=[0, (panels - 1) * width + track.last], nice=False, zero=False),
        axis=alt.Axis(
            values=ticks,
            labelExpr=f"toString({whole})",
            # Both numbers stand within their network: that of the next one is near.
            labelAlign=alt.ConditionalAxisPropertyAlignnull(
                condition={"test": f"{whole} > 0", "value": "right"}, value="left"
            ),
            labelFlush=False,
            labelOverlap=False,
            grid=False,
        ),
    )
    names = {
        f"{layer * (units + _BETWEEN) + units / 2:g}": t("layer {n}", "第 {n} 层", n=layer + 1)
        for layer in range(layers)
    }
    y = alt.Y(
        "row:Q",
        title=None,
        scale=alt.Scale(domain=[layers * (units + _BETWEEN) - _BETWEEN, 0], nice=False, zero=False),
        axis=alt.Axis(
            values=[float(place) for place in names],
            labelExpr=lookup(names, "toString(datum.value)"),
            grid=False,
        ),
    )
    state = {
        str(ALIVE): t("alive", "存活"),
        str(DEAD): t("dead", "死亡"),
        str(LOST): t("overflow", "上溢"),
    }
    lit = f"datum.state == {ALIVE}"
    return (
        alt.Chart(bars)
        .transform_filter(f"datum.start < {REPLAY}")
        .transform_calculate(
            left="datum.offset + datum.start",
            right=f"datum.offset + min(datum.end, {REPLAY})",
            below="datum.row + 0.85",
            called=lookup(state, "toString(datum.state)"),
        )
        .mark_rect()
        .encode(
            x=x,
            x2="right:Q",
            y=y,
            y2="below:Q",
            color=alt.Color(
                "arm:N",
                scale=alt.Scale(domain=list(colors), range=list(colors.values())),
                legend=None,
            ),
            opacity=alt.when(lit).then(alt.value(1)).otherwise(alt.value(0.13)),
            tooltip=[
                tooltip_line("layer:Q", t("layer", "层")),
                tooltip_line("called:N", t("unit", "神经元")),
                tooltip_line("start:Q", t("from step", "从第几步")),
            ],
        )
    )


def _titles(
    states: Mapping[str, np.ndarray], names: Mapping[str, str], every: int
) -> list[alt.Chart]:
    """Above each network its name, and how many of its units are dead at the step shown."""
    width = (1 + _GAP) * (len(next(iter(states.values()))) - 1) * every
    colors = colors_of(states)
    said = in_words(t("{share} dead", "{share} 死亡"), share="format(datum.share, '.0%')")
    lost = in_words(t("overflow", "上溢"))
    words = []
    for panel, (arm, values) in enumerate(states.items()):
        rows = pd.DataFrame({"share": share_dead(values), "left": panel * width})
        rows = rows.assign(step=rows.index * every)
        base = alt.Chart(rows).transform_filter(f"datum.step == {REPLAY}")
        look = {"align": "left", "baseline": "bottom", "fontSize": LONG}
        words += [
            base.mark_text(dy=-22, fontWeight="bold", color=colors[arm], **look).encode(
                x=alt.X("left:Q"), y=alt.value(0), text=alt.value(names[arm])
            ),
            base.transform_calculate(words=f"isValid(datum.share) ? {said} : {lost}")
            .mark_text(dy=-5, color=INK, **look)
            .encode(x=alt.X("left:Q"), y=alt.value(0), text="words:N"),
        ]
    return words
