"""§3.3: ReLU and its kin, and why slope one is not enough."""

import altair as alt
import numpy as np

from gradviz import ui
from gradviz.activations import activation
from gradviz.charts.activation_curves import tangent
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.spec import Spec
from gradviz.charts.relu_family.dead_units import dead_units, share_dead
from gradviz.charts.relu_family.mean_slopes import AskedSlope, mean_slopes
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
        "ReLU, Leaky ReLU and ELU, which the notes name, or GELU and SiLU.",
        "原文提到的 ReLU、Leaky ReLU、ELU，或如今常用的 GELU、SiLU。",
    ),
    names={"source": t("in the notes", "原文"), "today": t("today", "如今")},
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
    help=t("Large steps throw ReLU units out for good.", "步子太大，ReLU 神经元会一去不回。"),
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
# Runs in which units die: the fields in which their recipes differ from the usual.
KILLERS = {
    "adam": Recipe(depth=3, optimizer="adam", lr=0.1, steps=STEPS),
    "sgd": Recipe(depth=2, lr=KILLING, steps=STEPS),
}
KILLER = ui.choice("killer", "", tuple(KILLERS), default="adam", help="")  # set by presets only
DEAD_STEP = ui.opening("dead_step", REPLAY, low=0, high=STEPS, default=STEPS)
EVERY = 2  # steps between two looks at the units
DYING = ("relu", "leaky_relu", "elu")
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
TANGENT = ui.opening("tangent", "probe_z", low=-5.0, high=5.0, default=1.0)
FIRST_GUESS = 0.2  # of ReLU's mean squared slope
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
    ui.picture(
        curves(name, SLOPES["curve"].value, ALPHAS["curve"].value),
        f"idea_chart_{name}",
        opens=[TANGENT],
    )
    return beside_sigmoid(name)


@ui.made_once
def curves(name: str, negative_slope: float, alpha: float) -> alt.VConcatChart:
    shaped = {"negative_slope": negative_slope, "alpha": alpha}
    return tangent(1.0, ("sigmoid", name), NAMES, identity=True, **shaped)


def beside_sigmoid(name: str) -> str:
    """What to see of the curve `name` beside that of sigmoid, as its controls stand."""
    ones = t(
        "Move the tangent to the right: sigmoid's slope dies away, {name}'s is 1 however large z "
        "is.",
        "把切线往右移：sigmoid 的斜率逐渐消失，而无论 z 多大，{name} 的斜率都是 1。",
        name=NAMES[name],
    )
    match name:
        case "relu":
            left = t("To the left it is 0.", "在左边则为 0。")
        case "leaky_relu":
            slope = SLOPES["curve"].value
            left = t("To the left it is {slope:g}.", "在左边则为 {slope:g}。", slope=slope)
        case "elu":
            left = t(
                "To the left it is {alpha:g}·eᶻ and dies away, but is nowhere 0.",
                "在左边它是 {alpha:g}·eᶻ，会逐渐消失，但处处不为 0。",
                alpha=ALPHAS["curve"].value,
            )
        case "tanh":
            return t(
                "At z = 0 the slope of tanh is 1, four times that of sigmoid. Where z is large "
                "both die away.",
                "在 z = 0 处，tanh 的斜率为 1，是 sigmoid 的四倍；z 较大时，两者都逐渐消失。",
            )
        case _:
            return t(
                "Move the tangent to the right: sigmoid's slope dies away, {name}'s comes to 1. "
                "The bend at 0 is smooth.",
                "把切线往右移：sigmoid 的斜率逐渐消失，{name} 的斜率则趋于 1。"
                "它在 0 附近是光滑的。",
                name=NAMES[name],
            )
    return t("{right} {left}", "{right}{left}", right=ones, left=left)


