"""One hidden layer under the microscope: how all of its values are spread, and each of its units.

Histograms of z, of the slope φ′(z), of φ(z) and of δ over units and examples, the arms overlaid;
below them a row of cells for each arm, one for each unit. One slider scrubs through the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from gradviz.activations import SATURATED_BELOW
from gradviz.charts.layers import Names, arm_color
from gradviz.charts.parts.expressions import lookup, quoted, tooltip_line
from gradviz.charts.parts.handles import REPLAY, RUN, at_step, replay_slider
from gradviz.charts.parts.marks import column, layered, sized
from gradviz.charts.parts.palette import INK
from gradviz.charts.parts.powers import decades, exponent_labels
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import Track, latest, run_key, track_of, with_until
from gradviz.charts.parts.theme import LONG, WORDS
from gradviz.language import t
from gradviz.quantities import INSIDE
from gradviz.snapshots import Specimen

HEIGHT = 48  # pixels of a histogram
_CELL = 18  # pixels of a row of cells
MOST_UNITS = 48  # cells of an arm; of a wider layer the first units are shown
_DEAD, _LOST = "d", "x"  # of a unit, beside its share of saturated examples in percent
_LEAST_DECADES = 4
_NARROW = "width < 420"


@dataclass(frozen=True)
class Look:
    """All that the picture depends on but its data; `names` are pairs of an arm and its name.

    `low` and `high` are the bins of the gradient that are seen, `living` the ends of the range of z
    with slopes worth having, where all arms have the same, and `cut` says that some units are not
    seen.
    """

    names: tuple[tuple[str, str], ...]
    low: int
    high: int
    living: tuple[float, ...]
    cut: bool
    track: Track | None


def microscope(
    specimens: Sequence[Specimen],
    names: Names,
    layer: int,
    living: tuple[float, ...] = (),
    ended: bool = True,
    steps: Sequence[int] = (),
    run: str | None = None,
) -> Spec:
    """The values of hidden `layer`, from 1 on, of each arm that has it, as a Vega-Lite spec.

    `living` are the ends of the range of z with slopes worth having, if they are the same in all
    arms. Until the run has `ended` its latest step is shown; then the reader can scrub through it,
    beginning at the last step. With the recorded `steps` of a race its slider goes as that of the
    race, and together with those of other pictures of the same `run`, see `parts.summary.run_key`.
    """
    own = [each for each in specimens if layer <= len(each.dead)]
    low, high = _decades(own, layer)
    tables = {
        "bars": _bars(own, layer, low, high),
        "notes": _notes(own, names, layer),
        "units": _units(own, layer),
    }
    track = track_of(steps or tables["bars"]["step"]) if ended and own else None
    cut = any(each.dead.shape[1] > MOST_UNITS for each in own)
    picture = _picture(Look(tuple(names.items()), low, high, living, cut, track))
    key = run or run_key(tables["bars"])
    tables = {name: with_until(rows if track else latest(rows)) for name, rows in tables.items()}
    if track is not None:
        picture = picture.opening(**{REPLAY: track.last, RUN: key})
    return picture.with_data(**tables)


def _decades(specimens: Sequence[Specimen], layer: int) -> tuple[int, int]:
    """The bins of the gradient that hold something in any arm at any step, and a little more."""
    gradient = INSIDE["gradient"]
    counts = sum(
        (each.counts["gradient"][layer - 1] for each in specimens), np.zeros(gradient.bins)
    )
    filled = np.flatnonzero(counts)
    per_decade = round(gradient.bins / (gradient.high - gradient.low))
    least = _LEAST_DECADES * per_decade
    if not filled.size:
        return 0, gradient.bins
    low = max(0, int(filled[0]) - per_decade)
    high = min(gradient.bins, max(int(filled[-1]) + 1 + per_decade, low + least))
    return min(low, high - least), high


def _bars(specimens: Sequence[Specimen], layer: int, low: int, high: int) -> pd.DataFrame:
    """One row for each arm, step and quantity: the shares of all values in its bins, as words."""
    rows = []
    for each in specimens:
        for name, counts in each.counts.items():
            own = counts[layer - 1]
            own = own[low:high] if name == "gradient" else own
            shares = " ".join(f"{share:.4g}" for share in own / each.total)
            rows.append((each.arm, each.step, name, shares))
    return pd.DataFrame(rows, columns=["arm", "step", "quantity", "shares"])


def _notes(specimens: Sequence[Specimen], names: Names, layer: int) -> pd.DataFrame:
    """What stands in no bin, for each step and quantity: "exactly 0: A 34%, C 50%"."""
    letters = {arm: name.partition(" ")[0] for arm, name in names.items()}
    rows = []
    for step in sorted({each.step for each in specimens}):
        # Of an arm that ended early, what it ended with.
        now = {each.arm: each for each in specimens if each.step <= step}
        for name in INSIDE:
            first = name == next(iter(INSIDE))
            parts = [t("step {step}", "第 {step} 步", step=step)] if first else []
            for kind, of in (
                (t("exactly 0", "恰为 0"), lambda each: each.zeros),
                (t("∞ or NaN", "∞ 或 NaN"), lambda each: each.lost),
            ):
                counted = {letters[arm]: int(of(own)[name][layer - 1]) for arm, own in now.items()}
                totals = {letters[arm]: own.total for arm, own in now.items()}
                arms = [f"{x} {_share(n, totals[x])}" for x, n in counted.items() if n]
                if arms:
                    told = t(", ", "、").join(arms)
                    parts.append(t("{kind}: {arms}", "{kind}：{arms}", kind=kind, arms=told))
            rows.append(("", step, name, t("; ", "；").join(parts)))
    return pd.DataFrame(rows, columns=["arm", "step", "quantity", "words"])


def _share(part: int, total: int) -> str:
    share = part / total
    return "<1%" if share < 0.005 else f"{share:.0%}"


def _units(specimens: Sequence[Specimen], layer: int) -> pd.DataFrame:
    """For each arm and step the cells of its units: percent of saturated examples, or a state."""
    rows = []
    for each in specimens:
        saturated = each.saturated[layer - 1][:MOST_UNITS]
        dead = each.dead[layer - 1][:MOST_UNITS]
        cells = [
            _LOST if math.isnan(share) else _DEAD if gone else f"{share * 100:.0f}"
            for share, gone in zip(saturated.tolist(), dead.tolist(), strict=True)
        ]
        rows.append((each.arm, each.step, " ".join(cells)))
    return pd.DataFrame(rows, columns=["arm", "step", "cells"])


@built_once
def _picture(look: Look) -> alt.VConcatChart:
    """The picture without its data."""
    titles = {
        "z": (t("pre-activation z", "预激活值 z"), "z"),
        "slope": (
            t("slope φ′(z), as a share of the largest", "斜率 φ′(z)，与最大斜率之比"),
            t("slope φ′(z)", "斜率 φ′(z)"),
        ),
        "activation": (t("activation φ(z)", "激活值 φ(z)"), "φ(z)"),
        "gradient": (t("gradient |∂L/∂z| of single values", "单个值的梯度 |∂L/∂z|"), "|∂L/∂z|"),
    }
    rows = [_row(look, name, *words) for name, words in titles.items()]
    return column(
        *rows,
        _cells(look),
        spacing=14,
        independent=["x", "y"],
        params=replay_slider(look.track) if look.track is not None else (),
        description=t(
            "How z, slope, activation and gradient of a layer are spread over its units and "
            "examples, and how often each unit is saturated",
            "某一层的 z、斜率、激活值和梯度在神经元与样本上的分布，以及每个神经元饱和的频率",
        ),
    )


def _row(look: Look, name: str, title: str, short: str) -> alt.LayerChart:
    inside = INSIDE[name]
    width = (inside.high - inside.low) / inside.bins
    first, last = (look.low, look.high) if name == "gradient" else (0, inside.bins)
    low, high = inside.low + first * width, inside.low + last * width
    x = alt.X(
        "low:Q",
        title=None,
        scale=alt.Scale(domain=[low, high], nice=False, zero=False),
        axis=_axis(name, low, high),
    )
    y = alt.Y(
        "value:Q",
        title=None,
        # A square root, so that a spike and a broad hill can be seen together.
        scale=alt.Scale(domain=[0, 1], type="sqrt"),
        axis=alt.Axis(format="%", values=[0, 0.1, 1], grid=False),
    )
    bars = (
        _at(look, "bars")
        .transform_filter(alt.datum.quantity == name)
        .transform_calculate(share="split(datum.shares, ' ')", bin=f"sequence({last - first})")
        .transform_flatten(["share", "bin"])
        .transform_calculate(
            value="toNumber(datum.share)",
            called=f"{lookup(dict(look.names), 'datum.arm')} || datum.arm",
            low=f"{low} + datum.bin * {width}",
            high=f"{low} + (datum.bin + 1) * {width}",
        )
        .transform_filter("datum.value > 0")
        .encode(x=x, x2="high:Q", y=y, color=arm_color(dict(look.names), joined=True))
    )
    hovered = bars.mark_rect(opacity=0.25).encode(y2=alt.datum(0), tooltip=_tooltip(name))
    layers = [hovered, bars.mark_rule(strokeWidth=2), *_edges(look, name)]
    return sized(layered(*layers, _title(title, short, -8), _said(look, name)), HEIGHT)


def _axis(name: str, low: float, high: float) -> alt.Axis:
    if name == "slope":
        return alt.Axis(grid=False, values=[0, 0.25, 0.5, 0.75, 1], format=".3~g")
    if name != "gradient":
        return alt.Axis(grid=False, tickCount=7)
    exponents = decades(10.0**low, 10.0**high)
    return alt.Axis(grid=False, values=exponents, labelExpr=exponent_labels(exponents))


def _edges(look: Look, name: str) -> list[alt.Chart]:
    """Dashed rules: beyond them units are saturated."""
    inside = INSIDE[name]
    places = {"z": look.living, "slope": (SATURATED_BELOW,)}.get(name, ())
    rows = pd.DataFrame({"low": [place for place in places if inside.low < place < inside.high]})
    if rows.empty:
        return []
    return [alt.Chart(rows).mark_rule(color=INK, strokeDash=[4, 4]).encode(x="low:Q")]


def _title(title: str, short: str, y: float) -> alt.Chart:
    """The title of a plot above its left end, the short one where there is little room."""
    row = alt.Chart(pd.DataFrame({"title": [""]}))
    words = row.transform_calculate(title=f"{_NARROW} ? {quoted(short)} : {quoted(title)}")
    return words.mark_text(align="left", baseline="bottom", **WORDS).encode(
        x=alt.value(0), y=alt.value(y), text="title:N"
    )


def _said(look: Look, name: str) -> alt.Chart:
    """What stands in no bin, above the right end."""
    words = _at(look, "notes").transform_filter(alt.datum.quantity == name)
    mark = {**WORDS, "fontSize": LONG, "limit": alt.expr(f"{_NARROW} ? width - 60 : width - 280")}
    return words.mark_text(align="right", baseline="bottom", **mark).encode(
        x=alt.value("width"), y=alt.value(-8), text="words:N"
    )


def _cells(look: Look) -> alt.LayerChart:
    """A row of cells for each arm: the fuller, the more often the unit is saturated."""
    places = {arm: str(place) for place, (arm, _) in enumerate(look.names)}
    dead, lost = f"datum.cell == '{_DEAD}'", f"datum.cell == '{_LOST}'"
    cells = (
        _at(look, "units")
        .transform_calculate(
            cell="split(datum.cells, ' ')", units="length(split(datum.cells, ' '))"
        )
        .transform_calculate(unit="sequence(datum.units)")
        .transform_flatten(["cell", "unit"])
        .transform_calculate(
            share="(toNumber(datum.cell) || 0) / 100",
            sign=f"{dead} ? '×' : {lost} ? '∞' : ''",
            left="(datum.unit + 0.08) / datum.units",
            right="(datum.unit + 0.92) / datum.units",
            middle="(datum.unit + 0.5) / datum.units",
            row=f"toNumber({lookup(places, 'datum.arm')})",
            number="datum.unit + 1",
            called=f"{lookup(dict(look.names), 'datum.arm')} || datum.arm",
            state=f"{dead} ? {quoted(t('dead', '死亡'))} : {lost} ? '∞' : datum.cell + '%'",
        )
        .transform_calculate(
            top="datum.row + 0.1", bottom="datum.row + 0.9", level="datum.row + 0.5"
        )
    )
    x = alt.X("left:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=None)
    y = alt.Y(
        "top:Q",
        scale=alt.Scale(domain=[max(1, len(look.names)), 0], nice=False, zero=False),
        axis=None,
    )
    color = arm_color(dict(look.names), joined=True)
    placed = cells.encode(x=x, x2="right:Q", y=y, y2="bottom:Q", color=color)
    boxes = placed.mark_rect().encode(
        opacity=alt.Opacity(
            "share:Q", scale=alt.Scale(domain=[0, 1], range=[0.06, 0.9]), legend=None
        ),
        tooltip=[
            tooltip_line("called:N", t("network", "网络")),
            tooltip_line("number:Q", t("unit", "神经元")),
            tooltip_line("state:N", t("saturated", "饱和")),
        ],
    )
    frames = placed.mark_rect(filled=False, tooltip=None)
    signs = cells.mark_text(**WORDS).encode(x=alt.X("middle:Q"), y=alt.Y("level:Q"), text="sign:N")
    rows = [(place + 0.5, name.partition(" ")[0]) for place, (_, name) in enumerate(look.names)]
    letters = alt.Chart(pd.DataFrame(rows, columns=["level", "letter"]))
    named = letters.mark_text(align="right", dx=-8, **WORDS).encode(
        x=alt.value(0), y=alt.Y("level:Q"), text="letter:N"
    )
    said = (
        t("the first {n} units", "前 {n} 个神经元", n=MOST_UNITS)
        if look.cut
        else t("units", "神经元")
    )
    title = t(
        "{said}: the fuller, the more often saturated; × dead",
        "{said}：越深表示越常饱和，× 表示死亡",
        said=said,
    )
    short = t("{said}: fuller = saturated, × dead", "{said}：深 = 饱和，× = 死亡", said=said)
    return sized(
        layered(frames, boxes, signs, named, _title(title, short, -6)), _CELL * max(1, len(rows))
    )


def _at(look: Look, table: str) -> alt.Chart:
    rows = alt.Chart(alt.NamedData(table))
    return at_step(rows) if look.track is not None else rows


def _tooltip(name: str) -> list[alt.Tooltip]:
    low, high = t("from", "从"), t("to", "到")
    if name == "gradient":
        low, high = t("from 10 to the", "从 10 的幂次"), t("to 10 to the", "到 10 的幂次")
    return [
        tooltip_line("called:N", t("network", "网络")),
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("low:Q", low, ".3~g"),
        tooltip_line("high:Q", high, ".3~g"),
        tooltip_line("value:Q", t("share", "占比"), ".2%"),
    ]
