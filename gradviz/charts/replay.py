"""A training run as one picture: a profile over the layers above its curves over the steps.

While a run lasts, the picture shows the latest step. Once it has ended, one slider below scrubs
through all recorded steps, in the browser.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from gradviz.charts.layers import SHARE, Names, arm_color, no_theory, profile_layers
from gradviz.charts.palette import INK
from gradviz.charts.powers import power_axis, power_scale
from gradviz.charts.summary import log_domain, summarize, summarize_curves, with_frames
from gradviz.charts.theme import themed
from gradviz.language import t

PROFILE_HEIGHT = 240
CURVE_HEIGHT = 90
SCRUBBER = "frame"


def run_chart(
    history: pd.DataFrame,
    curves: pd.DataFrame,
    quantity: str,
    title: str,
    names: Names,
    steps: int,
    theory: pd.DataFrame | None,
    ended: bool,
    log: bool = True,
    guide: float | None = None,
    curve_names: Sequence[str] = ("loss", "accuracy"),
) -> alt.VConcatChart:
    """`quantity` by layer, and below it the curves of the run so far.

    `history` and `curves` are those of `gradviz.history`; `steps` is the length of the whole run,
    so that the axis does not grow; `theory`, if any, has columns arm, layer, value. With `ended`
    the reader can scrub through the run. Without `log` the quantity is a share, from 0 to 1.
    `guide` is a value of `quantity` worth comparing with.
    """
    theory = no_theory() if theory is None else theory
    rows = with_frames(summarize(history, quantity, log))
    domain = log_domain(rows["low"], rows["high"], theory["value"]) if log else SHARE
    last = int(rows["frame"].max()) if len(rows) else 0
    scrubber = _scrubber(last, ended)
    profile = profile_layers(
        rows if ended else rows[rows["frame"] == last], domain, title, names, theory, guide
    )
    if ended:
        profile = _only_frame(profile)
    now = _now(rows, last)
    pictures = [_curve(curves, name, names, steps, now) for name in curve_names]
    chart = alt.vconcat(profile.properties(height=PROFILE_HEIGHT), *pictures, spacing=12)
    return themed(
        chart.add_params(scrubber).properties(
            description=t(
                "{title} by hidden layer, with loss and test accuracy over the training steps",
                "各隐藏层的{title}，以及损失与测试准确率随训练步的变化",
                title=title,
            )
        )
    )


def _scrubber(last: int, ended: bool) -> alt.Parameter:
    if not ended or last == 0:
        return alt.param(SCRUBBER, value=last)
    slider = alt.binding_range(min=0, max=last, step=1, name=t("Replay: ", "回放："))
    return alt.param(SCRUBBER, value=last, bind=slider)


def _only_frame(profile: alt.LayerChart) -> alt.LayerChart:
    """Let the layers that know of frames show the scrubbed one only."""
    profile.layer = [
        layer.transform_filter(f"datum.frame == {SCRUBBER}")
        if "frame" in getattr(layer.data, "columns", ())
        else layer
        for layer in profile.layer
    ]
    return profile


def _now(rows: pd.DataFrame, last: int) -> alt.Chart:
    """A rule at the step that is shown, with its number."""
    frames = rows[["frame", "step"]].groupby("frame", as_index=False).max()
    shown = alt.Chart(frames).transform_filter(f"datum.frame == {SCRUBBER}")
    return shown.mark_rule(color=INK, strokeDash=[3, 3]).encode(x="step:Q")


def _curve(
    curves: pd.DataFrame, name: str, names: Names, steps: int, now: alt.Chart
) -> alt.LayerChart:
    rows = summarize_curves(curves, name)
    x = alt.X(
        "step:Q",
        title=t("Training step", "训练步"),
        scale=alt.Scale(domain=[0, max(steps, 1)], nice=False),
        axis=alt.Axis(grid=False, format="d"),
    )
    y = _curve_axis(rows, name)
    lines = alt.Chart(rows).encode(x=x, color=arm_color(names))
    return alt.layer(
        lines.mark_area(opacity=0.2).encode(y=y, y2="high:Q"),
        lines.mark_line(strokeWidth=2, clip=True).encode(y=alt.Y("middle:Q")),
        now,
    ).properties(height=CURVE_HEIGHT)


def _curve_axis(rows: pd.DataFrame, name: str) -> alt.Y:
    titles = {
        "loss": t("Loss", "损失"),
        "accuracy": t("Test accuracy", "测试准确率"),
        "gradient_norm": t("Gradient norm", "梯度范数"),
        "penalty": t("Penalty", "惩罚项"),
        "clipped": t("Steps clipped", "被剪切的步"),
    }
    title = titles[name]
    if name in ("accuracy", "clipped"):
        axis = alt.Axis(format="%", tickCount=3, title=title)
        return alt.Y("low:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    low, high = log_domain(rows["low"], rows["high"], room=0)
    return alt.Y("low:Q", scale=power_scale(low, high), axis=power_axis(low, high, title))
