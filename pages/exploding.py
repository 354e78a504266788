"""§2: weights that start too large, and the one scale between vanishing and exploding."""

import math
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.activations import ACTIVATIONS
from gradviz.charts.exploding.scale_fan import scale_fan
from gradviz.charts.exploding.scale_map import PRESS, scale_map
from gradviz.charts.layers import layer_profile
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.parts.spec import Spec
from gradviz.data import load
from gradviz.engine.history import history_frame
from gradviz.language import t
from gradviz.recipe import Recipe
from gradviz.theory.mean_field import critical_sigma_w, predicted_variances

lesson = ui.Lesson("exploding")

NAMES = ("tanh", "relu", "sigmoid")
SCALES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 10.0, 16.0)
DEPTHS = (5, 10, 20, 30, 40)
FAN = (0.5, 1.0, 2.0, 4.0)  # the scales that are always compared
DEPTH, WIDTH = 20, 128  # of the profiles
STEPS = 12  # of the run that blows up: it is over after a few
LAST_STEP = 3  # at which anything of it is finite
ACTIVATION = ui.activation_choice("activation", NAMES, default="tanh")
SCALE = ui.steps(
    "scale",
    t(r"Weight scale $\sigma_w$", r"权重尺度 $\sigma_w$"),
    SCALES,
    default=4.0,
    help=t(r"The weights' variance is $\sigma_w^2/n$.", r"权重的方差为 $\sigma_w^2/n$。"),
)
MAP_ACTIVATION = ui.activation_choice("map_activation", NAMES, default="tanh")
OR_PRESS = t("Or press a cell of the map.", "也可以直接点按图中的格子。")
MAP_SIGMA = ui.steps(
    "map_sigma",
    t("Weight scale of the profile", "剖面的权重尺度"),
    SCALES,
    default=2.0,
    help=OR_PRESS,
)
MAP_DEPTH = ui.steps(
    "map_depth", t("Depth of the profile", "剖面的深度"), DEPTHS, default=20, help=OR_PRESS
)
QUANTITY = ui.quantity_choice("quantity", ("weight_norm", "delta", "update_ratio"))
CODE = """
from gradviz import Recipe, activation, critical_sigma_w, history_frame, race
from gradviz.engine import start

print(critical_sigma_w(activation("relu"), 0.0))
print(start.signal(Recipe(activation="relu", gain=2.0, depth=20)))
arms = {name: Recipe(activation="relu", gain=gain, lr=0.01, steps=12)
        for name, gain in (("large", 3.0), ("critical", 2**0.5))}
norms = history_frame(race(arms, record_every=1)).query("quantity == 'weight_norm'")
print(norms.pivot_table(index="step", columns="arm", values="value", aggfunc="max"))
"""


@lesson.figure(
    ("The signal against the weight scale", "误差信号与权重尺度"),
    controls=[ACTIVATION, SCALE],
    presets=[
        ui.Preset(
            t("Explode", "爆炸"),
            {ACTIVATION: "tanh", SCALE: 4.0},
            t(
                "At scale 4 the signal is thousands of times larger at layer 1 than at the last.",
                "尺度为 4：第 1 层的误差信号是最后一层的几千倍。",
            ),
        ),
        ui.Preset(
            t("Vanish", "消失"),
            {ACTIVATION: "tanh", SCALE: 0.5},
            t(
                "At scale 0.5 each layer passes on half of the signal.",
                "尺度为 0.5：每一层只传下一半的信号。",
            ),
        ),
        ui.Preset(
            t("Critical", "临界"),
            {ACTIVATION: "tanh", SCALE: 1.0},
            t(
                "At scale 1 each layer passes on nearly all of the signal: after 20 layers a "
                "fifth of it still arrives.",
                "尺度为 1：每层几乎原样传下信号，经过 20 层仍有约五分之一传到。",
            ),
        ),
        ui.Preset(
            t("Sigmoid at 1", "sigmoid，尺度 1"),
            {ACTIVATION: "sigmoid", SCALE: 1.0},
            t(
                "The scale that suits tanh lets the signal of sigmoid vanish; all four do.",
                "适合 tanh 的尺度，对 sigmoid 却让信号消失；这四个尺度都是如此。",
            ),
        ),
    ],
)
def scale() -> str:
    name, chosen = ACTIVATION.value, SCALE.value
    scales = tuple(sorted({*FAN, chosen}))
    measured(name, scales)  # here, where the page can say that it waits
    asked = all(control.value == control.default for control in (ACTIVATION, SCALE))
    if asked:
        ask_critical_scale()
    ui.picture(fan_picture(name, scales, chosen, asked), "scale_chart")
    return change_in_words(name, chosen)


