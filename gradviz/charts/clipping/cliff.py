"""One start, two paths: gradient descent without clipping and with it, on a loss surface.

The threshold is dragged in the browser, through paths that were all walked before; a press on the
surface asks the server for those of another start.
"""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.expressions import in_words, lookup, tooltip_line
from gradviz.charts.parts.marks import column, layered, sized, state_names
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale, scientific
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.theme import LONG, WORDS
from gradviz.charts.surface import LOSSES, path_marks, surface_frame, surface_map
from gradviz.language import t
from gradviz.theory.landscape import Descent, Landscape

POWER = "threshold_power"  # the parameter in the browser: the threshold is 10 to this power
KINDS = {"free": "explode", "clipped": "clip_norm"}  # the two paths, and their colors' names
GRADIENTS = (1e-4, 1e4)  # the axis of their norms


def cliff_chart(
    scene: Landscape, free: Descent, clipped: Mapping[float, Descent], power: float
) -> Spec:
    """The path `free` and, for the threshold 10^`power`, the path of `clipped`, on `scene`.

    `clipped` maps evenly spaced powers of ten to the path walked with that threshold. Below the
    surface: the norm of the gradient, before clipping, with the threshold, and the loss. Raises
    `ValueError` if no path was walked for `power`.
    """
    powers = sorted(clipped)
    if power not in powers:
        raise ValueError(f"power={power!r} is not one of {', '.join(map(str, powers))}")
    steps = len(free.losses) - 1
    picture = _picture(scene.names, scene.low, scene.high, steps, tuple(powers), power)
    paths = [path_frame(free, "free")]
    paths += [path_frame(clipped[power], "clipped").assign(power=power) for power in powers]
    return picture.with_data(
        surface=surface_frame(scene), paths=pd.concat(paths, ignore_index=True)
    )


def path_frame(walk: Descent, kind: str) -> pd.DataFrame:
    """The finite points of the walk: kind, step, a, b, loss and norm, both as their axes hold them.

    `measured_loss` and `measured_norm` are what they are, `zero` says where the gradient is exactly
    0, and `first` where it first is.
    """
    norms = np.hypot(*walk.gradients.T)
    zero = norms == 0
    rows = pd.DataFrame(
        {
            "kind": kind,
            "step": range(len(walk.losses)),
            "a": walk.points[:, 0],
            "b": walk.points[:, 1],
            "loss": np.clip(walk.losses, *LOSSES),
            "norm": np.clip(norms, *GRADIENTS),
            "measured_loss": walk.losses,
            "measured_norm": norms,
            "zero": zero,
            "first": zero & (np.cumsum(zero) == 1),
        }
    )
    # Rows with inf as well as those with NaN.
    return rows.replace([np.inf, -np.inf], np.nan).dropna()


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
    surface = surface_map(alt.NamedData("surface"), names, low, high)
    return column(
        sized(layered(surface, *_path("free"), *_path("clipped")), 225),
        _names(),
        _norms(steps),
        _losses(steps),
        spacing=6,
        description=t(
            "Two paths of gradient descent from one start on a colored loss surface, one with "
            "its gradient clipped; below, the gradient's norm with the threshold, and the loss",
            "损失曲面上从同一起点出发的两条梯度下降路径，其中一条做了剪切；"
            "下方是梯度范数与阈值，以及损失",
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
    path = _shown(kind).encode(x=alt.X("a:Q"), y=alt.Y("b:Q"))
    return path_marks(path, path, color, size=26)


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


def _color() -> alt.Color:
    colors = [COLORS[name] for name in KINDS.values()]
    return alt.Color("kind:N", scale=alt.Scale(domain=list(KINDS), range=colors), legend=None)


def _curve(steps: int, field: str, axis: alt.Axis, ends: tuple[float, float]) -> alt.LayerChart:
    """A line for each path, and over it unseen points that tell their values."""
    ticks = alt.Axis(title=None, labels=False, ticks=False, grid=False, tickCount=7)
    if field == "loss":
        ticks = corner_axis(t("step", "步"), alt.Axis(grid=False, format="d", tickCount=7))
    x = alt.X("step:Q", scale=alt.Scale(domain=[0, steps], nice=False), axis=ticks)
    y = alt.Y(f"{field}:Q", scale=power_scale(*ends), axis=axis)
    rows = _shown().encode(x=x, y=y, color=_color())
    called = rows.transform_calculate(path=lookup(path_names(), "datum.kind"))
    return layered(
        rows.mark_line(strokeWidth=2),
        called.mark_point(filled=True, size=60, opacity=0).encode(tooltip=_tooltip()),
    )


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("path:N", t("path", "路径")),
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("measured_norm:Q", t("gradient norm", "梯度范数"), ".3~g"),
        tooltip_line("measured_loss:Q", t("loss", "损失"), ".3~g"),
    ]


def _norms(steps: int) -> alt.LayerChart:
    """The norms of both gradients, and the threshold as a rule with its value."""
    axis = power_axis(*GRADIENTS, t("Gradient", "梯度"), most=5)
    curve = _curve(steps, "norm", axis, GRADIENTS)
    limit = alt.Chart(pd.DataFrame({"x": [0]})).transform_calculate(norm=f"pow(10, {POWER})")
    label = t("threshold {value}", "阈值 {value}")
    words = limit.transform_calculate(words=in_words(label, value=scientific("datum.norm")))
    y, exactly_zero = alt.Y("norm:Q"), state_names()["zero"]
    zeros = _shown().transform_filter("datum.zero").encode(x=alt.X("step:Q"), y=y)
    first = zeros.transform_filter("datum.first")
    return layered(
        curve,
        zeros.mark_point(shape="triangle-down", filled=True, size=35, opacity=1).encode(
            color=_color(), tooltip=tooltip_line("step:Q", exactly_zero)
        ),
        first.mark_text(align="left", baseline="bottom", dy=-6, **WORDS).encode(
            text=alt.value(exactly_zero)
        ),
        limit.mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=1.5).encode(y=y),
        words.mark_text(align="left", baseline="bottom", dx=4, dy=-3, **WORDS).encode(
            x=alt.value(0), y=y, text="words:N"
        ),
    ).properties(height=90)


def _losses(steps: int) -> alt.LayerChart:
    axis = power_axis(*LOSSES, t("Loss", "损失"), most=3)
    return _curve(steps, "loss", axis, LOSSES).properties(height=50)
