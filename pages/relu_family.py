"""§3.3: ReLU and its kin, and why slope one is not enough."""

from gradviz import ui
from gradviz.activations import activation
from gradviz.charts.activation_curves import tangent
from gradviz.charts.relu_family.dead_units import dead_shares, dead_units
from gradviz.charts.relu_family.mean_slopes import mean_slopes
from gradviz.engine.history import history_frame
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.theory.mean_field import mean_square_slope

lesson = ui.remedy("relu_family")

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
STEPS = 120
GENTLE, KILLING = 0.02, 1.0  # learning rates: with the second a layer of ReLU units dies
SETS = {"source": (*REFERENCE, "relu", "leaky_relu", "elu"), "today": (*REFERENCE, "gelu", "silu")}
CURVE = ui.choice(
    "curve",
    t("Compare sigmoid with", "与 sigmoid 比较"),
    (*FAMILY, "tanh"),
    default="relu",
    help=t("GELU and SiLU are today's usual choices.", "GELU 与 SiLU 是如今常用的选择。"),
    names=NAMES,
)
SET = ui.choice(
    "set",
    t("Sigmoid and tanh against", "sigmoid、tanh 对阵"),
    tuple(SETS),
    default="source",
    help=t(
        "ReLU, Leaky ReLU and ELU, which the source names, or GELU and SiLU.",
        "原文提到的 ReLU、Leaky ReLU、ELU，或如今常用的 GELU、SiLU。",
    ),
    names={"source": t("source", "原文"), "today": t("today", "如今")},
)
DEPTH = ui.number(
    "depth",
    t("Hidden layers", "隐藏层数"),
    low=2,
    high=30,
    default=10,
    step=1,
    help=t("Of all arms.", "各网络相同。"),
)
RATE = ui.steps(
    "lr",
    t("Learning rate", "学习率"),
    (0.005, 0.01, GENTLE, 0.05, 0.1, 0.2, KILLING),
    default=GENTLE,
    help=t("Large steps throw ReLU units out for good.", "步子太大，ReLU 单元会一去不回。"),
)
QUANTITY = ui.quantity_choice("quantity", ("delta", "dead", "drift", "update_ratio"))
ACTIVATION = ui.activation_choice("activation", (*FAMILY, *REFERENCE), default="relu", names=NAMES)
MOMENT = ui.choice(
    "moment",
    t("When", "时刻"),
    ("start", "training"),
    default="start",
    help=t("Before the first step, or in training.", "第一步之前，或训练过程中。"),
    names={
        "start": t("at the start", "初始时"),
        "training": t("in training", "训练中"),
    },
)
LIMIT_QUANTITY = ui.quantity_choice("limit_quantity", ("delta", "update_ratio"))
# Each figure has its own sliders for the parameters of Leaky ReLU and ELU.
FIGURES = ("curve", "race", "trained")
SLOPES = {
    figure: ui.number(
        f"{figure}_negative_slope",
        t("Slope of Leaky ReLU below 0", "Leaky ReLU 负半轴斜率"),
        low=0.0,
        high=1.0,
        default=0.01,
        step=0.01,
        help=t("0 is ReLU, 1 is a straight line.", "0 即 ReLU，1 即直线。"),
    )
    for figure in FIGURES
}
ALPHAS = {
    figure: ui.number(
        f"{figure}_alpha",
        t("α of ELU", "ELU 的 α"),
        low=0.1,
        high=3.0,
        default=1.0,
        step=0.1,
        help=t("ELU falls to −α on its negative side.", "ELU 在负半轴上降到 −α。"),
    )
    for figure in FIGURES
}
SOURCE = {SET: "source", SLOPES["race"]: 0.01, ALPHAS["race"]: 1.0}
CODE = """
from gradviz import Recipe, race

arms = {name: Recipe(activation=name, lr=0.02, steps=120) for name in ("sigmoid", "relu", "elu")}
print({frame.arm: frame.accuracy.mean() for frame in race(arms, seeds=3)})
"""


def shape(name: str, figure: str) -> list:
    """The control of the parameter that Leaky ReLU or ELU has; none for the others."""
    return {"leaky_relu": [SLOPES[figure]], "elu": [ALPHAS[figure]]}.get(name, [])


def shape_values(figure: str) -> dict[str, float]:
    """What the controls of both parameters stand at, as fields of a recipe."""
    return {"negative_slope": SLOPES[figure].value, "alpha": ALPHAS[figure].value}


@lesson.figure(
    ("Function and slope", "函数与斜率"), controls=lambda: [CURVE, *shape(CURVE.value, "curve")]
)
def idea() -> str:
    name = CURVE.value
    shaped = shape_values("curve")
    ui.picture(tangent(1.0, ("sigmoid", name), NAMES, **shaped), f"idea_chart_{name}")
    return t(
        "Move the tangent. Where z is large the slope of sigmoid dies away; those of the family "
        "stay near 1.",
        "移动切线：z 较大时，sigmoid 的斜率逐渐消失，而这一族函数的斜率保持在 1 附近。",
    )


