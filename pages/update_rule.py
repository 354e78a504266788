"""§1: the network as a composite function, and what a gradient step does."""

import functools
from typing import cast

import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.activations import activation
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.parts.spec import Spec
from gradviz.charts.surface import START as PRESS
from gradviz.charts.update_rule import plateau as plateau_picture
from gradviz.charts.update_rule.composite import ASKED_LAYERS, LAYERS, composite_curves
from gradviz.charts.update_rule.descent import descent_chart
from gradviz.language import t
from gradviz.theory.chain import composite as compose
from gradviz.theory.chain import refined
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
    t("Weight $w$", "权重 $w$"),
    low=-8.0,
    high=8.0,
    default=1.0,
    step=0.25,
    help=t("The same in every layer.", "各层相同。"),
)
BIAS = ui.number(
    "bias",
    t("Bias $b$", "偏置 $b$"),
    low=-4.0,
    high=4.0,
    default=0.0,
    step=0.25,
    help=t("The same in every layer.", "各层相同。"),
)
LAYERS_SHOWN = ui.opening("layers", LAYERS, low=1, high=MOST_LAYERS, default=ASKED_LAYERS)
RATE = ui.steps(
    "lr",
    t(r"Learning rate $\alpha$", r"学习率 $\alpha$"),
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
        ("w1", t("Start $w_1$", "起点 $w_1$"), 0.6),
        ("w2", t("Start $w_2$", "起点 $w_2$"), -1.6),
    )
)
STEP = ui.opening("step", REPLAY, low=0, high=STEPS, default=STEPS)
START = ui.opening("start", plateau_picture.START, low=-4.0, high=10.0, default=8.0)
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
    presets=[
        ui.Preset(
            t("Flat", "压平"),
            {ACTIVATION: "sigmoid", WEIGHT: 1.0, BIAS: 0.0, LAYERS_SHOWN: 10},
            t(
                "Ten sigmoid layers give nearly the same output for every input.",
                "叠了十层 sigmoid，不论输入是什么，输出几乎都一样。",
            ),
        ),
        ui.Preset(
            t("A step", "台阶"),
            {ACTIVATION: "sigmoid", WEIGHT: 8.0, BIAS: -4.0, LAYERS_SHOWN: 10},
            t(
                "Large weights keep two outputs apart. The slope is alive only at the step between "
                "them.",
                "权重大了，能区分两种输出，但只有台阶处还有斜率。",
            ),
        ),
        ui.Preset(
            t("Healthy", "健康"),
            {ACTIVATION: "tanh", WEIGHT: 1.0, BIAS: 0.0, LAYERS_SHOWN: 10},
            t(
                "tanh has slope 1 at zero: there ten layers keep it, and outputs stay apart.",
                "tanh 在零点的斜率为 1：叠十层也不变，输出仍彼此分开。",
            ),
        ),
        ui.Preset(
            t("Explode", "爆炸"),
            {ACTIVATION: "relu", WEIGHT: 2.0, BIAS: 0.0, LAYERS_SHOWN: 10},
            t(
                "Every layer doubles the slope: after ten it is about a thousand.",
                "每一层都把斜率加倍：十层之后约为一千。",
            ),
        ),
    ],
)
def composite() -> str:
    asked = all(control.value == control.default for control in (ACTIVATION, WEIGHT, BIAS))
    if asked:
        ask_about_ten_layers()
    network = ACTIVATION.value, WEIGHT.value, BIAS.value
    ui.picture(composite_picture(*network), key="composite_chart", opens=[LAYERS_SHOWN])
    return slope_in_words(*network)


@ui.made_once
def composite_picture(name: str, weight: float, bias: float) -> Spec:
    return composite_curves(composite_frame(name, weight, bias), name, ASKED_LAYERS)


@ui.made_once
def slope_in_words(name: str, weight: float, bias: float) -> str:
    curves = composite_frame(name, weight, bias)
    return t(
        "Move the slider: every layer multiplies the slope by one more factor. At ten layers it is "
        "{slope} at most.",
        "拖动滑块：每加一层，斜率就多乘一个因子。叠到十层时，斜率最大为 {slope}。",
        slope=rounded_power(curves[curves["layer"] == 10]["slope"].abs().max(), 2),
    )


def composite_frame(name: str, weight: float, bias: float) -> pd.DataFrame:
    """F and F′ after 1, 2, … layers: layer, x, value, slope; on more inputs where F has a step."""
    phi = activation(name)

    def composed(x: np.ndarray, layers: int) -> tuple[np.ndarray, np.ndarray]:
        values, slopes = compose(x, np.full(layers, weight), np.full(layers, bias), phi)
        return values[-1], slopes[-1]

    parts = []
    for layer in range(1, MOST_LAYERS + 1):
        x = refined(lambda x, layer=layer: composed(x, layer)[0], INPUTS)
        value, slope = composed(x, layer)
        parts.append(pd.DataFrame({"layer": layer, "x": x, "value": value, "slope": slope}))
    return pd.concat(parts, ignore_index=True)


