"""§2.1: layers of a deep network learn at very different speeds, live."""

from typing import cast

import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.charts.layers import layer_profile, step_layer_map
from gradviz.charts.parts.powers import power_of_ten, rounded_power
from gradviz.charts.parts.summary import hidden
from gradviz.engine.history import history_frame
from gradviz.language import t
from gradviz.quantities import QUANTITIES
from gradviz.recipe import Recipe, replace

lesson = ui.Lesson("depth")

# The standard deviation of normally distributed weights, where the choice of `init` says so.
STANDARD_DEVIATIONS = {"small": 0.01, "large": 1.0}
INITIALIZATIONS = {
    "xavier_normal": "Xavier",
    "kaiming_normal": "Kaiming",
    "pytorch": t("PyTorch's default", "PyTorch 默认"),
    "small": t("normal, σ = 0.01", "正态，σ = 0.01"),
    "large": t("normal, σ = 1", "正态，σ = 1"),
}
ACTIVATION = ui.activation_choice("activation")
INIT = ui.choice(
    "init",
    t("Initial weights", "初始权重"),
    tuple(INITIALIZATIONS),
    default="xavier_normal",
    help=t("The random numbers that training starts from.", "训练开始时权重取的随机数。"),
    names=INITIALIZATIONS,
    menu=True,
)
DEPTH = ui.number(
    "depth",
    t("Hidden layers", "隐藏层数"),
    low=2,
    high=50,
    default=10,
    step=1,
    help=t("Depth of the deep network.", "深层网络的深度。"),
)
QUANTITY = ui.quantity_choice("quantity")
CODE = """
from gradviz import Recipe, history_frame, race

arms = {"deep": Recipe(depth=10, init="xavier_normal"), "shallow": Recipe(depth=1)}
history = history_frame(race(arms, seeds=3))
last = history[history["step"] == history["step"].max()]
print(last.pivot_table(index="layer", columns=["arm", "quantity"], values="value"))
"""


def arms() -> dict[str, Recipe]:
    """The two networks of this page, as its controls stand."""
    init = INIT.value
    deep = Recipe(
        activation=ACTIVATION.value,
        init="normal" if init in STANDARD_DEVIATIONS else init,
        std=STANDARD_DEVIATIONS.get(init, 1.0),
        depth=DEPTH.value,
    )
    return {"deep": deep, "shallow": replace(deep, depth=1)}


def arm_names() -> dict[str, str]:
    depth = arms()["deep"].depth
    return {
        "deep": t("{depth} hidden layers", "{depth} 个隐藏层", depth=depth),
        "shallow": t("1 hidden layer", "1 个隐藏层"),
    }


def at_start(history: pd.DataFrame, quantity: str) -> pd.Series:
    """The deep network's `quantity` by hidden layer before training; 0 and inf are kept."""
    start = hidden(history.query("arm == 'deep' and step == 0 and quantity == @quantity"))
    with np.errstate(divide="ignore"):
        # NumPy's functions return a series for a series, which their types do not say.
        logs = cast("pd.Series", np.log(start["value"]))
        return cast("pd.Series", np.exp(logs.groupby(start["layer"]).mean()))


def ask_first_layer() -> int | None:
    network = arms()["deep"]
    return ui.predict(
        f"first_layer_{network.activation}_{network.init}_{network.std}_{network.depth}",
        t(
            "How many times smaller is the signal δ at the first hidden layer than at the last, "
            "before training?",
            "训练之前，第一个隐藏层处的误差信号 δ 比最后一个隐藏层处小多少倍？",
        ),
        options=range(-10, 41, 2),
        names=lambda exponent: f"{power_of_ten(exponent)}×",
        start=0,
    )


