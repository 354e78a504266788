"""§1: the network as a composite function, and what a gradient step does."""

from typing import cast

import numpy as np
import pandas as pd
import streamlit as st

from gradviz import ui
from gradviz.activations import activation
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.update_rule.composite import composite_curves
from gradviz.charts.update_rule.descent import descent_chart
from gradviz.charts.update_rule.plateau import plateau_chart
from gradviz.language import t
from gradviz.theory.chain import composite as compose
from gradviz.theory.landscape import (
    Descent,
    Landscape,
    descend,
    fit,
    samples,
    unit_loss,
    unit_walks,
)

lesson = ui.Lesson("update_rule")

INPUTS = np.linspace(-5, 5, 101)
MOST_LAYERS = 20
STEPS = 40
UNIT_STEPS, UNIT_RATE = 100, 1.0
ACTIVATION = ui.activation_choice("activation")
WEIGHT = ui.number(
    "weight",
    t("Weight θ", "权重 θ"),
    low=-8.0,
    high=8.0,
    default=1.0,
    step=0.25,
    help=t("The same in every layer.", "各层相同。"),
)
BIAS = ui.number(
    "bias",
    t("Bias b", "偏置 b"),
    low=-4.0,
    high=4.0,
    default=0.0,
    step=0.25,
    help=t("The same in every layer.", "各层相同。"),
)
LAYERS_SHOWN = ui.opening("layers", low=1, high=MOST_LAYERS, default=1)
RATE = ui.steps(
    "lr",
    t("Learning rate α", "学习率 α"),
    (0.005, 0.05, 0.5, 2.0, 5.0, 20.0),
    default=0.5,
    help=t("How far a step goes for a given gradient.", "梯度给定时，一步走多远。"),
)
W1, W2 = (
    ui.number(
        key,
        label,
        low=-6.0,
        high=6.0,
        default=default,
        step=0.2,
        help=t(
            "Where the path starts; a press on the picture sets it too.",
            "路径的起点；在图上点一下也能设定。",
        ),
    )
    for key, label, default in (
        ("w1", t("Start w₁", "起点 w₁"), 0.6),
        ("w2", t("Start w₂", "起点 w₂"), -1.6),
    )
)
START = ui.opening("start", low=-4.0, high=10.0, default=8.0)
CODE = """
import numpy as np
from gradviz import activation
from gradviz.theory.chain import composite
from gradviz.theory.landscape import descend, fit, samples

x = np.linspace(-5, 5, 201)
values, slopes = composite(x, np.ones(10), np.zeros(10), activation("sigmoid"))
print(np.ptp(values[10]), slopes[10].max())  # ten layers: a flat curve

walk = descend(fit(*samples()), start=(0.6, -1.6), lr=0.5, steps=40)
print(walk.points, walk.losses)
"""


@lesson.figure(
    ("Layers stacked one by one", "一层一层往上叠"),
    controls=[ACTIVATION, WEIGHT, BIAS],
    presets={
        t("Flat", "压平"): {ACTIVATION: "sigmoid", WEIGHT: 1.0, BIAS: 0.0},
        t("A step", "台阶"): {ACTIVATION: "sigmoid", WEIGHT: 8.0, BIAS: -4.0},
        t("Healthy", "健康"): {ACTIVATION: "tanh", WEIGHT: 1.0, BIAS: 0.0},
        t("Explode", "爆炸"): {ACTIVATION: "relu", WEIGHT: 2.0, BIAS: 0.0},
    },
)
def composite() -> str:
    ask_about_ten_layers()
    name = ACTIVATION.value
    curves = composite_frame(name, WEIGHT.value, BIAS.value)
    ui.picture(composite_curves(curves, name, LAYERS_SHOWN.value), key="composite_chart")
    return t(
        "Move the slider: every layer multiplies the slope by one more factor. At ten layers it is "
        "{slope} at most.",
        "拖动滑块：每加一层，斜率就多乘一个因子。叠到十层时，斜率最大为 {slope}。",
        slope=rounded_power(curves[curves["layer"] == 10]["slope"].abs().max(), 2),
    )


