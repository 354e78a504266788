"""A network with one neuron per layer, and the gradient that walks back through it as a beam.

The beam (see `charts.beam`) leaves the loss with the size 1, and each factor of the chain rule
makes it narrower or wider: at each station it is as wide as the product of the factors met so far.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.activations import SATURATED_BELOW
from gradviz.charts.beam import BeamLook, BeamScale, beam_frame, beam_light, cut_marks, zone_color
from gradviz.charts.parts.handles import GHOST, REPLAY, handle_selection
from gradviz.charts.parts.marks import column, layered, sized
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import power_of_ten, rounded_power
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.theme import LONG, READOUT, WORDS
from gradviz.language import t
from gradviz.theory.chain import Factor, ScalarNetwork

WALKED = REPLAY  # the signal of the selection, which the page plays: how many factors have been met
ROW = 22  # pixels
SCALE = BeamScale(-4, 4)  # four layers do not change the signal by many powers of ten
HEIGHT = 220  # pixels, of the beam
LEGEND = 44  # pixels, of the two lines below it

_NARROW = "width < 420"
_PANE = 0.27  # half the height of a node
_LEFT, _RIGHT = 1.55, 0.4  # room beside the stations, for the nodes below the walk and the scale
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def backward_walk(network: ScalarNetwork, layer: int = 2, step: int = 0) -> Spec:
    """The network drawn with its numbers, above the factors of ∂L/∂w_`layer`.

    Returns a Vega-Lite spec. A slider, or a press or drag over the network, says how many factors
    have been met, at first `step`. Raises `ValueError` for a step that the walk does not have.
    """
    walk = network.backward_walk(layer)
    if step not in range(len(walk) + 1):
        raise ValueError(f"step={step!r} is not a whole number from 0 to {len(walk)}")
    rows = factor_frame(walk)
    return _picture(len(walk), step).with_data(
        beam=walk_beam(walk),
        nodes=node_frame(network, layer),
        hops=hop_frame(walk),
        factors=rows,
        formulas=formula_frame(rows, layer),
    )


@built_once
def _picture(steps: int, step: int) -> alt.VConcatChart:
    """The picture without its data: a walk of `steps`, at first at `step`."""
    slider = alt.binding_range(min=0, max=steps, step=1, name=t("Steps back ", "往回走 "))
    walk, met = WALKED.split("_")
    walked = handle_selection(walk, met, step, slider)
    ends = (1 - _LEFT, steps + 1 + _RIGHT)
    look = BeamLook(steps, SCALE, loss_at=steps + 1, ends=ends, pane=_PANE)
    return column(
        _drawing(steps, look, walked),
        _legend(look),
        _table(steps),
        spacing=6,
        description=t(
            "A chain of neurons from the input to the loss, and the gradient as a beam that runs "
            "back through it: at each layer it is as wide as the product of the factors met so "
            "far, on a log scale; below it a table of those factors, weight times slope",
            "从输入到损失的一串神经元，梯度像一束光从损失往回传：光束在每一层的宽度是已经遇到的"
            "各因子之积（对数刻度）；下方是这些因子（权重乘斜率）的表",
        ),
        independent=(
            "x",
            "y",
            "color",
        ),
    )


def walk_beam(walk: list[Factor]) -> pd.DataFrame:
    """The beam of `beam_frame`: layer 1 is the weight asked for, the last one the last neuron.

    The column met says after how many factors the beam has come to a layer; `relative` is the size
    of their product, and that of the loss is 1.
    """
    n = len(walk)
    products = pd.DataFrame(
        {
            "layer": range(n, 0, -1),
            "value": [abs(factor.product) for factor in walk],
            "product": [_short(factor.product) for factor in walk],
        }
    )
    rows = beam_frame(products, SCALE, reference=1.0, sent=1.0)
    return rows.assign(met=n + 1 - rows["layer"], product=rows["product"].where(rows["layer"] <= n))


def hop_frame(walk: list[Factor]) -> pd.DataFrame:
    """What happens between two stations: step, place between them, factor and its two parts."""
    n = len(walk)
    parts = [
        ""
        if factor.other is None
        else f"{_short(factor.other, 2)} × {_short(factor.slope or 0, 2)}"
        for factor in walk
    ]
    return pd.DataFrame(
        {
            "step": range(1, n + 1),
            "place": [n + 1.5 - step for step in range(1, n + 1)],
            "factor": ["× " + _short(factor.value, 2) for factor in walk],
            "parts": parts,
        }
    )


def node_frame(network: ScalarNetwork, layer: int = 2) -> pd.DataFrame:
    """The stations, from left to right: x, f_`layer`₋₁, the weight asked for, the neurons, Loss.

    Columns: place (1 is that of the weight), name, number in words, state (in words, where a unit
    on the walk is saturated or dead), kind ("weight", "loss", "neuron").
    """
    n = network.depth
    largest = network.phi.largest_slope
    rows = [
        {
            "place": i - layer + 2,
            "name": subscript(f"f_{i}"),
            "number": _short(float(network.values[i]), 2),
            "state": _state(float(network.slopes[i - 1]), largest),
            "kind": "neuron",
        }
        for i in range(layer, n + 1)
    ]
    before = "x" if layer == 1 else subscript(f"f_{layer - 1}")
    weight = {"place": 1, "name": subscript(f"w_{layer}"), "kind": "weight"}
    rows.append({**weight, "number": _short(network.weights[layer - 1], 2)})
    rows.append(
        {"place": 0.1, "name": before, "number": _short(float(network.values[layer - 1]), 2)}
    )
    loss = {"place": n - layer + 3, "name": t("Loss", "损失"), "kind": "loss"}
    rows.append({**loss, "number": _short(network.loss, 2)})
    nodes = pd.DataFrame(rows).sort_values("place", ignore_index=True)
    return nodes.fillna({"state": "", "kind": "neuron"})


def _state(slope: float, largest: float) -> str:
    if slope == 0:
        return t("dead", "死亡")
    return t("saturated", "饱和") if abs(slope) < SATURATED_BELOW * largest else ""


def factor_frame(walk: list[Factor]) -> pd.DataFrame:
    """The lines of the table: step, name, split (weight × slope), value, product."""
    rows = []
    for step, factor in enumerate(walk, start=1):
        rows.append(
            {
                "step": step,
                "name": subscript(f"∂{factor.of}/∂{factor.by}"),
                "split": _split(factor),
                "value": _short(factor.value),
                "product": _short(factor.product),
            }
        )
    return pd.DataFrame(rows)


def _split(factor: Factor) -> str:
    """The two parts of a factor in numbers, e.g. "w₄ = 1 × φ′ = 0.2"."""
    if factor.slope is None or factor.other is None:
        return subscript(f"2({factor.by} − g)")
    layer = int(factor.of.removeprefix("f_"))
    other = f"f_{layer - 1}" if factor.by.startswith("w") else f"w_{layer}"
    if other == "f_0":
        other = "x"
    return f"{subscript(other)} = {_short(factor.other)} × φ′ = {_short(factor.slope)}"


def formula_frame(rows: pd.DataFrame, layer: int) -> pd.DataFrame:
    """The formula with the numbers met so far: met, words; a question mark stands for the rest.

    `rows` is the frame of `factor_frame`.
    """
    lines = []
    values = rows["value"].tolist()
    for met in range(len(values) + 1):
        numbers = [*values[:met], *"?" * (len(values) - met)]
        total = rows["product"].iloc[-1] if met == len(values) else "?"
        formula = subscript(f"∂L/∂w_{layer}") + " = " + " × ".join(numbers) + f" = {total}"
        lines.append({"met": met, "words": formula})
    return pd.DataFrame(lines)


def subscript(name: str) -> str:
    """`f_4` becomes "f₄"."""
    head, *parts = name.split("_")
    return head + "".join(part[0].translate(_SUBSCRIPTS) + part[1:] for part in parts)


def _short(number: float, figures: int = 3) -> str:
    """A few figures, with a real minus sign; small and large numbers as powers of ten."""
    number += 0.0  # a negative zero becomes a plain one
    if number == 0 or 1e-3 <= abs(number) < 1e4:
        # The format "g" would write 4096 as 4.1e+03.
        whole = abs(number) >= 10**figures - 0.5
        return (f"{number:.0f}" if whole else f"{number:.{figures}g}").replace("-", "−")
    return ("−" if number < 0 else "") + rounded_power(abs(number), 2)


def _drawing(steps: int, look: BeamLook, walked: alt.Parameter) -> alt.LayerChart:
    """The network with the beam in it, and the handles."""
    come = f"datum.met <= {WALKED}"
    beam = alt.Chart(alt.NamedData("beam"))
    return sized(
        layered(
            *_scale(look),
            _thread(look),
            beam_light(beam, look, come),
            *_nodes(look),
            *cut_marks(beam.transform_filter(f"{come} && datum.layer <= {steps}"), look),
            *_products(steps, look),
            _handles(steps, look).add_params(walked),
        ),
        HEIGHT,
    )


def _scale(look: BeamLook) -> list[alt.Chart]:
    """The log scale of the beam's edge: a rule and a number for every second power of ten."""
    exponents = range(look.scale.low + 2, look.scale.high + 1, 2)
    halves = look.scale.half([10.0**e for e in exponents], ["measured"] * len(exponents))
    rows = pd.DataFrame({"half": halves, "words": [power_of_ten(e) for e in exponents]})
    base = alt.Chart(rows)
    rule = base.mark_rule(color=INK, opacity=0.3, strokeDash=[2, 4])
    # On a phone the first node stands where the lowest numbers would.
    seen = alt.expr(f"{_NARROW} && datum.half < 0.5 ? 0 : 1")
    words = base.mark_text(align="left", baseline="middle", opacity=seen, **WORDS)
    head = alt.Chart(pd.DataFrame({"level": [1.27]})).mark_text(align="left", **WORDS)
    title = t("size of the gradient so far", "至此梯度的大小")
    return [
        rule.encode(y=look.y("half:Q"), x=alt.value(34), x2=alt.value("width")),
        words.encode(y=look.y("half:Q"), x=alt.value(0), text="words:N"),
        head.encode(y=look.y("level:Q"), x=alt.value(0), text=alt.value(title)),
    ]


