"""A training run as one picture: a profile over the layers above its curves over the steps.

While a run lasts, the picture shows the latest step. Once it has ended, one slider below scrubs
through its training steps, in the browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import altair as alt
import pandas as pd

from gradviz.charts.layers import (
    SHARE_DOMAIN,
    Asked,
    Look,
    Names,
    arm_color,
    guess_line,
    line,
    no_theory,
    points,
    profile_layers,
    profile_look,
)
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.handles import (
    GUESSED,
    REPLAY,
    RUN,
    SHARE_REVEALED,
    question_params,
    replay_slider,
)
from gradviz.charts.parts.marks import (
    column,
    layered,
    over_lines,
    rule_at,
    sized,
    state_names,
    step_axis,
)
from gradviz.charts.parts.palette import INK
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import (
    Track,
    Values,
    latest,
    log_domain,
    on_log_axis,
    run_key,
    summarize,
    summarize_curves,
    track_of,
    with_until,
)
from gradviz.charts.parts.theme import LONG, WORDS
from gradviz.language import t
from gradviz.quantities import CURVES, Quantity

# Pixels. With its slider, its words and a question above it the whole figure fits a window.
PROFILE_HEIGHT = 160
CURVES_HEIGHT = 98  # of all curves together, without the axis below the last
USUAL_CURVES: Mapping[str, float | None] = {"loss": None, "accuracy": None}


@dataclass(frozen=True)
class Extent:
    """How far the axes of a run reach from the start, so that none of them grows.

    `steps` is the length of the whole run, `depth` the number of layers of its deepest arm, and
    `values` are those of the quantity, besides what is drawn, that its axis must hold.
    """

    steps: int
    depth: int = 1
    values: Values = ()


@dataclass(frozen=True)
class Curve:
    """One curve over the steps: its name in data frames, its axis, a value worth comparing with.

    The arms in `copies` run exactly over an earlier one.
    """

    name: str
    domain: tuple[float, float]
    threshold: float | None = None
    copies: tuple[str, ...] = ()


@dataclass(frozen=True)
class AskedEnd:
    """What a question asks of a run: how it ends. Its curves are not seen until that is revealed.

    `guesses` are all that the reader may guess, in words; a guess is a place among them.
    """

    guesses: tuple[str, ...]


def run_chart(
    history: pd.DataFrame,
    curves: pd.DataFrame,
    quantity: Quantity,
    names: Names,
    extent: Extent,
    theory: pd.DataFrame | None = None,
    ended: bool = False,
    below: Mapping[str, float | None] = USUAL_CURVES,
    opens_at: int | None = None,
    asked: Asked | AskedEnd | None = None,
    curves_lead: bool = False,
) -> Spec:
    """`quantity` by layer, and below it the curves of the run so far, as a Vega-Lite spec.

    `history` and `curves` are those of `engine.history`; `theory`, if any, has columns arm, layer,
    value. With `ended` the reader can scrub through the run, which opens at the training step
    `opens_at`, or at its last; before, `history` need only hold the latest steps. `below` are the
    names of the curves, each with a threshold worth a rule or None. What is `asked` of a run that
    has ended is covered until the page reveals it. With `curves_lead` the curves carry the message,
    and are the larger part.
    """
    asked = asked if ended else None
    rows = summarize(history, quantity.name, quantity.axis.log)
    # Theory's size is that of the first measurement: before it, the axis would mean another thing.
    theory = no_theory() if theory is None or rows.empty else theory
    track = track_of(rows["step"]) if ended else None
    rows = with_until(rows) if track else latest(rows)
    last = int(rows["step"].max()) if len(rows) else 0
    profile_asked = asked if isinstance(asked, Asked) else None
    look = profile_look(
        rows, theory, quantity, names, track is not None, extent.depth, extent.values, profile_asked
    )
    look = replace(look, later=last > 0, joined=True)
    tables = {name: summarize_curves(curves, name) for name in below}
    axes = tuple(
        Curve(
            name,
            _curve_domain(CURVES[name], table, below[name]),
            below[name],
            _copies(table, names),
        )
        for name, table in tables.items()
    )
    heights = {axis.name: _heights(tables[axis.name], axis) for axis in axes}
    now = pd.DataFrame({"step": [last] if len(rows) else []})
    end = asked if isinstance(asked, AskedEnd) else None
    picture = _picture(look, axes, max(extent.steps, 1), track, end, curves_lead)
    if track is not None:
        picture = picture.opening(**{REPLAY: track.nearest(opens_at), RUN: run_key(curves)})
    marks = points(rows, look)
    guess = {"guess": guess_line(marks)} if profile_asked else {}
    # While a run lasts the words on theory stay where they are, whatever marks come.
    known = marks if track is not None else None
    height = CURVES_HEIGHT if curves_lead else PROFILE_HEIGHT
    prediction = line(theory, look, known, height)
    return picture.with_data(marks=marks, prediction=prediction, now=now, **guess, **heights)


@built_once
def _picture(
    look: Look,
    curves: tuple[Curve, ...],
    steps: int,
    track: Track | None,
    end: AskedEnd | None,
    curves_lead: bool,
) -> alt.VConcatChart:
    """The picture without its data."""
    profile = profile_layers(alt.NamedData("marks"), alt.NamedData("prediction"), look)
    high, low = (PROFILE_HEIGHT, CURVES_HEIGHT)[:: -1 if curves_lead else 1]
    params = [] if track is None else replay_slider(track)
    if look.asked or end:
        params += question_params(look.asked.start if look.asked else None)
    below = [
        _curve(curve, look, steps, first=curve is curves[0], last=curve is curves[-1], end=end)
        for curve in curves
    ]
    return column(
        sized(profile, high),
        *(sized(curve, low / len(curves)) for curve in below),
        spacing=14,
        params=params,
        description=t(
            "{title} by hidden layer, with the curves of the run over the training steps",
            "各隐藏层的{title}，以及训练过程曲线",
            title=look.title,
        ),
    )


def _curve(
    curve: Curve, look: Look, steps: int, first: bool, last: bool, end: AskedEnd | None
) -> alt.LayerChart:
    """One curve; of those below each other only the last has the axis of the steps."""
    axis, color = step_axis(steps, labeled=last), arm_color(dict(look.names), look.joined)
    shown = alt.Chart(alt.NamedData(curve.name))
    if end or look.asked:
        # The answer, or what would tell of it, unrolls from the start of the run.
        shown = shown.transform_filter(f"datum.step <= {SHARE_REVEALED} * {steps}")
    lines = shown.encode(x=axis, color=color)
    # A line that runs exactly over another is dashed, so that both are seen.
    copy = alt.FieldOneOfPredicate(field="arm", oneOf=list(curve.copies))
    over = alt.when(copy).then(alt.value([7, 7])).otherwise(alt.value([1, 0]))
    return layered(
        lines.mark_area(opacity=0.2).encode(y=_curve_axis(curve), y2="high:Q"),
        lines.mark_line(strokeWidth=2, clip=True).encode(y=alt.Y("middle:Q"), strokeDash=over),
        *_zeros(curve, lines),
        *_threshold(curve),
        *_now(look.framed, first, steps),
        *(_guessed_end(end) if end and last else []),
    )


def _guessed_end(end: AskedEnd) -> list[alt.Chart]:
    """The reader's guess in words, half-way up at the end, between who learns and who does not."""
    guesses = [t("your guess: {guess}", "你的猜测：{guess}", guess=guess) for guess in end.guesses]
    rows = pd.DataFrame({"place": range(len(guesses)), "words": guesses})
    words = alt.Chart(rows).transform_filter(f"datum.place === {GUESSED}")
    words = words.mark_text(align="right", baseline="middle", dx=-6, **WORDS)
    return [words.encode(x=alt.value("width"), text="words:N")]