def composite_frame(name: str, weight: float, bias: float) -> pd.DataFrame:
    """F and F′ on the inputs after 1, 2, … layers: layer, x, value, slope."""
    layers = np.ones(MOST_LAYERS)
    values, slopes = compose(INPUTS, weight * layers, bias * layers, activation(name))
    numbers = np.repeat(np.arange(1, MOST_LAYERS + 1), len(INPUTS))
    return pd.DataFrame(
        {
            "layer": numbers,
            "x": np.tile(INPUTS, MOST_LAYERS),
            "value": values[1:].ravel(),
            "slope": slopes[1:].ravel(),
        }
    )


def ask_about_ten_layers() -> None:
    guess = ui.predict(
        "ten_layers",
        t(
            "Ten sigmoid layers with weight 1 see every input from −5 to 5. How far apart are "
            "their outputs at most?",
            "十层权重为 1 的 sigmoid 读入 −5 到 5 的所有输入。输出最多相差多少？",
        ),
        [0.5, 0.05, 0.001, 1e-6],
        names=lambda size: (
            t("about {size:g}", "约 {size:g}", size=size)
            if size >= 0.001
            else t("about a millionth", "约百万分之一")
        ),
    )
    if guess is None:
        return
    ten = composite_frame("sigmoid", 1.0, 0.0).query("layer == 10")
    spread = np.ptp(ten["value"])
    ui.reveal(
        guess == 1e-6,
        t(
            "They differ by {spread}. Each layer keeps less than a quarter of the difference "
            "that it is given.",
            "只差 {spread}。每经过一层，剩下的差别还不到四分之一。",
            spread=rounded_power(spread, 2),
        ),
    )


@lesson.figure(
    ("Descent on a real loss surface", "在真实的损失曲面上下降"),
    controls=[RATE, W1, W2],
    presets={
        t("Healthy", "健康"): {RATE: 0.5, W1: 0.6, W2: -1.6},
        t("Crawl", "爬行"): {RATE: 0.005, W1: 0.6, W2: -1.6},
        t("Overshoot", "冲过头"): {RATE: 5.0, W1: 0.6, W2: -1.6},
        t("Saddle", "鞍点"): {RATE: 0.05, W1: 0.8, W2: -1.0},
        t("Plateau", "平台"): {RATE: 0.5, W1: -5.0, W2: 5.0},
    },
)
def descent() -> str:
    rate = RATE.value
    walk = descend(scene(), (W1.value, W2.value), rate, STEPS)
    ui.picture(
        descent_chart(scene(), walk, rate, places()),
        key="descent_chart",
        press="start",
        sets={"a": W1, "b": W2},
    )
    return what_happened(walk)


def what_happened(walk: Descent) -> str:
    first, last = walk.losses[0], walk.losses[-1]
    moved = np.linalg.norm(walk.points[-1] - walk.points[0])
    worse = int((np.diff(walk.losses) > 0).sum())
    return t(
        "{steps} steps took the loss from {first:.3f} to {last:.3f} and the weights {moved:.2f} "
        "away; {worse} steps made it worse. The lines of numbers follow the step slider.",
        "{steps} 步之后，损失从 {first:.3f} 变为 {last:.3f}，权值移动了 {moved:.2f}；"
        "其中 {worse} 步让损失变大。图中的算式随“步”滑块更新。",
        steps=len(walk.losses) - 1,
        first=first,
        last=last,
        moved=moved,
        worse=worse,
    )


@st.cache_resource(show_spinner=False)
def scene() -> Landscape:
    return fit(*samples())


def places() -> pd.DataFrame:
    """The two minima, found by descent, and the saddle between them."""
    minima = minima_of_scene()
    names = [t("minimum", "极小点"), t("minimum", "极小点"), t("saddle", "鞍点")]
    return pd.DataFrame([*minima, (0.0, 0.0)], columns=["a", "b"]).assign(name=names)


