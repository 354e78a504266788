"""§3.2: gradient clipping, which tames an explosion and revives nothing."""

from gradviz import ui
from gradviz.charts.clipping.cliff import cliff_chart
from gradviz.charts.clipping.clip_geometry import clip_geometry
from gradviz.charts.surface import START
from gradviz.engine.history import curves_frame
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.theory.landscape import cliff as cliff_surface
from gradviz.theory.landscape import descend

lesson = ui.remedy("clipping")

CLIFF = cliff_surface()
CLIFF_LR, CLIFF_STEPS = 0.5, 60
POWERS = [step / 4 for step in range(-8, 9)]  # the thresholds of the cliff, as powers of ten
KINDS = {"norm": t("by norm", "按范数"), "value": t("by value", "按值")}
KIND = ui.choice(
    "cliff_clip",
    t("Clipping", "剪切方式"),
    tuple(KINDS),
    default="norm",
    help=t("What happens to a gradient above the threshold.", "梯度超过阈值时如何处理。"),
    names=KINDS,
)
START_W, START_B = (
    ui.number(
        key,
        label,
        low=CLIFF.low[axis],
        high=CLIFF.high[axis],
        default=default,
        step=0.05,
        help=t("Or press the picture.", "也可以直接点按图面。"),
    )
    for axis, key, label, default in (
        (0, "w", t("Start w", "起点 w"), 5.2),
        (1, "b", t("Start b", "起点 b"), -2.5),
    )
)
DATASET = ui.choice(
    "dataset",
    t("Data", "数据"),
    ("digits", "moons"),
    default="digits",
    help=t(
        "On moons: 64 units and weights from N(0, 1).",
        "双月数据上：64 个神经元，权重取自 N(0, 1)。",
    ),
    names={"digits": t("digits", "手写数字"), "moons": t("two moons", "双月")},
)
THRESHOLD = ui.steps(
    "clip_at",
    t("Threshold", "阈值"),
    (0.01, 0.1, 1.0, 3.0, 10.0, 100.0),
    default=3.0,
    help=t("Gradients are forced under it.", "梯度被强制限制在它之内。"),
)
LIMIT_QUANTITY = ui.quantity_choice("limit_quantity")
CODE = """
from gradviz import Recipe, race, replace

plain = Recipe(activation="relu", gain=3.0, depth=6, lr=0.03, steps=150)
arms = {"plain": plain, "clip_norm": replace(plain, clip="norm", clip_at=3.0)}
print({frame.arm: (frame.accuracy, frame.clipped) for frame in race(arms, seeds=3)})
"""


@lesson.figure(
    ("The cliff", "悬崖"),
    controls=[KIND, START_W, START_B],
    presets={
        t("Thrown far", "抛得很远"): {KIND: "norm", START_W: 5.2, START_B: -2.5},
        t("Thrown off", "被抛出"): {KIND: "norm", START_W: 4.15, START_B: -2.6},
        t("Into the valley", "落入谷底"): {KIND: "norm", START_W: 4.6, START_B: -2.6},
    },
)
def cliff() -> str:
    start = (START_W.value, START_B.value)
    free = descend(CLIFF, start, CLIFF_LR, CLIFF_STEPS)
    clipped = {
        power: descend(CLIFF, start, CLIFF_LR, CLIFF_STEPS, clip=KIND.value, clip_at=10**power)
        for power in POWERS
    }
    chart = cliff_chart(CLIFF, free, clipped, power=-0.5)
    ui.picture(chart, "cliff_chart", START, {"a": START_W, "b": START_B})
    return t(
        "Both paths have the same start and learning rate. Drag the threshold, or press another "
        "start: where the wall throws one path away, the other one keeps its step.",
        "两条路径的起点与学习率相同。拖动阈值，或在图上点按另一个起点："
        "崖壁把一条路径抛走，另一条的步子却始终受到限制。",
    )


