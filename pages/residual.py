"""§3.5: residual networks, the "+1" in every factor of the chain rule."""

import math

import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.charts.layer_factors import layer_factors
from gradviz.charts.layers import layer_profile
from gradviz.charts.parts.powers import power_of_ten, rounded_power
from gradviz.charts.residual.path_sum import path_sum
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.theory.mean_field import residual_growth

lesson = ui.remedy("residual")

RACE = Recipe(depth=20, steps=100)
RACES = {
    "digits": RACE,
    "spirals": replace(RACE, dataset="spirals", lr=0.02, batch_size=64, steps=400),
}
PLAIN_WINS = Recipe(dataset="spirals", depth=10, activation="relu", lr=0.007, steps=250)
UNSCALED = Recipe(depth=40, activation="relu", steps=60, residual=True)
DEGRADED = Recipe(depth=56, activation="relu", norm="batch", steps=60)
PATHS = ui.number(
    "paths_depth",
    t("Layers L", "层数 L"),
    low=2,
    high=40,
    default=10,
    step=1,
    help=t("How many factors are multiplied.", "相乘的因子个数。"),
)
DEPTH = ui.choice(
    "depth",
    t("Layers", "层数"),
    ("20", "40", "56"),
    default="20",
    help=t("Hidden layers, or residual blocks.", "隐藏层数，即残差块数。"),
)
ACTIVATION = ui.activation_choice("activation")
DATASET = ui.choice(
    "dataset",
    t("Data", "数据"),
    tuple(RACES),
    default="digits",
    help=t("With spirals: smaller batches, more steps.", "螺旋数据：批次更小，步数更多。"),
    names={"digits": t("digits", "手写数字"), "spirals": t("spirals", "螺旋")},
)
QUANTITY = ui.quantity_choice("quantity")
FACTOR_ACTIVATION = ui.activation_choice("factor_activation")
BLOCKS = ui.number(
    "blocks",
    t("Blocks", "块数"),
    low=2,
    high=56,
    default=30,
    step=1,
    help=t("Residual blocks.", "残差块的个数。"),
)
SCALED = ui.switch(
    "scaled",
    t("Scale by 1/√L", "乘以 1/√L"),
    default=False,
    help=t("Multiply each branch by s = 1/√L, or by s = 1.", "支路乘以 s = 1/√L，或 s = 1。"),
)
CASE = ui.choice(
    "case",
    t("Case", "情形"),
    ("plain_wins", "unscaled", "degradation"),
    default="plain_wins",
    help=t("Which limit to run.", "要运行哪一种局限。"),
    names={
        "plain_wins": t("plain wins", "普通网络获胜"),
        "unscaled": t("no scale", "不缩放"),
        "degradation": t("degradation", "退化"),
    },
)
DIGITS = {DATASET: "digits", ACTIVATION: "sigmoid", QUANTITY: "delta"}
CODE = """
from gradviz import Recipe, history_frame, race

arms = {
    "plain": Recipe(depth=20, steps=100),
    "residual": Recipe(depth=20, steps=100, residual=True),
}
frames = list(race(arms, seeds=3))
history = history_frame(frames)
print({frame.arm: frame.accuracy.mean() for frame in frames})
print(history.query("quantity == 'delta' and step == 0").groupby(["arm", "layer"]).value.mean())
"""


def race_arms() -> dict[str, Recipe]:
    """The plain and the residual network of the race, as its controls stand."""
    plain = replace(
        RACES[DATASET.value],
        depth=int(DEPTH.value),
        activation=ACTIVATION.value,
    )
    return {"plain": plain, "residual": replace(plain, residual=True)}


def arm_names() -> dict[str, str]:
    return {"plain": t("plain", "普通网络"), "residual": t("residual", "残差网络")}


@lesson.figure(("A product becomes a sum over paths", "乘积变成对路径的求和"), controls=[PATHS])
def idea() -> str:
    ui.picture(path_sum(PATHS.value), "idea_chart")
    return t(
        "Drag a, the factor weight × slope. The plain network has the last bar only.",
        "拖动 a，即“权重 × 斜率”这个因子。普通网络只有最右边那一条。",
    )


@lesson.figure(
    ("Plain against residual", "普通网络与残差网络"),
    controls=[DEPTH, ACTIVATION, QUANTITY, DATASET],
    presets={
        t("20 layers", "20 层"): {**DIGITS, DEPTH: "20"},
        t("40 layers", "40 层"): {**DIGITS, DEPTH: "40"},
        t("56 layers", "56 层"): {**DIGITS, DEPTH: "56"},
        t("Spirals", "螺旋"): {
            DATASET: "spirals",
            ACTIVATION: "relu",
            QUANTITY: "delta",
            DEPTH: "56",
        },
    },
)
def race() -> str:
    arms = race_arms()
    guess = ask_signal()
    ui.race("race", arms, arm_names(), QUANTITY.value, theory=list(arms))
    if guess is not None:
        answer_signal(guess, arms)
    return t(
        "Same data, same batches. Marks are measured, lines are theory at initialization.",
        "同样的数据，同样的批次。点是测量值，线是初始化时的理论。",
    )


def ask_signal() -> int | None:
    arms = race_arms()
    return ui.predict(
        f"signal_{arms['plain'].depth}_{arms['plain'].activation}",
        t(
            "What is left of the residual network's δ at layer 1, as a share of the last layer's?",
            "残差网络第 1 层的 δ，还剩最后一层的几分之几？",
        ),
        options=(-12, -6, -3, 0),
        names=power_of_ten,
    )


