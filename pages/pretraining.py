"""§3.1: greedy layer-wise pre-training, then fine-tuning."""

import math

import altair as alt
import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.charts.layer_factors import layer_factors
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.powers import power_of_ten, rounded_power
from gradviz.charts.parts.spec import Spec
from gradviz.charts.pretraining.layer_by_layer import EXAMPLES, FILTERS, pretraining
from gradviz.engine.history import history_frame
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.theory.predictions import predicted_start
from gradviz.trainer import Call

lesson = ui.remedy("pretraining")

KINDS = ("rbm", "autoencoder")
WATCHED = Recipe(depth=5, width=64, lr=0.1, pretrain="rbm", pretrain_epochs=20)
RACE = Recipe(width=64, lr=0.1, pretrain_epochs=10, steps=150)
LIMIT = Recipe(depth=5, width=64, activation="relu", lr=0.05, pretrain_epochs=10, steps=300)
SIDE = 8  # pixels of a digit's side
NAMES = {
    "plain": t("random start", "随机初始化"),
    "rbm": "RBM",
    "autoencoder": t("autoencoder", "自编码器"),
}
FACTORS = {
    "factor": t("factor of δ", "δ 的因子"),
    "slope": t("slope φ′", "斜率 φ′"),
    "weights": t("weights", "权重尺度"),
}
SHORT = {
    "factor": t("factor", "因子"),
    "slope": t("slope", "斜率"),
    "weights": t("weights", "权重"),
}
# What is seen of each, where all marks stand.
FOUND = {
    "factor": t(
        "8 layers. From a random start each layer passes on about a quarter of the signal; after "
        "pre-training most pass on nearly all of it. The line is theory for the random start.",
        "8 层。随机初始化时，每层只传回约四分之一的信号；预训练之后，大多数层几乎全部传回。"
        "线是随机初始化的理论值。",
    ),
    "slope": t(
        "8 layers. The slopes are not what has grown: pre-training makes them smaller. The line is "
        "theory for the random start.",
        "8 层。变大的并不是斜率：预训练反而使它变小。线是随机初始化的理论值。",
    ),
    "weights": t(
        "8 layers. Pre-training has made the weights more than twice as large. The line is theory "
        "for the random start.",
        "8 层。预训练使权重增大到两倍以上。线是随机初始化的理论值。",
    ),
}
SMALLEST_GUESS, FIRST_GUESS = -6, -3  # powers of ten
# Then both networks have learned most of what they will, and their signals are still large.
LIMIT_OPENS_AT = 60
RATES, LENGTHS = ("0.05", "0.01"), ("300", "850")  # of the figure on where it ends
KIND = ui.choice(
    "kind",
    t("Each layer learns as", "每层的学习方式"),
    KINDS,
    default="rbm",
    help=t(
        "RBM: a restricted Boltzmann machine, with one step of contrastive divergence. "
        "Autoencoder: gradient descent on the reconstruction error.",
        "RBM：受限玻尔兹曼机，用一步对比散度训练。自编码器：对重构误差做梯度下降。",
    ),
    names=NAMES,
)
EPOCHS = WATCHED.depth * WATCHED.pretrain_epochs  # of all layers
WATCHED_EPOCH = ui.opening("watch_step", REPLAY, low=0, high=EPOCHS, default=60)
DEPTH = ui.choice(
    "depth",
    t("Layers", "层数"),
    ("5", "8"),
    default="8",
    help=t("Hidden layers of 64 units.", "隐藏层数，每层 64 个神经元。"),
)
QUANTITY = ui.quantity_choice("quantity")
LIMIT_RATE = ui.choice(
    "limit_lr",
    t("Learning rate", "学习率"),
    RATES,
    default=RATES[0],
    help=t("Of both networks.", "两个网络相同。"),
)
LIMIT_STEPS = ui.choice(
    "limit_steps",
    t("Steps", "训练步数"),
    LENGTHS,
    default=LENGTHS[0],
    help=t(
        "Pre-training took 550 steps before these: 110 for each layer.",
        "在此之前，预训练用了 550 步：每层 110 步。",
    ),
)
LIMIT_QUANTITY = ui.quantity_choice("limit_quantity")
FACTOR = ui.choice(
    "factor",
    t("Show", "显示"),
    tuple(FACTORS),
    default="factor",
    help=t(
        "Slope: root mean square of φ′ at layer l−1. Weights: root mean square of W of layer l, "
        "times √n.",
        "斜率：第 l−1 层 φ′ 的均方根。权重：第 l 层 W 的均方根乘以 √n。",
    ),
    names=SHORT,
)
CODE = """
from gradviz import Recipe, race

plain = {"depth": 5, "width": 64, "lr": 0.1, "steps": 100}
arms = {
    "plain": Recipe(**plain),
    "autoencoder": Recipe(**plain, pretrain="autoencoder", pretrain_epochs=5),
}
frames = list(race(arms, seeds=1))
for frame in frames:
    if frame.step in (0, 100):
        delta = frame.layers["delta"]
        print(frame.arm, frame.step, frame.accuracy, delta[:, 0] / delta[:, 4])
"""


