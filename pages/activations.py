"""§2.2: sigmoid and tanh, whose slopes stay below one."""

import math

import altair as alt
import pandas as pd

from gradviz import ui
from gradviz.activations import ACTIVATIONS
from gradviz.charts.activation_curves import POINTER_LIMIT, PROBE, asked_tangent
from gradviz.charts.activations.best_product import EXPONENTS, LIMIT, layers_until
from gradviz.charts.activations.best_product import best_product as product_chart
from gradviz.language import t
from gradviz.recipe import Recipe
from gradviz.theory.mean_field import mean_square_slope

lesson = ui.Lesson("activations")

THRESHOLD = -6  # a power of ten
REACH = 16.0  # of the pre-activations, with the largest weights too
Z = ui.opening("z", PROBE, low=-POINTER_LIMIT, high=POINTER_LIMIT, default=1.0)
LIMIT_SHOWN = ui.opening("threshold", LIMIT, low=EXPONENTS[0], high=EXPONENTS[1], default=THRESHOLD)
ACTIVATION = ui.activation_choice("activation", ("sigmoid", "tanh"))
GAIN = ui.steps(
    "weight_scale",
    t(r"Weight scale $\sigma_w$", r"权重尺度 $\sigma_w$"),
    (0.5, 1.0, 2.0, 4.0, 8.0),
    default=8.0,
    help=t(
        r"Weights are drawn with standard deviation $\sigma_w/\sqrt n$, $n$ the layer's inputs.",
        r"权重的标准差为 $\sigma_w/\sqrt n$，$n$ 为该层的输入数。",
    ),
)
CODE = """
import numpy as np
from gradviz import ACTIVATIONS
from gradviz.charts.activation_curves import tangent
from gradviz.engine import start
from gradviz import Recipe

z = np.linspace(-5, 5, 1001)
for name in ("sigmoid", "tanh"):
    print(name, ACTIVATIONS[name].derivative(z).max())
landing = start.landing(Recipe(activation="sigmoid", depth=10))
print(landing.pivot(index="layer", columns="quantity", values="value"))
chart = tangent()  # an Altair chart
"""


@lesson.figure(("Function, tangent, derivative", "函数、切线与导数"))
def tangent() -> str:
    ask_largest_slope()
    ui.picture(tangent_picture(), key="tangent_chart", opens=[Z])
    return t(
        "Far from zero the tangent lies flat: there the unit passes on almost no gradient.",
        "离零点越远，切线越平：神经元在那里几乎传不回任何梯度。",
    )


@ui.made_once
def tangent_picture() -> alt.VConcatChart:
    return asked_tangent(Z.default)


def ask_largest_slope() -> None:
    largest = ACTIVATIONS["sigmoid"].largest_slope

    def reply(guess: float | None) -> tuple[bool | None, str]:
        found = t(
            "It is {largest}, at z = 0. The curve climbs from 0 to 1, but it takes its time.",
            "是 {largest}，在 z = 0 处取得。曲线虽然从 0 升到 1，但升得很慢。",
            largest=largest,
        )
        if guess is None or guess == largest:
            return (None if guess is None else True), found
        missed = (
            t("You said {guess}: too steep. ", "你猜的是 {guess}，太陡了。", guess=guess)
            if guess > largest
            else t("You said {guess}: too flat. ", "你猜的是 {guess}，太平了。", guess=guess)
        )
        return False, missed + found

    ui.ask(
        "largest_slope",
        t(
            "How large is the slope of sigmoid at most? Move over the curve: its tangent follows.",
            "sigmoid 的斜率最大是多少？在曲线上移动，切线会跟着走。",
        ),
        [0.1, 0.25, 0.5, 1.0],
        reply,
        guess=float,
    )


@lesson.figure(("The best possible product", "乘积最大能有多大"))
def best_product() -> str:
    ui.picture(product_picture(), key="best_product_chart", opens=[LIMIT_SHOWN])
    return t(
        "Drag the threshold. Sigmoid falls under a millionth within {n} layers even at its best.",
        "拖动阈值。即使处处取最大斜率，sigmoid 也在 {n} 层之内跌破百万分之一。",
        n=layers_until(ACTIVATIONS["sigmoid"].largest_slope, 1e-6),
    )


@ui.made_once
def product_picture() -> alt.LayerChart:
    typical = math.sqrt(mean_square_slope(ACTIVATIONS["tanh"]))
    factors = pd.DataFrame(
        {
            "name": ["sigmoid", "tanh"],
            "label": [
                t("sigmoid at its best (0.25)", "sigmoid 最大斜率（0.25）"),
                t(
                    "tanh at z ~ N(0, 1) ({slope:.2f})",
                    "tanh，z ~ N(0, 1)（{slope:.2f}）",
                    slope=typical,
                ),
            ],
            "slope": [ACTIVATIONS["sigmoid"].largest_slope, typical],
        }
    )
    return product_chart(factors, 10.0**THRESHOLD)


@lesson.figure(
    ("Where the layers land", "各层落在哪里"),
    controls=[ACTIVATION, GAIN],
    presets=[
        ui.Preset(
            t("Saturated", "饱和"),
            {ACTIVATION: "sigmoid", GAIN: 8.0},
            t(
                "Large weights throw many units onto the flat parts of sigmoid, in every layer.",
                "权重太大：每一层都有许多神经元被抛到 sigmoid 的平坦处。",
            ),
        ),
        ui.Preset(
            t("Sigmoid at its best", "sigmoid 最好时"),
            {ACTIVATION: "sigmoid", GAIN: 0.5},
            t(
                "Small weights: all units stay where sigmoid is steepest, and that is 0.25.",
                "权重很小：神经元全都停在 sigmoid 最陡的地方，而那里也只有 0.25。",
            ),
        ),
        ui.Preset(
            t("Healthy", "健康"),
            {ACTIVATION: "tanh", GAIN: 1.0},
            t(
                "tanh: with every layer the units come closer to zero, where the slope is 1.",
                "tanh：一层比一层更靠近零点，那里斜率为 1。",
            ),
        ),
    ],
)
def landing() -> str:
    recipe = Recipe(activation=ACTIVATION.value, gain=GAIN.value, depth=20, width=64)
    layers = ui.landing_picture(recipe, "landing_chart", REACH)
    return t(
        "The mean slope is {slope:.3f} in layer 1 and {last:.3f} in layer {depth}: never above "
        "{largest}, and larger weights push more units out of the living zone.",
        "第 1 层的平均斜率为 {slope:.3f}，第 {depth} 层为 {last:.3f}：都不超过 {largest}；"
        "权重越大，越多的神经元被推出有效区。",
        slope=layers["mean_slope"].iloc[0],
        last=layers["mean_slope"].iloc[-1],
        depth=len(layers),
        largest=ACTIVATIONS[recipe.activation].largest_slope,
    )


lesson.show(CODE)