def _thread(look: BeamLook) -> alt.Chart:
    """The thin line through all nodes on which the beam runs."""
    ends = alt.Chart(alt.NamedData("nodes")).transform_aggregate(a="min(place)", b="max(place)")
    line = ends.transform_calculate(level="0").mark_rule(color=INK, strokeWidth=1.5)
    return line.encode(x=look.x("a:Q"), x2="b:Q", y=look.y("level:Q"))


def _nodes(look: BeamLook) -> list[alt.Chart]:
    base = alt.Chart(alt.NamedData("nodes")).transform_calculate(
        top=f"{_PANE}", bottom=f"{-_PANE}", upper="0.1", lower="-0.12", head="1.12"
    )
    base = base.encode(x=look.x("place:Q"))
    saturated, weight = COLORS["sigmoid"], COLORS["pretraining"]
    edge = (
        alt.when("datum.state !== ''")
        .then(alt.value(saturated))
        .when("datum.kind === 'weight'")
        .then(alt.value(weight))
        .otherwise(alt.value(INK))
    )
    size = alt.expr(f"{_NARROW} ? 34 : 50")
    pane = base.mark_bar(fill="white", strokeWidth=2, cornerRadius=6, size=size, tooltip=None)
    # On white panes, also in the dark.
    words = {"fontSize": READOUT, "color": "black"}
    state = base.transform_filter("datum.state !== ''")
    return [
        pane.encode(y=look.y("top:Q"), y2="bottom:Q", stroke=edge),
        base.mark_text(**words, fontWeight="bold").encode(y=look.y("upper:Q"), text="name:N"),
        base.mark_text(**words, limit=48).encode(y=look.y("lower:Q"), text="number:N"),
        state.mark_text(
            color=saturated,
            fontSize=READOUT,
            fontWeight="bold",
            opacity=alt.expr(f"{_NARROW} ? 0 : 1"),
        ).encode(y=look.y("head:Q"), text="state:N"),
    ]


