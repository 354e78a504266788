"""§3.2: gradient clipping, which tames an explosion and revives nothing."""

import altair as alt
import numpy as np

from gradviz import ui
from gradviz.charts.clipping.cliff import POWER, cliff_chart
from gradviz.charts.clipping.clip_geometry import FIRST, KINDS, LIMIT, REACH, SECOND, clip_geometry
from gradviz.charts.parts.spec import Spec
from gradviz.charts.surface import START
from gradviz.language import t
from gradviz.quantities import QUANTITIES
from gradviz.recipe import Recipe, replace
from gradviz.theory.landscape import Descent, descend, descend_clipped
from gradviz.theory.landscape import cliff as cliff_surface

lesson = ui.remedy("clipping")

CLIFF = cliff_surface()
CLIFF_LR, CLIFF_STEPS = 0.5, 60
POWERS = [step / 4 for step in range(-8, 9)]  # the thresholds of the cliff, as powers of ten
CLIPS = {"norm": t("by norm", "按范数"), "value": t("by value", "按值")}
KIND = ui.choice(
    "cliff_clip",
    t("Clipping", "剪切方式"),
    tuple(CLIPS),
    default="norm",
    help=t("What happens to a gradient above the threshold.", "梯度超过阈值时如何处理。"),
    names=CLIPS,
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
CLIFF_POWER = ui.opening("cliff_threshold", POWER, low=POWERS[0], high=POWERS[-1], default=-0.5)
ARROW_X, ARROW_Y, ARROW_LIMIT = (
    ui.opening(key, slider, low=low, high=REACH, default=default)
    for key, slider, low, default in (
        ("arrow_first", FIRST, -REACH, 3.5),
        ("arrow_second", SECOND, -REACH, 1.5),
        ("arrow_limit", LIMIT, 0.1, 1.5),
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
    help=t(
        "Gradients are forced under it; by value, each component under a hundredth of it.",
        "梯度被强制限制在它之内；按值剪切时，每个分量限制在它的百分之一之内。",
    ),
)
FIRST_STEPS = 20
WHY_QUANTITY = ui.choice(
    "why_quantity",
    t("Show", "显示"),
    ("update_ratio", "dead"),
    default="update_ratio",
    help=t(
        "How far a step moves the weights, or the share of units whose slope is 0 for every "
        "example.",
        "每一步移动权重多远，或者对所有样本斜率都为 0 的神经元所占的比例。",
    ),
    names=lambda name: QUANTITIES[name].short_name(),
    menu=True,
)
LIMIT_QUANTITY = ui.quantity_choice("limit_quantity")
LIMIT_THRESHOLD = ui.steps(
    "limit_clip_at",
    t("Threshold", "阈值"),
    (0.1, 1.0, 3.0),
    default=3.0,
    help=t("Of both networks that are clipped.", "两个剪切的网络共用。"),
)
CODE = """
from gradviz import Recipe, race, replace

plain = Recipe(activation="relu", gain=3.0, depth=6, lr=0.03, steps=150)
arms = {"plain": plain, "clip_norm": replace(plain, clip="norm", clip_at=3.0)}
print({frame.arm: (frame.accuracy, frame.clipped) for frame in race(arms, seeds=3)})
"""


@lesson.figure(
    ("The cliff", "悬崖"),
    controls=[KIND, START_W, START_B],
    presets=[
        ui.Preset(
            t("Thrown far", "抛得很远"),
            {KIND: "norm", START_W: 5.2, START_B: -2.5, CLIFF_POWER: -0.5},
            t(
                "At the wall the gradient is so large that one step without clipping leads out of "
                "the picture, more than a hundred units away.",
                "崖壁处的梯度太大：不剪切时，一步就跨出图外，落到一百多个单位之外。",
            ),
        ),
        ui.Preset(
            t("Thrown off", "被抛出"),
            {KIND: "norm", START_W: 4.15, START_B: -2.6, CLIFF_POWER: -0.5},
            t(
                "A less steep place of the wall: the step is shorter, but leads out of the valley "
                "all the same. The clipped path comes down into it.",
                "崖壁上较缓的一处：步子短了些，却照样离开谷地；剪切的路径则下到谷底。",
            ),
        ),
        ui.Preset(
            t("Into the valley", "落入谷底"),
            {KIND: "norm", START_W: 4.6, START_B: -2.6, CLIFF_POWER: -0.5},
            t(
                "Neither path is thrown off: both come down into the valley. Clipping costs little "
                "where it is not needed.",
                "两条路径都没有被抛出，都下到了谷底。不需要剪切的地方，剪切也没有多少代价。",
            ),
        ),
    ],
)
def cliff() -> str:
    start = (START_W.value, START_B.value)
    ui.picture(
        cliff_picture(KIND.value, *start),
        "cliff_chart",
        opens=[CLIFF_POWER],
        press=START,
        sets={"a": START_W, "b": START_B},
    )
    return t(
        "Height is the loss $(\\sigma(x_{{50}})-0.7)^2$ with $x_0=0.5$; the learning rate is "
        "{lr:g}. Drag the threshold, or press another start on the surface.",
        "高度表示损失 $(\\sigma(x_{{50}})-0.7)^2$，其中 $x_0=0.5$；学习率为 {lr:g}。拖动阈值，"
        "或者在曲面上点按另一个起点。",
        lr=CLIFF_LR,
    )


@ui.made_once
def cliff_picture(kind: str, w: float, b: float) -> Spec:
    limits = [10**power for power in POWERS]
    walks = descend_clipped(CLIFF, (w, b), CLIFF_LR, CLIFF_STEPS, kind, limits)
    clipped = dict(zip(POWERS, walks, strict=True))
    return cliff_chart(
        CLIFF, free_walk(w, b), clipped, power=CLIFF_POWER.default, kind=kind, lr=CLIFF_LR
    )


def free_walk(w: float, b: float) -> Descent:
    """The path of gradient descent without clipping on the cliff from the start (`w`, `b`)."""
    return descend(CLIFF, (w, b), CLIFF_LR, CLIFF_STEPS)


@lesson.figure(
    ("Norm and value", "按范数与按值"),
    presets=[
        ui.Preset(
            t("One large", "一大一小"),
            {ARROW_X: 3.5, ARROW_Y: 1.5, ARROW_LIMIT: 1.5},
            t(
                "Only one component is above the threshold. By value it alone is cut, and the "
                "arrow turns; by norm both shrink alike.",
                "只有一个分量超过阈值。按值剪切只截它一个，箭头转向；按范数剪切则两个分量同比缩小。",
            ),
        ),
        ui.Preset(
            t("Both alike", "两者相等"),
            {ARROW_X: 3.0, ARROW_Y: 3.0, ARROW_LIMIT: 1.5},
            t(
                "Equal components are cut alike, so neither arrow turns. By value the arrow ends "
                "in the corner of the square, outside the circle.",
                "两个分量相等，截得一样多，哪个箭头都不转。按值剪切的箭头停在正方形的角上，在圆之外。",
            ),
        ),
        ui.Preset(
            t("Small", "很小"),
            {ARROW_X: 1.0, ARROW_Y: 0.75, ARROW_LIMIT: 1.5},
            t(
                "Below the threshold neither kind does anything: all three arrows are one.",
                "在阈值之内，两种剪切都不起作用：三个箭头重合为一。",
            ),
        ),
    ],
)
def geometry() -> str:
    ui.ask(
        "clip_direction",
        t(
            "Which of the two always keeps the direction of the gradient, the dashed line?",
            "虚线是梯度的方向。两种剪切中，哪一种始终不改变它？",
        ),
        options=tuple(CLIPS),
        reply=lambda guess: (
            None if guess is None else guess == "norm",
            t(
                "By norm the whole arrow is shortened. By value each component is cut by itself: "
                "the larger one loses more, and the arrow turns.",
                "按范数剪切把整个箭头缩短；按值剪切分别截断各个分量，较大的损失更多，箭头因此转向。",
            ),
        ),
        names=CLIPS,
        guess=lambda kind: KINDS.index(f"clip_{kind}"),
    )
    ui.picture(geometry_picture(), "geometry_chart", opens=[ARROW_X, ARROW_Y, ARROW_LIMIT])
    return t(
        "Drag the tip of the gradient in either plane, or move the sliders.",
        "在任一平面内拖动梯度的箭头，或者移动滑块。",
    )


@ui.made_once
def geometry_picture() -> alt.LayerChart:
    return clip_geometry()


@lesson.figure(
    ("A network with huge first gradients", "初始梯度过大的网络"),
    controls=[DATASET, THRESHOLD],
    presets=[
        ui.Preset(
            t("Digits", "手写数字"),
            {DATASET: "digits", THRESHOLD: 3.0},
            t(
                "Without clipping the first steps kill a whole layer, or the numbers overflow. "
                "Clipped, the network learns.",
                "不剪切时，最初几步就使整整一层的神经元死亡，或使数值溢出；剪切之后，网络学会了。",
            ),
        ),
        ui.Preset(
            t("Two moons", "双月"),
            {DATASET: "moons", THRESHOLD: 1.0},
            t(
                "Larger weights still: without clipping the numbers overflow for every seed.",
                "权重更大：不剪切时，每个种子的数值都会溢出。",
            ),
        ),
        ui.Preset(
            t("Too tight", "阈值太小"),
            {DATASET: "digits", THRESHOLD: 0.1},
            t(
                "Every step is clipped by norm: the threshold sets its size, like a smaller "
                "learning rate, and 150 steps are not enough.",
                "按范数剪切时每一步都被剪切：步长由阈值决定，如同换了更小的学习率，150 步不够用。",
            ),
        ),
    ],
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
        "clip_norm": CLIPS["norm"],
        "clip_value": CLIPS["value"],
    }
    frames = ui.race("race", arms, names, "dead", curves_lead=True)
    if not ui.ended(frames) or {frame.arm for frame in frames} != set(arms):
        return t("Same data, same batches, same first weights.", "数据、批次与初始权重都相同。")
    return race_in_words(frames)


@ui.made_once
def race_in_words(frames: ui.Frames) -> str:
    last = {frame.arm: frame.accuracy for frame in frames}
    clipped = [frame.clipped for frame in frames if frame.arm == "clip_norm"]
    return t(
        "Test accuracy: {plain} without clipping, {clip_norm} by norm, {clip_value} by value. By "
        "norm, {share:.0%} of the recorded steps were clipped.",
        "测试准确率：不剪切 {plain}，按范数 {clip_norm}，按值 {clip_value}。按范数剪切时，"
        "有 {share:.0%} 的训练步被剪切。",
        share=float(np.nanmean(clipped)),
        **{arm: percent(accuracy) for arm, accuracy in last.items()},
    )


def percent(accuracy: np.ndarray) -> str:
    """The mean over the seeds whose numbers have not overflowed."""
    left = accuracy[np.isfinite(accuracy)]
    return f"{left.mean():.0%}" if left.size else t("overflow", "上溢")


@lesson.figure(("The first steps", "最初几步"), controls=[WHY_QUANTITY])
def why() -> str:
    plain = replace(_exploding("digits"), steps=FIRST_STEPS)
    arms = {"plain": plain, "clip_norm": replace(plain, clip="norm", clip_at=3.0)}
    names = {
        "plain": t("no clipping", "不剪切"),
        "clip_norm": t("by norm at 3", "按范数，阈值 3"),
    }
    quantity = WHY_QUANTITY.value
    frames = ui.race(
        "why",
        arms,
        names,
        quantity,
        curves=("gradient_norm", "dead_units"),
        thresholds={"gradient_norm": 3.0},
        opens_at=0 if quantity == "update_ratio" else FIRST_STEPS,
    )
    if quantity == "dead":
        return t(
            "After {steps} steps without clipping a layer is all but dead, or the numbers have "
            "overflowed; clipped, most units are alive.",
            "不剪切时，{steps} 步之后总有一层几乎全部死亡，或者数值已经溢出；"
            "剪切之后，大多数神经元都活着。",
            steps=FIRST_STEPS,
        )
    if not ui.ended(frames) or {frame.arm for frame in frames} != set(arms):
        return t(
            "The gradient norm is that before clipping, the dashed rule the threshold.",
            "梯度范数是剪切之前的，虚线是阈值。",
        )
    return first_steps_in_words(frames)


@ui.made_once
def first_steps_in_words(frames: ui.Frames) -> str:
    """How far the very first step moves the hidden layers, and what is dead in the end.

    Both as drawn: the mean over the seeds, of dead units without those that have overflowed.
    """
    moved = {
        frame.arm: np.exp(np.log(frame.layers["update_ratio"][:, :-1]).mean(axis=0))
        for frame in frames
        if frame.step == 0
    }
    plain, clipped = moved["plain"], moved["clip_norm"]
    dead = {frame.arm: percent(frame.dead_units) for frame in frames}
    return t(
        "The first step alone moves the weights of each layer by {low:.0%} to {high:.0%} of their "
        "size; clipped, {times:.0f} times less. In the end {plain} of the units are dead; "
        "clipped, {clip_norm}.",
        "单是第一步，就让各层权重移动自身大小的 {low:.0%} 到 {high:.0%}；剪切之后只有它的 "
        "1/{times:.0f}。到最后，{plain} 的神经元已经死亡；剪切时只有 {clip_norm}。",
        low=plain.min(),
        high=plain.max(),
        times=float((plain / clipped).mean()),
        **dead,
    )


@lesson.figure(
    ("What clipping cannot do", "剪切做不到的事"),
    controls=[LIMIT_THRESHOLD, LIMIT_QUANTITY],
    presets=[
        ui.Preset(
            t("Never reached", "从未触及"),
            {LIMIT_THRESHOLD: 3.0, LIMIT_QUANTITY: "delta"},
            t(
                "The gradient of ten sigmoid layers stays below the threshold: with and without "
                "clipping the runs are one and the same, and neither learns.",
                "十层 sigmoid 的梯度从未触及阈值：剪切与不剪切的两次训练完全相同，都学不会。",
            ),
        ),
        ui.Preset(
            t("Nearly always", "几乎每步"),
            {LIMIT_THRESHOLD: 0.1, LIMIT_QUANTITY: "delta"},
            t(
                "Now clipping acts at nearly every step of the sigmoid network, and revives "
                "nothing. The same clipping on ReLU, where the signal arrives: that network "
                "learns.",
                "现在 sigmoid 网络几乎每一步都被剪切，却什么也没有复活。同样的剪切用在 ReLU "
                "网络上，误差信号传得到前面：它学会了。",
            ),
        ),
    ],
)
def limit() -> str:
    sick, threshold = Recipe(steps=150), LIMIT_THRESHOLD.value
    clipped = replace(sick, clip="norm", clip_at=threshold)
    # The control: were it the fault of clipping, or of the steps, this one would not learn either.
    arms = {"plain": sick, "clip_norm": clipped, "relu": replace(clipped, activation="relu")}
    names = {
        "plain": t("sigmoid, no clipping", "sigmoid，不剪切"),
        "clip_norm": t("sigmoid, clipped", "sigmoid，剪切"),
        "relu": t("ReLU, clipped", "ReLU，剪切"),
    }
    frames = ui.race(
        "limit",
        arms,
        names,
        LIMIT_QUANTITY.value,
        curves=("gradient_norm", "accuracy"),
        thresholds={"gradient_norm": threshold},
    )
    if not ui.ended(frames) or {frame.arm for frame in frames} != set(arms):
        return t("Same data, same batches, same threshold.", "数据、批次与阈值都相同。")
    return limit_in_words(frames)


@ui.made_once
def limit_in_words(frames: ui.Frames) -> str:
    last = {frame.arm: frame for frame in frames}
    return t(
        "Test accuracy: {plain} without clipping, {clip_norm} clipped, {relu} with ReLU. Of the "
        "steps of the clipped sigmoid network {share:.0%} were clipped.",
        "测试准确率：不剪切 {plain}，剪切 {clip_norm}，ReLU {relu}。剪切的 sigmoid 网络有 "
        "{share:.0%} 的训练步被剪切。",
        share=float(np.nanmean(last["clip_norm"].clipped)),
        **{arm: percent(frame.accuracy) for arm, frame in last.items()},
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