def answer_signal(guess: int, arms: dict[str, Recipe]) -> None:
    """Compare the prediction with theory for both networks."""
    plain, residual = (float(ui.expected_profile(recipe)[0]) for recipe in arms.values())
    ui.reveal(
        guess == 0,
        t(
            "Theory says about {residual}, against {plain} in the plain network: the identity "
            "carries δ back whatever the branch does.",
            "理论值约为 {residual}，普通网络则为 {plain}：无论支路如何，恒等捷径都把 δ 原样传回。",
            residual=rounded_power(residual),
            plain=rounded_power(plain),
        ),
    )


@lesson.figure(("The factors, layer by layer", "逐层的因子"), controls=[FACTOR_ACTIVATION])
def factors() -> str:
    plain = replace(RACE, activation=FACTOR_ACTIVATION.value)
    arms = {"plain": plain, "residual": replace(plain, residual=True)}
    measured = {arm: measured_factors(recipe) for arm, recipe in arms.items()}
    history = pd.concat([rows.assign(arm=arm) for arm, rows in measured.items()])
    theory = pd.concat([expected_factors(arm, recipe) for arm, recipe in arms.items()])
    ui.picture(layer_factors(history, arm_names(), theory), "factors_chart")
    return t(
        "Before training, {depth} layers. The product of the marks is {plain} in the plain "
        "network and {residual} in the residual one.",
        "训练之前，{depth} 层。各点的乘积：普通网络为 {plain}，残差网络为 {residual}。",
        depth=RACE.depth,
        **{arm: rounded_power(product(rows)) for arm, rows in measured.items()},
    )


@ui.measured
def measured_factors(recipe: Recipe) -> pd.DataFrame:
    from gradviz.engine import start

    return start.layer_factors(recipe)


def expected_factors(arm: str, recipe: Recipe) -> pd.DataFrame:
    """What theory says about the factors of `recipe`: columns arm, layer, value."""
    delta = ui.expected_profile(recipe)
    layers = range(2, recipe.depth + 1)
    return pd.DataFrame({"arm": arm, "layer": layers, "value": delta[:-1] / delta[1:]})


def product(factors: pd.DataFrame) -> float:
    """The product over the hidden layers, as the geometric mean over the seeds."""
    hidden = factors[factors["layer"] <= RACE.depth]
    return math.exp(np.log(hidden["value"]).sum() / hidden["seed"].nunique())


@lesson.figure(("Why the branch is scaled", "支路为什么要缩放"), controls=[BLOCKS, SCALED])
def why() -> str:
    depth = BLOCKS.value
    scale = depth**-0.5 if SCALED.value else 1.0
    measured = measured_growth(depth, scale)
    layers = range(1, depth + 1)
    theory = [residual_growth(scale, layer) for layer in layers]
    ui.picture(
        layer_profile(
            measured.assign(arm="residual"),
            "growth",
            t("Variance, relative to the input", "相对输入的方差"),
            {"residual": arm_names()["residual"]},
            theory=pd.DataFrame({"arm": "residual", "layer": layers, "value": theory}),
        ),
        "why_chart",
    )
    return t(
        "Theory (1 + s²)^L gives {theory} at the end; measured {measured}.",
        "理论 (1 + s²)^L 在末端给出 {theory}；实测 {measured}。",
        theory=rounded_power(theory[-1]),
        measured=rounded_power(at_the_end(measured, depth)),
    )


@ui.measured
def measured_growth(depth: int, scale: float) -> pd.DataFrame:
    from gradviz.engine import start

    recipe = Recipe(depth=depth, width=128, activation="relu", residual=True, residual_scale=scale)
    return start.block_growth(recipe, examples=256)


def at_the_end(growth: pd.DataFrame, depth: int) -> float:
    """The geometric mean over the seeds after the last block."""
    return float(np.exp(np.log(growth[growth["layer"] == depth]["value"]).mean()))


@lesson.figure(("The limits of the shortcut", "捷径的局限"), controls=[CASE])
def limit() -> str:
    cases = {"plain_wins": plain_wins, "unscaled": unscaled, "degradation": degradation}
    return cases[CASE.value]()


def plain_wins() -> str:
    arms = {"plain": PLAIN_WINS, "residual": replace(PLAIN_WINS, residual=True)}
    ui.race("limit", arms, arm_names())
    return t(
        "Spirals, 10 ReLU layers, a small learning rate: the plain network is ahead.",
        "螺旋数据、10 层 ReLU、较小的学习率：普通网络领先。",
    )


def unscaled() -> str:
    arms = {"residual": UNSCALED, "unscaled": replace(UNSCALED, residual_scale=1.0)}
    ui.race("limit", arms, {"residual": "s = 1/√L", "unscaled": "s = 1"})
    return t(
        "40 blocks on digits: with s = 1 the variance doubles per block and the run overflows.",
        "手写数字，40 个残差块：s = 1 时方差每块翻倍，训练随即上溢。",
    )


def degradation() -> str:
    arms = {
        "shallow": replace(DEGRADED, depth=20),
        "deep": DEGRADED,
        "residual": replace(DEGRADED, residual=True),
    }
    names = {
        "shallow": t("plain, 20 layers", "普通网络，20 层"),
        "deep": t("plain, 56 layers", "普通网络，56 层"),
        "residual": t("residual, 56 blocks", "残差网络，56 块"),
    }
    ui.race("limit", arms, names)
    return t(
        "ReLU with BatchNorm in all three. The deeper plain network has the higher training loss, "
        "and yet its signal does not vanish on the way to layer 1.",
        "三个网络都用 ReLU 与 BatchNorm。更深的普通网络训练损失更高，"
        "而它的误差信号一路传到第 1 层也没有消失。",
    )


lesson.show(CODE)
