"""One start, two paths: gradient descent without clipping and with it, on a loss surface.

Below the surface it is cut open where the longest step begins, with that step on the cut. The
threshold is dragged in the browser, through paths that were all walked before; a press on the
surface asks the server for those of another start.
"""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.clipping.relief import (
    depth_frame,
    ground_frame,
    project,
    relief,
    relief_frame,
)
from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import in_words, lookup, quoted, tooltip_line
from gradviz.charts.parts.marks import column, layered, sized, state_names
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale, scientific
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.theme import LONG, READOUT, WORDS
from gradviz.charts.surface import path_marks
from gradviz.language import t
from gradviz.theory.landscape import Descent, Landscape

POWER = "threshold_power"  # the parameter in the browser: the threshold is 10 to this power
KINDS = {"free": "explode", "clipped": "clip_norm"}  # the two paths, and their colors' names
GRADIENTS = (1e-4, 1e4)  # the axis of their norms
HIGHEST = 0.45  # of the axis of the cut
_NAMED = ((4.6, -3.14), (6.3, -1.72))  # places whose loss is written on the surface


def cliff_chart(
    scene: Landscape,
    free: Descent,
    clipped: Mapping[float, Descent],
    power: float,
    kind: str = "norm",
    lr: float = 0.5,
) -> Spec:
    """The path `free` and, for the threshold 10^`power`, the path of `clipped`, on `scene`.

    `clipped` maps evenly spaced powers of ten to the path walked with that threshold, clipped by
    `kind`, "norm" or "value"; all with the learning rate `lr`. Below the surface: the loss along
    the first weight where the longest step of `free` begins, with that step; and the norm of the
    gradient, before clipping, with the threshold. Raises `ValueError` if no path was walked for
    `power`.
    """
    powers = sorted(clipped)
    if power not in powers:
        raise ValueError(f"power={power!r} is not one of {', '.join(map(str, powers))}")
    steps = len(free.losses) - 1
    picture = _picture(scene.names, scene.low, scene.high, steps, tuple(powers), power)
    paths = [path_frame(scene, free, "free")]
    paths += [path_frame(scene, clipped[power], "clipped").assign(power=power) for power in powers]
    jump = jump_frame(scene, free, kind, lr)
    cut = cut_frame(scene, float(jump["b"].iloc[0]))
    return picture.with_data(
        relief=relief_frame(scene),
        ground=ground_frame(scene),
        depths=depth_frame(scene),
        places=places_frame(scene),
        paths=pd.concat(paths, ignore_index=True),
        jump=jump,
        cut=cut,
    )


def path_frame(scene: Landscape, walk: Descent, kind: str) -> pd.DataFrame:
    """The finite points of the walk: kind, step, place x and y in the picture, gradient norm.

    `norm` is as its axis holds it; `measured_loss` and `measured_norm` are what they are, `zero`
    says where the gradient is exactly 0, and `first` where it first is.
    """
    norms = np.hypot(*walk.gradients.T)
    zero = norms == 0
    rows = pd.DataFrame(
        {
            "kind": kind,
            "step": range(len(walk.losses)),
            "a": walk.points[:, 0],
            "b": walk.points[:, 1],
            "norm": np.clip(norms, *GRADIENTS),
            "measured_loss": walk.losses,
            "measured_norm": norms,
            "zero": zero,
            "first": zero & (np.cumsum(zero) == 1),
        }
    )
    rows = rows.join(project(scene, walk.points[:, 0], walk.points[:, 1], walk.losses))
    # Rows with inf as well as those with NaN.
    return rows.replace([np.inf, -np.inf], np.nan).dropna()


def jump_frame(scene: Landscape, walk: Descent, kind: str, lr: float) -> pd.DataFrame:
    """One row, the longest step of the walk: step, a, b and loss where it begins, and its length.

    `to` is the first weight after it, `clip` and `lr` are as given, `by_a` and `norm` the gradient.
    """
    lengths = np.linalg.norm(np.diff(walk.points, axis=0), axis=1)
    step = int(np.argmax(np.where(np.isfinite(lengths), lengths, -1.0)))
    row = {"step": step, "a": walk.points[step, 0], "b": walk.points[step, 1]}
    row |= {"loss": walk.losses[step], "length": lengths[step], "to": walk.points[step + 1, 0]}
    row |= {"by_a": walk.gradients[step, 0], "by_b": walk.gradients[step, 1]}
    return pd.DataFrame([{**row, "clip": kind, "lr": lr}])


