"""§3.4: BatchNorm keeps the pre-activations spread, and what that costs."""

import altair as alt
import pandas as pd

from gradviz import ui
from gradviz.charts.batchnorm.clouds import LAYER, clouds
from gradviz.charts.batchnorm.moves import BETA, BETAS, GAMMA, GAMMAS, STEP, moves
from gradviz.charts.batchnorm.scale_invariance import scale_invariance
from gradviz.charts.histograms import shape_of
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
    t("Batch size, of all", "批次大小（各网络相同）"),
    BATCHES,
    default="4",
    help=t("Only networks with batches of one size are compared.", "只比较批次大小相同的网络。"),
)
QUANTITY = ui.quantity_choice("quantity")
LIMIT_QUANTITY = ui.quantity_choice("limit_quantity", ("delta", "update_ratio"))
FACTOR = ui.opening("a", "a_shown", low=0.25, high=4.0, default=2.0)
# Pictures of single examples show the networks of the default race, before it and after it.
BEFORE, AFTER = 0, 100  # steps
MOMENTS = {"start": BEFORE, "trained": AFTER}
CLOUDS_MOMENT = ui.choice(
    "clouds_moment", "", tuple(MOMENTS), default="start", help=""
)  # set by presets only
MOVES_MOMENT = ui.choice("moves_moment", "", tuple(MOMENTS), default="start", help="")
CLOUDS_LAYER = ui.opening("layer", LAYER, low=1, high=10, default=10)
SHOWN_GAMMA = ui.opening("gamma", GAMMA, low=GAMMAS[0], high=GAMMAS[1], default=1.0)
SHOWN_BETA = ui.opening("beta", BETA, low=BETAS[0], high=BETAS[1], default=0.0)
VANISH: dict = {ACTIVATION: "sigmoid", RATE: "0.05", QUANTITY: "delta", BATCH: "128"}
LARGE_STEPS: dict = {ACTIVATION: "relu", RATE: "1", QUANTITY: "delta", BATCH: "128"}
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
    return normalized(plain)


def normalized(plain: Recipe) -> dict[str, Recipe]:
    """`plain` without a normalization and with either."""
    return {
        "plain": plain,
        "batchnorm": replace(plain, norm="batch"),
        "layernorm": replace(plain, norm="layer"),
    }


def arm_names() -> dict[str, str]:
    return {"plain": t("plain", "普通网络"), "batchnorm": "BatchNorm", "layernorm": "LayerNorm"}


@ui.measured
def examples_in(recipe: Recipe) -> pd.DataFrame:
    """Where the examples of a batch lie at two units of every layer; see `engine.units.cloud`."""
    from gradviz.engine import units

    return units.cloud(recipe)


def shown_arms(moment: str) -> dict[str, Recipe]:
    """The networks of the default race, at one of `MOMENTS`."""
    arms = normalized(Recipe(steps=MOMENTS[moment]))
    return {name: arms[name] for name in ("plain", "batchnorm")}


def one_unit(moment: str) -> pd.DataFrame:
    """The examples at the first unit of the last hidden layer with BatchNorm."""
    rows = examples_in(shown_arms(moment)["batchnorm"])
    return rows[(rows["layer"] == rows["layer"].max()) & (rows["unit"] == 1)]


@ui.made_once
def arrives(moment: str) -> tuple[float, float]:
    """The mean of `one_unit` before BatchNorm, and the standard deviation."""
    before = one_unit(moment)["before"]
    return float(before.mean()), float(before.std(ddof=0))


@ui.made_once
def trained(moment: str) -> tuple[float, float]:
    """γ and β of that unit."""
    first = one_unit(moment).iloc[0]
    return float(first["gamma"]), float(first["beta"])


def moved_by(moment: str, gamma: float, beta: float) -> dict:
    """The state of the figure at which γ and β stand, as near as their sliders come to them."""
    values = (round(value / STEP) * STEP for value in (gamma, beta))
    gamma, beta = (round(value, 2) for value in values)
    return {MOVES_MOMENT: moment, SHOWN_GAMMA: gamma, SHOWN_BETA: beta}


