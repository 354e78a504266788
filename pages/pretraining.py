"""§3.1: greedy layer-wise pre-training, then fine-tuning."""

from collections.abc import Iterator
from typing import cast

import altair as alt
import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.charts.layer_factors import layer_factors
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.pretraining.layer_by_layer import pretraining
from gradviz.engine.history import history_frame
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.snapshots import Moment, PretrainSnapshot
from gradviz.theory.predictions import predicted_start

lesson = ui.remedy("pretraining")

KINDS = ("rbm", "autoencoder")
WATCHED = Recipe(width=64, lr=0.1, pretrain="rbm", pretrain_epochs=30)
RACE = Recipe(width=64, lr=0.1, pretrain_epochs=10, steps=150)
LIMIT = Recipe(depth=5, width=64, activation="relu", lr=0.1, pretrain_epochs=10, steps=300)
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
WATCH_DEPTH, DEPTH = (
    ui.choice(
        key,
        t("Layers", "层数"),
        ("5", "8"),
        default="5",
        help=t("Hidden layers of 64 units.", "隐藏层数，每层 64 个单元。"),
    )
    for key in ("watch_depth", "depth")
)
QUANTITY = ui.quantity_choice("quantity")
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
    names=FACTORS,
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


@lesson.figure(("One layer after the other", "一层接一层"), controls=[KIND, WATCH_DEPTH])
def watch() -> str:
    recipe = replace(WATCHED, depth=int(WATCH_DEPTH.value), pretrain=KIND.value)
    ui.live_job(
        "watch",
        ui.Job(("pretraining", recipe), lambda: watched(recipe)),
        lambda frames: ui.picture(
            pretraining(frames, recipe.depth, recipe.pretrain_epochs, SIDE), "watch_chart"
        ),
    )
    return t(
        "No labels are used. Digits of the test set go up through the layers learned so far and "
        "down again. Weights: blue is positive, orange negative, each unit scaled to its largest.",
        "全程不用标签。测试集的数字向上穿过已学好的各层，再原路返回。权重图中蓝色为正、橙色为负，每个单元按自身最大的权重缩放。",
    )


def watched(recipe: Recipe) -> Iterator[PretrainSnapshot]:
    """The frames of pre-training the network of `recipe`."""
    from gradviz.data import load
    from gradviz.engine.network import build
    from gradviz.engine.pretrain import pretrain_steps

    data = load(recipe.dataset, recipe.seed)
    yield from pretrain_steps(build(recipe, ui.SEEDS), recipe, data)


@lesson.figure(
    ("Random start against pre-training", "随机初始化与预训练"),
    controls=[DEPTH, QUANTITY],
    presets={
        t("5 layers", "5 层"): {DEPTH: "5", QUANTITY: "delta"},
        t("8 layers", "8 层"): {DEPTH: "8", QUANTITY: "delta"},
    },
)
def race() -> str:
    depth = int(DEPTH.value)
    guess = ask_signal(depth)
    arms = arms_of(replace(RACE, depth=depth))
    frames = ui.race("race", arms, NAMES, QUANTITY.value, theory=("plain",))
    if guess is not None:
        answer_signal(guess, history_frame(frames), depth)
    return t(
        "First the layers are pre-trained, then all three networks are trained on the same "
        "batches. The line is theory for the random start.",
        "先逐层预训练，然后三个网络用同样的批次训练。线是随机初始化的理论值。",
    )


def ask_signal(depth: int) -> str | None:
    return ui.predict(
        f"signal_{depth}",
        t(
            "After pre-training, before the first step of fine-tuning: how large is δ at layer 1, "
            "as a share of that at layer {depth}?",
            "预训练之后、微调第一步之前：第 1 层的 δ 是第 {depth} 层的几分之几？",
            depth=depth,
        ),
        options=("tiny", "small", "large"),
        names={
            "tiny": t("below 0.001", "小于 0.001"),
            "small": t("0.001 to 0.1", "0.001 到 0.1"),
            "large": t("above 0.1", "大于 0.1"),
        },
    )


def answer_signal(guess: str, history: pd.DataFrame, depth: int) -> None:
    """Compare the prediction with what the race has measured at its step 0."""
    shares = first_shares(history, depth)
    if set(shares) != {"plain", *KINDS}:
        ui.reveal(None, t("Train it live and see.", "现场训练一遍，看看结果。"))
        return
    ui.reveal(
        guess == "large",
        t(
            "Measured: {rbm} with the RBM and {autoencoder} with the autoencoder, against {plain} "
            "at the random start.",
            "实测：RBM 为 {rbm}，自编码器为 {autoencoder}，随机初始化为 {plain}。",
            **{arm: rounded_power(share) for arm, share in shares.items()},
        ),
    )


def first_shares(history: pd.DataFrame, depth: int) -> dict[str, float]:
    """δ_1/δ_depth of each arm before its first step, the mean over the seeds."""
    first = history[(history["quantity"] == "delta") & (history["step"] == 0)]
    delta = first.pivot_table(index="layer", columns="arm", values="value")
    shares = (delta.loc[1] / delta.loc[depth]).to_dict() if len(delta) else {}
    return cast("dict[str, float]", shares)


@lesson.figure(("The factors where fine-tuning starts", "微调开始时的因子"), controls=[FACTOR])
def why() -> str:
    arms = arms_of(replace(RACE, depth=8))
    ui.live_job(
        "why",
        ui.Job(("fine_tuning_start", tuple(arms.items())), lambda: started(arms), len(arms)),
        lambda frames: ui.picture(factors_chart(frames, arms, FACTOR.value), "why_chart"),
    )
    return t(
        "8 layers. At the random start the factor is the slope times the weights; after "
        "pre-training it is more than that. The line is theory for the random start.",
        "8 层。随机初始化时，因子等于斜率乘以权重尺度；预训练之后则更大。线是随机初始化的理论值。",
    )


@ui.measured
def expected_start(recipe: Recipe, quantity: str) -> np.ndarray:
    return predicted_start(recipe, quantity)


def started(arms: dict[str, Recipe]) -> Iterator[Moment]:
    from gradviz.engine.moments import fine_tuning_start

    return fine_tuning_start(arms, ui.SEEDS)


def factors_chart(frames: list, arms: dict[str, Recipe], quantity: str) -> alt.LayerChart:
    """`quantity` by layer of the arms that are ready, over theory for the random start."""
    tables = [frame.table for frame in frames if len(frame.table)]
    history = pd.concat(tables) if tables else history_frame([])
    plain = arms["plain"]
    theory = pd.DataFrame(
        {
            "arm": "plain",
            "layer": range(2, plain.depth + 1),
            "value": expected_start(plain, quantity),
        }
    )
    return layer_factors(history, NAMES, theory, quantity, FACTORS[quantity])


@lesson.figure(("ReLU needs no pre-training", "ReLU 无需预训练"))
def limit() -> str:
    arms = {"relu": LIMIT, "autoencoder": replace(LIMIT, pretrain="autoencoder")}
    names = {"relu": t("random start", "随机初始化"), "autoencoder": t("autoencoder", "自编码器")}
    ui.race("limit", arms, names, seeds=5, theory=("relu",))
    return t(
        "5 ReLU layers with He initialization, 5 seeds: the bands of the two accuracies overlap.",
        "5 层 ReLU、He 初始化、5 个种子：两者准确率的范围相互重叠。",
    )


lesson.show(CODE)
