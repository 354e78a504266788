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
ACTIVATION = ui.activation_choice("activation", ACTIVATIONS)
RATE = ui.choice(
    "lr",
    t("Learning rate", "学习率"),
    RATES,
    default="0.05",
    help=t("The size of a step.", "每一步的大小。"),
)
BATCH = ui.choice(
    "batch_size",
    t("Batch size", "批次大小"),
    BATCHES,
    default="128",
    help=t("Examples whose statistics are shared.", "共用统计量的样本数。"),
)
EXAMPLES = ui.choice(
    "examples",
    t("Batch size, of both", "批次大小（两者相同）"),
    BATCHES,
    default="4",
    help=t("Only networks with batches of one size are compared.", "只比较批次大小相同的网络。"),
)
QUANTITY = ui.quantity_choice("quantity")
# Without BatchNorm it learns from batches of every size.
SMALL_BATCHES = Recipe(activation="relu", lr=0.0025, steps=600)
CODE = """
from gradviz import Recipe, race

arms = {"plain": Recipe(steps=100), "batchnorm": Recipe(steps=100, norm="batch")}
print({frame.arm: frame.accuracy.mean() for frame in race(arms, seeds=3)})
"""


def arms() -> dict[str, Recipe]:
    """The networks of the race, as its controls stand."""
    plain = Recipe(
        activation=ACTIVATION.value,
        lr=float(RATE.value),
        batch_size=int(BATCH.value),
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


@lesson.figure(
    ("With and without", "有与没有"),
    controls=[ACTIVATION, RATE, QUANTITY, BATCH],
    presets={
        t("Vanish", "消失"): {
            ACTIVATION: "sigmoid",
            RATE: "0.05",
            QUANTITY: "delta",
            BATCH: "128",
        },
        t("Large steps", "大步长"): {
            ACTIVATION: "relu",
            RATE: "1",
            QUANTITY: "delta",
            BATCH: "128",
        },
    },
)
def race() -> str:
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
    ui.race("race", arms(), arm_names(), QUANTITY.value)
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


@lesson.figure(("Small batches", "小批次"), controls=[EXAMPLES])
def batches() -> str:
    plain = replace(SMALL_BATCHES, batch_size=int(EXAMPLES.value))
    recipes = {"plain": plain, "batchnorm": replace(plain, norm="batch")}
    names = {name: arm_names()[name] for name in recipes}
    ui.race("batches", recipes, names, "update_ratio")
    return t(
        "Same batches, {steps} steps each. The mean and variance of four examples are mostly "
        "noise; those of 128 are not.",
        "批次相同，各训练 {steps} 步。四个样本的均值与方差大半是噪声，128 个样本的则不然。",
        steps=SMALL_BATCHES.steps,
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