@lesson.figure(
    ("Three moves on every unit", "对每个神经元的三步"),
    presets=[
        ui.Preset(
            t("At the start", "初始时"),
            moved_by("start", 1.0, 0.0),
            t(
                "Squeezed and shifted they arrive, centered and scaled they leave. γ = 1 and "
                "β = 0 change nothing yet: drag them.",
                "到达时又挤又偏，居中、缩放后离开。此时 γ = 1、β = 0，什么也没改变：拖动它们试试。",
            ),
        ),
        ui.Preset(
            t("Undone", "还原"),
            moved_by("start", *arrives("start")[::-1]),
            t(
                "γ equal to the spread and β equal to the mean bring all back to where it was.",
                "让 γ 等于标准差、β 等于均值，一切就回到了原处。",
            ),
        ),
        ui.Preset(
            t("As trained", "训练之后"),
            moved_by("trained", *trained("trained")),
            t(
                "100 steps later: training has made γ {gamma:.2f} here, and left β near 0.",
                "100 步之后：训练把这里的 γ 变为 {gamma:.2f}，β 仍接近 0。",
                gamma=trained("trained")[0],
            ),
        ),
    ],
)
def three_moves() -> str:
    moment = MOVES_MOMENT.value
    ui.picture(
        moves_picture(moment), f"three_moves_chart_{moment}", opens=[SHOWN_GAMMA, SHOWN_BETA]
    )
    mean, spread = arrives(moment)
    return t(
        "One unit of layer 10, 128 digits: they arrive around {mean:.2f} with spread {spread:.2f}. "
        "The bars are mean ± spread.",
        "第 10 层的一个神经元，128 个数字：到达时均值 {mean:.2f}，标准差 {spread:.2f}。"
        "横条为均值 ± 标准差。",
        mean=mean,
        spread=spread,
    )


@ui.made_once
def moves_picture(moment: str) -> alt.LayerChart:
    return moves(one_unit(moment))


@lesson.figure(("The scale of the weights cancels", "权重的尺度被约去"))
def idea() -> str:
    ui.picture(idea_picture(), "idea_chart", opens=[FACTOR])
    return t(
        "Drag a. Lines are theory, marks the first layer of a real network on digits: multiply its "
        "weights by a, and the output of BatchNorm stays while the gradient becomes 1/a.",
        "拖动 a。线是理论，点来自真实网络在手写数字上的第一层：权重乘以 a，"
        "BatchNorm 的输出不变，梯度变为 1/a。",
    )


@ui.made_once
def idea_picture() -> alt.LayerChart:
    return scale_invariance(scale_effects())


@ui.measured
def scale_effects() -> pd.DataFrame:
    """Of a network with BatchNorm, for the factors a that the slider offers."""
    from gradviz.engine import start

    effects = start.scale_effects(Recipe(norm="batch"), [step / 4 for step in range(1, 17)])
    return effects.pivot(index="a", columns="quantity", values="value").reset_index()


@lesson.figure(
    ("With and without", "有与没有"),
    controls=[ACTIVATION, RATE, QUANTITY, BATCH],
    presets=[
        ui.Preset(
            t("Vanish", "消失"),
            VANISH,
            t(
                "Ten sigmoid layers, small steps. Without normalization the signal is lost on its "
                "way to layer 1.",
                "十层 sigmoid，小步长。不做归一化，误差信号在传回第 1 层的途中就消失了。",
            ),
        ),
        ui.Preset(
            t("Large steps", "大步长"),
            LARGE_STEPS,
            t(
                "ReLU instead of sigmoid, and steps 20 times as large: the plain network does not "
                "survive them.",
                "换成 ReLU，步长放大到 20 倍：普通网络承受不住。",
            ),
        ),
    ],
)
def race() -> str:
    guesses = question()
    asked = ui.AskedEnd(tuple(guesses.values())) if guesses else None
    frames = ui.race("race", arms(), arm_names(), QUANTITY.value, asked=asked, histograms=True)
    what = t(
        "Same digits, same batches; accuracy is measured in evaluation mode.",
        "同样的数字，同样的批次；准确率在评估模式下测量。",
    )
    if not ui.ended(frames):
        return what
    if guesses and frames.recorded:
        ask_which_learns(guesses, frames)
        return what  # the reply says how it ends
    ends = ui.ends_in_words(frames, arm_names())
    return t("{what} In the end: {ends}.", "{what}最后：{ends}。", what=what, ends=ends)


def question() -> dict[str, str]:
    """What the reader may guess in the present state, in words; nothing if it has no question."""
    names = arm_names()
    if stands_at(VANISH):
        del names["plain"]
        return {
            **names,
            "both": t("both", "两者都能"),
            "neither": t("neither", "两者都不能"),
        }
    return names if stands_at(LARGE_STEPS) else {}


def stands_at(values: dict) -> bool:
    return all(control.value == value for control, value in values.items())