def _products(steps: int, look: BeamLook) -> list[alt.Chart]:
    """Over the beam, the product of the factors met so far."""
    met = (
        alt.Chart(alt.NamedData("beam"))
        .transform_filter(f"datum.met <= {WALKED} && datum.layer <= {steps}")
        .transform_calculate(level=f"max(datum.half, {_PANE} + 0.01)")
    )
    # Where it is narrow, only the latest has room.
    seen = alt.expr(f"{_NARROW} && datum.met < {WALKED} ? 0 : 1")
    words = met.mark_text(
        baseline="bottom", dy=-4, fontSize=READOUT + 1, fontWeight="bold", opacity=seen
    )
    place = {"x": look.x("layer:Q"), "y": look.y("level:Q")}
    return [words.encode(**place, text="product:N", color=zone_color())]


def _legend(look: BeamLook) -> alt.LayerChart:
    """Below each hop its factor, and its two parts: weight × slope."""
    hops = alt.Chart(alt.NamedData("hops")).transform_filter(f"datum.step <= {WALKED}")
    now = f"datum.step == {WALKED}"
    factor = hops.mark_text(
        fontSize=READOUT,
        color=INK,
        fontWeight="bold",
        opacity=alt.expr(f"{_NARROW} && !({now}) ? 0 : 1"),
    )
    parts = hops.mark_text(opacity=alt.expr(f"{_NARROW} ? 0 : 1"), **WORDS)
    x = look.x("place:Q")
    return sized(
        layered(
            factor.encode(x=x, y=alt.value(8), text="factor:N"),
            parts.encode(x=x, y=alt.value(LEGEND - 16), text="parts:N"),
        ),
        LEGEND,
    )