@lesson.figure(
    ("The family on digits", "在手写数字上比一比"),
    controls=lambda: [
        SET,
        RATE,
        QUANTITY,
        DEPTH,
        *((SLOPES["race"], ALPHAS["race"]) if SET.value == "source" else ()),
    ],
    presets={
        t("Healthy", "健康"): {**SOURCE, RATE: GENTLE, QUANTITY: "delta", DEPTH: 10},
        t("Deeper", "更深"): {**SOURCE, RATE: 0.01, QUANTITY: "delta", DEPTH: 20},
        t("Today's", "如今常用"): {SET: "today", RATE: GENTLE, QUANTITY: "delta", DEPTH: 10},
        # In deeper networks such steps overflow before they kill.
        t("Kill units", "杀死神经元"): {**SOURCE, RATE: KILLING, QUANTITY: "dead", DEPTH: 2},
    },
)
def race() -> str:
    arms = race_arms()
    names = {name: NAMES[name] for name in arms}
    quantity = QUANTITY.value
    frames = ui.race("race", arms, names, quantity, theory=list(arms))
    if quantity == "dead" and ui.ended(frames):
        shares = dead_shares(history_frame(frames))
        ui.picture(dead_units(shares, names, arms["sigmoid"].steps), "dead_chart")
    return t(
        "Same digits, same batches, Kaiming initialization for all; lines are theory before the "
        "first step. A dead unit has slope zero on the whole batch; after a run, the share of them "
        "over the steps is drawn below.",
        "数字与批次相同，初始化都用 Kaiming；线是第一步之前的理论。死亡单元在整个批次上斜率都为零；"
        "训练结束后，下方会画出其比例随训练步的变化。",
    )


def race_arms() -> dict[str, Recipe]:
    """The networks of the race, as its controls stand."""
    # Deeper networks take longer to get going.
    steps = STEPS + 3 * max(DEPTH.value - 10, 0)
    base = replace(Recipe(depth=DEPTH.value, lr=RATE.value, steps=steps), **shape_values("race"))
    return {name: replace(base, activation=name) for name in SETS[SET.value]}


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
    ui.reveal(
        guess == "0.5",
        t(
            "It is 0.5: one half of the units are off, the others have slope 1.",
            "是 0.5：一半的单元关闭，另一半斜率为 1。",
        ),
    )
    values = {name: mean_square_slope(activation(name)) for name in (*REFERENCE, *FAMILY)}
    ui.picture(mean_slopes(values, NAMES), "slope_chart")
    return t(
        "With weights of variance 1/n, so σ_w = 1, each bar is the factor of δ² per layer. None "
        "reaches 1, but sigmoid's is more than ten times smaller than ReLU's.",
        "权重方差为 1/n（即 σ_w = 1）时，每一条就是 δ² 每层乘上的因子。没有一个达到 1，"
        "但 sigmoid 的比 ReLU 的小十倍以上。",
    )


@lesson.figure(
    ("Slopes in a real network", "真实网络中的斜率"),
    controls=lambda: [ACTIVATION, MOMENT, *shape(ACTIVATION.value, "trained")],
)
def why() -> str:
    base = Recipe(activation=ACTIVATION.value, width=64, lr=GENTLE, steps=STEPS)
    recipe = replace(base, **shape_values("trained"))
    draw = ui.landing_picture if MOMENT.value == "start" else ui.trained_landing_picture
    layers = draw(recipe, "why_chart")
    return t(
        "E[φ′²] is {first:.3f} in layer 1 and {last:.3f} in layer {depth}; times σ_w² that is χ.",
        "E[φ′²] 在第 1 层为 {first:.3f}，在第 {depth} 层为 {last:.3f}；再乘以 σ_w² 就是 χ。",
        first=layers["rms_slope"].iloc[0] ** 2,
        last=layers["rms_slope"].iloc[-1] ** 2,
        depth=len(layers),
    )


@lesson.figure(("The variance matters too", "方差同样重要"), controls=[LIMIT_QUANTITY])
def limit() -> str:
    he = Recipe(activation="relu", depth=20, lr=0.005, steps=300)
    arms = {"he": he, "one": replace(he, gain=1.0), "default": replace(he, init="pytorch")}
    names = {"he": "2/n", "one": "1/n", "default": t("PyTorch's default", "PyTorch 默认")}
    ui.race("limit", arms, names, LIMIT_QUANTITY.value, theory=list(arms))
    return t(
        "Three ReLU networks of 20 layers that differ only in the variance of their first weights.",
        "三个 20 层的 ReLU 网络，只有初始权重的方差不同。",
    )


lesson.show(CODE)
