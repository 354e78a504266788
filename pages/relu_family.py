"""§3.3: ReLU, LeakyReLU and ELU, and why slope one is not enough."""

from gradviz import ui
from gradviz.activations import ACTIVATIONS
from gradviz.charts.activation_curves import tangent
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.theory import mean_square_slope

lesson = ui.Lesson("relu_family")

FAMILY = ("sigmoid", "relu", "leaky_relu", "elu")
CODE = """
from gradviz import Recipe, race

arms = {name: Recipe(activation=name, lr=0.02, steps=150) for name in ("sigmoid", "relu", "elu")}
print({frame.arm: frame.accuracy.mean() for frame in race(arms, seeds=3)})
"""


@lesson.figure(("A slope of one", "斜率为一"))
def idea() -> str:
    ui.picture(tangent(1.0, ("sigmoid", "relu", "elu")), "idea_chart")
    return t("Move the tangent along the curves.", "沿曲线移动切线。")


@lesson.figure(("The family on digits", "在手写数字上比较"))
def race() -> str:
    ui.presets("race_presets", {t("10 layers", "10 层"): {"depth": 10}})
    depth = ui.number("depth", t("Layers", "层数"), 5, 30, 10, 1, t("Hidden layers.", "隐藏层数。"))
    arms = {name: Recipe(activation=name, depth=depth, lr=0.02, steps=150) for name in FAMILY}
    quantity = ui.quantity_switch("quantity", ("delta", "dead", "drift"))
    ui.race("race", arms, {name: name for name in FAMILY}, quantity)
    return t("Same digits, same batches.", "同样的数字，同样的批次。")


@lesson.figure(("The mean squared slope", "斜率平方的均值"))
def why() -> str | None:
    guess = ui.predict(
        "relu_slope",
        t("What is E[φ′²] of ReLU for z ~ N(0, 1)?", "z ~ N(0, 1) 时，ReLU 的 E[φ′²] 是多少？"),
        options=("0.25", "0.5", "1"),
    )
    if guess is None:
        return None
    values = {name: mean_square_slope(ACTIVATIONS[name]) for name in FAMILY}
    ui.reveal(guess == "0.5", ", ".join(f"{name} {value:.3g}" for name, value in values.items()))
    return t("Half of the units are off.", "一半的单元处于关闭状态。")


@lesson.figure(("The variance matters too", "方差同样重要"))
def limit() -> str:
    he = Recipe(activation="relu", depth=20, lr=0.02, steps=150)
    arms = {"he": he, "one": replace(he, gain=1.0), "default": replace(he, init="pytorch")}
    names = {"he": "2/n", "one": "1/n", "default": t("PyTorch's default", "PyTorch 默认")}
    ui.race("limit", arms, names)
    return t("Three ReLU networks of 20 layers.", "三个 20 层的 ReLU 网络。")


lesson.show(CODE)
