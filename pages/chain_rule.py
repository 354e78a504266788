"""§2.1: the product of factors that the chain rule makes, for numbers and for matrices."""

import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.activations import activation
from gradviz.charts.chain_rule.backward_walk import backward_walk
from gradviz.charts.chain_rule.factor_plane import DEPTHS, W_LIMIT, Z_LIMIT, factor_plane
from gradviz.charts.chain_rule.singular_values import singular_value_spread, spread_frame
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.powers import rounded_power
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
    t("Weights ω", "权重 ω"),
    low=-8.0,
    high=8.0,
    default=1.0,
    step=0.25,
    help=t("The same in all four layers.", "四层相同。"),
)
BIAS = ui.number(
    "b",
    t("Biases b", "偏置 b"),
    low=-4.0,
    high=4.0,
    default=0.0,
    step=0.25,
    help=t("The same in all four layers.", "四层相同。"),
)
MET = ui.opening("met", low=0, high=LAYERS, default=0)
SCALAR_PHI = ui.choice(
    "scalar_phi",
    t("Activation", "激活函数"),
    NAMES,
    default="sigmoid",
    help=t(
        "Its slope φ′(z) is one of the two numbers that make the factor; w is the other.",
        "因子由两个数相乘而成：一个是它的斜率 φ′(z)，另一个是 w。",
    ),
)
CELL_W = ui.opening("w", low=-W_LIMIT, high=W_LIMIT, default=2.0)
CELL_Z = ui.opening("z", low=-Z_LIMIT, high=Z_LIMIT, default=0.25)
LAYERS_SHOWN = ui.opening("layers", low=DEPTHS[0], high=DEPTHS[1], default=10)
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
    presets={
        t("Healthy", "健康"): {WALK_PHI: "relu", OMEGA: 1.0, BIAS: 0.0},
        t("Vanish", "消失"): {WALK_PHI: "sigmoid", OMEGA: 1.0, BIAS: 0.0},
        t("Saturated", "饱和"): {WALK_PHI: "sigmoid", OMEGA: 8.0, BIAS: 0.0},
        t("Explode", "爆炸"): {WALK_PHI: "relu", OMEGA: 2.0, BIAS: 0.0},
    },
)
def walk() -> str:
    network = scalar_network(WALK_PHI.value, OMEGA.value, BIAS.value)
    ui.picture(backward_walk(network, TARGET_LAYER, MET.value), key="walk_chart")
    ours = network.gradient(TARGET_LAYER)
    pytorch = by_autograd(WALK_PHI.value, OMEGA.value, BIAS.value)
    return t(
        "Walk with the slider, or drag over the network from the loss to the left. The product of "
        "the four factors is {ours:.4g}; PyTorch's autograd, run on the same network, gives "
        "{pytorch:.4g} ({difference}). Here x = {x:g}, and the target g is {g:g}.",
        "用滑块往回走，或在网络上从损失向左拖动。四个因子的乘积是 {ours:.4g}；对同一个网络运行 "
        "PyTorch 的自动求导，得到 {pytorch:.4g}（{difference}）。图中 x = {x:g}，目标 g 为 {g:g}。",
        ours=ours,
        pytorch=pytorch,
        difference=how_close(ours, pytorch),
        x=network.x,
        g=network.target,
    )


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
    phi = activation(name)
    presets = scalar_presets(name)
    chart = factor_plane(phi, presets, *opening_cell(presets), LAYERS_SHOWN.value)
    ui.picture(chart, key="scalar_chart")
    return t(
        "Inside the white border the factor is at least 1 and depth lets it grow; everywhere else "
        "depth kills it. With {name} the border starts at |w| = {start:g}.",
        "白线之内因子不小于 1，层数越多乘积越大；其余各处，层数越多乘积越小。"
        "对 {name} 来说，边界从 |w| = {start:g} 开始。",
        name=name,
        start=1 / phi.largest_slope,
    )


def opening_cell(presets: pd.DataFrame) -> tuple[float, float]:
    """The weight and the pre-activation of the link, or of the first preset."""
    w, z = CELL_W.value, CELL_Z.value
    if (w, z) == (CELL_W.default, CELL_Z.default):
        return float(presets["w"][0]), float(presets["z"][0])
    return w, z


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


@lesson.figure(
    ("A product of matrices", "矩阵的乘积"),
    controls=[KIND, GAIN, WIDTH, DRAWS],
    presets={
        t("Gaussian", "高斯"): {KIND: "gaussian", GAIN: 1.0, WIDTH: 64, DRAWS: 4},
        t("Orthogonal", "正交"): {KIND: "orthogonal", GAIN: 1.0, WIDTH: 64, DRAWS: 4},
        # Of Gaussian matrices with this gain the median would still vanish.
        t("Vanish", "消失"): {KIND: "orthogonal", GAIN: 0.8, WIDTH: 64, DRAWS: 4},
        t("Explode", "爆炸"): {KIND: "orthogonal", GAIN: 1.25, WIDTH: 64, DRAWS: 4},
    },
)
def matrix() -> str:
    ask_about_median()
    width, gain = int(WIDTH.value), GAIN.value
    values = singular_values(KIND.value, width, gain, int(DRAWS.value))
    spread = spread_frame(values, mean_field_products(gain, MATRICES))
    ui.picture(singular_value_spread(spread), key="matrix_chart")
    largest = np.mean(values[:, -1, 0] ** 2 / np.sum(values[:, -1] ** 2, axis=-1))
    return t(
        "After {depth} matrices the median is {median}, the root mean square {rms}: the "
        "largest of {width} singular values alone carries {share:.0%} of the sum of squares.",
        "{depth} 个矩阵相乘后，中位数为 {median}，均方根为 {rms}："
        "{width} 个奇异值中最大的一个独占平方和的 {share:.0%}。",
        depth=MATRICES,
        median=rounded_power(spread["median"].iloc[-1]),
        rms=rounded_power(spread["rms"].iloc[-1]),
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


def ask_about_median() -> None:
    guess = ui.predict(
        "median",
        t(
            "Multiply 50 Gaussian matrices of width 64, scaled so that the mean square of the "
            "singular values stays 1. Where does their median end?",
            "把 50 个宽度为 64 的高斯矩阵连乘，其尺度使奇异值的均方保持为 1。"
            "奇异值的中位数最后落在哪里？",
        ),
        [1.0, 1e-2, 1e-8],
        names=lambda size: {1.0: "1", 1e-2: "10⁻²", 1e-8: "10⁻⁸"}[size],
    )
    if guess is None:
        return
    last = singular_values("gaussian", 64, 1.0, 4)[:, -1]
    ui.reveal(
        guess == 1e-8,
        t(
            "Near {median}, while their root mean square is {rms:.2f}: a few directions carry "
            "nearly everything.",
            "约为 {median}，而均方根是 {rms:.2f}：少数几个方向承载了几乎全部。",
            median=rounded_power(np.median(last)),
            rms=np.sqrt(np.mean(last**2)),
        ),
    )


lesson.show(CODE)
