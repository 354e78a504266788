"""§2.2: sigmoid and tanh, whose slopes stay below one."""

import math

import pandas as pd

from gradviz import ui
from gradviz.activations import ACTIVATIONS
from gradviz.charts.activation_curves import tangent as tangent_chart
from gradviz.charts.activations.best_product import best_product as product_chart
from gradviz.charts.activations.best_product import layers_until
from gradviz.language import t
from gradviz.recipe import Recipe
from gradviz.theory.mean_field import mean_square_slope

lesson = ui.Lesson("activations")

THRESHOLD = 1e-6
ACTIVATION = ui.activation_choice("activation", ("sigmoid", "tanh"))
GAIN = ui.steps(
    "weight_scale",
    t("Weight scale σ_w", "权重尺度 σ_w"),
    (0.5, 1.0, 2.0, 4.0, 8.0),
    default=1.0,
    help=t(
        "Weights are drawn with standard deviation σ_w/√n, n the layer's inputs.",
        "权重的标准差为 σ_w/√n，n 为该层的输入数。",
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


@lesson.figure(("Before you look", "先想一想"))
def largest_slope() -> str | None:
    guess = ui.predict(
        "largest_slope",
        t("How large is the slope of sigmoid at most?", "sigmoid 的斜率最大是多少？"),
        [0.1, 0.25, 0.5, 1.0],
    )
    if guess is None:
        return None
    largest = ACTIVATIONS["sigmoid"].largest_slope
    ui.reveal(
        guess == largest,
        t(
            "It is {largest}, at z = 0. The curve climbs from 0 to 1, but it takes its time.",
            "是 {largest}，在 z = 0 处取得。曲线虽然从 0 升到 1，但升得很慢。",
            largest=largest,
        ),
    )
    return None


@lesson.figure(("Function, tangent, derivative", "函数、切线与导数"))
def tangent() -> str:
    ui.picture(tangent_chart(), key="tangent_chart")
    return t(
        "Far from zero the tangent lies flat: there the unit passes on almost no gradient.",
        "离零点越远，切线越平：神经元在那里几乎传不回任何梯度。",
    )


@lesson.figure(("The best possible product", "乘积最大能有多大"))
def best_product() -> str:
    typical = math.sqrt(mean_square_slope(ACTIVATIONS["tanh"]))
    factors = pd.DataFrame(
        {
            "name": ["sigmoid", "tanh"],
            "label": [
                t("sigmoid at its best: 0.25", "sigmoid 最大斜率：0.25"),
                t(
                    "tanh at z ~ N(0, 1): {slope:.2f}",
                    "tanh，z ~ N(0, 1)：{slope:.2f}",
                    slope=typical,
                ),
            ],
            "slope": [ACTIVATIONS["sigmoid"].largest_slope, typical],
        }
    )
    ui.picture(product_chart(factors, THRESHOLD), key="best_product_chart")
    return t(
        "Drag the threshold. Sigmoid falls under a millionth within {n} layers even at its best.",
        "拖动阈值。即使处处取最大斜率，sigmoid 也在 {n} 层之内跌破百万分之一。",
        n=layers_until(ACTIVATIONS["sigmoid"].largest_slope, THRESHOLD),
    )


@lesson.figure(("Where the layers land", "各层落在哪里"), controls=[ACTIVATION, GAIN])
def landing() -> str:
    recipe = Recipe(activation=ACTIVATION.value, gain=GAIN.value, depth=20, width=64)
    layers = ui.landing_picture(recipe, "landing_chart")
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