@st.cache_data(show_spinner=False)
def minima_of_scene() -> list[tuple[float, float]]:
    ends = [descend(scene(), (sign, sign), 1.0, 800).points[-1] for sign in (1.0, -1.0)]
    return [(float(a), float(b)) for a, b in ends]


@lesson.figure(("The plateau of one saturated unit", "一个饱和神经元的平台"))
def plateau() -> str:
    ask_about_saturation()
    weights = np.round(np.arange(-40, 101) / 10, 1)
    loss, gradient = unit_loss(weights)
    curve = pd.DataFrame({"w": weights, "loss": loss, "gradient": gradient})
    presets = pd.DataFrame(
        {
            "name": [
                t("Alive: ω = 1", "有斜率：ω = 1"),
                t("Slow: ω = 5", "缓慢：ω = 5"),
                t("Saturated: ω = 8", "饱和：ω = 8"),
            ],
            "color": [COLORS[name] for name in ("healthy", "elu", "sigmoid")],
            "w": [1.0, 5.0, 8.0],
        }
    )
    ui.picture(
        plateau_chart(curve, unit_frame(weights), presets, START.value),
        key="plateau_chart",
    )
    return t(
        "Drag the ring; green marks are every tenth step. From ω = 8 the weight moves by "
        "{moved:.2f} in {steps} steps at α = {rate:g}, although the loss is nearly the largest "
        "possible.",
        "拖动圆环；绿点每十步一个。从 ω = 8 出发，以 α = {rate:g} 走 {steps} 步，权值只移动了 "
        "{moved:.2f}，尽管损失已接近最大。",
        moved=8.0 - unit_walks(np.array([8.0]), UNIT_RATE, UNIT_STEPS)[-1, 0],
        steps=UNIT_STEPS,
        rate=UNIT_RATE,
    )


def unit_frame(starts: np.ndarray) -> pd.DataFrame:
    """Every tenth step of the walks from `starts`: w (the start), step, at, loss."""
    walks = unit_walks(starts, UNIT_RATE, UNIT_STEPS)[::10]
    table = pd.DataFrame(walks, index=range(0, UNIT_STEPS + 1, 10), columns=starts)
    # A frame whose columns have one level is stacked to a series.
    stacked = cast("pd.Series", table.rename_axis(index="step", columns="w").stack())
    rows = stacked.rename("at").reset_index()
    return rows.assign(loss=unit_loss(rows["at"].to_numpy())[0])


def ask_about_saturation() -> None:
    guess = ui.predict(
        "saturation",
        t(
            "The unit should say 0. At ω = 8 it says 0.9997, at ω = 1 it says 0.73. How large is "
            "its gradient at ω = 8, compared with ω = 1?",
            "神经元本应输出 0。ω = 8 时它输出 0.9997，ω = 1 时输出 0.73。"
            "与 ω = 1 相比，ω = 8 处的梯度有多大？",
        ),
        ["larger", "equal", "smaller"],
        names=lambda size: {
            "larger": t("hundreds of times larger", "大几百倍"),
            "equal": t("about the same", "差不多"),
            "smaller": t("hundreds of times smaller", "小几百倍"),
        }[size],
    )
    if guess is None:
        return
    near, far = unit_loss(np.array([1.0, 8.0]))[1]
    ui.reveal(
        guess == "smaller",
        t(
            "It is {ratio:.0f} times smaller. The error is larger, but the gradient also carries "
            "the slope σ′(8) = {slope} as a factor.",
            "小 {ratio:.0f} 倍。误差虽然更大，但梯度里还有一个因子：斜率 σ′(8) = {slope}。",
            ratio=near / far,
            slope=rounded_power(float(activation("sigmoid").derivative(8.0)), 2),
        ),
    )


lesson.show(CODE)