@lesson.figure(("Norm and value", "按范数与按值"))
def geometry() -> str | None:
    guess = ui.predict(
        "clip_direction",
        t(
            "Which of the two keeps the direction of the gradient?",
            "两种剪切中，哪一种不改变梯度的方向？",
        ),
        options=tuple(KINDS),
        names=KINDS,
    )
    if guess is not None:
        ui.reveal(
            guess == "norm",
            t(
                "Clipping by norm shortens the whole vector. Clipping by value cuts each component "
                "by itself, so the larger one loses more and the arrow turns.",
                "按范数剪切把整个向量缩短；按值剪切分别截断各个分量，较大的分量损失更多，箭头因此转向。",
            ),
        )
    ui.picture(clip_geometry(), "geometry_chart", stretch=False)
    return t(
        "Drag the gradient's components. Inside the threshold nothing changes.",
        "拖动梯度的两个分量。在阈值之内，一切照旧。",
    )


@lesson.figure(
    ("A network with huge first gradients", "初始梯度过大的网络"),
    controls=[DATASET, THRESHOLD],
    presets={
        t("Digits", "手写数字"): {DATASET: "digits", THRESHOLD: 3.0},
        t("Two moons", "双月"): {DATASET: "moons", THRESHOLD: 1.0},
        t("Too tight", "阈值太小"): {DATASET: "digits", THRESHOLD: 0.1},
    },
)
def race() -> str:
    limit = THRESHOLD.value
    plain = _exploding(DATASET.value)
    arms = {
        "plain": plain,
        "clip_norm": replace(plain, clip="norm", clip_at=limit),
        # A single component is smaller than the norm by about √(number of parameters).
        "clip_value": replace(plain, clip="value", clip_at=limit / 100),
    }
    names = {
        "plain": t("no clipping", "不剪切"),
        "clip_norm": t("by norm", "按范数"),
        "clip_value": t("by value, at 1/100", "按值，阈值的 1/100"),
    }
    frames = ui.race("race", arms, names, "weight_norm", curves=("loss", "accuracy", "clipped"))
    share = curves_frame(frames).query("arm == 'clip_norm' and quantity == 'clipped'")["value"]
    if share.empty:
        return t("Same data, same batches, same first weights.", "数据、批次与初始权重都相同。")
    return t(
        "By norm, {share:.0%} of the recorded steps were clipped.",
        "按范数剪切时，有 {share:.0%} 的训练步被剪切。",
        share=share.mean(),
    )


@lesson.figure(("The gradient's norm over time", "梯度范数的变化"))
def why() -> str:
    plain = _exploding("digits")
    arms = {"plain": plain, "clip_norm": replace(plain, clip="norm", clip_at=3.0)}
    names = {
        "plain": t("no clipping", "不剪切"),
        "clip_norm": t("by norm at 3", "按范数，阈值 3"),
    }
    ui.race(
        "why",
        arms,
        names,
        "update_ratio",
        curves=("gradient_norm", "clipped"),
        thresholds={"gradient_norm": 3.0},
    )
    return t(
        "The curve is the norm before clipping, the dashed rule the threshold. The step that "
        "follows is at most the threshold times the learning rate, plus what momentum remembers.",
        "曲线是剪切之前的范数，虚线是阈值。随后的一步至多是阈值乘学习率，再加上动量里积累的部分。",
    )


@lesson.figure(("What clipping cannot do", "剪切做不到的事"), controls=[LIMIT_QUANTITY])
def limit() -> str:
    sick = Recipe(steps=150)
    arms = {"plain": sick, "clip_norm": replace(sick, clip="norm", clip_at=1.0)}
    names = {"plain": t("no clipping", "不剪切"), "clip_norm": t("by norm at 1", "按范数，阈值 1")}
    ui.race("limit", arms, names, LIMIT_QUANTITY.value)
    return t(
        "Ten sigmoid layers: the signal has vanished, the threshold is never reached, and the two "
        "runs are the same run.",
        "十层 sigmoid：信号已经消失，从未触及阈值，两次训练完全相同。",
    )


def _exploding(dataset: str) -> Recipe:
    if dataset == "moons":
        return Recipe(
            dataset="moons",
            activation="relu",
            depth=6,
            width=64,
            init="normal",
            std=1.0,
            lr=0.01,
            batch_size=64,
            steps=500,
        )
    return Recipe(activation="relu", gain=3.0, depth=6, lr=0.03, steps=150)


lesson.show(CODE)