def cut_frame(scene: Landscape, b: float, points: int = 301) -> pd.DataFrame:
    """The surface along its first weight at `b`, which the picture holds: a, loss, x and y.

    Points lie closer where the surface is steep, so that a wall is upright.
    """
    b = float(np.clip(b, scene.low[1], scene.high[1]))
    fine = np.linspace(scene.low[0], scene.high[0], 20 * points)
    loss = scene.evaluate(fine, np.full_like(fine, b))[0]
    way = np.concatenate([[0], np.cumsum(np.hypot(np.diff(fine), 10 * np.diff(loss)))])
    a = np.interp(np.linspace(0, way[-1], points), way, fine)
    loss = scene.evaluate(a, np.full_like(a, b))[0]
    places = project(scene, a, np.full_like(a, b), loss)
    return pd.DataFrame({"a": a, "loss": loss}).join(places)


def places_frame(scene: Landscape) -> pd.DataFrame:
    """Places high and low on the surface with their loss in words: x, y, words."""
    a, b = (np.array(part) for part in zip(*_NAMED, strict=True))
    loss = scene.evaluate(a, b)[0]
    words = [t("loss {value:.2f}", "损失 {value:.2f}", value=value) for value in loss]
    return project(scene, a, b, loss).assign(words=words)


def path_names() -> dict[str, str]:
    """What the two paths are called, in the current language."""
    return {"free": t("without clipping", "不剪切"), "clipped": t("clipped", "剪切")}


@built_once
def _picture(
    names: tuple[str, str],
    low: tuple[float, float],
    high: tuple[float, float],
    steps: int,
    powers: tuple[float, ...],
    power: float,
) -> alt.VConcatChart:
    """The picture without its data."""
    slider = alt.binding_range(
        min=powers[0],
        max=powers[-1],
        step=powers[1] - powers[0],
        name=t("log₁₀ threshold ", "log₁₀ 阈值 "),
    )
    surface = layered(
        *relief(names, low, high), *_cut_line(), *_path("free"), *_path("clipped"), *_places()
    )
    return column(
        sized(surface, 225),
        _names(),
        _cut(names[0], low[0], high[0]),
        _norms(steps),
        spacing=6,
        description=t(
            "A loss surface with a wall, seen from above, and on it two paths of gradient descent "
            "from one start, one with its gradient clipped; below, the surface cut open at the "
            "wall with the longest step, and the gradient's norm with the threshold",
            "俯视一个带崖壁的损失曲面，其上有从同一起点出发的两条梯度下降路径，其中一条做了剪切；"
            "下方是崖壁处的剖面与最长的一步，以及梯度范数与阈值",
        ),
        independent=(
            "x",
            "y",
            "color",
        ),
        params=[alt.param(POWER, value=power, bind=slider)],
    )


def _shown(kind: str | None = None) -> alt.Chart:
    """The rows of both paths, or of `kind`, for the threshold that the slider says."""
    rows = alt.Chart(alt.NamedData("paths"))
    at = f"datum.kind == 'free' || abs(datum.power - {POWER}) < 1e-6"
    rows = rows.transform_filter(at)
    return rows if kind is None else rows.transform_filter(alt.datum.kind == kind)


def _path(kind: str) -> list[alt.Chart]:
    color = COLORS[KINDS[kind]]
    path = _shown(kind).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    return path_marks(path, path, color, size=26)


def _cut_line() -> list[alt.Chart]:
    """Where the surface is cut open."""
    line = alt.Chart(alt.NamedData("cut")).encode(x="x:Q", y="y:Q", order="a:Q")
    return [line.mark_line(color="black", strokeWidth=1.5, strokeDash=[5, 4])]


