"""The whole story in one picture: a gradient multiplied by one factor per layer, on its way back.

Everything moves in the browser: the slider, a press or drag in the picture and the presets set the
same selection `chain`, whose field `factor` is the signal `chain_factor` (see `handles`).
"""

from __future__ import annotations

import math

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import in_words, quoted, tooltip_line
from gradviz.charts.parts.handles import handle_selection
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import (
    power_axis,
    power_of_ten,
    power_scale,
    scientific,
    superscript,
)
from gradviz.charts.parts.theme import READOUT, WORDS, themed
from gradviz.language import t

FACTORS = (0.1, 1.6)  # of the slider
DEPTHS = (2, 60)
SIGNALS = (1e-12, 1e9)  # of the axis; beyond it a layer stands on the edge
VANISHED, EXPLODED = 1e-3, 1e3
FACTOR, DEPTH = "chain_factor", "depth"  # names of the signals in the browser


def gradient_through_depth(factor: float = 0.8, depth: int = 40) -> alt.VConcatChart:
    """The gradient that reaches each of `depth` layers when every layer multiplies it by `factor`.

    The layer next to the loss gets 1, layer l gets `factor`^(`depth` − l). Raises `ValueError`
    for a factor outside `FACTORS` or a depth outside `DEPTHS`.
    """
    for name, value, (low, high) in (("factor", factor, FACTORS), ("depth", depth, DEPTHS)):
        if not low <= value <= high:
            raise ValueError(f"{name}={value!r} is not a number from {low:g} to {high:g}")
    chain = _factor_selection(factor)
    layers = _layers()
    return themed(
        alt.vconcat(
            _presets(),
            _network(layers),
            _signal(layers, chain),
            spacing=10,
        )
        .add_params(_depth_slider(depth))
        .resolve_scale(x="independent", color="independent")
        .properties(description=_description())
    )


def _factor_selection(factor: float) -> alt.Parameter:
    slider = alt.binding_range(
        min=FACTORS[0], max=FACTORS[1], step=0.01, name=t("Factor per layer ", "每层的因子 ")
    )
    return handle_selection("chain", "factor", factor, slider)


def _depth_slider(depth: int) -> alt.Parameter:
    slider = alt.binding_range(min=DEPTHS[0], max=DEPTHS[1], step=1, name=t("Layers ", "层数 "))
    return alt.param(name=DEPTH, value=depth, bind=slider)


def _layers() -> alt.Chart:
    """A row per layer with the `signal` that reaches it, and its `decade` within the axis."""
    low, high = SIGNALS
    numbers = alt.sequence(1, DEPTHS[1] + 1, as_="layer")
    return (
        alt.Chart(numbers)
        .transform_filter(f"datum.layer <= {DEPTH}")
        .transform_calculate(signal=f"pow({FACTOR}, {DEPTH} - datum.layer)")
        .transform_calculate(
            shown=f"clamp(datum.signal, {low}, {high})",
            decade="log(datum.shown) / LN10",
            left="datum.layer - 0.42",
            right="datum.layer + 0.42",
        )
    )


def _layer_scale() -> alt.Scale:
    end = alt.ExprRef(f"{DEPTH} + 0.6")
    return alt.Scale(domain=[0.4, end], nice=False, zero=False)


def _signal_color() -> alt.Color:
    colors = [COLORS["vanish"], COLORS["healthy"], COLORS["explode"]]
    scale = alt.Scale(domain=[-6, 0, 6], range=colors, clamp=True, interpolate="lab")
    return alt.Color("decade:Q", scale=scale, legend=None)


def _presets() -> alt.LayerChart:
    """Four factors worth trying, each a button: a press anywhere on it chooses its factor."""
    rows = pd.DataFrame(
        {
            "factor": [0.25, 0.8, 1.0, 1.25],
            "name": [
                "sigmoid",
                t("vanishing", "消失"),
                t("healthy", "健康"),
                t("exploding", "爆炸"),
            ],
            "color": [COLORS[name] for name in ("sigmoid", "vanish", "healthy", "explode")],
        }
    )
    chosen = f"abs(datum.factor - {FACTOR}) < 0.005"
    x = alt.X("factor:O", axis=None, scale=alt.Scale(paddingInner=0.08, paddingOuter=0))
    color = alt.Color("color:N", scale=None)
    base = alt.Chart(rows).encode(x=x)
    face = base.mark_rect(cornerRadius=8, cursor="pointer").encode(
        color=color,
        opacity=alt.when(chosen).then(alt.value(0.35)).otherwise(alt.value(0.12)),
        # The selection is added to another view, so only the tooltip lets these hear events.
        tooltip=tooltip_line("factor:Q", t("factor per layer", "每层的因子")),
    )
    number = base.mark_text(fontSize=15, fontWeight="bold", dy=-7).encode(
        color=color, text=alt.Text("factor:Q", format="~r")
    )
    name = base.mark_text(dy=11, **WORDS).encode(text="name:N")
    return layered(face, number, name).properties(height=44)


def _network(layers: alt.Chart) -> alt.Chart:
    """The network as a row of layers: the less signal a layer gets, the fainter it is."""
    return (
        layers.mark_rect(cornerRadius=2)
        .encode(
            x=alt.X("left:Q", scale=_layer_scale(), axis=None),
            x2="right:Q",
            color=_signal_color(),
            opacity=alt.Opacity(
                "decade:Q",
                scale=alt.Scale(domain=[-9, 0], range=[0.12, 1], clamp=True),
                legend=None,
            ),
            tooltip=[
                tooltip_line("layer:Q", t("layer", "层")),
                tooltip_line("signal:Q", t("gradient", "梯度"), ".2e"),
            ],
        )
        .properties(height=26, title=_sentence())
    )


