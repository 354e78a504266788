"""§2.1: the product of factors that the chain rule makes, for numbers and for matrices."""

import altair as alt
import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.activations import activation
from gradviz.charts.chain_rule.backward_walk import WALKED, backward_walk
from gradviz.charts.chain_rule.cloud import cloud as cloud_chart
from gradviz.charts.chain_rule.factor_plane import DEPTH, DEPTHS, W_LIMIT, Z_LIMIT, factor_plane
from gradviz.charts.chain_rule.singular_values import singular_value_spread, spread_frame
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.powers import power_of_ten, rounded_power
from gradviz.charts.parts.spec import Spec
from gradviz.language import t
from gradviz.theory.chain import (
    ScalarNetwork,
    autograd_gradient,
    matrix_products,
    mean_field_products,
)

lesson = ui.Lesson("chain_rule")

LAYERS, TARGET_LAYER = 4, 2
MATRICES = 50
CLOUD_MATRICES = 12
NAMES = ("sigmoid", "tanh", "relu")
WALK_PHI = ui.choice(
    "walk_phi",
    t("Activation", "激活函数"),
    NAMES,
    default="sigmoid",
    help=t("Of every layer.", "每一层都用它。"),
)
OMEGA = ui.number(
    "omega",
    t("Weights $w$", "权重 $w$"),
    low=-8.0,
    high=8.0,
    default=1.0,
    step=0.25,
    help=t("The same in all four layers.", "四层相同。"),
)
BIAS = ui.number(
    "b",
    t("Biases $b$", "偏置 $b$"),
    low=-4.0,
    high=4.0,
    default=0.0,
    step=0.25,
    help=t("The same in all four layers.", "四层相同。"),
)
MET = ui.opening("met", WALKED, low=0, high=LAYERS, default=LAYERS)
SCALAR_PHI = ui.choice(
    "scalar_phi",
    t("Activation", "激活函数"),
    NAMES,
    default="sigmoid",
    help=t(
        r"Its slope $\varphi'(z)$ is one of the two numbers that make the factor, $w$ the other.",
        r"因子由两个数相乘而成：一个是它的斜率 $\varphi'(z)$，另一个是 $w$。",
    ),
)
CELL_W = ui.opening("w", "cell_w", low=-W_LIMIT, high=W_LIMIT, default=2.0)
CELL_Z = ui.opening("z", "cell_z", low=-Z_LIMIT, high=Z_LIMIT, default=0.25)
LAYERS_SHOWN = ui.opening("layers", DEPTH, low=DEPTHS[0], high=DEPTHS[1], default=10)
MULTIPLIED = ui.opening("multiplied", REPLAY, low=0, high=CLOUD_MATRICES, default=CLOUD_MATRICES)
KIND = ui.choice(
    "kind",
    t("Matrices", "矩阵"),
    ("gaussian", "orthogonal"),
    default="gaussian",
    help=t(
        "Independent normal entries, or rotations drawn at random.",
        "元素为独立正态分布，或随机抽取的正交矩阵。",
    ),
    names={"gaussian": t("Gaussian", "高斯"), "orthogonal": t("orthogonal", "正交")},
    menu=True,
)
WIDTH = ui.steps(
    "width",
    t("Width", "宽度"),
    (4, 16, 32, 64, 100),
    default=64,
    help=t("Neurons per layer.", "每层的神经元数。"),
)
GAIN = ui.steps(
    "gain",
    t("Gain", "增益"),
    (0.8, 0.9, 1.0, 1.1, 1.25),
    default=1.0,
    help=t(
        "At gain 1 every matrix keeps the mean square of what it multiplies.",
        "增益为 1 时，矩阵不改变所乘向量的均方值。",
    ),
)
DRAWS = ui.steps(
    "draws",
    t("Draws", "抽样次数"),
    (1, 4, 16),
    default=4,
    help=t("How many products are drawn at random.", "随机抽取多少个乘积。"),
)
CODE = """
from gradviz import activation
from gradviz.theory.chain import ScalarNetwork, matrix_products

network = ScalarNetwork((1.0,) * 4, (0.0,) * 4, x=0.5, target=0.0, phi=activation("sigmoid"))
for factor in network.backward_walk(layer=2):
    print(factor)

values = matrix_products("gaussian", width=64, depth=50, draws=4)
print((values**2).mean(axis=(0, 2)) ** 0.5)  # root mean square by depth
"""