def ask_which_learns(guesses: dict[str, str], frames: ui.Frames) -> None:
    """Which network learns: asked before the curves of the run are seen."""
    vanishing = stands_at(VANISH)
    ends = t("In the end: {ends}. ", "最后：{ends}。", ends=ui.ends_in_words(frames, arm_names()))
    if vanishing:
        key = "which_normalization"
        asked = t(
            "Ten sigmoid layers, 100 steps: the plain network stays at chance. Which normalization "
            "makes it learn?",
            "十层 sigmoid，训练 100 步：普通网络停留在随机猜测的水平。哪种归一化能让它学会？",
        )
        reason = t(
            "LayerNorm works within one example: examples that have become alike stay alike.",
            "LayerNorm 只在单个样本内部起作用：已经变得相似的样本依旧相似。",
        )
    else:
        key = "large_steps"
        asked = t(
            "A learning rate of 1, and ReLU: which of the three networks learns?",
            "学习率为 1，使用 ReLU：三个网络中哪一个能学会？",
        )
        reason = t(
            "Normalized, weights that a step made larger get smaller gradients; with LayerNorm "
            "too, but here that is not enough.",
            "有归一化时，权重被一步放大后，梯度反而变小；LayerNorm 也是如此，但在这里还不够。",
        )

    def reply(guess: str | None) -> tuple[bool | None, str]:
        if guess is None:
            return None, ends + reason
        said = t("You said: {guess}. ", "你猜的是：{guess}。", guess=guesses[guess])
        return guess == "batchnorm", said + ends + reason

    ui.ask(
        key,
        asked,
        options=list(guesses),
        reply=reply,
        names=guesses,
        guess=lambda option: list(guesses).index(option),
        of_the_start=True,
    )


@lesson.figure(
    ("A batch on its way through the layers", "一个批次逐层前行"),
    presets=[
        ui.Preset(
            t("At the start", "初始时"),
            {CLOUDS_MOMENT: "start", CLOUDS_LAYER: 10},
            t(
                "In layer 10 of the plain network all digits have become one point; with BatchNorm "
                "they are a cloud around 0.",
                "普通网络的第 10 层，所有数字缩成了一个点；有 BatchNorm，它们仍是 0 周围的一团云。",
            ),
        ),
        ui.Preset(
            t("After 100 steps", "100 步之后"),
            {CLOUDS_MOMENT: "trained", CLOUDS_LAYER: 10},
            t(
                "What is apart can be sorted: with BatchNorm equal digits now lie together. The "
                "plain network still has but one point.",
                "分开的才能归类：有 BatchNorm，相同的数字已聚到一起；普通网络仍只有一个点。",
            ),
        ),
    ],
)
def batch() -> str:
    moment = CLOUDS_MOMENT.value
    ui.picture(clouds_picture(moment), f"batch_chart_{moment}", opens=[CLOUDS_LAYER])
    return t(
        "Each point is one of 128 digits, placed by what two units of the layer make of it. Drag "
        "the layer: sigmoid squeezes and shifts, layer after layer.",
        "每个点是 128 个数字之一，位置是该层两个神经元给它的值。"
        "拖动层数：sigmoid 逐层挤压，并把它们推开。",
    )


@ui.made_once
def clouds_picture(moment: str) -> alt.LayerChart:
    names = arm_names()
    arms = {name: examples_in(recipe) for name, recipe in shown_arms(moment).items()}
    return clouds(arms, {name: names[name] for name in arms})


@lesson.figure(("Examples stay apart", "样本保持分开"))
def why() -> str:
    arms = normalized(Recipe(steps=100))  # of sigmoid units, whatever the race shows
    ui.picture(spreads_picture(tuple(arms.items()), tuple(arm_names().items())), "why_chart")
    return t(
        "Sigmoid, before training, at the last hidden layer: plain {plain}, BatchNorm {batch}, "
        "LayerNorm {layer}.",
        "sigmoid，训练之前，最后一个隐藏层：普通网络 {plain}，BatchNorm {batch}，"
        "LayerNorm {layer}。",
        plain=at_the_end(arms["plain"]),
        batch=at_the_end(arms["batchnorm"]),
        layer=at_the_end(arms["layernorm"]),
    )


@ui.made_once
def spreads_picture(
    arms: tuple[tuple[str, Recipe], ...], names: tuple[tuple[str, str], ...]
) -> alt.LayerChart:
    history = pd.concat([spread(recipe).assign(arm=name) for name, recipe in arms])
    title = t("Spread of z over the batch", "z 在批次上的标准差")
    return layer_profile(history, "spread", title, dict(names))


@ui.measured
def spread(recipe: Recipe) -> pd.DataFrame:
    """The spread over a batch at every layer, as the history of a run."""
    from gradviz.engine import start

    return start.batch_spread(recipe)


