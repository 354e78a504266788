"""Gradient descent on a loss surface over two weights: path, loss curve, and the current step."""

from __future__ import annotations

import math

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.buttons import line_of_words
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.handles import REPLAY, RUN, replay_slider
from gradviz.charts.parts.marks import column, layered, sized
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale, rounded_power
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import Track, run_key
from gradviz.charts.parts.theme import READOUT
from gradviz.charts.surface import (
    LOSSES,
    path_marks,
    smooth_map,
    surface_frame,
    surface_image,
    surface_map,
)
from gradviz.language import t
from gradviz.theory.landscape import Descent, Landscape

HEIGHT = 260  # pixels, of the surface


def descent_chart(scene: Landscape, walk: Descent, lr: float, places: pd.DataFrame) -> Spec:
    """The path of `walk` on `scene`, as a Vega-Lite spec; a press on the surface selects a start.

    The page plays the path once, as it does a run.
    `places` are points of the surface worth naming, with the columns a, b and name.
    """
    steps = len(walk.losses) - 1
    # The axes show finite numbers only; the words tell what became of the others.
    path = path_frame(walk)
    picture = _picture(scene.names, scene.low, scene.high, steps)
    return picture.opening(**{RUN: run_key(path)}).with_data(
        surface=surface_frame(scene),
        image=pd.DataFrame({"url": [surface_image(scene)]}),
        places=places,
        path=path.replace([np.inf, -np.inf], np.nan).dropna(),
        words=_words(scene, walk, lr),
    )


def path_frame(walk: Descent) -> pd.DataFrame:
    """The points of the walk: step, a, b, loss."""
    rows = {"step": range(len(walk.losses)), "a": walk.points[:, 0], "b": walk.points[:, 1]}
    return pd.DataFrame({**rows, "loss": walk.losses})


def _words(scene: Landscape, walk: Descent, lr: float) -> pd.DataFrame:
    """For each step and each weight the update in numbers, and the loss that it leads to."""
    rows = []
    for step in range(len(walk.losses) - 1):
        point, gradient, after = walk.points[step], walk.gradients[step], walk.points[step + 1]
        for i, name in enumerate(scene.names):
            words = f"{name} ← {point[i]:.3f} − {lr:g} × ({_short(gradient[i])}) = {after[i]:.3f}"
            rows.append({"step": step, "weight": i, "words": words.replace("-", "−")})
    return pd.DataFrame(rows)


def _short(number: float) -> str:
    if number == 0 or abs(number) >= 0.01 or not math.isfinite(number):
        return f"{number:.3f}"
    return ("-" if number < 0 else "") + rounded_power(abs(number), 2)


@built_once
def _picture(
    names: tuple[str, str],
    low: tuple[float, float],
    high: tuple[float, float],
    steps: int,
) -> alt.VConcatChart:
    """The picture without its data."""
    return column(
        _surface(names, low, high),
        *(_line_of_weight(i, steps) for i in range(2)),
        _loss_curve(steps),
        spacing=6,
        description=t(
            "Loss over two weights as a colored map with the path of gradient descent, the "
            "current step in numbers, and the loss over the steps",
            "以颜色表示的两个权重上的损失曲面与梯度下降的路径，当前一步的数值，"
            "以及损失随步数的曲线",
        ),
        independent=(
            "x",
            "y",
        ),
        params=[*replay_slider(Track(0, steps, 1))],
    )


def _surface(
    names: tuple[str, str], low: tuple[float, float], high: tuple[float, float]
) -> alt.LayerChart:
    title = t("mean loss", "平均损失")
    surface = surface_map(alt.NamedData("surface"), names, low, high, seen=False, title=title)
    return sized(
        layered(smooth_map(alt.NamedData("image"), HEIGHT), surface, *_places(), *_path()), HEIGHT
    )


def _places() -> list[alt.Chart]:
    base = alt.Chart(alt.NamedData("places")).encode(x="a:Q", y="b:Q")
    return [
        base.mark_point(shape="cross", filled=True, size=70, color="white", opacity=1),
        base.mark_text(dy=-12, color="white", fontSize=READOUT, fontWeight="bold").encode(
            text="name:N"
        ),
    ]


def _path() -> list[alt.Chart]:
    path = alt.Chart(alt.NamedData("path")).encode(x=alt.X("a:Q"), y=alt.Y("b:Q"))
    walked = path.transform_filter(f"datum.step <= {REPLAY}")
    color = COLORS["descent"]
    return [
        *path_marks(walked, path, color, size=28),
        path.transform_filter(f"datum.step == {REPLAY}").mark_point(
            filled=True, size=150, color=color, stroke="white", strokeWidth=2, opacity=1, clip=True
        ),
    ]


def _line_of_weight(weight: int, steps: int) -> alt.Chart:
    """The update of one weight at the step shown; at the end of the path, the last one."""
    rows = alt.Chart(alt.NamedData("words")).transform_filter(
        f"datum.weight == {weight} && datum.step == min({REPLAY}, {steps - 1})"
    )
    return line_of_words(rows)


def _loss_curve(steps: int) -> alt.LayerChart:
    low, high = LOSSES
    base = alt.Chart(alt.NamedData("path")).transform_calculate(
        shown=f"clamp(datum.loss, {low}, {high})"
    )
    x = alt.X(
        "step:Q",
        scale=alt.Scale(domain=[0, steps], nice=False),
        axis=corner_axis(
            t("step", "步"), alt.Axis(grid=False, format="d", tickMinStep=1, tickCount=6)
        ),
    )
    axis = power_axis(low, high, t("Mean loss", "平均损失"), most=5)
    y = alt.Y("shown:Q", scale=power_scale(low, high), axis=axis)
    here = base.transform_filter(f"datum.step == {REPLAY}")
    color = COLORS["descent"]
    return layered(
        base.mark_line(color=color, strokeWidth=2).encode(x=x, y=y),
        base.mark_point(filled=True, size=60, opacity=0).encode(x=x, y=y, tooltip=_tooltip()),
        here.mark_rule(color=INK, strokeDash=[3, 3]).encode(x=x),
        here.mark_point(filled=True, size=90, color=color, opacity=1).encode(x=x, y=y),
    ).properties(height=75)


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("loss:Q", t("loss", "损失"), ".3~g"),
    ]