@lesson.figure(
    ("Walk back, one factor at a time", "往回走，一次一个因子"),
    controls=[WALK_PHI, OMEGA, BIAS],
    presets=[
        ui.Preset(
            t("Vanish", "消失"),
            {WALK_PHI: "sigmoid", OMEGA: 1.0, BIAS: 0.0, MET: LAYERS},
            t(
                "Weight 1, but a small slope in every layer: the beam thins from hop to hop.",
                "权重是 1，但每层的斜率都很小：光束一步比一步细。",
            ),
        ),
        ui.Preset(
            t("Saturated", "饱和"),
            {WALK_PHI: "sigmoid", OMEGA: 8.0, BIAS: 0.0, MET: LAYERS},
            t(
                "Weights of 8, and still nothing arrives: saturated units have no slope left.",
                "权重是 8，仍然什么也传不到：神经元饱和，斜率已所剩无几。",
            ),
        ),
        ui.Preset(
            t("Explode", "爆炸"),
            {WALK_PHI: "relu", OMEGA: 2.0, BIAS: 0.0, MET: LAYERS},
            t(
                "Slope 1 and weight 2: every layer doubles the gradient.",
                "斜率为 1、权重为 2：每一层都把梯度加倍。",
            ),
        ),
        ui.Preset(
            t("Healthy", "健康"),
            {WALK_PHI: "relu", OMEGA: 1.0, BIAS: 0.0, MET: LAYERS},
            t(
                "Slope 1 and weight 1: every layer hands on what it gets.",
                "斜率为 1、权重为 1：每一层都原样传下去。",
            ),
        ),
    ],
)
def walk() -> str:
    network = WALK_PHI.value, OMEGA.value, BIAS.value
    ui.picture(walk_picture(*network), key="walk_chart", opens=[MET])
    return walk_in_words(*network, by_autograd(*network))


@ui.made_once
def walk_picture(name: str, weight: float, bias: float) -> Spec:
    return backward_walk(scalar_network(name, weight, bias), TARGET_LAYER, LAYERS)


@ui.made_once
def walk_in_words(name: str, weight: float, bias: float, pytorch: float) -> str:
    network = scalar_network(name, weight, bias)
    ours = network.gradient(TARGET_LAYER)
    return t(
        "The beam is the gradient: every hop makes it narrower or wider by one factor. Press Play, "
        "or drag from the loss to the left. The product of the four factors is {ours}; PyTorch's "
        "autograd, run on the same network, gives {pytorch} ({difference}). Input x = {x:g}, "
        "target g = {g:g}.",
        "光束就是梯度：每走一步，乘上一个因子，光束随之变窄或变宽。点击播放，或从损失向左拖动。四个因子"
        "的乘积是 {ours}；对同一个网络运行 PyTorch 的自动求导，得到 {pytorch}（{difference}）。"
        "输入 x = {x:g}，目标 g = {g:g}。",
        ours=four_digits(ours),
        pytorch=four_digits(pytorch),
        difference=how_close(ours, pytorch),
        x=network.x,
        g=network.target,
    )


def four_digits(number: float) -> str:
    size = abs(number)
    if number == 0 or 1e-3 <= size < 1e4:
        return f"{number:.4g}".replace("-", "−")
    return ("−" if number < 0 else "") + rounded_power(size, 4)


def how_close(ours: float, pytorch: float) -> str:
    difference = abs(ours - pytorch)
    if difference == 0:
        return t("equal to the last digit", "每一位都相同")
    return t(
        "relative difference {size}, which is rounding",
        "相对误差 {size}，属于舍入误差",
        size=rounded_power(difference / max(abs(ours), abs(pytorch))),
    )


def scalar_network(name: str, weight: float, bias: float) -> ScalarNetwork:
    return ScalarNetwork((weight,) * LAYERS, (bias,) * LAYERS, 0.5, 0.0, activation(name))


