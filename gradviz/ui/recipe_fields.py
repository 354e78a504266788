"""The fields of a recipe as a reader sets them: grouped as one thinks, with names and help."""

from __future__ import annotations

from dataclasses import dataclass, fields

from gradviz.language import t
from gradviz.recipe import CHOICES, RANGES, Recipe


@dataclass(frozen=True)
class Field:
    """One field of `Recipe`: its `labels` and `helps` are pairs (English, Chinese).

    A `rare` one stands under "More"; a `shared` one has the same value in all arms of a bench,
    which then see the same examples. `step` is that of a number's buttons. What matters only where
    another field has a certain value is shown only there, see `matters`.
    """

    name: str
    labels: tuple[str, str]
    helps: tuple[str, str]
    step: float = 1
    rare: bool = False
    shared: bool = False

    def label(self) -> str:
        """The label in the current language."""
        return t(*self.labels)

    def help(self) -> str:
        """What it does, in the current language."""
        return t(*self.helps)


GROUPS: dict[tuple[str, str], tuple[Field, ...]] = {
    ("Network", "网络"): (
        Field("depth", ("Hidden layers", "隐藏层数"), ("Their number.", "隐藏层的个数。")),
        Field(
            "width", ("Width", "宽度"), ("Units in each hidden layer.", "每个隐藏层的神经元数。")
        ),
        Field(
            "activation",
            ("Activation", "激活函数"),
            ("Of every hidden layer.", "所有隐藏层都用它。"),
        ),
        Field(
            "negative_slope",
            ("Negative slope", "负半轴斜率"),
            ("Of Leaky ReLU left of 0.", "Leaky ReLU 在 0 左侧的斜率。"),
            step=0.01,
            rare=True,
        ),
        Field("alpha", ("α", "α"), ("ELU tends to −α.", "ELU 趋于 −α。"), step=0.1, rare=True),
    ),
    ("Start", "初始化"): (
        Field(
            "init",
            ("Initial weights", "初始权重"),
            ("The random numbers that training starts from.", "训练开始时权重取的随机数。"),
        ),
        Field(
            "gain",
            ("Gain", "增益"),
            (
                "Multiplies the initial weights of hidden layers. Empty: the activation's own. "
                "With kaiming_normal it is $\\sigma_w$.",
                "隐藏层初始权重的倍数。留空则用激活函数的标准增益；对 kaiming_normal，"
                "它就是 $\\sigma_w$。",
            ),
            step=0.1,
        ),
        Field(
            "std",
            ("Standard deviation", "标准差"),
            ("Of the weights of init normal.", "初始化方式为 normal 时权重的标准差。"),
            step=0.1,
        ),
        Field(
            "bias_std",
            ("Bias deviation", "偏置标准差"),
            ("Standard deviation of the initial biases.", "初始偏置的标准差。"),
            step=0.1,
            rare=True,
        ),
    ),
    ("Remedies", "补救方法"): (
        Field(
            "norm",
            ("Normalization", "归一化"),
            ("Of each hidden layer's pre-activations.", "对每个隐藏层的预激活值做归一化。"),
        ),
        Field(
            "residual",
            ("Shortcuts", "捷径（残差）"),
            ("Each hidden layer becomes h + s·f(h).", "每个隐藏层变成 h + s·f(h)。"),
        ),
        Field(
            "residual_scale",
            ("Branch scale s", "分支系数 s"),
            ("Empty: $1/\\sqrt{L}$.", "留空则为 $1/\\sqrt{L}$。"),
            step=0.1,
        ),
        Field(
            "clip",
            ("Clipping", "梯度剪切"),
            (
                "The whole gradient is scaled down, or each entry is cut off.",
                "整体缩小梯度，或逐个分量截断。",
            ),
        ),
        Field(
            "clip_at",
            ("Threshold", "阈值"),
            ("Gradients above it are clipped.", "超过它的梯度会被剪切。"),
            step=0.1,
        ),
        Field(
            "pretrain",
            ("Pre-training", "预训练"),
            (
                "Layer by layer, without labels, before the training proper.",
                "正式训练之前，不用标签，逐层训练。",
            ),
        ),
        Field(
            "pretrain_epochs",
            ("Epochs of it", "预训练轮数"),
            ("Passes over the data for each layer.", "每层遍历数据的次数。"),
        ),
        Field(
            "l2",
            ("L2 penalty", "L2 惩罚"),
            ("Adds λ·ΣW² to the loss.", "在损失中加上 λ·ΣW²。"),
            step=0.001,
        ),
        Field(
            "l1",
            ("L1 penalty", "L1 惩罚"),
            ("Adds λ·Σ|W| to the loss.", "在损失中加上 λ·Σ|W|。"),
            step=0.001,
        ),
    ),
    ("Training", "训练"): (
        Field(
            "optimizer",
            ("Optimizer", "优化器"),
            ("How a gradient becomes a step.", "如何把梯度变成一步更新。"),
        ),
        Field(
            "lr",
            ("Learning rate", "学习率"),
            ("The factor before the step.", "更新步前的系数。"),
            step=0.01,
        ),
        Field(
            "momentum",
            ("Momentum", "动量"),
            ("Of sgd: the share of the last step that is kept.", "sgd 保留上一步的比例。"),
            step=0.1,
            rare=True,
        ),
        Field(
            "weight_decay",
            ("Weight decay", "权重衰减"),
            ("As in torch.optim.", "与 torch.optim 相同。"),
            step=0.001,
            rare=True,
        ),
    ),
    ("Data, the same for all arms", "数据（各组相同）"): (
        Field(
            "dataset",
            ("Data", "数据"),
            (
                "Handwritten digits, or points in the plane of two classes.",
                "手写数字，或平面上的两类点。",
            ),
            shared=True,
        ),
        Field(
            "steps",
            ("Steps", "训练步数"),
            ("Of the whole run.", "整个训练。"),
            step=50,
            shared=True,
        ),
        Field(
            "batch_size",
            ("Batch", "批大小"),
            ("Examples in each step.", "每一步的样本数。"),
            step=16,
            shared=True,
        ),
        Field(
            "seed",
            ("First seed", "首个种子"),
            ("Decides data, weights and batches.", "决定数据、权重与批次。"),
            shared=True,
            rare=True,
        ),
    ),
}
FIELDS: dict[str, Field] = {own.name: own for group in GROUPS.values() for own in group}
_TYPES = {own.name: type(own.default) for own in fields(Recipe)}


