"""One start, two paths: gradient descent without clipping and with it, on a loss surface.

The threshold is dragged in the browser, through paths that were all walked before; a press on the
surface asks the server for those of another start.
"""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import in_words, tooltip_line, translated
from gradviz.charts.parts.marks import layered, state_names
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_axis, power_scale, scientific
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.theme import WORDS, legend
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

    `zero` says where the gradient is exactly 0, and `first` where it first is.
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
    return (
        alt.vconcat(
            layered(surface, *_path("free"), *_path("clipped")).properties(height=300),
            _norms(steps),
            _losses(steps),
            spacing=10,
        )
        .add_params(alt.param(POWER, value=power, bind=slider))
        .resolve_scale(x="independent", y="independent", color="independent")
        .properties(
            description=t(
                "Two paths of gradient descent from one start on a colored loss surface, one with "
                "its gradient clipped; below, the gradient's norm with the threshold, and the loss",
                "损失曲面上从同一起点出发的两条梯度下降路径，其中一条做了剪切；"
                "下方是梯度范数与阈值，以及损失",
            )
        )
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


def _color(legend_shown: bool) -> alt.Color:
    return alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(KINDS), range=[COLORS[name] for name in KINDS.values()]),
        legend=legend(labelExpr=translated(path_names()), symbolType="stroke")
        if legend_shown
        else None,
    )


def _curve(
    steps: int, field: str, axis: alt.Axis, ends: tuple[float, float], legend_shown: bool = False
) -> alt.Chart:
    x = alt.X(
        "step:Q",
        title=t("Step", "步"),
        scale=alt.Scale(domain=[0, steps], nice=False),
        axis=alt.Axis(grid=False, format="d", tickCount=7),
    )
    y = alt.Y(f"{field}:Q", scale=power_scale(*ends), axis=axis)
    return _shown().mark_line(strokeWidth=2).encode(x=x, y=y, color=_color(legend_shown))


def _norms(steps: int) -> alt.LayerChart:
    """The norms of both gradients, and the threshold as a rule with its value."""
    axis = power_axis(*GRADIENTS, t("Gradient norm", "梯度范数"), most=5)
    curve = _curve(steps, "norm", axis, GRADIENTS, legend_shown=True)
    limit = alt.Chart(pd.DataFrame({"x": [0]})).transform_calculate(norm=f"pow(10, {POWER})")
    label = t("threshold {value}", "阈值 {value}")
    words = limit.transform_calculate(words=in_words(label, value=scientific("datum.norm")))
    y, exactly_zero = alt.Y("norm:Q"), state_names()["zero"]
    zeros = _shown().transform_filter("datum.zero").encode(x=alt.X("step:Q"), y=y)
    first = zeros.transform_filter("datum.first")
    return layered(
        curve,
        zeros.mark_point(shape="triangle-down", filled=True, size=35, opacity=1).encode(
            color=_color(True), tooltip=tooltip_line("step:Q", exactly_zero)
        ),
        first.mark_text(align="left", baseline="bottom", dy=-6, **WORDS).encode(
            text=alt.value(exactly_zero)
        ),
        limit.mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=1.5).encode(y=y),
        words.mark_text(align="left", baseline="bottom", dx=4, dy=-3, **WORDS).encode(
            x=alt.value(0), y=y, text="words:N"
        ),
    ).properties(height=110)


def _losses(steps: int) -> alt.Chart:
    axis = power_axis(*LOSSES, t("Loss", "损失"), most=5)
    return _curve(steps, "loss", axis, LOSSES).properties(height=80)
