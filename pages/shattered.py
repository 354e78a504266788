"""After §3.5, beyond the source: shattered gradients, and a branch that starts at zero."""

import math

import altair as alt
import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.shattered.both_ways import both_ways
from gradviz.charts.shattered.correlations import correlations
from gradviz.charts.shattered.slopes import slopes
from gradviz.language import t
from gradviz.recipe import REZERO, Recipe, replace
from gradviz.theory import shattering

lesson = ui.Lesson("shattered")

WIDE = Recipe(activation="relu", width=256)
DEPTHS = (1, 2, 4, 8, 16, 32)
ALIKE = {
    "plain": WIDE,
    "batchnorm": replace(WIDE, norm="batch"),
    "unscaled": replace(WIDE, residual=True, residual_scale=1.0),
    "residual": replace(WIDE, residual=True),
}
UNSCALED = Recipe(
    depth=40, activation="relu", residual=True, residual_scale=1.0, lr=0.03, steps=100
)
ARMS = {
    "unscaled": UNSCALED,
    "batchnorm": replace(UNSCALED, norm="batch"),
    "rezero": replace(UNSCALED, residual_scale=REZERO),
}
LAYERS = ui.steps(
    "layers",
    t("Layers, or blocks", "层数，即块数"),
    (2, 8, 24, 50),
    default=50,
    help=t("Of all networks but the first.", "除第一个网络以外。"),
)
RATE = ui.choice(
    "lr",
    t("Learning rate", "学习率"),
    ("0.03", "0.001"),
    default="0.03",
    help=t("Of all three networks.", "三个网络相同。"),
)
CODE = """
from gradviz import Recipe
from gradviz.engine.slices import gradient_correlations
from gradviz.theory.shattering import gradient_correlation

for shortcuts in (False, True):
    recipe = Recipe(activation="relu", width=256, residual=shortcuts)
    print(gradient_correlations(recipe, [2, 8, 32]).groupby("depth").value.mean())
print(gradient_correlation(Recipe(activation="relu", depth=8)))
"""


def arm_names() -> dict[str, str]:
    return {
        "unscaled": t("no normalization (s = 1)", "无归一化（s = 1）"),
        "batchnorm": t("BatchNorm (s = 1)", "BatchNorm（s = 1）"),
        "rezero": "ReZero",
    }


@lesson.figure(
    ("The slope while the input turns", "输入转动时的斜率"),
    controls=[LAYERS],
    presets=[
        ui.Preset(
            t("50 layers", "50 层"),
            {LAYERS: 50},
            t(
                "Without shortcuts the slope jumps about zero. With them it wanders, as that of "
                "one layer does.",
                "没有捷径，斜率绕着零乱跳；有了捷径，它像单层网络那样缓缓游走。",
            ),
        ),
        ui.Preset(
            t("8 layers", "8 层"),
            {LAYERS: 8},
            t("On the way: a slope still lasts for some degrees.", "中途：斜率还能保持若干度。"),
        ),
        ui.Preset(
            t("2 layers", "2 层"),
            {LAYERS: 2},
            t(
                "With two layers the plain network's slope wanders, too: it is depth that "
                "shatters it.",
                "只有两层时，普通网络的斜率也是缓缓游走：打碎它的是深度。",
            ),
        ),
    ],
)
def noise() -> str:
    depth = int(LAYERS.value)
    asked = LAYERS.value == LAYERS.default
    ui.picture(slopes_picture(depth, asked), "noise_chart")
    if asked:
        ask_batchnorm()
    return t(
        "Networks {width} wide, not trained. The slope and that two degrees on correlate by "
        "{one:.2f} in one layer, by {plain:.2f} in the plain network, by {shortcuts:.2f} with "
        "shortcuts.",
        "网络宽 {width}，未经训练。斜率与转过两度之后的斜率的相关系数：一层 {one:.2f}，"
        "普通网络 {plain:.2f}，有捷径 {shortcuts:.2f}。",
        width=WIDE.width,
        one=kept(replace(WIDE, depth=1)),
        plain=kept(replace(WIDE, depth=depth)),
        shortcuts=kept(replace(WIDE, depth=depth, residual=True)),
    )


@ui.made_once
def slopes_picture(depth: int, asked: bool) -> alt.VConcatChart:
    deep = replace(WIDE, depth=depth)
    arms = {
        "relu": (replace(WIDE, depth=1), t("one layer", "一层")),
        "plain": (deep, t("{depth} layers, plain", "{depth} 层，普通", depth=depth)),
        "residual": (
            replace(deep, residual=True),
            t("{depth} blocks with shortcuts", "{depth} 个块，有捷径", depth=depth),
        ),
        "batchnorm": (
            replace(deep, norm="batch"),
            t("{depth} layers, plain with BatchNorm", "{depth} 层，普通加 BatchNorm", depth=depth),
        ),
    }
    curves = {name: measured_slope(recipe) for name, (recipe, _) in arms.items()}
    names = {name: words for name, (_, words) in arms.items()}
    return slopes(curves, names, asked="batchnorm" if asked else None)


@ui.made_once
def kept(recipe: Recipe) -> float:
    """The correlation of the slope with itself two degrees on."""
    slope = measured_slope(recipe)["value"].to_numpy()
    on = 2 * (len(slope) - 1) // 180
    here, there = slope[:-on], slope[on:]
    return float((here * there).sum() / np.sqrt((here**2).sum() * (there**2).sum()))


@ui.measured
def measured_slope(recipe: Recipe) -> pd.DataFrame:
    from gradviz.engine import slices

    return slices.slope_along_circle(recipe)


