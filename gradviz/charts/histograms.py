"""How values are spread in a few layers over a run: one histogram per layer, the series overlaid.

One slider below scrubs through the training steps in the browser once the run has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.layers import Names, arm_color
from gradviz.charts.parts.expressions import in_words, lookup, tooltip_line
from gradviz.charts.parts.handles import REPLAY, RUN, at_step, replay_slider
from gradviz.charts.parts.marks import column, layered
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import Track, latest, run_key, track_of, with_until
from gradviz.charts.parts.theme import WORDS
from gradviz.language import t

ROW_HEIGHT = 90
_SPIKE = 2  # neighboring bins: what fills no more is one spike


@dataclass(frozen=True)
class Look:
    """All that the picture depends on but its data; `names` are pairs of a series and its name."""

    title: str
    names: tuple[tuple[str, str], ...]
    layers: tuple[int, ...]
    low: float
    high: float
    bins: int
    track: Track | None  # the steps, if the reader may scrub


def shape_of(shares: np.ndarray) -> str:
    """What a histogram [bins] looks like: "empty", "beyond", "spike" or "apart".

    It is empty where no value is a number; beyond the axis where all stand in the bins at its two
    ends, which hold what is outside too; one spike where all are in neighboring bins.
    """
    filled = np.flatnonzero(shares)
    if not filled.size:
        return "empty"
    if np.isin(filled, (0, len(shares) - 1)).all():
        return "beyond"
    return "spike" if np.ptp(filled) < _SPIKE else "apart"


def histograms(
    spreads: pd.DataFrame,
    title: str,
    names: Names,
    layers: Sequence[int],
    domain: tuple[float, float],
    ended: bool,
    opens_at: int | None = None,
) -> Spec:
    """The histograms of `layers`, one below the other, as a Vega-Lite spec.

    `spreads` is a `history.histogram_frame` whose arms are the series called `names`; `title` says
    what is spread, from `domain[0]` to `domain[1]`. Until the run has `ended` its latest step is
    shown; then the reader can scrub through it, beginning at the training step `opens_at`, or at
    the last.
    """
    rows = spreads[spreads["layer"].isin(layers)]
    track = track_of(rows["step"]) if ended else None
    bins = _bins(rows, domain)
    shown = with_until(packed(rows if track else latest(rows), domain[0], bins))
    look = Look(title, tuple(names.items()), tuple(layers), *domain, bins, track)
    # What is shown is named by its own step: the slider may stand between two recorded ones.
    steps = with_until(pd.DataFrame({"arm": "", "step": np.sort(shown["step"].unique())}))
    picture = _picture(look)
    if track is not None:
        picture = picture.opening(**{REPLAY: track.nearest(opens_at), RUN: run_key(shown)})
    return picture.with_data(bars=shown, steps=steps if track else steps[-1:])


def packed(spreads: pd.DataFrame, low: float, bins: int) -> pd.DataFrame:
    """`spreads` with one row per histogram: its `shares` in all bins, from `low` on, as words.

    So every recorded step of a run can be sent to the browser, which unpacks the one that is shown.
    """
    keys = ["arm", "step", "layer"]
    if spreads.empty:
        return pd.DataFrame(columns=[*keys, "shares"])
    width = spreads["high"].iloc[0] - spreads["low"].iloc[0]
    place = ((spreads["low"] - low) / width).round().astype(int)
    values = spreads.assign(bin=place).pivot_table(index=keys, columns="bin", values="value")
    filled = values.reindex(columns=range(bins)).fillna(0.0).round(4)
    words = [" ".join(f"{share:g}" for share in row) for row in filled.to_numpy()]
    return filled.index.to_frame(index=False).assign(shares=words)


def _bins(spreads: pd.DataFrame, domain: tuple[float, float]) -> int:
    """How many bins, all alike, there are in the domain."""
    if spreads.empty:
        return 1
    return round((domain[1] - domain[0]) / (spreads["high"].iloc[0] - spreads["low"].iloc[0]))


@built_once
def _picture(look: Look) -> alt.VConcatChart:
    """The picture without its data."""
    rows = [_row(look, layer, position) for position, layer in enumerate(look.layers)]
    return column(
        *rows,
        spacing=12,
        params=replay_slider(look.track) if look.track is not None else (),
        description=t(
            "Histograms of {title} in layers {layers}",
            "第 {layers} 层的{title}直方图",
            title=look.title,
            layers=", ".join(map(str, look.layers)),
        ),
    )


def _row(look: Look, layer: int, position: int) -> alt.LayerChart:
    lowest = position == len(look.layers) - 1
    x = alt.X(
        "low:Q",
        title=look.title if lowest else None,
        scale=alt.Scale(domain=[look.low, look.high], nice=False),
        axis=alt.Axis(labels=lowest, grid=False, tickCount=7),
    )
    y = alt.Y(
        "value:Q",
        title=t("layer {layer}", "第 {layer} 层", layer=layer),
        # A square root, so that a spike and a broad hill can be seen together.
        scale=alt.Scale(domain=[0, 1], type="sqrt"),
        axis=alt.Axis(format="%", values=[0, 0.1, 0.5, 1], grid=False),
    )
    bars = alt.Chart(alt.NamedData("bars")).transform_filter(alt.datum.layer == layer)
    steps = alt.Chart(alt.NamedData("steps"))
    if look.track is not None:
        bars, steps = at_step(bars), at_step(steps)
    bars = _unpacked(bars, look).encode(x=x, x2="high:Q", y=y, color=arm_color(dict(look.names)))
    hovered = bars.mark_rect(opacity=0.3).encode(y2=alt.datum(0), tooltip=_tooltip())
    layers = [hovered, bars.mark_rule(strokeWidth=2)]
    if position == 0:
        layers.append(
            steps.transform_calculate(words=_step_in_words())
            .mark_text(align="left", baseline="top", **WORDS)
            .encode(x=alt.value(6), y=alt.value(4), text="words:N")
        )
    return layered(*layers).properties(height=ROW_HEIGHT)


def _unpacked(histograms: alt.Chart, look: Look) -> alt.Chart:
    """One row per bin that is not empty: its ends low and high, and the share `value` in it."""
    width = (look.high - look.low) / look.bins
    return (
        histograms.transform_calculate(
            share="split(datum.shares, ' ')", bin=f"sequence({look.bins})"
        )
        .transform_flatten(["share", "bin"])
        .transform_calculate(
            value="toNumber(datum.share)",
            called=f"{lookup(dict(look.names), 'datum.arm')} || datum.arm",
            low=f"{look.low} + datum.bin * {width}",
            high=f"{look.low} + (datum.bin + 1) * {width}",
        )
        .transform_filter("datum.value > 0")
    )


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("called:N", t("network", "网络")),
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("low:Q", t("from", "从"), ".3~g"),
        tooltip_line("high:Q", t("to", "到"), ".3~g"),
        tooltip_line("value:Q", t("share", "占比"), ".2%"),
    ]


def _step_in_words() -> str:
    """A Vega expression."""
    return in_words(t("step {n}", "第 {n} 步"), n="datum.step")