def matters(field: str, recipe: Recipe) -> bool:
    """Whether `field` changes anything in `recipe`."""
    match field:
        case "negative_slope":
            return recipe.activation == "leaky_relu"
        case "alpha":
            return recipe.activation == "elu"
        case "gain":
            return recipe.init not in ("normal", "pytorch")
        case "std":
            return recipe.init == "normal"
        case "residual_scale":
            return recipe.residual
        case "clip_at":
            return recipe.clip != "none"
        case "pretrain_epochs":
            return recipe.pretrain != "none"
        case "momentum":
            return recipe.optimizer == "sgd"
        case _:
            return True


_SPOKEN: dict[str, tuple[str, str]] = {
    "depth=1": ("1 layer", "1 层"),
    "depth": ("{} layers", "{} 层"),
    "width": ("{} wide", "宽 {}"),
    "activation=sigmoid": ("sigmoid", "sigmoid"),
    "activation=tanh": ("tanh", "tanh"),
    "activation=relu": ("ReLU", "ReLU"),
    "activation=leaky_relu": ("Leaky ReLU", "Leaky ReLU"),
    "activation=elu": ("ELU", "ELU"),
    "activation=selu": ("SELU", "SELU"),
    "activation=gelu": ("GELU", "GELU"),
    "activation=silu": ("SiLU", "SiLU"),
    "activation=linear": ("linear", "线性"),
    "negative_slope": ("slope {}", "斜率 {}"),
    "alpha": ("α = {}", "α = {}"),
    "init=kaiming_normal": ("He, normal", "He 正态"),
    "init=kaiming_uniform": ("He, uniform", "He 均匀"),
    "init=xavier_normal": ("Xavier, normal", "Xavier 正态"),
    "init=xavier_uniform": ("Xavier, uniform", "Xavier 均匀"),
    "init=orthogonal": ("orthogonal weights", "正交权重"),
    "init=normal": ("normal weights", "正态权重"),
    "init=pytorch": ("PyTorch's weights", "PyTorch 默认权重"),
    "gain=None": ("usual gain", "标准增益"),
    "gain": ("gain {}", "增益 {}"),
    "std": ("weights ± {}", "标准差 {}"),
    "bias_std": ("biases ± {}", "偏置 ± {}"),
    "norm=none": ("no normalization", "无归一化"),
    "norm=batch": ("BatchNorm", "BatchNorm"),
    "norm=layer": ("LayerNorm", "LayerNorm"),
    "residual=True": ("shortcuts", "捷径"),
    "residual=False": ("no shortcuts", "无捷径"),
    "residual_scale=None": ("s = 1/√L", "s = 1/√L"),
    "residual_scale=rezero": ("ReZero", "ReZero"),
    "residual_scale": ("s = {}", "s = {}"),
    "clip=none": ("no clipping", "不剪切"),
    "clip=norm": ("clipped by norm", "按范数剪切"),
    "clip=value": ("clipped by value", "按值剪切"),
    "clip_at": ("threshold {}", "阈值 {}"),
    "pretrain=none": ("not pre-trained", "无预训练"),
    "pretrain=rbm": ("pre-trained, RBM", "RBM 预训练"),
    "pretrain=autoencoder": ("pre-trained, autoencoder", "自编码器预训练"),
    "pretrain_epochs": ("{} epochs before", "预训练 {} 轮"),
    "l2": ("L2 {}", "L2 {}"),
    "l1": ("L1 {}", "L1 {}"),
    "optimizer=sgd": ("SGD", "SGD"),
    "optimizer=adam": ("Adam", "Adam"),
    "optimizer=adamw": ("AdamW", "AdamW"),
    "lr": ("rate {}", "学习率 {}"),
    "momentum": ("momentum {}", "动量 {}"),
    "weight_decay": ("decay {}", "权重衰减 {}"),
}


def in_words(field: str, value: object) -> str:
    """A field's value as people say it, in the name of an arm: "BatchNorm", "20 layers"."""
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    usual = ("{label} {}", "{label} {}")
    words = _SPOKEN.get(f"{field}={value}") or _SPOKEN.get(field) or usual
    return t(*words).format(shown, label=FIELDS[field].label())


def is_off(value: object) -> bool:
    """Whether a field's `value` says that the network goes without it: then nobody names it."""
    return value in ("none", False, 0.0)


def options(field: str) -> tuple[str, ...] | None:
    """The choices of a field, None for a number or a switch."""
    return CHOICES.get(field)


def bounds(field: str) -> tuple[float, float]:
    """The least and the largest value of a number, of the field's own type."""
    low, high = RANGES[field]
    return (int(low), int(high)) if _TYPES[field] is int else (low, high)


def is_whole(field: str) -> bool:
    """Whether a field is a whole number."""
    return _TYPES[field] is int


def is_optional(field: str) -> bool:
    """Whether a field may be empty."""
    return _TYPES[field] is type(None)
