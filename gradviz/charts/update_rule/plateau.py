"""The plateau of one saturated unit: its loss, its gradient, and how far descent gets."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.buttons import line_of_words, preset_buttons, with_lines
from gradviz.charts.parts.expressions import in_words
from gradviz.charts.parts.handles import (
    GHOST,
    GUESSED,
    HAS_GUESS,
    SHARE_REVEALED,
    handle_selection,
    question_params,
)
from gradviz.charts.parts.marks import column, layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.theme import WORDS
from gradviz.language import t

START = "start_w"  # the signal of the selection
# The reader, who sees the gradient at NEAR, guesses by how much that at FAR is larger.
NEAR, FAR = 1.0, 8.0
STEEPEST = 0.62  # of the axis of the gradient, with room for guesses up to twice that at NEAR
STAYS, LEARNS = 0.1, 0.1  # who moves less than that stays; whose loss is under that has learned

_ANSWERED = f"{SHARE_REVEALED} == 1"


def plateau_chart(
    curve: pd.DataFrame, walks: pd.DataFrame, presets: pd.DataFrame, start: float
) -> Spec:
    """Loss and gradient over the weight w, and the steps taken from a start that one can drag.

    Returns a Vega-Lite spec. `curve` has the columns w, loss, gradient, and `output`, what the unit
    says; `walks` w (the start), step, at (where the weight is then) and loss (there); `presets`
    name, color, w. Raises `ValueError` for a start that has no walk.

    Until the answer is revealed, neither the gradient right of `NEAR` nor any step is seen.
    """
    starts = np.unique(walks["w"])
    if not np.isclose(starts, start).any():
        raise ValueError(f"start={start!r} is not from {starts[0]:g} to {starts[-1]:g}, by tenths")
    strips = pd.DataFrame({"w": curve["w"], "left": curve["w"] - 0.05, "right": curve["w"] + 0.05})
    return _picture(float(starts[0]), float(starts[-1]), start).with_data(
        curve=curve,
        walks=walks,
        presets=with_lines(presets),
        strips=strips,
        ends=ends_frame(curve, walks),
    )


def ends_frame(curve: pd.DataFrame, walks: pd.DataFrame) -> pd.DataFrame:
    """For each start where its walk ends, `told` in words, and the `verdict` on the walk.

    `before` is what can be said of the start before the answer is revealed.
    """
    last = walks[walks["step"] == walks["step"].max()].rename(columns={"loss": "loss_there"})
    table = last.merge(curve, on="w")
    columns = (table[name].tolist() for name in ("gradient", "step", "w", "at"))
    table["told"] = [
        t(
            "∂L/∂w = {gradient}: {steps} steps move w from {w:.1f} to {at:.2f}",
            "∂L/∂w = {gradient}：{steps} 步后 w 从 {w:.1f} 变为 {at:.2f}",
            gradient=rounded_power(gradient, 2),
            steps=steps,
            w=w,
            at=at,
        )
        for gradient, steps, w, at in zip(*columns, strict=True)
    ]
    learned = walks[walks["loss"] < LEARNS].groupby("w")["step"].min()
    moved = (table["w"] - table["at"]).tolist()
    table["verdict"] = [_verdict(*row) for row in zip(moved, table["w"].map(learned), strict=True)]
    table["before"] = [
        t(
            "at w = {w:.1f} the unit says {output:.4g}, and should say 0",
            "w = {w:.1f} 时神经元输出 {output:.4g}，本应输出 0",
            w=w,
            output=output,
        )
        for w, output in zip(table["w"].tolist(), table["output"].tolist(), strict=True)
    ]
    return table


def _verdict(moved: float, learned: float) -> str:
    """What to think of a walk by which w has `moved`; from step `learned` on the loss is small."""
    if learned == 0:
        return t("nearly right from the start", "一开始就差不多是对的")
    if learned > 0:
        return t(
            "the loss is under {loss:g} after {steps:.0f} steps",
            "{steps:.0f} 步后损失低于 {loss:g}",
            loss=LEARNS,
            steps=learned,
        )
    if moved < STAYS:
        return t("saturated: as wrong as can be, and it stays", "饱和：错到极点，却一动不动")
    return t("slow: still wrong at the end", "缓慢：到最后仍然是错的")


@built_once
def _picture(low: float, high: float, start: float) -> alt.VConcatChart:
    """The picture without its data."""
    slider = alt.binding_range(min=low, max=high, step=0.1, name=t("Start w ", "起点 w "))
    chosen = handle_selection("start", "w", start, slider)
    ends = (low, high)
    return column(
        preset_buttons(alt.NamedData("presets"), f"abs(datum.w - {START}) < 0.05"),
        _words("told", "datum.before"),
        _words("verdict", "''"),
        _loss(ends, chosen),
        _gradient(ends),
        spacing=8,
        description=t(
            "The loss of one sigmoid unit over its weight, with the steps of gradient descent "
            "from a movable start, above its gradient",
            "单个 sigmoid 神经元的损失随权重变化的曲线，以及从可移动的起点出发的梯度下降，"
            "下方是梯度",
        ),
        independent=(
            "x",
            "color",
        ),
        params=[*question_params()],
    )


def _words(told: str, before: str) -> alt.Chart:
    """What becomes of the unit that starts here: the column `told`, until the answer `before`."""
    words = f"{_ANSWERED} ? datum.{told} : {before}"
    return line_of_words(_at_start("ends").transform_calculate(words=words))


def _at_start(data: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(data)).transform_filter(f"abs(datum.w - {START}) < 0.05")


def _w(ends: tuple[float, float], axis: alt.Axis, field: str = "w") -> alt.X:
    return alt.X(f"{field}:Q", scale=alt.Scale(domain=ends, nice=False), axis=axis)


def _loss(ends: tuple[float, float], chosen: alt.Parameter) -> alt.LayerChart:
    hidden = alt.Axis(title=None, labels=False, ticks=False)
    y = alt.Y(
        "loss:Q",
        title=t("Loss", "损失"),
        scale=alt.Scale(domain=[-0.06, 1.1], nice=False),
        axis=alt.Axis(values=[0, 0.5, 1]),
    )
    line = (
        alt.Chart(alt.NamedData("curve"))
        .mark_line(color=INK, strokeWidth=2)
        .encode(x=_w(ends, hidden), y=y)
    )
    steps = _at_start("walks").transform_filter(f"{_ANSWERED} || datum.step == 0")
    place = {"x": _w(ends, hidden, "at"), "y": y}
    way = steps.mark_point(filled=True, size=45, color=COLORS["healthy"], opacity=0.8)
    first = steps.transform_filter("datum.step == 0")
    begin = first.mark_point(size=190, strokeWidth=3, color=COLORS["sigmoid"])
    return layered(
        line,
        way.encode(**place),
        begin.encode(**place),
        _handles().add_params(chosen),
    ).properties(height=124)


def _gradient(ends: tuple[float, float]) -> alt.LayerChart:
    x = _w(ends, corner_axis("w", alt.Axis(tickMinStep=1)))
    y = alt.Y(
        "gradient:Q",
        title="∂L/∂w",
        scale=alt.Scale(domain=[0, STEEPEST], nice=False),
        axis=alt.Axis(tickCount=3),
    )
    known = f"{NEAR} + {SHARE_REVEALED} * {ends[1] - NEAR}"
    seen = alt.Chart(alt.NamedData("curve")).transform_filter(f"datum.w <= {known}")
    base = seen.encode(x=x, y=y)
    here = _at_start("curve").transform_filter(f"datum.w <= {known}")
    return layered(
        base.mark_area(color=COLORS["sigmoid"], opacity=0.2),
        base.mark_line(color=COLORS["sigmoid"], strokeWidth=2),
        *_asked(x, y),
        here.mark_point(filled=True, size=90, color=COLORS["sigmoid"], opacity=1).encode(x=x, y=y),
        _handles().encode(tooltip=GHOST),
    ).properties(height=136)


def _asked(x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """The gradient at NEAR in numbers, and from there to FAR the line of the guess."""
    curve = alt.Chart(alt.NamedData("curve"))
    near = curve.transform_filter(f"abs(datum.w - {NEAR}) < 0.05")
    line = (
        near.transform_filter(HAS_GUESS)
        .transform_calculate(place=f"[{NEAR}, {FAR}]")
        .transform_flatten(["place"])
        .transform_calculate(
            w="datum.place", gradient=f"datum.gradient * (datum.w > {NEAR} ? {GUESSED} : 1)"
        )
        .encode(x=x, y=y)
    )
    end = line.transform_filter(f"datum.w == {FAR}")
    truth = curve.transform_filter(f"abs(datum.w - {FAR}) < 0.05 && {_ANSWERED} && {HAS_GUESS}")
    number = in_words(
        t("at w = {w}: {gradient}", "w = {w} 处：{gradient}"),
        w=f"'{NEAR:g}'",
        gradient="format(datum.gradient, '.2f')",
    )
    return [
        near.transform_calculate(words=number)
        .mark_text(align="right", baseline="bottom", dy=-8, **WORDS)
        .encode(x=x, y=y, text="words:N"),
        line.mark_line(color=INK, strokeWidth=2, strokeDash=[2, 4]),
        end.mark_point(size=110, strokeWidth=2.5, color=INK, opacity=1),
        end.mark_text(baseline="bottom", dy=-9, **WORDS).encode(
            text=alt.value(t("your guess", "你的猜测"))
        ),
        truth.mark_point(size=190, strokeWidth=3, color=COLORS["sigmoid"], opacity=1).encode(
            x=x, y=y
        ),
    ]


def _handles() -> alt.Chart:
    """Invisible upright strips, one for each start."""
    return (
        alt.Chart(alt.NamedData("strips"))
        .mark_rect(opacity=0, clip=True, cursor="ew-resize", tooltip=None)
        .encode(x=alt.X("left:Q"), x2="right:Q", y=alt.value(0), y2=alt.value("height"))
    )