def ask_about_ten_layers() -> None:
    spread = spread_of_ten_layers()
    options = {
        0.5: t("about 0.5", "约 0.5"),
        0.05: t("about 0.05", "约 0.05"),
        0.001: t("about 0.001", "约 0.001"),
        1e-6: t("about a millionth", "约百万分之一"),
    }

    def reply(guess: float | None) -> tuple[bool | None, str]:
        found = t(
            "They differ by {spread}. Each layer keeps only a small part of the difference that "
            "it is given.",
            "只差 {spread}。每经过一层，差别只剩下一小部分。",
            spread=rounded_power(spread, 2),
        )
        if guess is None:
            return None, found
        if guess < 10 * spread:
            return True, found
        missed = t(
            "You said {guess}, which is {times} times too much. ",
            "你猜的是{guess}，大了 {times} 倍。",
            guess=options[guess],
            times=rounded_power(guess / spread),
        )
        return False, missed + found

    ui.ask(
        "ten_layers",
        t(
            "Ten sigmoid layers with weight 1 see every input from −5 to 5. How far apart are "
            "their outputs at most?",
            "十层权重为 1 的 sigmoid 读入 −5 到 5 的所有输入。输出最多相差多少？",
        ),
        list(options),
        reply,
        options,
        guess=float,
    )


@ui.made_once
def spread_of_ten_layers() -> float:
    ten = composite_frame("sigmoid", 1.0, 0.0).query("layer == 10")
    return float(np.ptp(ten["value"]))


@lesson.figure(
    ("Descent on a real loss surface", "在真实的损失曲面上下降"),
    controls=[RATE, W1, W2],
    presets=[
        ui.Preset(
            t("Healthy", "健康"),
            {RATE: 0.5, W1: 0.6, W2: -1.6, STEP: STEPS},
            t(
                "Straight downhill, past the saddle, into a minimum.",
                "一路下坡，绕过鞍点，进入极小点。",
            ),
        ),
        ui.Preset(
            t("Crawl", "爬行"),
            {RATE: 0.005, W1: 0.6, W2: -1.6, STEP: STEPS},
            t(
                "The same start with a hundredth of the learning rate: right direction, tiny "
                "steps.",
                "起点相同，学习率只有百分之一：方向没错，步子太小。",
            ),
        ),
        ui.Preset(
            t("Overshoot", "冲过头"),
            {RATE: 5.0, W1: 0.6, W2: -1.6, STEP: STEPS},
            t(
                "Ten times the learning rate: the first step flies over the minimum, and later "
                "ones are thrown back again and again.",
                "学习率放大十倍：第一步就飞过极小点，此后一再被抛回来。",
            ),
        ),
        ui.Preset(
            t("Saddle", "鞍点"),
            {RATE: 0.05, W1: 0.8, W2: -1.0, STEP: STEPS},
            t(
                "The path makes for the saddle, slows down as the slope gets smaller, and "
                "turns aside late.",
                "路径奔向鞍点，坡度越来越小，脚步越来越慢，很晚才拐向一边。",
            ),
        ),
        ui.Preset(
            t("Plateau", "平台"),
            {RATE: 0.5, W1: -5.0, W2: 5.0, STEP: STEPS},
            t(
                "Both units are saturated: the loss is high and nothing moves.",
                "两个神经元都已饱和：损失很高，却一动不动。",
            ),
        ),
    ],
)
def descent() -> str:
    settings = RATE.value, W1.value, W2.value
    ui.picture(
        descent_picture(*settings),
        key="descent_chart",
        opens=[STEP],
        press=PRESS,
        sets={"a": W1, "b": W2},
    )
    return what_happened(*settings)


@ui.made_once
def descent_picture(rate: float, w1: float, w2: float) -> Spec:
    return descent_chart(scene(), path(rate, w1, w2), rate, places())


@ui.made_once
def what_happened(rate: float, w1: float, w2: float) -> str:
    walk = path(rate, w1, w2)
    first, last = walk.losses[0], walk.losses[-1]
    moved = np.linalg.norm(walk.points[-1] - walk.points[0])
    worse = int((np.diff(walk.losses) > 0).sum())
    return t(
        "{steps} steps took the mean loss over the {points} points from {first:.3f} to {last:.3f} "
        "and the weights {moved:.2f} away; {worse} steps made it worse. The lines of numbers "
        "follow the step slider.",
        "{steps} 步之后，{points} 个点上的平均损失从 {first:.3f} 变为 {last:.3f}，权重移动了 "
        "{moved:.2f}；其中 {worse} 步让损失变大。图中的算式随“训练步”滑块更新。",
        points=len(samples()[0]),
        steps=len(walk.losses) - 1,
        first=first,
        last=last,
        moved=moved,
        worse=worse,
    )