@lesson.figure(("One factor, many layers", "一个因子，许多层"), controls=[SCALAR_PHI])
def scalar() -> str:
    name = SCALAR_PHI.value
    ui.picture(plane_picture(name), key="scalar_chart", opens=[CELL_W, CELL_Z, LAYERS_SHOWN])
    if name == "relu":
        return t(
            "Right of z = 0 the slope is 1, so the factor is w itself: beyond |w| = 1 depth lets "
            "the product grow, between the lines it decays. Left of it nothing passes.",
            "z > 0 时斜率为 1，因子就是 w 本身：|w| 超过 1，乘积随层数增大；两条线之间则衰减。"
            "z < 0 时什么也传不过去。",
        )
    return t(
        "Inside the white border the factor is at least 1 and depth lets it grow; everywhere else "
        "depth kills it. With {name} the border starts at |w| = {start:g}.",
        "白线之内因子不小于 1，层数越多乘积越大；其余各处，层数越多乘积越小。"
        "对 {name} 来说，边界从 |w| = {start:g} 开始。",
        name=name,
        start=1 / activation(name).largest_slope,
    )


@ui.made_once
def plane_picture(name: str) -> Spec:
    opening = CELL_W.default, CELL_Z.default, LAYERS_SHOWN.default
    return factor_plane(activation(name), scalar_presets(name), *opening)


def scalar_presets(name: str) -> pd.DataFrame:
    """Points of the plane worth trying, each with its meaning for this activation."""
    steep = 1 / activation(name).largest_slope
    return pd.DataFrame(
        {
            "name": [
                t("vanish", "消失"),
                t("healthy", "健康"),
                t("explode", "爆炸"),
                t("saturated", "饱和") if name != "relu" else t("dead", "死亡"),
            ],
            "color": [COLORS[key] for key in ("vanish", "healthy", "explode", "sigmoid")],
            "w": [0.5 * steep, steep, 2.0 * steep, 2.0 * steep],
            "z": [0.25, 0.25 if name == "relu" else 0.0, 0.25, 4.0 if name != "relu" else -4.0],
        }
    )


@lesson.figure(("What matrices do to directions", "矩阵对各个方向做了什么"))
def cloud() -> str:
    ui.picture(cloud_picture(), key="cloud_chart", opens=[MULTIPLIED])
    return t(
        "Every matrix stretches the ring one way and squeezes it another. Gaussian matrices leave "
        "a needle: against the long axis the short one is halved by each matrix on average, while "
        "the mean square of all the lengths stays 1. Rotations keep the ring.",
        "每个矩阵都把圆沿一个方向拉长、沿另一个方向压扁。高斯矩阵最后只剩一根针：短轴相对长轴平均每次"
        "减半，直至消失，而所有长度的均方始终为 1。旋转则让圆保持不变。",
    )


@ui.made_once
def cloud_picture() -> alt.VConcatChart:
    return cloud_chart(CLOUD_MATRICES, MULTIPLIED.default)


@lesson.figure(
    ("A product of matrices", "矩阵的乘积"),
    controls=[KIND, GAIN, WIDTH, DRAWS],
    presets=[
        ui.Preset(
            t("Gaussian", "高斯"),
            {KIND: "gaussian", GAIN: 1.0, WIDTH: 64.0, DRAWS: 4.0},
            t(
                "The mean square stays, but only because a few directions grow: most vanish.",
                "均方不变，全靠少数几个方向在增长：多数方向都消失了。",
            ),
        ),
        ui.Preset(
            t("Orthogonal", "正交"),
            {KIND: "orthogonal", GAIN: 1.0, WIDTH: 64.0, DRAWS: 4.0},
            t(
                "Rotations stretch nothing: all singular values stay 1.",
                "旋转不拉伸任何方向：奇异值全都保持为 1。",
            ),
        ),
        # Of Gaussian matrices with this gain the median would still vanish.
        ui.Preset(
            t("Vanish", "消失"),
            {KIND: "orthogonal", GAIN: 0.8, WIDTH: 64.0, DRAWS: 4.0},
            t(
                "Rotations times 0.8: every direction vanishes, and all alike.",
                "旋转再乘 0.8：所有方向一齐消失。",
            ),
        ),
        ui.Preset(
            t("Explode", "爆炸"),
            {KIND: "orthogonal", GAIN: 1.25, WIDTH: 64.0, DRAWS: 4.0},
            t(
                "Rotations times 1.25: every direction explodes, and all alike.",
                "旋转再乘 1.25：所有方向一齐爆炸。",
            ),
        ),
    ],
)
def matrix() -> str:
    settings = KIND.value, int(WIDTH.value), GAIN.value, int(DRAWS.value)
    singular_values(*settings)  # measured here, where the page can say that it waits
    asked = all(control.value == control.default for control in (KIND, WIDTH, GAIN, DRAWS))
    if asked:
        ask_about_median(*end_of_products(*settings))
    ui.picture(matrix_picture(*settings, asked), key="matrix_chart")
    return matrix_in_words(*settings)


