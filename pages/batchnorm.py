"""§3.4: BatchNorm keeps the pre-activations spread, and what that costs."""

import pandas as pd

from gradviz import ui
from gradviz.charts.batchnorm.scale_invariance import scale_invariance
from gradviz.charts.layers import layer_profile
from gradviz.charts.parts.powers import rounded_power
from gradviz.language import t
from gradviz.recipe import Recipe, replace

lesson = ui.remedy("batchnorm")

ACTIVATIONS, RATES, BATCHES = ("sigmoid", "relu"), ("0.05", "0.2", "1"), ("4", "16", "128")
CODE = """
from gradviz import Recipe, race

arms = {"plain": Recipe(steps=100), "batchnorm": Recipe(steps=100, norm="batch")}
print({frame.arm: frame.accuracy.mean() for frame in race(arms, seeds=3)})
"""


def arms() -> dict[str, Recipe]:
    """The networks of the race, as its controls stand."""
    plain = Recipe(
        activation=ui.value("activation", "sigmoid", ACTIVATIONS),
        lr=float(ui.value("lr", "0.05", RATES)),
        batch_size=int(ui.value("batch_size", "128", BATCHES)),
        steps=100,
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
    ui.picture(scale_invariance(scale_effects()), "idea_chart")
    return t(
        "Drag a. Lines are theory, marks the first layer of a real network on digits: multiply its "
        "weights by a, and the output of BatchNorm stays while the gradient becomes 1/a.",
        "拖动 a。线是理论，点来自真实网络在手写数字上的第一层：权重乘以 a，"
        "BatchNorm 的输出不变，梯度变为 1/a。",
    )


@ui.measured
def scale_effects() -> pd.DataFrame:
    """Of a network with BatchNorm, for the factors a that the slider offers."""
    from gradviz.engine import start

    effects = start.scale_effects(Recipe(norm="batch"), [step / 4 for step in range(1, 17)])
    return effects.pivot(index="a", columns="quantity", values="value").reset_index()


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
        ui.activation_choice("activation", ACTIVATIONS)
    with middle:
        ui.choice(
            "lr",
            t("Learning rate", "学习率"),
            RATES,
            "0.05",
            t("The size of a step.", "每一步的大小。"),
        )
    with right:
        ui.choice(
            "batch_size",
            t("Batch size", "批次大小"),
            BATCHES,
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
    spreads = {name: spread(recipe) for name, recipe in arms().items()}
    title = t("Spread of z over the batch", "z 在批次上的标准差")
    history = pd.concat([rows.assign(arm=name) for name, rows in spreads.items()])
    ui.picture(layer_profile(history, "spread", title, arm_names()), "why_chart")
    return t(
        "Before training, at the last hidden layer: plain {plain}, BatchNorm {batch}, "
        "LayerNorm {layer}.",
        "训练之前，最后一个隐藏层：普通网络 {plain}，BatchNorm {batch}，LayerNorm {layer}。",
        plain=at_the_end(spreads["plain"]),
        batch=at_the_end(spreads["batchnorm"]),
        layer=at_the_end(spreads["layernorm"]),
    )


@ui.measured
def spread(recipe: Recipe) -> pd.DataFrame:
    """The spread over a batch at every layer, as the history of a run."""
    from gradviz.engine import start

    return start.batch_spread(recipe)


def at_the_end(history: pd.DataFrame) -> str:
    """The median over the seeds at the last hidden layer, in words."""
    return rounded_power(history[history["layer"] == history["layer"].max() - 1]["value"].median())


@lesson.figure(("Before and after normalization", "归一化之前与之后"))
def spread_over_time() -> str:
    ui.race_histograms(
        "spread_over_time",
        arms(),
        series={
            "plain": ("plain", "z"),
            "before": ("batchnorm", "linear"),
            "batchnorm": ("batchnorm", "z"),
        },
        names={
            "plain": t("plain network", "普通网络"),
            "before": t("before BatchNorm", "BatchNorm 之前"),
            "batchnorm": t("after BatchNorm", "BatchNorm 之后"),
        },
        title=t("Pre-activation of one unit", "一个神经元的预激活值"),
        layers=(1, 5, 10),
    )
    return t(
        "One unit's values over a batch. In the plain network the deeper layers have one spike: "
        "all digits look alike there. BatchNorm spreads them again, at every step of training.",
        "一个神经元在一个批次上的取值。普通网络的深层只剩一根尖峰：所有数字看起来都一样；"
        "BatchNorm 在训练的每一步都把它们重新散开。",
    )


@lesson.figure(("Small batches", "小批次"))
def batches() -> str:
    recipes = {size: Recipe(norm="batch", batch_size=int(size), steps=150) for size in BATCHES}
    names = {size: t("batch of {size}", "批次 {size}", size=size) for size in BATCHES}
    ui.race("batches", recipes, names)
    return t(
        "Three networks with BatchNorm, 150 steps each. The mean and variance of four examples are "
        "mostly noise.",
        "三个网络都用 BatchNorm，各训练 150 步。只有四个样本时，均值与方差大半是噪声。",
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
        steps=100,
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
