"""The whole story in one picture: a gradient multiplied by one factor per layer, on its way back.

Everything moves in the browser: the slider, a press or drag in the picture and the presets set the
same selection `chain`, whose field `factor` is the signal `chain_factor` (see `handles`).
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.beam import BeamLook, BeamScale, beam_layers
from gradviz.charts.parts.expressions import in_words, tooltip_line
from gradviz.charts.parts.handles import handle_selection
from gradviz.charts.parts.marks import column, layered, sized
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.powers import scientific, superscript
from gradviz.charts.parts.theme import WORDS, themed
from gradviz.language import t

FACTORS = (0.1, 1.6)  # of the slider
DEPTHS = (2, 100)
OPENING_FACTOR, OPENING_DEPTH = 0.8, 60
HEIGHT = 320  # pixels, of the beam
FACTOR, DEPTH = "chain_factor", "depth"  # names of the signals in the browser


def gradient_through_depth(
    factor: float = OPENING_FACTOR, depth: int = OPENING_DEPTH
) -> alt.VConcatChart:
    """The gradient that reaches each of `depth` layers when every layer multiplies it by `factor`.

    The layer next to the loss gets 1, layer l gets `factor`^(`depth` − l). Raises `ValueError`
    for a factor outside `FACTORS` or a depth outside `DEPTHS`.
    """
    for name, value, (low, high) in (("factor", factor, FACTORS), ("depth", depth, DEPTHS)):
        if not low <= value <= high:
            raise ValueError(f"{name}={value!r} is not a number from {low:g} to {high:g}")
    look = BeamLook(DEPTH)
    # The handles lie at the bottom: nothing over them but the layers hears the pointer.
    beam = layered(_handles(look).add_params(_factor_selection(factor)), _beam(look))
    beam.title = _sentence()
    return themed(
        column(
            _presets(),
            sized(beam, HEIGHT),
            spacing=16,
            description=_description(),
            independent=("x", "color"),
            params=[_depth_slider(depth)],
        )
    )


def _factor_selection(factor: float) -> alt.Parameter:
    slider = alt.binding_range(
        min=FACTORS[0], max=FACTORS[1], step=0.01, name=t("Factor per layer ", "每层的因子 ")
    )
    return handle_selection("chain", "factor", factor, slider)


def _depth_slider(depth: int) -> alt.Parameter:
    slider = alt.binding_range(min=DEPTHS[0], max=DEPTHS[1], step=1, name=t("Layers ", "层数 "))
    return alt.param(name=DEPTH, value=depth, bind=slider)


def _beam(look: BeamLook) -> alt.LayerChart:
    """The beam of a chain that is computed in the browser: `factor`^(`depth` − l) at layer l."""
    rows = alt.Chart(alt.sequence(1, DEPTHS[1] + 2, as_="layer"))
    rows = rows.transform_filter(f"datum.layer <= {DEPTH} + 1")
    signal = f"pow({FACTOR}, max(0, {DEPTH} - datum.layer))"
    nearer = f"pow({FACTOR}, max(0, {DEPTH} - datum.layer - 1))"
    return beam_layers(look.scale.computed(rows, signal, nearer), look)


def _presets() -> alt.LayerChart:
    """Four factors worth trying, each a button: a press anywhere on it chooses its factor."""
    rows = pd.DataFrame(
        {
            "factor": [0.5, 0.8, 1.0, 1.25],
            "name": [
                t("halving", "减半"),
                t("vanishing", "消失"),
                t("healthy", "健康"),
                t("exploding", "爆炸"),
            ],
            "color": [COLORS[name] for name in ("vanish", "vanish", "healthy", "explode")],
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
    number = base.mark_text(fontSize=18, fontWeight="bold", dy=-8).encode(
        color=color, text=alt.Text("factor:Q", format="~r")
    )
    name = base.mark_text(dy=12, **WORDS).encode(text="name:N")
    return layered(face, number, name).properties(height=52)


def _sentence() -> alt.TitleParams:
    """The calculation that the picture shows, in numbers, up to date with every drag."""
    product = f"format({FACTOR}, '.2f') + {superscript(f'({DEPTH} - 1)')}"
    number = scientific(f"pow({FACTOR}, {DEPTH} - 1)")
    words = t("Layer 1 receives {product} = {number}", "第 1 层收到 {product} = {number}")
    return alt.TitleParams(
        text=alt.ExprRef(in_words(words, product=product, number=number)),
        anchor="start",
        fontSize=18,
        offset=10,
    )


def handle_frame(scale: BeamScale) -> pd.DataFrame:
    """The factors that the slider can take, each with the wedge of the beam's edge that is its own.

    The edge of a factor is a straight line from the last layer, by `slope` of half a width a layer.
    So the factors between two neighbors fill a wedge, from `lower` to `upper` of such slopes.
    """
    factors = np.round(np.arange(FACTORS[0], FACTORS[1] + 0.005, 0.01), 2)
    edges = np.append(factors - 0.005, factors[-1] + 0.005)
    edges[0], edges[-1] = FACTORS[0] / 100, FACTORS[1] * 100
    slopes = np.log10(edges) / (scale.high - scale.low)
    return pd.DataFrame({"factor": factors, "lower": slopes[:-1], "upper": slopes[1:]})


def _handles(look: BeamLook) -> alt.Chart:
    """Invisible wedges over the picture and, mirrored, below: the beam's edge follows the pointer.

    Where a wedge meets the middle of the beam it ends: so it has a corner there, on either side.
    """
    even, end = look.scale.even, "0.4"

    def crossing(slope: str) -> str:
        return f"({slope} < 0 ? max({end}, {DEPTH} + {even} / {slope}) : {end})"

    corners = f"[{DEPTH}, {crossing('datum.lower')}, {crossing('datum.upper')}, {end}]"
    return (
        alt.Chart(handle_frame(look.scale))
        .transform_calculate(corners=corners, sides="[1, -1]")
        .transform_flatten(["corners"], as_=["at"])
        .transform_flatten(["sides"], as_=["side"])
        .transform_calculate(
            top=f"datum.side * max(0, {even} + ({DEPTH} - datum.at) * datum.upper)",
            bottom=f"datum.side * max(0, {even} + ({DEPTH} - datum.at) * datum.lower)",
        )
        .mark_area(opacity=0, clip=True, cursor="ns-resize", tooltip=None)
        .encode(x=look.x("at:Q"), y=look.y("top:Q"), y2="bottom:Q", detail=["factor:Q", "side:Q"])
    )


def _description() -> str:
    return t(
        "A network as a row of layers, and as a beam the gradient that flows back through it from "
        "the loss on the right. Its width is the gradient's power of ten: it stays a green band at "
        "factor 1, thins to a blue hair below it and swells red above it. Sliders set the factor "
        "per layer and the number of layers.",
        "一个网络画成一排层，梯度从右端的损失出发，像一束光往回传。光束的宽度是梯度的数量级："
        "因子为 1 时始终是一条绿色的宽带，小于 1 时收窄成一根蓝色的细丝，大于 1 时涨成一片红色。"
        "滑块可调每层的因子和层数。",
    )
