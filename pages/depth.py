"""§2.1: layers of a deep network learn at very different speeds, live."""

import altair as alt
import numpy as np

from gradviz import ui
from gradviz.charts.depth.moved import moved, moved_frame
from gradviz.charts.depth.run_beam import run_beam
from gradviz.charts.layers import step_layer_map
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.powers import power_of_ten, rounded_power
from gradviz.charts.parts.spec import Spec
from gradviz.charts.parts.summary import hidden, latest
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
    "small": t("normal, std 0.01", "正态，标准差 0.01"),
    "large": t("normal, std 1", "正态，标准差 1"),
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
LARGEST_GUESS = 10  # a power of ten
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


@ui.made_once
def first_layer(frames: ui.Frames) -> tuple[float, int]:
    """How many times smaller δ is in layer 1 of the deep network than in its last hidden layer.

    Before training, over the seeds, with the number of layers; 0 or inf where float32 has no number
    for one of the two.
    """
    history = history_frame((frame for frame in frames if frame.step == 0), ["delta"])
    start = hidden(history.query("arm == 'deep'"))
    with np.errstate(divide="ignore"):
        logs = start.assign(log=np.log(start["value"])).groupby("layer")["log"].mean()
    return float(np.exp(logs.iloc[-1] - logs.iloc[0])), len(logs)


def asks_first_layer() -> bool:
    """The question is one of the state in which the page opens."""
    return all(control.value == control.default for control in (ACTIVATION, INIT, DEPTH, QUANTITY))


def ask_first_layer(frames: ui.Frames) -> None:
    factor, layers = first_layer(frames)

    def reply(exponent: int | None) -> tuple[bool | None, str]:
        found = t(
            "Measured: {factor}. Every layer in between contributes one factor of weight times "
            "slope, here {each:.2f} on average.",
            "实测为 {factor}。中间每一层都贡献一个“权重 × 斜率”的因子，这里平均为 {each:.2f}。",
            factor=rounded_power(factor),
            each=factor ** (-1 / (layers - 1)),
        )
        if exponent is None:
            return None, found
        off = exponent - np.log10(factor)
        if abs(off) <= 1:
            return True, found
        off_by = rounded_power(10 ** abs(off))
        if off < 0:
            missed = t(
                "You said {guess}: {off} times too little. ",
                "你猜的是 {guess}，少了 {off} 倍。",
                guess=times(exponent),
                off=off_by,
            )
        else:
            missed = t(
                "You said {guess}: {off} times too much. ",
                "你猜的是 {guess}，多了 {off} 倍。",
                guess=times(exponent),
                off=off_by,
            )
        return False, missed + found

    ui.ask(
        "first_layer",
        t(
            "How many times smaller is the signal δ at the first hidden layer than at the last, "
            "before training?",
            "训练之前，最后一个隐藏层处的误差信号 δ 是第一个隐藏层处的多少倍？",
        ),
        options=range(LARGEST_GUESS + 1),
        reply=reply,
        names=times,
        guess=lambda exponent: -exponent,
        start=0,
        of_the_start=True,
    )


def times(exponent: int) -> str:
    return f"{power_of_ten(exponent)}×"


@lesson.figure(
    ("Layers at work", "各层的学习"),
    controls=[ACTIVATION, DEPTH, QUANTITY, INIT],
    presets=[
        ui.Preset(
            t("Vanish", "消失"),
            {ACTIVATION: "sigmoid", INIT: "xavier_normal", DEPTH: 10, QUANTITY: "delta"},
            t(
                "Every layer passes on only a small part of the signal: the deep network learns "
                "nothing, the shallow one does.",
                "每层只传下一小部分信号：深层网络什么也没学到，浅层网络却学会了。",
            ),
        ),
        ui.Preset(
            t("Underflow", "下溢"),
            {ACTIVATION: "sigmoid", INIT: "small", DEPTH: 40, QUANTITY: "delta"},
            t(
                "Deeper and with smaller weights: float32 has no number left for the first layers.",
                "层数更多、权重更小：对前几层来说，float32 已无数可用。",
            ),
        ),
        ui.Preset(
            t("Healthy", "健康"),
            {ACTIVATION: "tanh", INIT: "xavier_normal", DEPTH: 10, QUANTITY: "delta"},
            t(
                "tanh with Xavier's weights: the signal reaches layer 1, and both networks learn.",
                "tanh 配 Xavier 权重：信号能传到第 1 层，两个网络都学会了。",
            ),
        ),
        ui.Preset(
            t("Explode", "爆炸"),
            {ACTIVATION: "relu", INIT: "large", DEPTH: 30, QUANTITY: "delta"},
            t(
                "ReLU with weights of standard deviation 1: the signal grows on its way back.",
                "ReLU 配标准差为 1 的权重：信号在回程中越传越大。",
            ),
        ),
    ],
)
def training() -> str:
    asked = asks_first_layer()
    frames = ui.race(
        "training",
        arms(),
        arm_names(),
        QUANTITY.value,
        theory=["deep"],
        # Weights of standard deviation 1 overflow at once: what they do is seen at the start.
        opens_at=0 if INIT.value == "large" else None,
        asked=ui.Asked(("deep",), low=-LARGEST_GUESS, start=0) if asked else None,
    )
    if asked and frames.recorded:
        ask_first_layer(frames)
    return t(
        "Marks are measured, the line is theory at initialization. Watch which layers move first.",
        "点是测量值，线是初始化时的理论预测。注意哪些层先动起来。",
    )