def _zeros(curve: Curve, lines: alt.Chart) -> list[alt.Chart]:
    """Triangles at the foot of a log axis where a curve is exactly zero, the first in words."""
    if curve.domain == SHARE_DOMAIN:
        return []
    words = state_names()["zero"]
    zeros = lines.transform_filter(alt.datum.state == "zero").encode(y=alt.Y("middle:Q"))
    first = zeros.transform_filter("datum.first")
    return [
        zeros.mark_point(shape="triangle-down", filled=True, size=40, opacity=1).encode(
            tooltip=[tooltip_line("arm:N", t("network", "网络")), tooltip_line("step:Q", words)]
        ),
        # Drawn without the arm's color, which words do not need and which contrast forbids.
        over_lines(
            first.mark_text(align="left", baseline="bottom", dy=-6, **WORDS).encode(
                color=alt.value(INK), text=alt.value(words)
            ),
            f"zero_{curve.name}",
        ),
    ]


def _threshold(curve: Curve) -> list[alt.Chart]:
    """A dashed rule at the curve's threshold, if it has one; its value stands over the plot."""
    if curve.threshold is None:
        return []
    rule = rule_at(curve.threshold, alt.Y("y:Q"), dash=(5, 4))
    words = t("dashed: threshold {value:g}", "虚线：阈值 {value:g}", value=curve.threshold)
    # Beside the title, where no curve comes.
    name = rule.mark_text(align="right", baseline="bottom", color=INK, fontSize=LONG)
    return [rule, name.encode(x=alt.value("width"), y=alt.value(-8), text=alt.value(words))]