def _sentence() -> alt.TitleParams:
    """The calculation that the picture shows, in numbers, up to date with every drag."""
    product = f"format({FACTOR}, '.2f') + {superscript(f'({DEPTH} - 1)')}"
    number = scientific(f"pow({FACTOR}, {DEPTH} - 1)")
    words = t("Layer 1 receives {product} = {number}", "第 1 层收到 {product} = {number}")
    return alt.TitleParams(
        text=alt.ExprRef(in_words(words, product=product, number=number)),
        anchor="start",
        fontSize=READOUT,
        offset=6,
    )


def _signal(layers: alt.Chart, chain: alt.Parameter) -> alt.LayerChart:
    """The signal of each layer on a log axis, over the zones where training fails."""
    low, high = SIGNALS
    x = alt.X(
        "layer:Q",
        scale=_layer_scale(),
        title=t("Layer (1 is next to the input)", "层（第 1 层紧邻输入）"),
        axis=alt.Axis(tickMinStep=1, format="d", grid=False),
    )
    title = t("Gradient that arrives", "到达该层的梯度")
    y = alt.Y("shown:Q", scale=power_scale(low, high), axis=power_axis(low, high, title, most=8))
    base = layers.encode(x=x, y=y)
    inside = f"datum.signal >= {low} && datum.signal <= {high}"
    line = base.transform_filter(inside).mark_line(color=INK, strokeWidth=1.5)
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(
        color=_signal_color(),
        shape=alt.when(inside).then(alt.value("circle")).otherwise(alt.value("diamond")),
    )
    handles = _handles(x).add_params(chain)
    return layered(*_zones(y), line, dots, _off_scale(layers, x), handles).properties(height=300)


def _off_scale(layers: alt.Chart, x: alt.X) -> alt.Chart:
    """What the diamonds mean, where layer 1 lies beyond the axis."""
    low, high = SIGNALS
    below = t("◆ below {edge}", "◆ 小于 {edge}", edge=power_of_ten(round(math.log10(low))))
    above = t("◆ above {edge}", "◆ 大于 {edge}", edge=power_of_ten(round(math.log10(high))))
    return (
        layers.transform_filter("datum.layer == 1 && datum.signal != datum.shown")
        .transform_calculate(
            height=f"datum.signal < {low} ? {low * 10} : {high / 10}",
            words=f"datum.signal < {low} ? {quoted(below)} : {quoted(above)}",
        )
        .mark_text(align="left", **WORDS)
        .encode(x=x, y=alt.Y("height:Q"), text="words:N")
    )


def _zones(y: alt.Y) -> list[alt.Chart]:
    rows = pd.DataFrame(
        {
            "name": [t("vanishing", "梯度消失"), t("exploding", "梯度爆炸")],
            "from": [SIGNALS[0], EXPLODED],
            "shown": [VANISHED, SIGNALS[1]],
            "words_at": [SIGNALS[0] * 6, SIGNALS[1] / 6],
            "color": [COLORS["vanish"], COLORS["explode"]],
        }
    )
    zone = alt.Chart(rows).encode(color=alt.Color("color:N", scale=None))
    words = zone.mark_text(align="right", dx=-6, fontSize=READOUT)
    return [
        zone.mark_rect(opacity=0.13).encode(y=y, y2="from:Q"),
        # On the right, where every curve ends at 1, the words are never in the way.
        words.encode(x=alt.value("width"), y=alt.Y("words_at:Q"), text="name:N"),
    ]


def _handles(x: alt.X) -> alt.Chart:
    """Invisible wedges over the whole picture, one for each factor that the slider can take.

    On a log axis the curve of a factor is a straight line through 1 at the last layer, so the
    factors between two neighbors fill a wedge with its tip there.
    """
    factors = np.round(np.arange(FACTORS[0], FACTORS[1] + 0.005, 0.01), 2)
    lower, upper = factors - 0.005, factors + 0.005
    lower[0], upper[-1] = FACTORS[0] / 100, FACTORS[1] * 100
    wedges = pd.DataFrame({"factor": factors, "lower": lower, "upper": upper})
    return (
        alt.Chart(wedges.merge(pd.DataFrame({"at_tip": [False, True]}), how="cross"))
        .transform_calculate(layer=f"datum.at_tip ? {DEPTH} : 0.4")
        .transform_calculate(
            shown=f"pow(datum.lower, {DEPTH} - datum.layer)",
            top=f"pow(datum.upper, {DEPTH} - datum.layer)",
        )
        .mark_area(opacity=0, clip=True, cursor="ns-resize", tooltip=None)
        .encode(x=x, y=alt.Y("shown:Q"), y2="top:Q", detail="factor:Q")
    )


def _description() -> str:
    return t(
        "A chain of layers, each colored by the gradient that reaches it, above a curve of that "
        "gradient on a log axis with a vanishing zone below 10⁻³ and an exploding zone above 10³. "
        "Sliders set the factor per layer and the number of layers.",
        "一串层，各按到达该层的梯度着色；下方是该梯度在对数轴上的曲线，10⁻³ 以下为消失区，"
        "10³ 以上为爆炸区。滑块可调每层的因子和层数。",
    )
