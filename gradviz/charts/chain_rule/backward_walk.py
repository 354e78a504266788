"""A network with one neuron per layer, and the walk back through it, one factor at a time."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.activations import SATURATED_BELOW
from gradviz.charts.parts.handles import GHOST, handle_selection
from gradviz.charts.parts.marks import column, layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.theme import LONG, READOUT, WORDS
from gradviz.language import t
from gradviz.theory.chain import Factor, ScalarNetwork

WALKED = "walk_met"  # the signal of the selection: how many factors have been met
ROW = 22  # pixels
# So few layers do not change the signal by more than a few powers of ten.
VANISHING, EXPLODING = 0.1, 10.0
NODE, LOSS_NODE = 900, 1500  # square pixels; the word "Loss" is longer than the other names

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def backward_walk(network: ScalarNetwork, layer: int = 2, step: int = 0) -> Spec:
    """The network drawn with its numbers, above the factors of ∂Loss/∂ω_`layer`.

    Returns a Vega-Lite spec. A slider, or a press or drag over the network, says how many factors
    have been met, at first `step`. Raises `ValueError` for a step that the walk does not have.
    """
    walk = network.backward_walk(layer)
    if step not in range(len(walk) + 1):
        raise ValueError(f"step={step!r} is not a whole number from 0 to {len(walk)}")
    rows = factor_frame(walk)
    return _picture(network.depth + 1, len(walk), step).with_data(
        nodes=node_frame(network, layer),
        edges=edge_frame(network, layer),
        factors=rows,
        formulas=formula_frame(rows, layer),
    )


@built_once
def _picture(end: int, steps: int, step: int) -> alt.VConcatChart:
    """The picture without its data: nodes at 0 to `end`, a walk of `steps`, at first at `step`."""
    slider = alt.binding_range(min=0, max=steps, step=1, name=t("Steps back ", "往回走 "))
    walked = handle_selection("walk", "met", step, slider)
    return column(
        _drawing(end, steps, walked),
        _table(steps),
        spacing=14,
        description=t(
            "A chain of neurons with values, weights and slopes, above a table of the factors "
            "of the gradient that fills up as one walks back",
            "一串神经元，标有取值、权重和斜率；下方是梯度各因子的表，随着往回走逐行填满",
        ),
        independent=(
            "x",
            "y",
            "color",
        ),
    )


def node_frame(network: ScalarNetwork, layer: int = 2) -> pd.DataFrame:
    """The nodes x, f₁ … fₙ and Loss, from left to right.

    Columns: place (0, 1, …), name, number, slope (null for x and Loss), state (in words, where the
    unit is saturated or dead), and step, the number of factors met when the walk has come to the
    node.
    """
    n = network.depth
    largest = network.phi.largest_slope
    rows = [{"place": 0, "name": "x", "number": network.x}]
    for i in range(1, n + 1):
        slope = float(network.slopes[i - 1])
        rows.append(
            {
                "place": i,
                "name": subscript(f"f_{i}"),
                "number": float(network.values[i]),
                "slope": slope,
                "slope_words": _short(slope, 2),
                "state": _state(slope, largest),
            }
        )
    rows.append({"place": n + 1, "name": t("Loss", "损失"), "number": network.loss})
    nodes = pd.DataFrame(rows)
    nodes["state"] = nodes["state"].fillna("")
    # Layers below the one whose weight is asked for are not on the walk.
    return nodes.assign(step=(n + 1 - nodes["place"]).where(nodes["place"] >= layer))


def _state(slope: float, largest: float) -> str:
    if slope == 0:
        return t("dead", "死亡")
    return t("saturated", "饱和") if abs(slope) < SATURATED_BELOW * largest else ""


def edge_frame(network: ScalarNetwork, layer: int = 2) -> pd.DataFrame:
    """The edges between the nodes: start, stop, middle, name, number, step, target.

    `target` marks the weight whose gradient is asked for; the last edge has no weight. `color` is
    that of the signal's state once it has passed the edge on its way back.
    """
    n = network.depth
    states = [_signal_state(factor.product) for factor in network.backward_walk(layer)]
    rows = [
        {
            "start": i - 1 + 0.36,
            "stop": i - 0.36,
            "middle": i - 0.5,
            "name": subscript(f"ω_{i}") if i <= n else "",
            "number": _short(network.weights[i - 1]) if i <= n else "",
            "step": n + 2 - i if i >= layer else None,
            "target": i == layer,
            "color": COLORS[states[n + 1 - i]] if i >= layer else INK,
        }
        for i in range(1, n + 2)
    ]
    return pd.DataFrame(rows)


def _signal_state(product: float) -> str:
    """The name of the color of a signal that is the `product` of the factors met so far."""
    if abs(product) < VANISHING:
        return "vanish"
    return "explode" if abs(product) > EXPLODING else "healthy"


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
    """The two parts of a factor in numbers, e.g. "ω₄=1 × f′=0.2"."""
    if factor.slope is None or factor.other is None:
        return subscript(f"2({factor.by} − g)")
    layer = int(factor.of.removeprefix("f_"))
    other = f"f_{layer - 1}" if factor.by.startswith("ω") else f"ω_{layer}"
    if other == "f_0":
        other = "x"
    return f"{subscript(other)}={_short(factor.other)} × f′={_short(factor.slope)}"


def formula_frame(rows: pd.DataFrame, layer: int) -> pd.DataFrame:
    """The formula with the numbers met so far: met, words; a question mark stands for the rest.

    `rows` is the frame of `factor_frame`.
    """
    lines = []
    values = rows["value"].tolist()
    for met in range(len(values) + 1):
        numbers = [*values[:met], *"?" * (len(values) - met)]
        total = rows["product"].iloc[-1] if met == len(values) else "?"
        formula = subscript(f"∂Loss/∂ω_{layer}") + " = " + " × ".join(numbers) + f" = {total}"
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
        return f"{number:.{figures}g}".replace("-", "−")
    return ("−" if number < 0 else "") + rounded_power(abs(number), 2)


def _drawing(end: int, steps: int, walked: alt.Parameter) -> alt.LayerChart:
    scale = alt.Scale(domain=[-0.45, end + 0.45], nice=False)
    x = alt.X("place:Q", scale=scale, axis=None)
    return layered(
        *_edges(scale), *_nodes(x), *_slopes(x), _handles(end, steps, scale).add_params(walked)
    ).properties(height=150)


def _edges(scale: alt.Scale) -> list[alt.Chart]:
    base = alt.Chart(alt.NamedData("edges"))
    passed = f"isValid(datum.step) && datum.step <= {WALKED}"
    line = {
        "x": alt.X("start:Q", scale=scale, axis=None),
        "x2": "stop:Q",
        "y": alt.value(58),
    }
    color = alt.Color("color:N", scale=None)
    words = base.transform_filter(alt.datum.name != "")
    at = alt.X("middle:Q", scale=scale, axis=None)
    target, other = alt.value(COLORS["pretraining"]), alt.value(INK)
    weight = alt.when("datum.target").then(target).otherwise(other)
    width = alt.when(passed).then(alt.value(4)).otherwise(alt.value(1.5))
    return [
        base.transform_calculate(color=f"{passed} ? datum.color : '{INK}'")
        .mark_rule()
        .encode(**line, color=color, strokeWidth=width),
        words.mark_text(fontSize=READOUT, fontWeight="bold").encode(
            x=at, y=alt.value(30), text="name:N", color=weight
        ),
        words.mark_text(fontSize=READOUT).encode(
            x=at, y=alt.value(46), text="number:N", color=weight
        ),
    ]


def _nodes(x: alt.X) -> list[alt.Chart]:
    base = alt.Chart(alt.NamedData("nodes")).encode(x=x)
    saturated, healthy = alt.value(COLORS["sigmoid"]), alt.value(COLORS["healthy"])
    size = alt.expr(f"isValid(datum.slope) || datum.place == 0 ? {NODE} : {LOSS_NODE}")
    circle = base.mark_point(size=size, strokeWidth=2.5, opacity=1, filled=False)
    fill = base.mark_point(size=size, filled=True, opacity=0.18)
    color = alt.when(alt.datum.state != "").then(saturated).otherwise(healthy)
    return [
        fill.encode(y=alt.value(58), color=color),
        circle.encode(y=alt.value(58), color=color),
        base.mark_text(**{**WORDS, "fontWeight": "bold"}).encode(y=alt.value(58), text="name:N"),
        base.mark_text(**WORDS).encode(y=alt.value(84), text=alt.Text("number:Q", format=".3~g")),
    ]


def _slopes(x: alt.X) -> list[alt.Chart]:
    """What the walk back finds at each node: its slope, and whether the unit is saturated."""
    met = alt.Chart(alt.NamedData("nodes")).transform_filter(
        f"isValid(datum.slope) && isValid(datum.step) && datum.step < {WALKED}"
    )
    saturated = alt.Chart(alt.NamedData("nodes")).transform_filter(alt.datum.state != "")
    return [
        met.mark_text(**WORDS).encode(x=x, y=alt.value(102), text=alt.value("f′ =")),
        met.mark_text(**WORDS).encode(x=x, y=alt.value(116), text="slope_words:N"),
        saturated.mark_text(color=COLORS["sigmoid"], fontSize=READOUT, fontWeight="bold").encode(
            x=x, y=alt.value(134), text="state:N"
        ),
    ]


def _handles(end: int, steps: int, scale: alt.Scale) -> alt.Chart:
    """Invisible columns: the loss and the edges left of it, in the order of the walk."""
    strips = pd.DataFrame({"met": range(steps + 1)})
    strips = strips.assign(left=end - strips["met"], right=end + 1 - strips["met"])
    return (
        alt.Chart(strips)
        .mark_rect(opacity=0, clip=True, cursor="ew-resize")
        .encode(
            x=alt.X("left:Q", scale=scale, axis=None),
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
        "product": t("product so far", "累积乘积"),
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
