"""Beyond the notes: the same vanishing network in three number formats."""

import altair as alt
import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.charts.precision.number_window import EXPONENT, number_window
from gradviz.charts.precision.rounding import POWER, rounding
from gradviz.charts.precision.training import training_curves
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.trainer import Call

lesson = ui.Lesson("precision")

NET = Recipe(depth=24)
FORMS = ("float32", "bfloat16", "float16")
NAMES = {name: name for name in FORMS}
LAST_SCALE = 26  # the power of two
POWERS, STEP = (-4.0, -2.0), 0.25  # of ten, of an update
UPDATES = 100
GUESSES = {"1": 0.0, "1.05": 0.5, "1.1": 1.0}  # as a share of all updates together
TRAINED = Recipe(depth=3, width=64, activation="relu", lr=0.002)
LENGTHS = {"0.002": 1500, "0.05": 300}  # of the training, by learning rate
RECORDED = 30  # times that it is measured
# What each network is called; the formats of its passes and of its weights.
ARMS = {
    "float32": ("float32", "float32"),
    "bfloat16": ("bfloat16", "bfloat16"),
    "copy": ("bfloat16", "float32"),
}
ACTIVATION = ui.activation_choice("activation", ("sigmoid", "relu"))
SCALE = ui.opening("loss_scale", EXPONENT, low=0, high=LAST_SCALE, default=0)
UPDATE = ui.opening("update", POWER, low=POWERS[0], high=POWERS[1], default=-3.0)
RATE = ui.choice(
    "lr",
    t("Learning rate", "学习率"),
    tuple(LENGTHS),
    default="0.002",
    help=t(
        "Of gradient descent without momentum: 1500 steps at 0.002, 300 at 0.05.",
        "不带动量的梯度下降：0.002 时 1500 步，0.05 时 300 步。",
    ),
)
CODE = """
from gradviz import Recipe
from gradviz.engine.precision import signal_in_format

for form in ("float32", "bfloat16", "float16"):
    table = signal_in_format(Recipe(depth=24), form, exponents=(0, 16, 23, 24))
    print(form)
    print(table.pivot_table(index="layer", columns="exponent", values="value", dropna=False))
"""


@lesson.figure(
    ("What float16 can hold", "float16 装得下什么"),
    controls=[ACTIVATION],
    presets=[
        ui.Preset(
            t("As it is", "原样"),
            {ACTIVATION: "sigmoid", SCALE: 0},
            t(
                "24 sigmoid layers. In float16 more than half of them get exactly 0; bfloat16 and "
                "float32 hand the signal on to layer 1.",
                "24 层 sigmoid。float16 中一半以上的层收到的恰好是 0；"
                "bfloat16 和 float32 则一直传到第 1 层。",
            ),
        ),
        ui.Preset(
            t("Loss times 2¹⁶", "损失乘以 2¹⁶"),
            {ACTIVATION: "sigmoid", SCALE: 16},
            t(
                "The window moves down, and about seven more layers get a gradient. The line of "
                "marks stays where it is.",
                "窗口下移，又有大约七层收到梯度。各点连成的线却一动不动。",
            ),
        ),
        ui.Preset(
            t("Loss times 2²³", "损失乘以 2²³"),
            {ACTIVATION: "sigmoid", SCALE: 23},
            t(
                "The most that this network bears. Layer 1 still gets 0: its gradients span 15 "
                "powers of ten, the window 12.",
                "这个网络能承受的最大倍数。第 1 层仍然是 0：梯度横跨 15 个数量级，窗口只有 12 个。",
            ),
        ),
        ui.Preset(
            t("Loss times 2²⁴", "损失乘以 2²⁴"),
            {ACTIVATION: "sigmoid", SCALE: 24},
            t(
                "One doubling more, and the gradient at the output is above the window: ∞, and "
                "below it no layer gets a number.",
                "再翻一倍，输出层的梯度超出窗口上沿：变成 ∞，它之前的各层再也得不到一个数。",
            ),
        ),
        ui.Preset(
            t("ReLU", "换成 ReLU"),
            {ACTIVATION: "relu", SCALE: 0},
            t(
                "With ReLU and He initialization all layers are inside the window. What vanished "
                "before was the network's doing, not the format's.",
                "用 ReLU 和 He 初始化时，所有层都在窗口之内。"
                "先前的消失是网络造成的，而不是格式造成的。",
            ),
        ),
    ],
)
def window() -> str:
    recipe = replace(NET, activation=ACTIVATION.value)
    ui.picture(window_picture(recipe), "window_chart", opens=[SCALE])
    return t(
        "Every gradient is divided by the scale again before it is drawn. The product of 24 "
        "factors is the same in every format.",
        "画出之前，每个梯度都已除回放大的倍数。24 个因子的乘积在每种格式里都一样。",
    )


@ui.made_once
def window_picture(recipe: Recipe) -> alt.LayerChart:
    return number_window(measured_signals(recipe), NAMES, recipe.depth, LAST_SCALE)


def measured_signals(recipe: Recipe) -> pd.DataFrame:
    """The size of an entry of ∂L/∂z: columns format, exponent, seed, layer, value."""
    return pd.concat([signals(recipe, form, LAST_SCALE).assign(format=form) for form in FORMS])


@ui.measured
def signals(recipe: Recipe, form: str, last: int) -> pd.DataFrame:
    from gradviz.engine.precision import signal_in_format

    return signal_in_format(recipe, form, range(last + 1))


