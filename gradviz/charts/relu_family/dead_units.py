"""How many units of a network die while it trains."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.layers import Names
from gradviz.charts.parts.expressions import lookup, tooltip_line
from gradviz.charts.parts.marks import layered, step_axis
from gradviz.charts.parts.palette import INK, colors_of
from gradviz.charts.parts.theme import LONG, themed
from gradviz.language import t

HEIGHT = 260
_LINE = 0.085  # between words one above the other, as a share of the axis


def dead_shares(history: pd.DataFrame) -> pd.DataFrame:
    """The share of all hidden units that are dead, from the history of a run.

    One row per arm and step: mean `middle`, `low` and `high` over the seeds that have not
    overflowed, and their number `seeds`; a step at which none is left is left out.
    """
    rows = history[history["quantity"] == "dead"]
    # The output layer has no activation, so it is not counted.
    rows = rows[rows["layer"] < rows.groupby("arm")["layer"].transform("max")]
    shares = rows.groupby(["arm", "step", "seed"], sort=False)["value"].mean(skipna=False)
    shares = shares[np.isfinite(shares)].groupby(["arm", "step"], sort=False)
    levels = shares.agg(["mean", "min", "max", "count"]).reset_index()
    return levels.set_axis(["arm", "step", "middle", "low", "high", "seeds"], axis=1)


def ends_frame(shares: pd.DataFrame, names: Names, steps: int) -> pd.DataFrame:
    """What is said at the ends of the curves: step, place (a height), color and words.

    Curves that end alike are said together; the places lie far enough apart to be read. Where not
    all seeds of a network are left, it is said how many are, since the mean is over those alone.
    """
    last = shares.groupby("arm", sort=False).tail(1)
    most = shares.groupby("arm", sort=False)["seeds"].max()
    colors = colors_of(names)
    ends: dict[tuple[int, str, str], list[str]] = {}
    for arm, step, share, left in zip(
        last["arm"], last["step"], last["middle"], last["seeds"], strict=True
    ):
        fate = _fate(int(left), int(most[arm]), step < steps)
        ends.setdefault((int(step), f"{share:.0%}", fate), []).append(arm)
    rows = [
        {
            "step": step,
            "share": float(share.rstrip("%")) / 100,
            "color": colors[arms[0]] if len(arms) == 1 else INK,
            "words": t(", ", "、").join(names[arm] for arm in arms) + f" {share}{fate}",
        }
        for (step, share, fate), arms in ends.items()
    ]
    table = pd.DataFrame(rows, columns=["step", "share", "color", "words"]).sort_values("share")
    places: list[float] = []
    for share in table["share"]:
        places.append(max(share, places[-1] + _LINE) if places else share)
    # Those at the top move down again, and push what lies below them.
    top = 1.0 - _LINE
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], top)
        top = places[index] - _LINE
    return table.assign(place=places)


def _fate(left: int, seeds: int, ended: bool) -> str:
    """What became of the seeds of a network, in words; nothing if all are there."""
    if ended:
        return t(", then all seeds overflowed", "，随后所有种子都上溢")
    if left == seeds:
        return ""
    return t(
        ", {left} of {seeds} seeds left", "，{seeds} 个种子剩 {left} 个", left=left, seeds=seeds
    )


def losses_frame(shares: pd.DataFrame, steps: int) -> pd.DataFrame:
    """The rows of `shares` at which seeds leave the mean, with how many `seeds` are left then."""
    before = shares.groupby("arm", sort=False)["seeds"].shift()
    last = shares.groupby("arm", sort=False).tail(1)
    ended = last[last["step"] < steps].assign(seeds=0)
    return pd.concat([shares[shares["seeds"] < before], ended], ignore_index=True)


def dead_units(shares: pd.DataFrame, names: Names, steps: int) -> alt.LayerChart:
    """The `dead_shares` of a run of `steps` steps as curves, with bands over the seeds.

    Each is called by its name at its end. A triangle is where seeds overflow and leave the mean.
    """
    x = step_axis(max(steps, 1))
    y_low = alt.Y(
        "low:Q",
        title=t("Dead hidden units", "死亡的隐藏单元"),
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", tickCount=5),
    )
    colors = colors_of(names)
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    curves = alt.Chart(shares).encode(x=x, color=alt.Color("arm:N", scale=scale, legend=None))
    lost = alt.Chart(losses_frame(shares, steps)).encode(x=x, y=alt.Y("middle:Q"))
    marks = lost.mark_point(shape="triangle-up", filled=True, size=80, opacity=1)
    called = f"({lookup(names, 'datum.arm')} || datum.arm)"
    told = curves.transform_calculate(called=called).encode(y="middle:Q", tooltip=_tooltip())
    return themed(
        layered(
            curves.mark_area(opacity=0.2).encode(y=y_low, y2="high:Q"),
            curves.mark_line(strokeWidth=2).encode(y="middle:Q"),
            # A line has no values of its own to hover over.
            told.mark_point(filled=True, size=60, opacity=0),
            marks.transform_calculate(called=called).encode(
                color=alt.Color("arm:N", scale=scale, legend=None), tooltip=_tooltip()
            ),
            _names(ends_frame(shares, names, steps)),
        ).properties(
            height=HEIGHT,
            description=t(
                "Share of dead hidden units over the training steps",
                "死亡隐藏单元的比例随训练步的变化",
            ),
        )
    )


def _names(ends: pd.DataFrame) -> alt.Chart:
    """The words of `ends`, over the ends of their curves."""
    words = alt.Chart(ends).mark_text(
        align="right", baseline="bottom", dy=-4, fontSize=LONG, fontWeight="bold"
    )
    return words.encode(
        x=alt.value("width"),
        y=alt.Y("place:Q"),
        text="words:N",
        color=alt.Color("color:N", scale=None),
    )


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("called:N", t("network", "网络")),
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("middle:Q", t("dead", "死亡"), ".0%"),
        tooltip_line("seeds:Q", t("seeds left", "剩余种子数")),
    ]