@lesson.figure(
    ("The family on digits", "在手写数字上比一比"),
    controls=lambda: [
        SET,
        RATE,
        QUANTITY,
        DEPTH,
        *((SLOPES["race"], ALPHAS["race"]) if SET.value == "source" else ()),
    ],
    presets=[
        ui.Preset(
            t("Healthy", "健康"),
            {**SOURCE, RATE: GENTLE, QUANTITY: "delta", DEPTH: 10},
            t(
                "Ten layers: sigmoid's signal is lost on its way to layer 1 and it stays at "
                "chance; all the others learn.",
                "十层：sigmoid 的误差信号在传回第 1 层的途中消失，准确率停留在随机猜测的水平；"
                "其余的全都学会了。",
            ),
        ),
        ui.Preset(
            t("Deeper", "更深"),
            {**SOURCE, RATE: 0.01, QUANTITY: "delta", DEPTH: 20},
            t(
                "20 layers: ELU learns well; how far ReLU comes depends on the seed.",
                "20 层：ELU 学得很好；ReLU 能到多少，要看随机种子。",
            ),
        ),
        ui.Preset(
            t("Today's", "如今常用"),
            {SET: "today", RATE: GENTLE, QUANTITY: "delta", DEPTH: 10},
            t(
                "GELU and SiLU learn too, with ten layers again.",
                "再回到十层：GELU 与 SiLU 同样能学会。",
            ),
        ),
        # In deeper networks such steps overflow before they kill.
        ui.Preset(
            t("Kill units", "杀死神经元"),
            {**SOURCE, RATE: KILLING, QUANTITY: "dead", DEPTH: 2},
            t(
                "Two layers, steps 50 times as large: ReLU's second layer dies, and so does ELU's "
                "if it does not overflow; Leaky ReLU overflows. Sigmoid and tanh learn.",
                "两层，步长放大到 50 倍：ReLU 的第二层死亡，ELU 若不上溢也一样；"
                "Leaky ReLU 上溢；sigmoid 与 tanh 照样学会。",
            ),
        ),
    ],
)
def race() -> str:
    arms = race_arms()
    names = {name: NAMES[name] for name in arms}
    quantity = QUANTITY.value
    frames = ui.race(
        "race",
        arms,
        names,
        quantity,
        theory=list(arms),
        curves=("dead_units", "accuracy") if quantity == "dead" else ("loss", "accuracy"),
    )
    what = {
        "delta": t(
            "All start from Kaiming's weights; the lines are theory at the start.",
            "初始化都用 Kaiming；线是初始时的理论预测。",
        ),
        "dead": t(
            "A dead unit has slope zero on the whole batch, so it passes no gradient.",
            "死亡神经元在整个批次上斜率都为零，因此传不回任何梯度。",
        ),
    }.get(quantity, t("All start from Kaiming's weights.", "初始化都用 Kaiming。"))
    return what if not ui.ended(frames) else with_ends(what, frames, names)


def with_ends(what: str, frames: ui.Frames, names: dict[str, str]) -> str:
    """`what` is said, and what accuracy the networks have come to."""
    return t(
        "{what} Accuracy in the end: {ends}.",
        "{what}最后的准确率：{ends}。",
        what=what,
        ends=ui.ends_in_words(frames, names),
    )


def race_arms() -> dict[str, Recipe]:
    """The networks of the race, as its controls stand."""
    # Deeper networks take longer to get going.
    steps = STEPS + 3 * max(DEPTH.value - 10, 0)
    base = replace(Recipe(depth=DEPTH.value, lr=RATE.value, steps=steps), **shape_values("race"))
    return {name: replace(base, activation=name) for name in SETS[SET.value]}


@lesson.figure(("The mean squared slope", "斜率平方的均值"))
def slope() -> str:
    ask_slope()
    ui.picture(slopes_picture(), "slope_chart")
    return t(
        "With weights of variance $1/n$, so $\\sigma_w = 1$, each is the factor of $\\delta^2$ per "
        "layer. None reaches 1, but sigmoid's is more than ten times smaller than ReLU's.",
        "权重方差为 $1/n$（即 $\\sigma_w = 1$）时，每个值就是 $\\delta^2$ 每层乘上的因子。"
        "没有一个达到 1，但 sigmoid 的比 ReLU 的小十倍以上。",
    )


def ask_slope() -> None:
    truth = mean_square_slope(activation("relu"))

    def reply(guess: float | None) -> tuple[bool | None, str]:
        found = t(
            "It is 0.5: half of the units have slope 1, the other half slope 0.",
            "是 0.5：一半神经元的斜率为 1，另一半为 0。",
        )
        if guess is None or abs(guess - truth) < 0.01:
            return (None if guess is None else True), found
        if guess == 1:
            missed = t(
                "You said 1, as if no unit were off: twice too much. ",
                "你猜的是 1，仿佛没有神经元关闭：多了一倍。",
            )
        elif guess < truth:
            missed = t(
                "You said {guess:g}: {off:.2g} too little. ",
                "你猜的是 {guess:g}，少了 {off:.2g}。",
                guess=guess,
                off=truth - guess,
            )
        else:
            missed = t(
                "You said {guess:g}: {off:.2g} too much. ",
                "你猜的是 {guess:g}，多了 {off:.2g}。",
                guess=guess,
                off=guess - truth,
            )
        return False, missed + found

    ui.ask(
        "relu_slope",
        t(
            "If the pre-activations z of a layer are spread as N(0, 1), what is the mean of "
            "ReLU's squared slope, E[φ′²]?",
            "若一层的预激活值 z 服从 N(0, 1)，ReLU 斜率平方的均值 E[φ′²] 是多少？",
        ),
        options=[step / 20 for step in range(21)],
        reply=reply,
        names="{:g}".format,
        guess=lambda option: option,
        start=FIRST_GUESS,
    )