def ask_batchnorm() -> None:
    names = {
        "one": t("one layer", "单层网络"),
        "plain": t("50 plain layers", "50 层普通网络"),
        "shortcuts": t("50 blocks with shortcuts", "50 个带捷径的块"),
    }

    def reply(option: str | None) -> tuple[bool | None, str]:
        found = t(
            "It jumps even more than the plain one's. BatchNorm subtracts the mean of the batch, "
            "and with it what the inputs have in common.",
            "它比普通网络跳得还厉害。BatchNorm 减去批次的均值，各输入的共同之处也就一并减掉了。",
        )
        return None if option is None else option == "plain", found

    ui.ask(
        "slope_with_batchnorm",
        t(
            "BatchNorm between the 50 layers, no shortcuts. Whose slope will its slope look like?",
            "在 50 层之间加上 BatchNorm，不加捷径。它的斜率会像谁的？",
        ),
        options=tuple(names),
        reply=reply,
        names=names,
    )


@lesson.figure(("How alike the gradients at two inputs are", "两个输入处的梯度有多相像"))
def alike() -> str:
    ui.picture(alike_picture(), "alike_chart")
    last = DEPTHS[-1]
    return t(
        "Lines: theory at infinite width; marks: networks {width} wide. Theory says {plain:.3f} "
        "for {depth} plain layers, and {residual:.2f} for as many blocks with $s=1/\\sqrt L$.",
        "线：无限宽时的理论；点：宽 {width} 的网络。按理论，{depth} 层普通网络为 {plain:.3f}，"
        "同样多的块、$s=1/\\sqrt L$ 时为 {residual:.2f}。",
        width=WIDE.width,
        depth=last,
        **{
            arm: shattering.gradient_correlation(replace(ALIKE[arm], depth=last))
            for arm in ("plain", "residual")
        },
    )


@ui.made_once
def alike_picture() -> alt.LayerChart:
    measured, theory = (
        pd.concat([table(recipe).assign(arm=arm) for arm, recipe in ALIKE.items()])
        for table in (
            lambda recipe: measured_correlations(recipe, DEPTHS),
            lambda recipe: shattering.gradient_correlations(recipe, range(1, DEPTHS[-1] + 1)),
        )
    )
    names = {
        "plain": t("plain", "普通"),
        "batchnorm": t("BatchNorm", "BatchNorm"),
        "unscaled": t("shortcuts, s = 1", "捷径，s = 1"),
        "residual": t("shortcuts, s = 1/√L", "捷径，s = 1/√L"),
    }
    return correlations(measured, theory, names)


@ui.measured
def measured_correlations(recipe: Recipe, depths: tuple[int, ...]) -> pd.DataFrame:
    from gradviz.engine import slices

    return slices.gradient_correlations(recipe, depths)


@lesson.figure(("Forward and back, before training", "训练之前的前向与反向"))
def zero() -> str:
    ui.picture(both_ways_picture(), "zero_chart")
    grown = {arm: grown_forward(recipe) for arm, recipe in ARMS.items()}
    return t(
        "Over {depth} blocks the mean square grows by a factor of {unscaled} with $s=1$, of "
        "{batchnorm} with BatchNorm, and not at all in ReZero.",
        "经过 {depth} 个块，均方值在 $s=1$ 时增至 {unscaled} 倍，加 BatchNorm 增至 {batchnorm} 倍，"
        "ReZero 毫无变化。",
        depth=UNSCALED.depth,
        unscaled=rounded_power(grown["unscaled"]),
        batchnorm=rounded_power(grown["batchnorm"]),
    )


@ui.made_once
def both_ways_picture() -> alt.VConcatChart:
    rows = [measured_start(recipe).assign(arm=arm) for arm, recipe in ARMS.items()]
    return both_ways(pd.concat(rows), arm_names())


@ui.made_once
def grown_forward(recipe: Recipe) -> float:
    """E[h²] after the last block relative to the input, as the geometric mean over the seeds."""
    rows = measured_start(recipe).query("quantity == 'growth'")
    return math.exp(np.log(rows[rows["layer"] == recipe.depth]["value"]).mean())


@ui.measured
def measured_start(recipe: Recipe) -> pd.DataFrame:
    from gradviz.engine import start

    wide = replace(recipe, width=128)
    return pd.concat([start.block_growth(wide), start.block_signal(wide)], ignore_index=True)


@lesson.figure(
    ("Without normalization", "不用归一化"),
    controls=[RATE],
    presets=[
        ui.Preset(
            t("ReZero learns", "ReZero 学会了"),
            {RATE: "0.03"},
            t(
                "ReZero trains 40 blocks without normalization, as well as BatchNorm does. With "
                "$s=1$ the first step throws the weights away.",
                "ReZero 不用归一化也能训练 40 个块，不输 BatchNorm。$s=1$ 时，第一步就毁掉了权重。",
            ),
        ),
        ui.Preset(
            t("Smaller steps", "步子更小"),
            {RATE: "0.001"},
            t(
                "A learning rate thirty times smaller does not save the unscaled branches, and the "
                "others only learn more slowly.",
                "学习率小三十倍，也救不了不缩放的支路；另外两个只是学得更慢。",
            ),
        ),
    ],
)
def race() -> str:
    arms = {name: replace(recipe, lr=float(RATE.value)) for name, recipe in ARMS.items()}
    frames = ui.race("race", arms, arm_names(), "drift", curves=("accuracy",), curves_lead=True)
    what = t("Digits, {depth} ReLU blocks.", "手写数字，{depth} 个 ReLU 块。", depth=UNSCALED.depth)
    if not ui.ended(frames):
        return what
    return t(
        "{what} In the end: {ends}.",
        "{what}最后：{ends}。",
        what=what,
        ends=ui.ends_in_words(frames, arm_names()),
    )


lesson.show(CODE)