def _handles(steps: int, look: BeamLook) -> alt.Chart:
    """Invisible columns around the loss and the stations left of it, in the order of the walk."""
    met = WALKED.split("_")[1]
    strips = pd.DataFrame({met: range(steps + 1)})
    strips = strips.assign(left=steps + 0.5 - strips[met], right=steps + 1.5 - strips[met])
    return (
        alt.Chart(strips)
        .mark_rect(opacity=0, clip=True, cursor="ew-resize")
        .encode(
            x=look.x("left:Q"),
            x2="right:Q",
            y=alt.value(0),
            y2=alt.value("height"),
            tooltip=GHOST,
        )
    )


def _table(steps: int) -> alt.LayerChart:
    """One line per factor: its name, weight × slope, its value, and the product so far."""
    heads = {
        "name": t("factor", "因子"),
        "split": t("weight × slope", "权重 × 斜率"),
        "value": t("value", "值"),
        "product": t("product", "累积乘积"),
    }
    places = {"name": 0.0, "split": 0.2, "value": 0.76, "product": 1.0}
    base = alt.Chart(alt.NamedData("factors"))
    weight = alt.expr(f"datum.step == {WALKED} ? 'bold' : 'normal'")  # of the factor just met
    lines = []
    for part, place in places.items():
        align = "left" if place < 0.5 else "right"
        x = alt.X(f"{part}_x:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=None)
        placed = base.transform_calculate(
            **{f"{part}_x": f"{place}", "height": f"{ROW} * datum.step + 8"}
        )
        y = alt.Y("height:Q", scale=None, axis=None)
        known = placed.transform_filter(f"datum.step <= {WALKED}") if part != "name" else placed
        words = known.mark_text(align=align, color=INK, fontSize=LONG, fontWeight=weight)
        lines += [
            words.encode(x=x, y=y, text=f"{part}:N"),
            placed.transform_filter(alt.datum.step == 1)
            .mark_text(align=align, color=INK, fontSize=LONG)
            .encode(x=x, y=alt.value(8), text=alt.value(heads[part])),
        ]
    return layered(*lines, _formula(steps)).properties(height=ROW * (steps + 2))


def _formula(steps: int) -> alt.Chart:
    return (
        alt.Chart(alt.NamedData("formulas"))
        .transform_filter(f"datum.met == {WALKED}")
        .mark_text(align="left", color=COLORS["pretraining"], fontSize=LONG, fontWeight="bold")
        .encode(x=alt.value(0), y=alt.value(ROW * (steps + 1) + 12), text="words:N")
    )
