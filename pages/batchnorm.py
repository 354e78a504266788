"""§3.4: BatchNorm keeps the pre-activations spread, and what that costs."""

import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.charts.layers import layer_profile
from gradviz.charts.scale_invariance import scale_invariance
from gradviz.data import load
from gradviz.language import t
from gradviz.recipe import Recipe, replace

lesson = ui.Lesson("batchnorm")

CODE = """
from gradviz import Recipe, race

arms = {"plain": Recipe(steps=150), "batchnorm": Recipe(steps=150, norm="batch")}
print({frame.arm: frame.accuracy.mean() for frame in race(arms, seeds=3)})
"""


def arms() -> dict[str, Recipe]:
    """The networks of the race, as its controls stand."""
    plain = Recipe(
        activation=ui.value("activation", "sigmoid"),
        lr=float(ui.value("lr", "0.05")),
        batch_size=int(ui.value("batch_size", "128")),
        steps=150,
    )
    return {
        "plain": plain,
        "batchnorm": replace(plain, norm="batch"),
        "layernorm": replace(plain, norm="layer"),
    }


def arm_names() -> dict[str, str]:
    return {"plain": t("plain", "普通网络"), "batchnorm": "BatchNorm", "layernorm": "LayerNorm"}


@lesson.figure(("The scale of the weights cancels", "权重的尺度被约去"))
def idea() -> str:
    ui.picture(scale_invariance(), "idea_chart")
    return t(
        "Drag a: the output of BatchNorm stays, the gradient becomes 1/a.",
        "拖动 a：BatchNorm 的输出不变，梯度变为 1/a。",
    )


@lesson.figure(("With and without", "有与没有"))
def race() -> str:
    ui.presets(
        "race_presets",
        {
            t("Vanish", "消失"): {"activation": "sigmoid", "lr": "0.05", "batch_size": "128"},
            t("Large steps", "大步长"): {"activation": "relu", "lr": "1", "batch_size": "128"},
            t("Tiny batches", "极小批次"): {"activation": "relu", "lr": "0.05", "batch_size": "4"},
        },
    )
    left, middle, right = ui.row(3)
    with left:
        ui.activation_choice("activation", ("sigmoid", "relu"))
    with middle:
        ui.choice(
            "lr",
            t("Learning rate", "学习率"),
            ("0.01", "0.05", "0.2", "1"),
            "0.05",
            t("The size of a step.", "每一步的大小。"),
        )
    with right:
        ui.choice(
            "batch_size",
            t("Batch size", "批次大小"),
            ("4", "16", "128"),
            "128",
            t("Examples whose statistics are shared.", "共用统计量的样本数。"),
        )
    guess = ui.predict(
        "large_steps",
        t("Which network survives a learning rate of 1?", "学习率为 1 时，哪个网络能撑住？"),
        options=("plain", "batchnorm"),
        names=lambda name: arm_names()[name],
    )
    if guess is not None:
        ui.reveal(
            guess == "batchnorm",
            t(
                "BatchNorm: weights that a step made larger get smaller gradients. Try ReLU.",
                "BatchNorm：权重被一步放大后，它的梯度反而变小。用 ReLU 试一试。",
            ),
        )
    ui.race("race", arms(), arm_names(), ui.quantity_switch("quantity"))
    return t(
        "Same digits, same batches; accuracy is measured in evaluation mode.",
        "同样的数字，同样的批次；准确率在评估模式下测量。",
    )


@lesson.figure(("Examples stay apart", "样本保持分开"))
def why() -> str:
    from gradviz.batch_spread import batch_spread

    x = load("digits").x_train[:128]
    spreads = {name: batch_spread(recipe, x) for name, recipe in arms().items()}
    rows = [
        {"arm": name, "step": 0, "seed": seed, "layer": layer, "value": value}
        for name, spread in spreads.items()
        for seed, values in enumerate(spread)
        for layer, value in enumerate(values, start=1)
    ]
    history = pd.DataFrame(rows).assign(quantity="spread")
    title = t("Spread of z over the batch", "z 在批次上的标准差")
    ui.picture(layer_profile(history, "spread", title, arm_names()), "why_chart")
    return t(
        "Before training, at the last hidden layer: plain {plain:.1e}, BatchNorm {batch:.2f}.",
        "训练之前，最后一个隐藏层：普通网络 {plain:.1e}，BatchNorm {batch:.2f}。",
        plain=np.median(spreads["plain"][:, -2]),
        batch=np.median(spreads["batchnorm"][:, -2]),
    )


@lesson.figure(("Too deep for BatchNorm", "对 BatchNorm 来说太深"))
def limit() -> str:
    deep = Recipe(
        dataset="spirals",
        depth=80,
        width=64,
        batch_size=64,
        lr=0.01,
        activation="relu",
        norm="batch",
        steps=60,
    )
    names = {"deep": t("80 layers", "80 层"), "shallow": t("10 layers", "10 层")}
    arms = {"deep": deep, "shallow": replace(deep, depth=10)}
    ui.race("limit", arms, names, theory=list(arms))
    return t(
        "Both have BatchNorm. Scrub back to step 0: there the deep one's signal explodes towards "
        "the input, as the line of theory says. In this run it does not learn.",
        "两个网络都用了 BatchNorm。回放到第 0 步：深的那个，误差信号越靠近输入越大，与理论线一致；"
        "在这次训练中它没有学会。",
    )


lesson.show(CODE)