def path(rate: float, w1: float, w2: float) -> Descent:
    return descend(scene(), (w1, w2), rate, STEPS)


@functools.cache
def scene() -> Landscape:
    return fit(*samples())


def places() -> pd.DataFrame:
    """The two minima, found by descent, and the saddle between them."""
    ends = [descend(scene(), (sign, sign), 1.0, 800).points[-1] for sign in (1.0, -1.0)]
    names = [t("minimum", "极小点"), t("minimum", "极小点"), t("saddle", "鞍点")]
    return pd.DataFrame([*ends, (0.0, 0.0)], columns=["a", "b"]).assign(name=names)


@lesson.figure(("The plateau of one saturated unit", "一个饱和神经元的平台"))
def plateau() -> str:
    ask_about_saturation()
    ui.picture(plateau_curves(), key="plateau_chart", opens=[START])
    return t(
        "Drag the ring, where the weight starts. The line above the picture follows it, and green "
        "marks stand at every tenth of the {steps} steps at α = {rate:g}.",
        "拖动圆环，改变权重的起点：图上方的文字随之更新。以 α = {rate:g} 走 {steps} 步，"
        "绿点每十步一个。",
        steps=UNIT_STEPS,
        rate=UNIT_RATE,
    )


@ui.made_once
def plateau_curves() -> Spec:
    weights = np.round(np.arange(-40, 101) / 10, 1)
    loss, gradient = unit_loss(weights)
    output = activation("sigmoid").function(weights)
    curve = pd.DataFrame({"w": weights, "loss": loss, "gradient": gradient, "output": output})
    presets = pd.DataFrame(
        {
            "name": [
                t("Saturated: w = 8", "饱和：w = 8"),
                t("Slow: w = 5", "缓慢：w = 5"),
                t("Alive: w = 1", "有斜率：w = 1"),
            ],
            "color": [COLORS[name] for name in ("sigmoid", "elu", "healthy")],
            "w": [8.0, 5.0, 1.0],
        }
    )
    return plateau_picture.plateau_chart(curve, unit_frame(weights), presets, START.default)


def unit_frame(starts: np.ndarray) -> pd.DataFrame:
    """Every tenth step of the walks from `starts`: w (the start), step, at, loss."""
    walks = unit_walks(starts, UNIT_RATE, UNIT_STEPS)[::10]
    table = pd.DataFrame(walks, index=range(0, UNIT_STEPS + 1, 10), columns=starts)
    # A frame whose columns have one level is stacked to a series.
    stacked = cast("pd.Series", table.rename_axis(index="step", columns="w").stack())
    rows = stacked.rename("at").reset_index()
    return rows.assign(loss=unit_loss(rows["at"].to_numpy())[0])


def ask_about_saturation() -> None:
    near, far = unit_loss(np.array([plateau_picture.NEAR, plateau_picture.FAR]))[1]
    options = {
        2.0: t("twice as large", "是它的两倍"),
        1.0: t("about the same", "差不多"),
        0.5: t("half as large", "是它的一半"),
        0.002: t("hundreds of times smaller", "小几百倍"),
    }

    def reply(factor: float | None) -> tuple[bool | None, str]:
        found = t(
            "It is {ratio:.0f} times smaller. The error is larger, but the gradient also carries "
            "the slope σ′(8) = {slope} as a factor.",
            "小 {ratio:.0f} 倍。误差虽然更大，但梯度里还有一个因子：斜率 σ′(8) = {slope}。",
            ratio=near / far,
            slope=rounded_power(float(activation("sigmoid").derivative(8.0)), 2),
        )
        if factor is None or factor < 0.01:
            return (None if factor is None else True), found
        missed = t("You said: {guess}. ", "你猜的是：{guess}。", guess=options[factor])
        return False, missed + found

    ui.ask(
        "saturation",
        t(
            "The unit should say 0. At w = 8 it says 0.9997, at w = 1 it says 0.73. How large is "
            "its gradient at w = 8, compared with w = 1?",
            "神经元本应输出 0。w = 8 时它输出 0.9997，w = 1 时输出 0.73。"
            "与 w = 1 相比，w = 8 处的梯度有多大？",
        ),
        list(options),
        reply,
        options,
        guess=float,
    )


lesson.show(CODE)