def _now(framed: bool, numbered: bool, steps: int) -> list[alt.Chart]:
    """A rule at the step that is shown, with its number if `numbered`."""
    shown = alt.Chart(alt.NamedData("now"))
    if framed:
        shown = shown.transform_calculate(step=REPLAY)
    rule = shown.mark_rule(color=INK, strokeDash=[3, 3]).encode(x="step:Q")
    early = f"datum.step * 2 < {steps}"  # then the number stands on the right, inside the picture
    number = shown.mark_text(
        align=alt.expr(f"{early} ? 'left' : 'right'"),
        dx=alt.expr(f"{early} ? 4 : -4"),
        baseline="top",
        **WORDS,
    )
    if not numbered:
        return [rule]
    number = number.encode(x="step:Q", y=alt.value(2), text="step:Q")
    return [rule, over_lines(number, "now")]


def _heights(table: pd.DataFrame, curve: Curve) -> pd.DataFrame:
    """`table` as the curve's axis can hold it."""
    return table if curve.domain == SHARE_DOMAIN else on_log_axis(table, curve.domain)


def _copies(table: pd.DataFrame, names: Names) -> tuple[str, ...]:
    """The arms whose curve is that of an earlier one, to the last digit."""
    known: list[pd.DataFrame] = []
    copies = []
    for arm in names:
        own = table.loc[table["arm"] == arm].drop(columns="arm").reset_index(drop=True)
        if own.empty:
            continue
        if any(own.equals(other) for other in known):
            copies.append(arm)
        known.append(own)
    return tuple(copies)


def _curve_domain(
    curve: Quantity, table: pd.DataFrame, threshold: float | None
) -> tuple[float, float]:
    if not curve.axis.log:
        return SHARE_DOMAIN
    held = curve.axis.holds if threshold is None else (*curve.axis.holds, threshold)
    return log_domain(table["low"], table["high"], held, room=0)


def _curve_axis(curve: Curve) -> alt.Y:
    title = CURVES[curve.name].short_name()
    if curve.domain == SHARE_DOMAIN:
        axis = alt.Axis(format="%", tickCount=3, title=title)
        return alt.Y("low:Q", scale=alt.Scale(domain=curve.domain), axis=axis)
    axis = power_axis(*curve.domain, title)
    return alt.Y("low:Q", scale=power_scale(*curve.domain), axis=axis)