@ui.made_once
def fan_picture(name: str, scales: tuple[float, ...], chosen: float, asked: bool) -> Spec:
    layers = range(1, DEPTH + 1)
    theory = [
        pd.DataFrame({"sigma": sigma, "layer": layers, "value": ui.expected_profile(recipe)})
        for sigma, recipe in ((sigma, fan_recipe(name, sigma)) for sigma in scales)
    ]
    return scale_fan(measured(name, scales), pd.concat(theory), chosen, asked)


def measured(name: str, scales: Sequence[float]) -> pd.DataFrame:
    """What is measured in the hidden layers at each of the scales: sigma, layer, value, …"""
    tables = [_signal(name, sigma, DEPTH, WIDTH).assign(sigma=sigma) for sigma in scales]
    return pd.concat(tables, ignore_index=True).query(f"layer <= {DEPTH}")


def fan_recipe(name: str, sigma: float) -> Recipe:
    return Recipe(activation=name, gain=sigma, depth=DEPTH, width=WIDTH)


@ui.made_once
def change_in_words(name: str, sigma: float) -> str:
    each = _per_layer(_signal(name, sigma, DEPTH, WIDTH), DEPTH)
    recipe = fan_recipe(name, sigma)
    words = t(
        r"Marks are measured on real digits, lines are theory. At $\sigma_w = {sigma:g}$ each "
        "layer multiplies the signal by {each:.3f} on its way back; theory says {theory:.3f}.",
        r"点是在真实手写数字上测得的，线是理论。$\sigma_w = {sigma:g}$ 时，信号每往回传一层，"
        "就乘以 {each:.3f}；理论值为 {theory:.3f}。",
        sigma=sigma,
        each=each,
        theory=expected_factor(recipe),
    )
    return words + why_below_one(recipe) if name == "tanh" and sigma == 1 else words


def expected_factor(recipe: Recipe) -> float:
    """What theory says that a layer multiplies δ by: the geometric mean over the network."""
    expected = ui.expected_profile(recipe)
    return float((expected[0] / expected[-1]) ** (1 / (len(expected) - 1)))


def why_below_one(recipe: Recipe) -> str:
    """Why at the critical scale of tanh the factor is not quite 1."""
    first, *_, last = _variances(recipe)
    return t(
        " It is not quite 1: tanh has slope 1 at zero only, and the mean square of z falls from "
        "{first:.2f} in layer 1 to {last:.2f} in layer {depth}, not to 0.",
        "它略小于 1：tanh 只有在零点斜率才是 1，而 z 的均方从第 1 层的 {first:.2f} 降到第 {depth} "
        "层的 {last:.2f}，并未到 0。",
        first=first,
        last=last,
        depth=DEPTH,
    )


def ask_critical_scale() -> None:
    scales = {name: critical_sigma_w(ACTIVATIONS[name], 0.0) for name in NAMES}

    def reply(guess: float | None) -> tuple[bool | None, str]:
        found = t(
            "It is {tanh:.0f}: the units sit near zero, where the slope of tanh is 1, so weights "
            "of scale 1 hand on what they get. ReLU passes half of the mean square and needs "
            "√2 = {relu:.3f}. Sigmoid, with slopes of at most 0.25, would need {sigmoid:.2f}.",
            "是 {tanh:.0f}：神经元停在零附近，那里 tanh 的斜率为 1，尺度为 1 的权重恰好把信号原样"
            "传下去。ReLU 只传过一半的均方，需要 √2 = {relu:.3f}。sigmoid 的斜率至多 0.25，"
            "需要 {sigmoid:.2f}。",
            **scales,
        )
        if guess is None or math.isclose(guess, scales["tanh"], abs_tol=1e-3):
            return (None if guess is None else True), found
        missed = (
            t("At {guess:g} it explodes. ", "取 {guess:g} 时信号爆炸。", guess=guess)
            if guess > scales["tanh"]
            else t("At {guess:g} it vanishes. ", "取 {guess:g} 时信号消失。", guess=guess)
        )
        return False, missed + found

    ui.ask(
        "critical_tanh",
        t(
            "In a wide, deep tanh network without biases a weight scale of σ_w = 4 lets the signal "
            "explode on its way back. At which one does it neither vanish nor explode?",
            "一个又宽又深、没有偏置的 tanh 网络，权重尺度 σ_w = 4 时，误差信号在回程上爆炸。"
            "σ_w 取多少，它才既不消失也不爆炸？",
        ),
        [sigma for sigma in FAN if sigma != SCALE.default],  # that of the default is in sight
        reply,
        "σ_w = {:g}".format,
        guess=float,
    )