@ui.made_once
def slopes_picture() -> alt.LayerChart:
    values = {name: mean_square_slope(activation(name)) for name in (*REFERENCE, *FAMILY)}
    return mean_slopes(values, NAMES, AskedSlope("relu", REFERENCE, FIRST_GUESS))


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
        "$\\mathbb E[\\varphi'^2]$ is {first:.3f} in layer 1 and {last:.3f} in layer {depth}; "
        "times $\\sigma_w^2$ that is [$\\chi$](#term-chi).",
        "$\\mathbb E[\\varphi'^2]$ 在第 1 层为 {first:.3f}，在第 {depth} 层为 {last:.3f}；"
        "再乘以 $\\sigma_w^2$ 就是 [$\\chi$](#term-chi)。",
        first=layers["rms_slope"].iloc[0] ** 2,
        last=layers["rms_slope"].iloc[-1] ** 2,
        depth=len(layers),
    )


@lesson.figure(("The variance matters too", "方差同样重要"), controls=[LIMIT_QUANTITY])
def limit() -> str:
    he = Recipe(activation="relu", depth=20, lr=0.005, steps=300)
    one = replace(he, gain=1.0)
    # Are smaller gradients just smaller steps? Then larger ones would make up for them.
    arms = {
        "he": he,
        "one": one,
        "faster": replace(one, lr=4 * he.lr),
        "default": replace(he, init="pytorch"),
    }
    names = {
        "he": "2/n",
        "one": "1/n",
        "faster": t("1/n, steps ×4", "1/n，步长 ×4"),
        "default": t("PyTorch's default", "PyTorch 默认"),
    }
    frames = ui.race(
        "limit", arms, names, LIMIT_QUANTITY.value, theory=["he", "one", "default"], opens_at=0
    )
    what = t(
        "Of the signal at layer {depth}, layer 1 receives at the start:",
        "初始时，第 1 层收到的误差信号与第 {depth} 层之比：",
        depth=he.depth,
    )
    if not ui.ended(frames):
        return t(
            "Only the first weights differ, and one learning rate.",
            "只有初始权重不同，外加一个不同的学习率。",
        )
    once = {name: names[name] for name in ("he", "one", "default")}
    kept = t("{what} {kept}.", "{what}{kept}。", what=what, kept=ui.kept_in_words(frames, once))
    return with_ends(kept, frames, names)


@lesson.figure(
    ("Units that die", "死亡的神经元"),
    presets=[
        ui.Preset(
            t("ReLU's die", "ReLU 会死"),
            {KILLER: "adam", DEAD_STEP: STEPS},
            t(
                "Three layers, Adam with steps of 0.1: ReLU's units go out, most for good. Leaky "
                "ReLU and ELU lose none or next to none.",
                "三层，Adam，步长 0.1：ReLU 的神经元相继熄灭，大多不再亮起；Leaky ReLU 与 ELU "
                "一个不少，或几乎不少。",
            ),
        ),
        ui.Preset(
            t("ELU's too", "ELU 也会"),
            {KILLER: "sgd", DEAD_STEP: STEPS},
            t(
                "*Kill units* above, unit by unit: two layers and a learning rate of 1. ELU's "
                "slope is rounded to 0; Leaky ReLU overflows.",
                "上面的“杀死神经元”，逐个神经元来看：两层，学习率为 1。ELU 的斜率被舍入为 0；"
                "Leaky ReLU 上溢。",
            ),
        ),
    ],
)
def dying() -> str:
    killer = KILLER.value
    ui.picture(dying_picture(killer), f"dying_chart_{killer}", opens=[DEAD_STEP])
    return t(
        "A row is a unit, lit until its slope is 0 for all training digits. Dead in the end: "
        "{dead}.",
        "每行是一个神经元，直到它对所有训练数字的斜率都为 0 才熄灭。最后死亡：{dead}。",
        dead=deaths_in_words(killer),
    )


def dying_arms(killer: str) -> dict[str, Recipe]:
    return {name: replace(KILLERS[killer], activation=name) for name in DYING}


@ui.measured
def unit_states(recipe: Recipe, every: int) -> np.ndarray:
    """Which units of a network are dead, step by step; see `engine.units.dead_by_step`."""
    from gradviz.engine import units

    return units.dead_by_step(recipe, every)


@ui.made_once
def dying_picture(killer: str) -> Spec:
    states = {name: unit_states(recipe, EVERY) for name, recipe in dying_arms(killer).items()}
    return dead_units(states, {name: NAMES[name] for name in states}, EVERY)


@ui.made_once
def deaths_in_words(killer: str) -> str:
    """The share of dead units in the end, for each network."""
    words = []
    for name, recipe in dying_arms(killer).items():
        dead = share_dead(unit_states(recipe, EVERY))[-1]
        share = t("overflow", "上溢") if np.isnan(dead) else f"{dead:.0%}"
        words.append(f"{NAMES[name]} {share}")
    return t("; ", "；").join(words)


lesson.show(CODE)