@lesson.figure(
    ("Where the update is lost", "更新丢在哪里"),
    presets=[
        ui.Preset(
            "Δw = 10⁻³",
            {UPDATE: -3.0},
            t(
                "A healthy size for an update, and bfloat16 cannot make it: it is less than half "
                "the way to the next number, so the sum rounds back to 1.",
                "这是健康的更新幅度，bfloat16 却迈不出这一步："
                "它不到相邻两数间距的一半，和又舍入回 1。",
            ),
        ),
        ui.Preset(
            "Δw = 10⁻⁴",
            {UPDATE: -4.0},
            t(
                "Ten times smaller, and float16 stands still too. Only float32 still has numbers "
                "that close to 1.",
                "再小十倍，float16 也停住了。只有 float32 在离 1 这么近的地方还有数。",
            ),
        ),
        ui.Preset(
            "Δw = 10⁻²",
            {UPDATE: -2.0},
            t(
                "Large enough to move all three. bfloat16 makes steps of 2⁻⁷ instead, and comes "
                "three quarters of the way.",
                "这一步足够大，三种格式都能移动。bfloat16 每步只走 2⁻⁷，走了四分之三的路。",
            ),
        ),
    ],
)
def update() -> str:
    asked = bool(UPDATE.value == UPDATE.default)
    ui.picture(update_picture(asked), "update_chart", opens=[UPDATE])
    if asked:
        ask_weight()
    return t(
        "Ticks are all the numbers that a format has there; float32 has too many to draw. A sum "
        "goes to the nearest tick.",
        "刻度是该格式在此处仅有的数；float32 的太多，画不出来。和总是舍入到最近的刻度。",
    )


@ui.made_once
def update_picture(asked: bool) -> alt.VConcatChart:
    table = pd.concat([weights(form, UPDATES).assign(format=form) for form in FORMS])
    return rounding(table, NAMES, UPDATES, UPDATE.default, STEP, asked)


@ui.measured
def weights(form: str, count: int) -> pd.DataFrame:
    """A weight after each of so many updates of 10^power: columns power, n, moved.

    What is kept is how far it is from 1, since the store shortens numbers to a few digits.
    """
    from gradviz.engine.precision import repeated_updates

    powers = np.arange(POWERS[0], POWERS[1] + STEP / 2, STEP)
    found = repeated_updates(form, [float(10**power) for power in powers], count)
    places, steps = np.indices(found.shape)
    return pd.DataFrame(
        {"power": powers[places.ravel()], "n": steps.ravel(), "moved": found.ravel() - 1}
    )


def ask_weight() -> None:
    end = last_weight("bfloat16")
    found = t(
        "After 100 updates it is {end:.4g}; in float32 it would be {other:.4g}.",
        "100 次更新之后是 {end:.4g}；在 float32 中则是 {other:.4g}。",
        end=end,
        other=last_weight("float32"),
    )

    def reply(option: str | None) -> tuple[bool | None, str]:
        return None if option is None else float(option) == end, found

    ui.ask(
        "weight",
        t(
            "A weight of 1 in bfloat16 gets an update of 0.001, a hundred times. What is it then?",
            "一个 bfloat16 权重等于 1，更新 0.001，重复一百次。它会变成多少？",
        ),
        options=tuple(GUESSES),
        reply=reply,
        guess=GUESSES.__getitem__,
    )


@ui.made_once
def last_weight(form: str) -> float:
    """What becomes of the weight in the state in which the figure opens."""
    table = weights(form, UPDATES)
    own = table[np.isclose(table["power"], UPDATE.default) & (table["n"] == UPDATES)]
    return 1 + float(own["moved"].iloc[0])


@lesson.figure(
    ("The weights need more digits than the passes", "权重需要的位数比传播更多"),
    controls=[RATE],
    presets=[
        ui.Preset(
            t("Small steps", "小步子"),
            {RATE: "0.002"},
            t(
                "With weights in bfloat16 a step moves almost none of them, and the network falls "
                "far behind. With a float32 copy of the weights the same passes learn as in "
                "float32.",
                "权重用 bfloat16 时，一步之后几乎都停在原地，网络远远落后。"
                "只要另存一份 float32 权重，同样的传播就学得和 float32 一样好。",
            ),
        ),
        ui.Preset(
            t("Large steps", "大步子"),
            {RATE: "0.05"},
            t(
                "25 times larger steps: enough weights move from the start, and all three learn.",
                "步子大 25 倍：从一开始就有足够多的权重在动，三个网络都能学会。",
            ),
        ),
    ],
)
def training() -> str:
    recipe = replace(TRAINED, lr=float(RATE.value), steps=LENGTHS[RATE.value])
    ui.live_job(
        "training",
        ui.Job(("train_in_formats", recipe, tuple(ARMS.items())), trained(recipe), 3),
        lambda frames: ui.picture(
            training_picture(frames, tuple(arm_names().items()), recipe.steps), "training_chart"
        ),
    )
    return t(
        "Three ReLU layers on digits; same start, same batches.",
        "手写数字，三层 ReLU；初始权重相同，批次相同。",
    )


def arm_names() -> dict[str, str]:
    return {
        "float32": "float32",
        "bfloat16": "bfloat16",
        "copy": t("bfloat16, weights in float32", "bfloat16，权重用 float32"),
    }


def trained(recipe: Recipe) -> Call:
    arguments = (recipe, ARMS, recipe.steps // RECORDED)
    return Call("gradviz.engine.precision.train_in_formats", arguments)


@ui.made_once
def training_picture(
    frames: ui.Frames, names: tuple[tuple[str, str], ...], steps: int
) -> alt.VConcatChart:
    empty = pd.DataFrame({"arm": [], "step": [], "quantity": [], "value": []})
    history = pd.concat([frame.table for frame in frames]) if frames else empty
    return training_curves(history, dict(names), steps, copy="copy")


lesson.show(CODE)