def _places() -> list[alt.Chart]:
    words = alt.Chart(alt.NamedData("places")).mark_text(
        baseline="top", dy=2, color="black", fontSize=READOUT
    )
    return [words.encode(x="x:Q", y="y:Q", text="words:N")]


def _names() -> alt.LayerChart:
    """What the two paths and their curves below are called, each in its color."""
    names = path_names()
    text = {kind: pd.DataFrame({"words": [f"● {name}"]}) for kind, name in names.items()}
    looks = {
        kind: {"color": COLORS[name], "fontSize": LONG, "fontWeight": "bold"}
        for kind, name in KINDS.items()
    }
    free = alt.Chart(text["free"]).mark_text(align="left", **looks["free"])
    clipped = alt.Chart(text["clipped"]).mark_text(align="right", **looks["clipped"])
    words = [
        free.encode(x=alt.value(0), y=alt.value(9), text="words:N"),
        clipped.encode(x=alt.value("width"), y=alt.value(9), text="words:N"),
    ]
    return layered(*words).properties(height=17)


def _cut(name: str, low: float, high: float) -> alt.LayerChart:
    """The loss along the first weight, and on it the longest step, without clipping and with."""
    x = alt.X(
        "a:Q",
        scale=alt.Scale(domain=[low, high], nice=False),
        axis=corner_axis(name, alt.Axis(tickCount=6)),
    )
    title = t("Loss along the dashed line", "沿虚线的损失")
    scale = alt.Scale(domain=[0, HIGHEST], nice=False)
    y = alt.Y("loss:Q", scale=scale, axis=alt.Axis(title=title, values=[0, 0.2, 0.4]))
    ground = alt.Chart(alt.NamedData("cut")).encode(x=x, y=y)
    return layered(
        ground.transform_calculate(zero="0")
        .mark_area(color=INK, opacity=0.25, orient="vertical")
        .encode(y2="zero:Q"),
        ground.mark_line(color=INK, strokeWidth=2),
        *_arrow("free", "datum.to", x, y),
        *_arrow("clipped", f"datum.a - datum.lr * {_CLIPPED}", x, y),
        alt.Chart(alt.NamedData("jump"))
        .mark_point(filled=True, size=60, opacity=1, color=INK)
        .encode(x=x, y=y),
        *_lengths(x),
    ).properties(height=88)


_LIMIT = f"pow(10, {POWER})"
_SIZE = "sqrt(datum.by_a * datum.by_a + datum.by_b * datum.by_b)"
_FACTOR = f"min(1, {_LIMIT} / max({_SIZE}, 1e-12))"


def _component(name: str) -> str:
    """A Vega expression for a component of the clipped gradient: see `landscape.clip_gradient`."""
    by_value = f"clamp(datum.{name}, -{_LIMIT}, {_LIMIT})"
    return f"(datum.clip == 'value' ? {by_value} : datum.{name} * {_FACTOR})"


_CLIPPED = _component("by_a")
_CLIPPED_SIZE = f"sqrt(pow({_CLIPPED}, 2) + pow({_component('by_b')}, 2))"


