"""§2: weights that start too large, and the one scale between vanishing and exploding."""

import math

import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.activations import ACTIVATIONS
from gradviz.charts.exploding.scale_map import PRESS, scale_map
from gradviz.charts.layers import layer_profile
from gradviz.charts.parts.powers import rounded_power
from gradviz.data import load
from gradviz.engine.history import history_frame
from gradviz.language import t
from gradviz.recipe import Recipe
from gradviz.theory.mean_field import chi, critical_sigma_w, predicted_variances
from gradviz.theory.scales import gain_of

lesson = ui.Lesson("exploding")

NAMES = ("tanh", "relu", "sigmoid")
SCALES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 10.0, 16.0)
DEPTHS = (5, 10, 20, 30, 40)
DEPTH, WIDTH = 20, 128  # of the profile
ACTIVATION = ui.activation_choice("activation", NAMES, default="tanh")
SCALE = ui.steps(
    "scale",
    t("Weight scale σ_w", "权重尺度 σ_w"),
    SCALES,
    default=4.0,
    help=t("The weights' variance is σ_w²/n.", "权重的方差为 σ_w²/n。"),
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
arms = {name: Recipe(activation="relu", gain=gain, lr=0.01, steps=60)
        for name, gain in (("large", 3.0), ("critical", 2**0.5))}
norms = history_frame(race(arms, record_every=1)).query("quantity == 'weight_norm'")
print(norms.pivot_table(index="step", columns="arm", values="value", aggfunc="max"))
"""


@lesson.figure(("Which scale keeps the signal alive?", "哪个尺度能让信号存活？"))
def critical() -> str | None:
    guess = ui.predict(
        "critical_tanh",
        t(
            "A wide, deep tanh network has weights of variance σ_w²/n and no biases. At which σ_w "
            "does the signal neither vanish nor explode?",
            "一个又宽又深的 tanh 网络，权重方差为 σ_w²/n，没有偏置。σ_w 取多少时，"
            "误差信号既不消失也不爆炸？",
        ),
        [0.5, 1.0, 2.0, 4.0],
    )
    if guess is None:
        return None
    scales = {name: critical_sigma_w(ACTIVATIONS[name], 0.0) for name in NAMES}
    ui.reveal(
        math.isclose(guess, scales["tanh"], abs_tol=1e-3),
        t(
            "It is {tanh:.0f}: the units sit near zero, where the slope of tanh is 1, so weights "
            "of scale 1 hand on what they get. ReLU passes half of the mean square and needs "
            "√2 = {relu:.3f}. Sigmoid, with slopes of at most 0.25, would need {sigmoid:.2f}.",
            "是 {tanh:.0f}：神经元停在零附近，那里 tanh 的斜率为 1，尺度为 1 的权重恰好把信号原样"
            "传下去。ReLU 只传过一半的均方，需要 √2 = {relu:.3f}。sigmoid 的斜率至多 0.25，"
            "需要 {sigmoid:.2f}。",
            **scales,
        ),
    )
    return None


@lesson.figure(
    ("The signal against the weight scale", "误差信号与权重尺度"),
    controls=[ACTIVATION, SCALE],
    presets={
        t("Vanish", "消失"): {ACTIVATION: "tanh", SCALE: 0.5},
        t("Critical", "临界"): {ACTIVATION: "tanh", SCALE: 1.0},
        t("Explode", "爆炸"): {ACTIVATION: "tanh", SCALE: 4.0},
        t("Sigmoid at 1", "sigmoid，尺度 1"): {ACTIVATION: "sigmoid", SCALE: 1.0},
    },
)
def scale() -> str:
    name, sigma = ACTIVATION.value, SCALE.value
    recipe = Recipe(activation=name, gain=sigma, depth=DEPTH, width=WIDTH)
    measured = _signal(name, sigma, DEPTH, WIDTH)
    _profile(measured, recipe, "scale_chart")
    each = _per_layer(measured, DEPTH)
    return t(
        "Marks are measured on real digits, the line is theory. Each layer multiplies the signal "
        "by {each} on its way back; theory says √χ = {theory} deep inside.",
        "点是在真实手写数字上测得的，线是理论。信号每往回传一层，就乘以 {each}；"
        "理论给出网络深处的 √χ = {theory}。",
        each=f"{each:.3f}",
        theory=f"{_root_chi(recipe):.3f}",
    )


@lesson.figure(("Scale and depth", "尺度与深度"), controls=[MAP_ACTIVATION, MAP_SIGMA, MAP_DEPTH])
def plane() -> str:
    name, sigma, depth = MAP_ACTIVATION.value, MAP_SIGMA.value, int(MAP_DEPTH.value)
    cells = _cells(name)
    chart = scale_map(cells, critical_sigma_w(ACTIVATIONS[name], 0.0), (sigma, depth))
    ui.picture(chart, "map_chart", PRESS, {"sigma": MAP_SIGMA, "depth": MAP_DEPTH})
    recipe = Recipe(activation=name, gain=sigma, depth=depth, width=64)
    _profile(_signal(name, sigma, depth, 64), recipe, "map_profile_chart")
    return t(
        "Left of the dashed line the first layer hears nothing, right of it too much; depth only "
        "makes it worse. Press a cell to see that network's layers.",
        "虚线左侧，第一层几乎听不到声音；右侧，声音又太大；深度只会变本加厉。点按格子查看该网络各层的情况。",
    )


@lesson.figure(("A run that blows up", "一次爆炸的训练"), controls=[QUANTITY])
def blow_up() -> str | None:
    arms = {
        "explode": Recipe(activation="relu", gain=3.0, lr=0.01, steps=60),
        "healthy": Recipe(activation="relu", gain=math.sqrt(2), lr=0.01, steps=60),
    }
    names = {
        "explode": t("weight scale 3", "权重尺度 3"),
        "healthy": t("critical scale √2", "临界尺度 √2"),
    }
    frames = ui.race("blow_up", arms, names, QUANTITY.value)
    growth = _growth(history_frame(frames))
    if growth is None:
        return None
    start, end, step = growth
    return t(
        "At scale 3 the largest weight norm goes from {start} to {end} by step {step}, each step "
        "larger than the last, until float32 has no number left and a pre-activation overflows.",
        "尺度为 3 时，最大的权重范数到第 {step} 步已从 {start} 增至 {end}，一步大过一步，"
        "直到 float32 再也装不下，预激活值溢出。",
        start=rounded_power(start),
        end=rounded_power(end),
        step=step,
    )


def _profile(measured: pd.DataFrame, recipe: Recipe, key: str) -> None:
    """Draw measured marks over the theory of `recipe`, both relative to the last hidden layer."""
    layers = range(1, recipe.depth + 1)
    arm = recipe.activation
    theory = pd.DataFrame({"arm": arm, "layer": layers, "value": ui.expected_profile(recipe)})
    chart = layer_profile(
        measured.assign(arm=arm), "delta", t("δ / δ of the last", "δ / 末层 δ"), {arm: arm}, theory
    )
    ui.picture(chart, key)


def _per_layer(measured: pd.DataFrame, depth: int) -> float:
    first = measured[measured["layer"] == 1]["value"]
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(first).mean() / (depth - 1)))


@ui.measured
def _root_chi(recipe: Recipe) -> float:
    inputs = load(recipe.dataset, recipe.seed).x_train
    last = predicted_variances(recipe, inputs)[-1]
    return math.sqrt(chi(ACTIVATIONS[recipe.activation], gain_of(recipe), last))


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