@ui.made_once
def matrix_picture(kind: str, width: int, gain: float, draws: int, asked: bool) -> alt.LayerChart:
    values = singular_values(kind, width, gain, draws)
    spread = spread_frame(values, mean_field_products(gain, MATRICES))
    return singular_value_spread(spread, asked)


@ui.made_once
def end_of_products(kind: str, width: int, gain: float, draws: int) -> tuple[float, float]:
    """Median and root mean square of the singular values of the whole product."""
    last = singular_values(kind, width, gain, draws)[:, -1]
    return float(np.median(last)), float(np.sqrt(np.mean(last**2)))


@ui.made_once
def matrix_in_words(kind: str, width: int, gain: float, draws: int) -> str:
    median, rms = end_of_products(kind, width, gain, draws)
    last = singular_values(kind, width, gain, draws)[:, -1]
    largest = np.mean(last[:, 0] ** 2 / np.sum(last**2, axis=-1))
    return t(
        "After {depth} matrices the median is {median}, the root mean square {rms}: the "
        "largest of {width} singular values alone carries {share:.0%} of the sum of squares.",
        "{depth} 个矩阵相乘后，中位数为 {median}，均方根为 {rms}："
        "{width} 个奇异值中最大的一个独占平方和的 {share:.0%}。",
        depth=MATRICES,
        median=rounded_power(median),
        rms=rounded_power(rms),
        width=width,
        share=largest,
    )


@ui.measured
def singular_values(kind: str, width: int, gain: float, draws: int) -> np.ndarray:
    return matrix_products(kind, width, MATRICES, draws, gain)


@ui.measured
def by_autograd(name: str, weight: float, bias: float) -> float:
    """The gradient of the walk's network as PyTorch computes it."""
    network = scalar_network(name, weight, bias)
    return autograd_gradient(network, TARGET_LAYER)


def ask_about_median(median: float, rms: float) -> None:
    def reply(exponent: int | None) -> tuple[bool | None, str]:
        found = t(
            "It ends near {median}, while the root mean square is {rms:.2f}: a few directions "
            "carry nearly everything.",
            "约为 {median}，而均方根是 {rms:.2f}：少数几个方向承载了几乎全部。",
            median=rounded_power(median),
            rms=rms,
        )
        if exponent is None:
            return None, found
        off = exponent - np.log10(median)
        if abs(off) <= 1:
            return True, found
        missed = (
            t("You said {guess}: {off} times too much. ", "你猜的是 {guess}，大了 {off} 倍。")
            if off > 0
            else t(
                "You said {guess}: {off} times too little. ", "你猜的是 {guess}，小了 {off} 倍。"
            )
        )
        off_by = rounded_power(10 ** abs(off))
        return False, missed.format(guess=power_of_ten(exponent), off=off_by) + found

    ui.ask(
        "median",
        t(
            "Multiply 50 Gaussian matrices of width 64, scaled so that the mean square of the "
            "singular values stays 1. Where does their median end?",
            "把 50 个宽度为 64 的高斯矩阵连乘，其尺度使奇异值的均方保持为 1。"
            "奇异值的中位数最后落在哪里？",
        ),
        [0, -2, -4, -8, -16],
        reply,
        power_of_ten,
        guess=lambda exponent: 10.0**exponent,
    )


lesson.show(CODE)
