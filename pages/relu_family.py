"""§3.3: ReLU and its kin, and why slope one is not enough."""

from gradviz import ui
from gradviz.activations import activation
from gradviz.charts.activation_curves import tangent
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.theory import mean_square_slope

lesson = ui.Lesson("relu_family")

FAMILY = ("relu", "leaky_relu", "elu", "gelu", "silu")
REFERENCE = ("sigmoid", "tanh")
NAMES = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "ReLU",
    "leaky_relu": "Leaky ReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
}
GENTLE, KILLING = 0.02, 0.2  # learning rates: with the second most ReLU units die
CODE = """
from gradviz import Recipe, race

arms = {name: Recipe(activation=name, lr=0.02, steps=150) for name in ("sigmoid", "relu", "elu")}
print({frame.arm: frame.accuracy.mean() for frame in race(arms, seeds=3)})
"""


@lesson.figure(("Function and slope", "函数与斜率"))
def idea() -> str:
    name = ui.choice(
        "curve",
        t("Compare sigmoid with", "与 sigmoid 比较"),
        FAMILY,
        "relu",
        t("GELU and SiLU are today's usual choices.", "GELU 与 SiLU 是如今常用的选择。"),
        names=NAMES.get,
    )
    ui.picture(tangent(1.0, ("sigmoid", name)), f"idea_chart_{name}")
    return t(
        "Move the tangent. On the positive side the new curve's slope stays near 1, where that of "
        "sigmoid dies away.",
        "移动切线：在正半轴上，新曲线的斜率保持在 1 附近，而 sigmoid 的斜率逐渐消失。",
    )


@lesson.figure(("The family on digits", "在手写数字上比一比"))
def race() -> str:
    ui.presets(
        "race_presets",
        {
            t("Healthy", "健康"): {"depth": 10, "lr": GENTLE, "quantity": "delta"},
            t("Deeper", "更深"): {"depth": 20, "lr": 0.01, "quantity": "delta"},
            t("Kill units", "杀死神经元"): {"depth": 10, "lr": KILLING, "quantity": "dead"},
        },
    )
    left, right = ui.row(2)
    with left:
        depth = ui.number(
            "depth", t("Hidden layers", "隐藏层数"), 5, 30, 10, 1, t("Of all arms.", "各网络相同。")
        )
    with right:
        lr = ui.steps(
            "lr",
            t("Learning rate", "学习率"),
            (0.005, 0.01, GENTLE, 0.05, 0.1, KILLING),
            GENTLE,
            t("Large steps throw ReLU units out for good.", "步子太大，ReLU 单元会一去不回。"),
        )
    arms = {
        name: Recipe(activation=name, depth=depth, lr=lr, steps=150)
        for name in ("sigmoid", "relu", "leaky_relu", "elu")
    }
    quantity = ui.quantity_switch("quantity", ("delta", "dead", "drift", "update_ratio"))
    ui.race("race", arms, {name: NAMES[name] for name in arms}, quantity)
    return t(
        "Same digits, same batches, Kaiming initialization for all. A dead unit has slope zero on "
        "the whole batch; Leaky ReLU and ELU keep a slope there.",
        "数字与批次相同，初始化都用 Kaiming。死亡单元在整个批次上斜率都为零；"
        "Leaky ReLU 与 ELU 在那里仍留有斜率。",
    )


@lesson.figure(("The mean squared slope", "斜率平方的均值"))
def slope() -> str | None:
    guess = ui.predict(
        "relu_slope",
        t(
            "What is the mean squared slope E[φ′²] of ReLU for z ~ N(0, 1)?",
            "z ~ N(0, 1) 时，ReLU 的斜率平方均值 E[φ′²] 是多少？",
        ),
        options=("0.25", "0.5", "1"),
    )
    if guess is None:
        return None
    values = {NAMES[name]: mean_square_slope(activation(name)) for name in (*REFERENCE, *FAMILY)}
    table = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
    ui.reveal(
        guess == "0.5",
        t(
            "One half of the units are off, the others have slope 1. For comparison: {table}.",
            "一半的单元关闭，另一半斜率为 1。对照：{table}。",
            table=table,
        ),
    )
    return None


@lesson.figure(("Slopes in a real network", "真实网络中的斜率"))
def why() -> str:
    left, middle, right = ui.row(3)
    with left:
        name = ui.activation_choice("activation", (*FAMILY, *REFERENCE), "relu", names=NAMES.get)
    with middle:
        negative = ui.number(
            "negative_slope",
            t("Slope of Leaky ReLU below 0", "Leaky ReLU 负半轴斜率"),
            0.0,
            1.0,
            0.01,
            0.01,
            t("For Leaky ReLU only.", "仅用于 Leaky ReLU。"),
        )
    with right:
        alpha = ui.number(
            "alpha",
            t("α of ELU", "ELU 的 α"),
            0.1,
            3.0,
            1.0,
            0.1,
            t("Depth of ELU's negative side; for ELU only.", "ELU 负半轴的深度，仅用于 ELU。"),
        )
    recipe = Recipe(activation=name, negative_slope=negative, alpha=alpha, depth=20, width=64)
    layers = ui.landing_picture(recipe, "why_chart")
    return t(
        "E[φ′²] is {first:.3f} in layer 1 and {last:.3f} in layer {depth}; times σ_w² that is χ.",
        "E[φ′²] 在第 1 层为 {first:.3f}，在第 {depth} 层为 {last:.3f}；再乘以 σ_w² 就是 χ。",
        first=layers["rms_slope"].iloc[0] ** 2,
        last=layers["rms_slope"].iloc[-1] ** 2,
        depth=len(layers),
    )


@lesson.figure(("The variance matters too", "方差同样重要"))
def limit() -> str:
    he = Recipe(activation="relu", depth=20, lr=0.01, steps=300)
    arms = {"he": he, "one": replace(he, gain=1.0), "default": replace(he, init="pytorch")}
    names = {"he": "2/n", "one": "1/n", "default": t("PyTorch's default", "PyTorch 默认")}
    quantity = ui.quantity_switch("limit_quantity", ("delta", "update_ratio"))

    ui.race("limit", arms, names, quantity, theory=list(arms))
    return t(
        "Three ReLU networks of 20 layers that differ only in the variance of their first weights.",
        "三个 20 层的 ReLU 网络，只有初始权重的方差不同。",
    )


lesson.show(CODE)