@lesson.figure(("What arrives, drawn as a beam", "传到各层的信号，画成一束光"))
def beam() -> str:
    steps = arms()["deep"].steps
    step = ui.opening("beam_step", REPLAY, low=0, high=steps, default=steps)

    def draw(frames: ui.Frames) -> None:
        if frames:
            drawn = beam_picture(frames, DEPTH.value)
            ui.picture(drawn, "beam_chart", opens=[step] if ui.ended(frames) else [])

    ui.live_run("beam", arms(), ui.SEEDS, draw, join=True)
    return t(
        "The deep network. At each layer the beam is as wide as the power of ten of the signal, "
        "relative to the last hidden layer.",
        "图中是深层网络。光束在每一层的宽度表示误差信号相对于最后一个隐藏层的数量级。",
    )


@ui.made_once
def beam_picture(frames: ui.Frames, depth: int) -> Spec:
    deep = [frame for frame in frames if frame.arm == "deep"]
    shown = deep if ui.ended(frames) else deep[-1:]
    return run_beam(history_frame(shown, ["delta"]), depth, ui.ended(frames))


@lesson.figure(("How far each layer has moved", "各层走了多远"))
def drift() -> str | None:
    drawn = [ui.Frames()]
    steps = arms()["deep"].steps
    step = ui.opening("drift_step", REPLAY, low=0, high=steps, default=steps)

    def draw(frames: ui.Frames) -> None:
        drawn[0] = frames
        if frames:
            picture = drift_picture(frames, tuple(arm_names().items()))
            ui.picture(picture, "drift_chart", opens=[step] if ui.ended(frames) else [])

    ui.live_run("drift", arms(), ui.SEEDS, draw, join=True)
    return moved_in_words(drawn[0]) if drawn[0] else None


@ui.made_once
def drift_picture(frames: ui.Frames, names: tuple[tuple[str, str], ...]) -> Spec:
    return moved(history_frame(frames, ["drift", "update_ratio"]), dict(names), ui.ended(frames))


@ui.made_once
def moved_in_words(frames: ui.Frames) -> str:
    history = history_frame(frames, ["drift", "update_ratio"])
    rows = latest(moved_frame(history))
    last = rows[rows["arm"] == "deep"].sort_values("layer")
    first, end = last.iloc[0], last.iloc[-1]
    return t(
        "A filled mark is how far a layer has come, relative to its own size; the ring is how long "
        "its way was, all updates added up. The first layer has moved by {first}, on a way of "
        "{first_way}; the last hidden layer by {last}, on a way of {last_way}.",
        "实心点是该层离起点多远（相对于自身大小），圆环是它走过的路程，即所有更新之和。"
        "第一层移动了 {first}，路程为 {first_way}；"
        "最后一个隐藏层移动了 {last}，路程为 {last_way}。",
        first=size_of(first["drift"]),
        first_way=size_of(first["way"]),
        last=size_of(end["drift"]),
        last_way=size_of(end["way"]),
    )


@lesson.figure(("The whole run at a glance", "一眼看完整个训练过程"))
def heat_map() -> str:
    def draw(frames: ui.Frames) -> None:
        if frames:
            ui.picture(map_picture(frames), "map_chart")

    ui.live_run("heat_map", arms(), ui.SEEDS, draw, join=True)
    return t(
        "Each column is a training step, each row a layer of the deep network; the color is the "
        "power of ten of the signal that arrives there.",
        "每一列是一个训练步，每一行是深层网络的一层；颜色表示传到该层的误差信号的数量级。",
    )


@ui.made_once
def map_picture(frames: ui.Frames) -> alt.LayerChart:
    deep = history_frame((frame for frame in frames if frame.arm == "deep"), ["delta"])
    return step_layer_map(deep, "delta", QUANTITIES["delta"].title())


def size_of(number: float) -> str:
    return rounded_power(number, 2) if 0 < number < np.inf else f"{number:g}"


lesson.show(CODE)