def arms_of(base: Recipe) -> dict[str, Recipe]:
    """A random start and both kinds of pre-training, else alike."""
    return {"plain": base} | {kind: replace(base, pretrain=kind) for kind in KINDS}


@lesson.figure(
    ("One layer after the other", "一层接一层"),
    controls=[KIND],
    presets=[
        ui.Preset(
            t("Layer 3 has learned", "第 3 层学好了"),
            {KIND: "rbm", WATCHED_EPOCH: 60},
            t(
                "Layers 1 and 2 stood still while layer 3 learned. Digits go up through all three "
                "and come back readable.",
                "第 3 层学习时，第 1、2 层固定不动。数字向上穿过这三层再返回，仍可辨认。",
            ),
        ),
        ui.Preset(
            t("Layer 4 is added", "加上第 4 层"),
            {KIND: "rbm", WATCHED_EPOCH: 61},
            t(
                "It starts from random weights, and after its first epoch every digit comes back "
                "as nearly the same blur.",
                "它从随机权重开始。第一轮之后，每个数字返回时都成了几乎一样的一团模糊。",
            ),
        ),
        ui.Preset(
            t("All five layers", "全部五层"),
            {KIND: "rbm", WATCHED_EPOCH: EPOCHS},
            t(
                "Each has learned to hand on what it gets. Only the output layer is still random.",
                "每一层都学会了传递它收到的东西，只有输出层仍是随机的。",
            ),
        ),
        ui.Preset(
            t("Autoencoder", "自编码器"),
            {KIND: "autoencoder", WATCHED_EPOCH: EPOCHS},
            t(
                "The other way to learn a layer: gradient descent on the error itself. The digits "
                "come back sharper.",
                "另一种逐层学习的方法：直接对误差做梯度下降。还原的数字更清晰。",
            ),
        ),
    ],
)
def watch() -> str:
    recipe = replace(WATCHED, pretrain=KIND.value)
    ui.live_job(
        "watch",
        ui.Job(("pretraining", recipe), watched(recipe)),
        lambda frames: ui.picture(
            watch_picture(frames, recipe),
            "watch_chart",
            opens=[WATCHED_EPOCH] if ui.ended(frames) else [],
        ),
    )
    return t(
        "No labels are used. Weights: violet is positive, orange negative.",
        "全程不用标签。权重：紫色为正，橙色为负。",
    )


@ui.made_once
def watch_picture(frames: ui.Frames, recipe: Recipe) -> Spec:
    return pretraining(frames, recipe.pretrain, recipe.depth, recipe.pretrain_epochs, SIDE)


def watched(recipe: Recipe) -> Call:
    """What pre-trains the network of `recipe`, with what is drawn of it."""
    found = (recipe, ui.SEEDS, EXAMPLES, FILTERS)
    return Call("gradviz.engine.drawn.pretraining_images", found)


