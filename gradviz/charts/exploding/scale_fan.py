"""How the signal changes on its way back at several weight scales: a fan of lines over layers."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import quoted, tooltip_line
from gradviz.charts.parts.handles import GUESSED, HAS_GUESS, SHARE_REVEALED, question_params
from gradviz.charts.parts.marks import layered, rule_at
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import log_domain
from gradviz.charts.parts.theme import WORDS
from gradviz.language import t

HEIGHT = 380
NEARLY = 10.0  # a signal that changes by less on its whole way neither vanishes nor explodes


def scale_fan(
    measured: pd.DataFrame, theory: pd.DataFrame, chosen: float, asked: bool = False
) -> Spec:
    """δ_l/δ_L by layer for several weight scales, that of `chosen` before all others.

    Returns a Vega-Lite spec. `measured` has the columns sigma, layer and value, a row for each
    seed, and `theory` the same, a row for each layer. If it is `asked` which scale keeps the
    signal, that of `chosen` is seen as it is, and all others lie flat until the answer is revealed,
    when they are seen, too; only that of the guess is seen before.
    """
    marks = _over_seeds(measured)
    told = {name: _told(table, marks, chosen) for name, table in _tables(marks, theory).items()}
    domain = log_domain(marks["low"], marks["high"], theory["value"])
    return _picture(domain, int(measured["layer"].max()), asked).with_data(**told)


def _over_seeds(measured: pd.DataFrame) -> pd.DataFrame:
    """The middle and the range of the seeds; a log axis has no place for zeros and overflows."""
    usable = measured[(measured["value"] > 0) & (measured["value"] < math.inf)]
    logs = usable.assign(value=np.log(usable["value"])).groupby(["sigma", "layer"])["value"]
    levels = logs.agg(["mean", "min", "max"]).apply(np.exp)
    return levels.set_axis(["value", "low", "high"], axis=1).reset_index()


def _tables(marks: pd.DataFrame, theory: pd.DataFrame) -> dict[str, pd.DataFrame]:
    first = marks[marks["layer"] == marks.groupby("sigma")["layer"].transform("min")]
    names = [t("scale {scale:g}", "尺度 {scale:g}", scale=sigma) for sigma in first["sigma"]]
    return {"marks": marks, "prediction": theory, "names": first.assign(name=names)}


def _told(table: pd.DataFrame, marks: pd.DataFrame, chosen: float) -> pd.DataFrame:
    """`table` with the color of each scale, by what becomes of its signal, and which is chosen."""
    at_first = marks.groupby("sigma")["value"].first()
    fate = np.select([at_first < 1 / NEARLY, at_first > NEARLY], ["vanish", "explode"], "healthy")
    colors = pd.Series([COLORS[name] for name in fate], index=at_first.index)
    return table.assign(color=table["sigma"].map(colors), chosen=table["sigma"] == chosen)


@built_once
def _picture(domain: tuple[float, float], depth: int, asked: bool) -> alt.LayerChart:
    """The picture without its data."""
    y = alt.Y(
        "y:Q",
        scale=power_scale(*domain),
        axis=power_axis(*domain, t("δ / δ of the last hidden layer", "δ / 最后隐藏层的 δ")),
    )
    place = {"x": _layers(depth), "y": y, "color": alt.Color("shade:N", scale=None)}
    lines = _rows("prediction", asked).mark_line(clip=True)
    marks = _rows("marks", asked)
    seeds = marks.mark_rule(strokeWidth=6, opacity=0.3)
    picture = layered(
        rule_at(1.0, y, dash=(6, 4)),
        lines.encode(
            **place, detail="sigma:Q", strokeWidth=_chosen(3, 1.5), opacity=_chosen(1, 0.5)
        ),
        seeds.transform_filter("datum.chosen").encode(
            **{**place, "y": alt.Y("low:Q")}, y2="high:Q"
        ),
        marks.mark_point(filled=True).encode(
            **place, size=_chosen(60, 25), opacity=_chosen(1, 0.7), tooltip=_tooltip()
        ),
        *_names(place, asked),
        *(_flat(y) if asked else []),
    ).properties(
        height=HEIGHT,
        description=t(
            "The signal of each hidden layer relative to the last, on a log axis, for several "
            "weight scales: theory as lines, measurements as marks",
            "不同权重尺度下各隐藏层误差信号与最后一层之比（对数轴）：线为理论，点为测量值",
        ),
    )
    return picture.add_params(*question_params()) if asked else picture


def _layers(depth: int) -> alt.X:
    return alt.X(
        "layer:Q",
        title=t("Hidden layer (1 is next to the input)", "隐藏层（第 1 层紧邻输入）"),
        scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
        axis=alt.Axis(format="d", grid=False),
    )


def _rows(data: str, asked: bool) -> alt.Chart:
    """Rows at their height `y`: as the answer is revealed the flat lines open like a fan.

    The line of the chosen scale is open from the first.
    """
    rows = alt.Chart(alt.NamedData(data))
    if not asked:
        return rows.transform_calculate(y="datum.value", shade="datum.color")
    guessed = f"{HAS_GUESS} && datum.sigma == {GUESSED}"
    told = f"(datum.chosen || {SHARE_REVEALED} > 0)"
    return rows.transform_filter(f"{told} || ({guessed})").transform_calculate(
        y=f"datum.chosen ? datum.value : pow(datum.value, {SHARE_REVEALED})",
        # The color tells what becomes of the signal.
        shade=f"{told} ? datum.color : {quoted(INK)}",
    )


def _chosen(then: float, otherwise: float) -> dict[str, Any]:
    """An encoding that has one value for the scale that is chosen, another for all others."""
    return {"condition": {"test": "datum.chosen", "value": then}, "value": otherwise}


def _names(place: dict[str, Any], asked: bool) -> list[alt.Chart]:
    """Which scale each line is of, at its end next to the input, and which was the guess."""
    named = _rows("names", asked).transform_calculate(words="datum.name")
    rings = []
    if asked:
        guessed = f"{HAS_GUESS} && datum.sigma == {GUESSED}"
        guess = quoted(t(" – your guess", "：你的猜测"))
        named = named.transform_filter(f"datum.chosen || {SHARE_REVEALED} == 1 || ({guessed})")
        named = named.transform_calculate(words=f"datum.name + ({guessed} ? {guess} : '')")
        ring = named.transform_filter(guessed).mark_point(size=170, strokeWidth=2.5, opacity=1)
        rings.append(ring.encode(**{**place, "color": alt.value(INK)}))
    words = {**WORDS, "align": "left", "dx": 2}
    # Beside its line: above one that falls to the right, below one that rises.
    sides = {
        "datum.y >= 1": {"baseline": "bottom", "dy": -7},
        "datum.y < 1": {"baseline": "top", "dy": 7},
    }
    bold = alt.expr("datum.chosen ? 'bold' : 'normal'")
    return rings + [
        named.transform_filter(side)
        .mark_text(**words, **look, fontWeight=bold)
        .encode(**place, text="words:N")
        for side, look in sides.items()
    ]


def _flat(y: alt.Y) -> list[alt.Chart]:
    """What it is that is asked for, in words at the level line, until the lines open."""
    words = t("a flat line neither vanishes nor explodes", "平线：既不消失也不爆炸")
    level = alt.Chart(pd.DataFrame({"y": [1.0]})).transform_filter(f"{SHARE_REVEALED} == 0")
    return [
        level.mark_text(**WORDS, align="right", baseline="top", dx=-4, dy=8).encode(
            x=alt.value("width"), y=y, text=alt.value(words)
        )
    ]


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("sigma:Q", t("weight scale", "权重尺度"), "~r"),
        tooltip_line("layer:Q", t("layer", "层")),
        tooltip_line("value:Q", t("δ / δ of the last", "δ / 末层 δ"), ".2e"),
    ]