@ui.made_once
def at_the_end(recipe: Recipe) -> str:
    """The median over the seeds at the last hidden layer, in words."""
    history = spread(recipe)
    return rounded_power(history[history["layer"] == recipe.depth]["value"].median())


@lesson.figure(("Before and after normalization", "归一化之前与之后"))
def spread_over_time() -> str:
    frames = ui.race_histograms(
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
    what = t("One unit's values over a batch.", "一个神经元在一个批次上的取值。")
    return t("{a} {b}", "{a}{b}", a=what, b=spread_in_words(frames)) if ui.ended(frames) else what


@ui.made_once
def spread_in_words(frames: ui.Frames) -> str:
    """How widely layer 10 of the plain network and that with BatchNorm spread, at both ends."""
    (begun, ended), cured = shapes(frames, "plain"), shapes(frames, "batchnorm")
    words = [
        t(
            "In layer 10 of the plain network they are one spike: all digits look alike there.",
            "普通网络的第 10 层只剩一根尖峰：所有数字看起来都一样。",
        )
        if begun == "spike"
        else t(
            "In layer 10 of the plain network they are apart at the start.",
            "普通网络的第 10 层，初始时它们是分开的。",
        )
    ]
    if ended != begun:
        words.append(
            {
                "empty": t("In the end they have overflowed.", "最后数值已上溢。"),
                "beyond": t("In the end they are beyond the axis.", "最后它们超出了坐标轴。"),
                "spike": t("In the end they are one spike.", "最后只剩一根尖峰。"),
                "apart": t("In the end they are apart.", "最后它们是分开的。"),
            }[ended]
        )
    if set(cured) == {"apart"}:
        words.append(
            t(
                "BatchNorm keeps them apart, at the start and in the end.",
                "BatchNorm 把它们分开，初始时如此，最后也如此。",
            )
        )
    return t(" ", "").join(words)


def shapes(frames: ui.Frames, arm: str) -> list[str]:
    """The `shape_of` the histogram of layer 10, at the first step and at the last."""
    own = [frame for frame in frames if frame.arm == arm]
    return [shape_of(frame.histograms["z"][9]) for frame in (own[0], own[-1])]


@lesson.figure(("Small batches", "小批次"), controls=[EXAMPLES])
def batches() -> str:
    plain = replace(SMALL_BATCHES, batch_size=int(EXAMPLES.value))
    # LayerNorm normalizes too, but not by the batch: is it the batch that does the harm?
    recipes, names = normalized(plain), arm_names()
    frames = ui.race(
        "batches", recipes, names, "update_ratio", curves=("accuracy",), curves_lead=True
    )
    size = plain.batch_size
    what = t(
        "Same batches of {size}, {steps} steps each.",
        "批次相同，每批 {size} 个样本，各训练 {steps} 步。",
        size=size,
        steps=plain.steps,
    )
    if size == 4:
        what = t(
            "{what} The mean and variance of four examples are mostly noise.",
            "{what}四个样本的均值与方差大半是噪声。",
            what=what,
        )
    if not ui.ended(frames):
        return what
    ends = ui.ends_in_words(frames, names)
    return t("{what} In the end: {ends}.", "{what}最后：{ends}。", what=what, ends=ends)


@lesson.figure(("Too deep for BatchNorm", "对 BatchNorm 来说太深"), controls=[LIMIT_QUANTITY])
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
    names = {
        "deep": t("80 layers", "80 层"),
        "shallow": t("10 layers", "10 层"),
        "residual": t("80 with shortcuts", "80 层加捷径"),
    }
    # As deep, but with a signal that does not explode: is it the depth, or the explosion?
    arms = {
        "deep": deep,
        "shallow": replace(deep, depth=10),
        "residual": replace(deep, residual=True),
    }
    quantity = LIMIT_QUANTITY.value
    frames = ui.race("limit", arms, names, quantity, theory=["deep", "shallow"], opens_at=0)
    if not ui.ended(frames):
        return t("All have BatchNorm.", "三个网络都用了 BatchNorm。")
    kept = {arm: rounded_power(value) for arm, value in ui.kept_signals(frames).items()}
    return t(
        "All have BatchNorm. At the start the signal grows on its way to layer 1: {deep}-fold in "
        "80 layers, as theory says, {shallow}-fold in 10, {residual}-fold in 80 with shortcuts. "
        "In the end: {ends}.",
        "三个网络都用了 BatchNorm。初始时，误差信号传回第 1 层，80 层放大到 {deep} 倍，与理论一致；"
        "10 层为 {shallow} 倍；80 层加捷径为 {residual} 倍。最后：{ends}。",
        **kept,
        ends=ui.ends_in_words(frames, names),
    )


lesson.show(CODE)