@lesson.figure(
    ("Random start against pre-training", "随机初始化与预训练"),
    controls=[DEPTH, QUANTITY],
    presets=[
        ui.Preset(
            t("8 layers", "8 层"),
            {DEPTH: "8", QUANTITY: "delta"},
            t(
                "From a random start next to nothing of the signal arrives at layer 1, and nothing "
                "is learned. Both pre-trained networks learn.",
                "随机初始化时，误差信号几乎传不到第 1 层，网络什么也没学到；"
                "两个预训练过的网络都学会了。",
            ),
        ),
        ui.Preset(
            t("5 layers", "5 层"),
            {DEPTH: "5", QUANTITY: "delta"},
            t(
                "Fewer layers, so more of the signal arrives: still too little for the random "
                "start, which stays at chance.",
                "层数少了，传到的信号多了一些，但对随机初始化的网络仍然太少：它依旧停留在随机猜测的水平。",
            ),
        ),
    ],
)
def race() -> str:
    depth = int(DEPTH.value)
    asked = asks_signal()
    frames = ui.race(
        "race",
        arms_of(replace(RACE, depth=depth)),
        NAMES,
        QUANTITY.value,
        theory=("plain",),
        curves=("accuracy",),
        asked=ui.Asked(KINDS, low=SMALLEST_GUESS, start=FIRST_GUESS) if asked else None,
    )
    if not ui.ended(frames) or {frame.arm for frame in frames} != {"plain", *KINDS}:
        return t(
            "First the layers are pre-trained, then all three networks are trained on the same "
            "batches.",
            "先逐层预训练，然后三个网络用同样的批次训练。",
        )
    if asked:
        ask_signal(frames, depth)
    return race_in_words(frames)


@ui.made_once
def race_in_words(frames: ui.Frames) -> str:
    last = {frame.arm: frame for frame in frames}
    return t(
        "Test accuracy after {steps} steps: {plain:.0%} random, {rbm:.0%} RBM, "
        "{autoencoder:.0%} autoencoder.",
        "{steps} 步后的测试准确率：随机 {plain:.0%}，RBM {rbm:.0%}，自编码器 {autoencoder:.0%}。",
        steps=max(frame.step for frame in last.values()),
        **{arm: float(np.mean(frame.accuracy)) for arm, frame in last.items()},
    )


def asks_signal() -> bool:
    """The question is one of the state in which the figure opens."""
    return all(control.value == control.default for control in (DEPTH, QUANTITY))


def ask_signal(frames: ui.Frames, depth: int) -> None:
    shares = first_shares(frames, depth)

    def reply(exponent: int | None) -> tuple[bool | None, str]:
        found = t(
            "Measured: RBM {rbm}, autoencoder {autoencoder}.",
            "实测：RBM {rbm}，自编码器 {autoencoder}。",
            **{arm: rounded_power(shares[arm]) for arm in KINDS},
        )
        if exponent is None:
            return None, found
        # Both kinds of pre-training are near each other; the guess is one for both.
        off = exponent - sum(math.log10(shares[kind]) for kind in KINDS) / len(KINDS)
        if abs(off) <= 1:
            return True, found
        missed = (
            t("You said {guess}: {off} times too little. ", "你猜的是 {guess}，少了 {off} 倍。")
            if off < 0
            else t("You said {guess}: {off} times too much. ", "你猜的是 {guess}，多了 {off} 倍。")
        )
        return False, missed.format(guess=power_of_ten(exponent), off=times(abs(off))) + found

    ui.ask(
        "signal",
        t(
            "After pre-training, before fine-tuning: what share of layer {depth}'s signal δ "
            "arrives at layer 1?",
            "预训练之后、微调之前：第 {depth} 层的误差信号 δ 有几分之几能传到第 1 层？",
            depth=depth,
        ),
        options=range(SMALLEST_GUESS, 1),
        reply=reply,
        names=power_of_ten,
        guess=float,
        start=FIRST_GUESS,
        of_the_start=True,
    )


def times(powers: float) -> str:
    """A factor of so many powers of ten, to one digit."""
    return rounded_power(float(f"{10**powers:.0e}"))


@ui.made_once
def first_shares(frames: ui.Frames, depth: int) -> dict[str, float]:
    """δ_1/δ_depth of each arm before its first step, the geometric mean over the seeds."""
    first = [frame for frame in frames if frame.step == 0]
    shares = {
        frame.arm: frame.layers["delta"][:, 0] / frame.layers["delta"][:, depth - 1]
        for frame in first
    }
    return {arm: float(np.exp(np.log(each).mean())) for arm, each in shares.items()}


@lesson.figure(("The factors where fine-tuning starts", "微调开始时的因子"), controls=[FACTOR])
def why() -> str:
    arms = arms_of(replace(RACE, depth=8))
    named = tuple(arms.items())
    ui.live_job(
        "why",
        ui.Job(("fine_tuning_start", named), started(arms), len(arms)),
        lambda frames: ui.picture(factors_chart(frames, named, FACTOR.value), "why_chart"),
    )
    return FOUND[FACTOR.value]