def answer_first_layer(guess: int, history: pd.DataFrame) -> None:
    """Compare the prediction with δ as measured before the first step."""
    delta = at_start(history, "delta")
    factor = delta.iloc[-1] / delta.iloc[0] if delta.iloc[0] else np.inf
    if not 0 < factor < np.inf:
        ui.reveal(
            None,
            t(
                "There is no factor to give: float32 has no number left for one of the two.",
                "这个倍数给不出来：其中一个值已超出 float32 所能表示的范围。",
            ),
        )
        return
    exponent = np.log10(factor)
    ui.reveal(
        bool(abs(exponent - guess) <= 1),
        t(
            "Measured: {factor}. Every layer in between contributes one factor of weight times "
            "slope, here {each:.2f} on average.",
            "实测为 {factor}。中间每一层都贡献一个“权重 × 斜率”的因子，这里平均为 {each:.2f}。",
            factor=rounded_power(factor),
            each=factor ** (-1 / (len(delta) - 1)),
        ),
    )


@lesson.figure(
    ("Layers at work", "各层的学习"),
    controls=[ACTIVATION, DEPTH, QUANTITY, INIT],
    presets={
        t("Vanish", "消失"): {
            ACTIVATION: "sigmoid",
            DEPTH: 10,
            QUANTITY: "delta",
            INIT: "xavier_normal",
        },
        t("Underflow", "下溢"): {
            ACTIVATION: "sigmoid",
            DEPTH: 40,
            QUANTITY: "delta",
            INIT: "small",
        },
        t("Healthy", "健康"): {
            ACTIVATION: "tanh",
            DEPTH: 10,
            QUANTITY: "delta",
            INIT: "xavier_normal",
        },
        t("Explode", "爆炸"): {
            ACTIVATION: "relu",
            DEPTH: 30,
            QUANTITY: "delta",
            INIT: "large",
        },
    },
)
def training() -> str:
    guess = ask_first_layer()
    frames = ui.race("training", arms(), arm_names(), QUANTITY.value, theory=["deep"])
    if guess is not None and frames:
        answer_first_layer(guess, history_frame(frames))
    return t(
        "Marks are measured, the line is theory at initialization. Watch which layers move first.",
        "点是测量值，线是初始化时的理论预测。注意哪些层先动起来。",
    )


@lesson.figure(("How far each layer has moved", "各层走了多远"))
def drift() -> str | None:
    moved = {}

    def draw(frames: list) -> None:
        if not frames:
            return
        last = latest(history_frame(frames))
        ui.picture(
            layer_profile(last, "drift", QUANTITIES["drift"].title(), arm_names()), "drift_chart"
        )
        deep = hidden(last.query("arm == 'deep' and quantity == 'drift'"))
        moved.update(deep.groupby("layer")["value"].median())

    ui.live_run("drift", arms(), ui.SEEDS, draw, join=True)
    if not moved:
        return None
    return t(
        "After training, the first layer has moved by {first} of its own size, the last hidden "
        "layer by {last}.",
        "训练之后，第一层只移动了自身大小的 {first}，最后一个隐藏层移动了 {last}。",
        first=size_of(moved[min(moved)]),
        last=size_of(moved[max(moved)]),
    )


@lesson.figure(("The whole run at a glance", "一眼看完整个训练过程"))
def heat_map() -> str:
    def draw(frames: list) -> None:
        if not frames:
            return
        history = history_frame(frame for frame in frames if frame.arm == "deep")
        ui.picture(step_layer_map(history, "delta", QUANTITIES["delta"].title()), "map_chart")
        ui.show_events(frames, arm_names())

    ui.live_run("heat_map", arms(), ui.SEEDS, draw, join=True)
    return t(
        "Each column is a training step, each row a layer of the deep network. Dark rows hear "
        "nothing of the loss.",
        "每一列是一个训练步，每一行是深层网络的一层。颜色深的行几乎听不到损失的声音。",
    )


def size_of(number: float) -> str:
    return rounded_power(number) if 0 < number < np.inf else f"{number:g}"


def latest(history: pd.DataFrame) -> pd.DataFrame:
    """The rows of each arm's last recorded step."""
    return history[history["step"] == history.groupby("arm")["step"].transform("max")]


lesson.show(CODE)