@lesson.figure(("Scale and depth", "尺度与深度"), controls=[MAP_ACTIVATION, MAP_SIGMA, MAP_DEPTH])
def plane() -> str:
    name, sigma, depth = MAP_ACTIVATION.value, MAP_SIGMA.value, int(MAP_DEPTH.value)
    _cells(name)  # measured here, where the page can say that it waits
    _signal(name, sigma, depth, 64)
    sets = {"sigma": MAP_SIGMA, "depth": MAP_DEPTH}
    ui.picture(map_picture(name, sigma, depth), "map_chart", press=PRESS, sets=sets)
    ui.picture(profile_picture(name, sigma, depth), "map_profile_chart")
    return t(
        "Left of the dashed line the first layer hears nothing, right of it too much; depth only "
        "makes it worse. Press a cell to see that network's layers.",
        "虚线左侧，第一层几乎听不到声音；右侧，声音又太大；深度只会变本加厉。点按格子查看该网络各层的情况。",
    )


@ui.made_once
def map_picture(name: str, sigma: float, depth: int) -> alt.LayerChart:
    return scale_map(_cells(name), critical_sigma_w(ACTIVATIONS[name], 0.0), (sigma, depth))


@ui.made_once
def profile_picture(name: str, sigma: float, depth: int) -> alt.LayerChart:
    """The network of one cell: measured marks over theory, relative to the last hidden layer."""
    recipe = Recipe(activation=name, gain=sigma, depth=depth, width=64)
    layers = range(1, depth + 1)
    theory = pd.DataFrame({"arm": name, "layer": layers, "value": ui.expected_profile(recipe)})
    rows = _signal(name, sigma, depth, 64).assign(arm=name)
    title = t("δ / δ of the last", "δ / 末层 δ")
    return layer_profile(rows, "delta", title, {name: name}, theory)


@lesson.figure(("A run that blows up", "一次爆炸的训练"), controls=[QUANTITY])
def blow_up() -> str | None:
    arms = {
        "explode": Recipe(activation="relu", gain=3.0, lr=0.01, steps=STEPS),
        "healthy": Recipe(activation="relu", gain=math.sqrt(2), lr=0.01, steps=STEPS),
    }
    names = {
        "explode": t("weight scale 3", "权重尺度 3"),
        "healthy": t("critical scale √2", "临界尺度 √2"),
    }
    frames = ui.race("blow_up", arms, names, QUANTITY.value, opens_at=LAST_STEP)
    return growth_in_words(frames) if frames else None


@ui.made_once
def growth_in_words(frames: ui.Frames) -> str | None:
    growth = _growth(history_frame(frames))
    if growth is None:
        return None
    start, end, step = growth
    return t(
        "At scale 3 the largest weight norm goes from {start} to {end} within {step} steps. These "
        "weights are still numbers, but what they make of the next batch is not: a pre-activation "
        "no longer fits into float32, the loss is no number any more, and the run ends there. At "
        "the critical scale the norms hardly move.",
        "尺度为 3 时，最大的权重范数在 {step} 步之内从 {start} 增至 {end}。这些权重还是数，可下一批"
        "数据经它们算出的预激活值已超出 float32 的范围，损失不再是数，训练就此中止。在临界尺度下，"
        "范数几乎不变。",
        start=rounded_power(start),
        end=rounded_power(end),
        step=step,
    )


def _per_layer(measured: pd.DataFrame, depth: int) -> float:
    first = measured[measured["layer"] == 1]["value"]
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(first).mean() / (depth - 1)))


@ui.measured
def _variances(recipe: Recipe) -> np.ndarray:
    """The mean square of z in each hidden layer, in theory."""
    return predicted_variances(recipe, load(recipe.dataset, recipe.seed).x_train)


def _growth(history: pd.DataFrame) -> tuple[float, float, int] | None:
    """The largest weight norm at the start and when it was last a number, and that step."""
    norms = history.query("arm == 'explode' and quantity == 'weight_norm'")
    finite = norms[np.isfinite(norms["value"])]
    if finite.empty:
        return None
    by_step = finite.groupby("step")["value"].max()
    return by_step.iloc[0], by_step.iloc[-1], int(by_step.index[-1])


@ui.measured
def _signal(name: str, sigma: float, depth: int, width: int) -> pd.DataFrame:
    from gradviz.engine import start

    return start.signal(Recipe(activation=name, gain=sigma, depth=depth, width=width))


@ui.measured
def _cells(name: str) -> pd.DataFrame:
    """δ_1/δ_L over weight scale and depth: columns sigma, depth, ratio."""
    from gradviz.engine.start import signal_by_depth

    columns = []
    for sigma in SCALES:
        recipe = Recipe(activation=name, gain=sigma, width=64)
        first = signal_by_depth(recipe, DEPTHS, seeds=1).query("layer == 1")
        columns.append(first[["depth"]].assign(sigma=sigma, ratio=first["value"]))
    return pd.concat(columns, ignore_index=True)


lesson.show(CODE)