@ui.measured
def expected_start(recipe: Recipe, quantity: str) -> np.ndarray:
    return predicted_start(recipe, quantity)


def started(arms: dict[str, Recipe]) -> Call:
    return Call("gradviz.engine.moments.fine_tuning_start", (arms, ui.SEEDS))


@ui.made_once
def factors_chart(
    frames: ui.Frames, arms: tuple[tuple[str, Recipe], ...], quantity: str
) -> alt.LayerChart:
    """`quantity` by layer of the arms that are ready, over theory for the random start."""
    tables = [frame.table for frame in frames if len(frame.table)]
    history = pd.concat(tables) if tables else history_frame([])
    plain = dict(arms)["plain"]
    theory = pd.DataFrame(
        {
            "arm": "plain",
            "layer": range(2, plain.depth + 1),
            "value": expected_start(plain, quantity),
        }
    )
    return layer_factors(history, NAMES, theory, quantity, FACTORS[quantity])


@lesson.figure(
    ("With ReLU the signal arrives anyway", "用 ReLU，误差信号本来就传得到"),
    controls=[LIMIT_RATE, LIMIT_STEPS, LIMIT_QUANTITY],
    presets=[
        ui.Preset(
            t("Rate 0.05", "学习率 0.05"),
            {LIMIT_RATE: "0.05", LIMIT_STEPS: "300", LIMIT_QUANTITY: "delta"},
            t(
                "From a random start the signal reaches layer 1 too, and the network learns: what "
                "had vanished with sigmoid was there all along.",
                "随机初始化的网络，误差信号同样传得到第 1 层，也学得会："
                "用 sigmoid 时消失的东西，这里从一开始就在。",
            ),
        ),
        ui.Preset(
            t("Rate 0.01", "学习率 0.01"),
            {LIMIT_RATE: "0.01", LIMIT_STEPS: "300", LIMIT_QUANTITY: "delta"},
            t(
                "The signal still arrives in both. Yet with small steps the pre-trained network "
                "clearly ends with fewer errors on the test digits.",
                "两者的误差信号仍都传得到。但步子小时，预训练过的网络在测试数字上明显错得更少。",
            ),
        ),
        ui.Preset(
            t("850 steps", "850 步"),
            {LIMIT_RATE: "0.01", LIMIT_STEPS: "850", LIMIT_QUANTITY: "delta"},
            t(
                "550 steps more, as many as pre-training took, do not bring the random start up: "
                "what it lacks is neither signal nor time.",
                "再多训练 550 步，与预训练的步数一样多，随机初始化的网络仍追不上："
                "它缺的既不是误差信号，也不是时间。",
            ),
        ),
    ],
)
def limit() -> str:
    plain = replace(LIMIT, lr=float(LIMIT_RATE.value), steps=int(LIMIT_STEPS.value))
    arms = {"plain": plain, "autoencoder": replace(plain, pretrain="autoencoder")}
    frames = ui.race(
        "limit",
        arms,
        {arm: NAMES[arm] for arm in arms},
        LIMIT_QUANTITY.value,
        seeds=5,
        theory=("plain",),
        curves=("test_error",),
        opens_at=LIMIT_OPENS_AT,
        curves_lead=True,
    )
    if not ui.ended(frames) or {frame.arm for frame in frames} != set(arms):
        return t("Five ReLU layers, five seeds.", "五层 ReLU，五个种子。")
    return limit_in_words(frames)


@ui.made_once
def limit_in_words(frames: ui.Frames) -> str:
    last = {frame.arm: frame for frame in frames}
    return t(
        "Five ReLU layers, five seeds. Test error after {steps} steps, on average: random start "
        "{plain:.1%}, autoencoder {autoencoder:.1%}.",
        "五层 ReLU，五个种子。{steps} 步后的平均测试错误率：随机初始化 {plain:.1%}，"
        "自编码器 {autoencoder:.1%}。",
        steps=max(frame.step for frame in last.values()),
        **{arm: float(np.mean(frame.test_error)) for arm, frame in last.items()},
    )


lesson.show(CODE)