def _arrow(kind: str, end: str, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """The longest step along the first weight; one that leaves the picture ends at its edge."""
    low, high = x["scale"]["domain"]
    step = alt.Chart(alt.NamedData("jump")).transform_calculate(
        end=f"clamp({end}, {low}, {high})", right=f"({end}) > datum.a"
    )
    color = COLORS[KINDS[kind]]
    head = step.mark_point(
        shape=alt.expr("datum.right ? 'triangle-right' : 'triangle-left'"),
        filled=True,
        size=110 if kind == "free" else 70,
        opacity=1,
        color=color,
    )
    line = step.mark_rule(color=color, strokeWidth=2.5 if kind == "free" else 4)
    return [line.encode(x=x, x2="end:Q", y=y), head.encode(x="end:Q", y=y)]


def _lengths(x: alt.X) -> list[alt.Chart]:
    """How long the step is either way, in words where the cut leaves room for them."""
    low, high = x["scale"]["domain"]
    # Not so far to the right that they would leave the picture; above the step, or well below it.
    last = f"({high} - (width < 420 ? 0.76 : 0.4) * {high - low})"
    words = {
        "clipped": (
            t("clipped: {length} long", "剪切后：长 {length}"),
            f"datum.lr * {_CLIPPED_SIZE}",
        ),
        "free": (
            t("one step: {length} long, to {name} = {to}", "一步：长 {length}，到 {name} = {to}"),
            "datum.length",
        ),
    }
    to, name = "replace(format(datum.to, '.3~r'), '-', '−')", quoted(str(x["axis"]["title"]))
    return [
        alt.Chart(alt.NamedData("jump"))
        .transform_calculate(
            words=in_words(text, length=f"format({length}, '.3~r')", to=to, name=name),
            at=f"min(datum.a, {last})",
            height=f"(datum.loss > {HIGHEST / 2} ? 0.26 : {0.9 * HIGHEST}) - {row * 0.085}",
        )
        .mark_text(align="left", baseline="middle", dx=9, color=COLORS[KINDS[kind]], fontSize=LONG)
        .encode(x=alt.X("at:Q", scale=x["scale"]), y=alt.Y("height:Q"), text="words:N")
        for row, (kind, (text, length)) in enumerate(words.items())
    ]


def _color() -> alt.Color:
    colors = [COLORS[name] for name in KINDS.values()]
    return alt.Color("kind:N", scale=alt.Scale(domain=list(KINDS), range=colors), legend=None)


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("path:N", t("path", "路径")),
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("measured_norm:Q", t("gradient norm", "梯度范数"), ".3~g"),
        tooltip_line("measured_loss:Q", t("loss", "损失"), ".3~g"),
    ]


def _norms(steps: int) -> alt.LayerChart:
    """The norms of both gradients over the steps, and the threshold as a rule with its value."""
    ticks = corner_axis(t("step", "步"), alt.Axis(grid=False, format="d", tickCount=7))
    x = alt.X("step:Q", scale=alt.Scale(domain=[0, steps], nice=False), axis=ticks)
    axis = power_axis(*GRADIENTS, t("Gradient", "梯度"), most=5)
    y = alt.Y("norm:Q", scale=power_scale(*GRADIENTS), axis=axis)
    rows = _shown().encode(x=x, y=y, color=_color())
    called = rows.transform_calculate(path=lookup(path_names(), "datum.kind"))
    return layered(
        rows.mark_line(strokeWidth=2),
        called.mark_point(filled=True, size=60, opacity=0).encode(tooltip=_tooltip()),
        *_zeros(),
        *_limit(),
    ).properties(height=72)


def _zeros() -> list[alt.Chart]:
    """Triangles at the foot of the axis where a gradient is exactly zero, the first in words."""
    exactly_zero = state_names()["zero"]
    zeros = _shown().transform_filter("datum.zero").encode(x=alt.X("step:Q"), y=alt.Y("norm:Q"))
    first = zeros.transform_filter("datum.first")
    return [
        zeros.mark_point(shape="triangle-down", filled=True, size=35, opacity=1).encode(
            color=_color(), tooltip=tooltip_line("step:Q", exactly_zero)
        ),
        first.mark_text(align="left", baseline="bottom", dy=-6, **WORDS).encode(
            text=alt.value(exactly_zero)
        ),
    ]


def _limit() -> list[alt.Chart]:
    """The threshold as a dashed rule, with its value over the panel, where no curve comes."""
    limit = alt.Chart(pd.DataFrame({"x": [0]})).transform_calculate(norm=_LIMIT)
    label = t("dashed: threshold {value}", "虚线：阈值 {value}")
    words = limit.transform_calculate(words=in_words(label, value=scientific("datum.norm")))
    rule = limit.mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=1.5)
    name = words.mark_text(align="right", baseline="bottom", **WORDS)
    return [
        rule.encode(y=alt.Y("norm:Q")),
        name.encode(x=alt.value("width"), y=alt.value(-7), text="words:N"),
    ]
