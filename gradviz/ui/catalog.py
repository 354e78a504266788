"""The table of lessons: their order, sections, titles and one-line summaries.

Navigation, home and "next lesson" are drawn from this table alone. A lesson whose page does not
exist yet is announced, never linked.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradviz.language import t
from gradviz.places import ROOT as ROOT

HOME = "app.py"


@dataclass(frozen=True)
class Entry:
    """One lesson. `title` and `summary` are pairs (English, Chinese)."""

    name: str
    section: str  # of the source document; none if it follows none
    title: tuple[str, str]
    summary: tuple[str, str]
    after: str = ""  # the section after which it goes beyond the source document

    @property
    def page(self) -> str:
        """The page's file, relative to app.py, as `st.page_link` wants it."""
        return f"pages/{self.name}.py"

    @property
    def built(self) -> bool:
        """Whether the page exists."""
        return (ROOT / self.page).exists()

    @property
    def number(self) -> int | None:
        """Its place, from 1: those that follow the notes, then those that go beyond them.

        None for what does neither.
        """
        places = [*numbered(), *(entry for entry in LESSONS if entry.after)]
        return 1 + places.index(self) if self in places else None

    def label(self) -> str:
        """Number and title in the current language, as in a table of contents."""
        title = t(*self.title)
        return title if self.number is None else f"{self.number} · {title}"

    def source(self) -> str:
        """Which lesson this is, and what of the notes it follows, in the current language."""
        if self.number is None:
            return ""
        if self.after:
            return t(
                "Lesson {number} · beyond the notes, after their {section}",
                "第 {number} 课 · 原文之外，接在{section}之后",
                number=self.number,
                section=self.after,
            )
        return t(
            "Lesson {number} of {all} · {section} of the notes “Vanishing and exploding gradients”",
            "第 {number} 课，共 {all} 课 · 原文《梯度消失与梯度爆炸》{section}",
            number=self.number,
            all=len(numbered()),
            section=self.section,
        )


def parts() -> dict[str, tuple[Entry, ...]]:
    """The lessons under the headings of the source document, translated."""
    return {
        t("§1 The update rule", "§1 梯度更新规则"): _RULE,
        t("§2 Vanishing and exploding", "§2 梯度消失与爆炸"): _PROBLEM,
        t("§3 The remedies", "§3 解决方案"): _REMEDIES,
        t("Beyond the notes", "原文之外"): _BEYOND,
        t("All together", "综合"): _TOGETHER,
    }


def find(name: str) -> Entry:
    """The lesson called `name`; raises `KeyError` for an unknown one."""
    return next(entry for entry in LESSONS if entry.name == name)


def numbered() -> list[Entry]:
    """The lessons that follow a section of the notes, in reading order."""
    return [entry for entry in LESSONS if entry.section]


def neighbors(name: str) -> tuple[Entry | None, Entry | None]:
    """The lessons that are built before and after `name`; None before the first, after the last."""
    built = [entry for entry in LESSONS if entry.built]
    place = built.index(find(name))
    before = built[place - 1] if place else None
    return before, built[place + 1] if place + 1 < len(built) else None


_RULE = (
    Entry(
        "update_rule",
        "§1",
        ("What a gradient step does", "一步梯度更新做了什么"),
        (
            "A network is one composite function, and training walks down its loss.",
            "网络是一个复合函数，训练就是沿着损失曲面往下走。",
        ),
    ),
)

_PROBLEM = (
    Entry(
        "chain_rule",
        "§2.1",
        ("A product of factors", "链式法则：一串因子的乘积"),
        (
            "Walk back through a network one factor at a time and watch the product.",
            "沿着网络逐个因子往回走，看乘积如何变化。",
        ),
    ),
    Entry(
        "depth",
        "§2.1",
        ("Layers that learn at different speeds", "各层学习速度的差异"),
        (
            "Train deep networks on handwritten digits and see which layers move.",
            "用手写数字训练深层网络，看看究竟哪些层在动。",
        ),
    ),
    Entry(
        "activations",
        "§2.2",
        ("Sigmoid and tanh: slopes below one", "sigmoid 与 tanh：斜率小于 1"),
        (
            "How steep sigmoid and tanh are at most, and what that costs per layer.",
            "sigmoid 和 tanh 最陡能有多陡，每多一层又要付出多少代价。",
        ),
    ),
    Entry(
        "exploding",
        "§2",
        ("Exploding: weights that start too large", "梯度爆炸：初始权重过大"),
        (
            "Between vanishing and exploding lies one critical weight scale.",
            "消失与爆炸之间，只隔着一个临界的权重尺度。",
        ),
    ),
)

_REMEDIES = (
    Entry(
        "pretraining",
        "§3.1",
        ("Pre-training, then fine-tuning", "预训练加微调"),
        (
            "Train one layer at a time without labels, then the whole network.",
            "先无监督地逐层训练，再微调整个网络。",
        ),
    ),
    Entry(
        "clipping",
        "§3.2",
        ("Gradient clipping", "梯度剪切"),
        (
            "A threshold keeps one bad step from throwing the weights away.",
            "设一个阈值，不让一步走错毁掉全部权重。",
        ),
    ),
    Entry(
        "regularization",
        "§3.2",
        ("L1 and L2 regularization", "L1 与 L2 正则化"),
        (
            "A penalty on the weights limits how far they can grow.",
            "对权重施加惩罚，限制它们的增长。",
        ),
    ),
    Entry(
        "relu_family",
        "§3.3",
        ("ReLU, Leaky ReLU, ELU", "ReLU、Leaky ReLU 与 ELU"),
        (
            "Slope one on the positive side, if the initial variance is right.",
            "正半轴斜率为 1，但前提是初始方差选对。",
        ),
    ),
    Entry(
        "batchnorm",
        "§3.4",
        ("Batch normalization", "批归一化"),
        (
            "Normalizing each layer keeps its units where the slope is alive.",
            "逐层归一化，让神经元停留在斜率不为零的区域。",
        ),
    ),
    Entry(
        "residual",
        "§3.5",
        ("Residual connections", "残差结构"),
        (
            "A +1 in every factor gives the gradient a way through.",
            "每个因子都加上 1，梯度就有了直达的通路。",
        ),
    ),
)

_BEYOND = (
    Entry(
        "shattered",
        "",
        ("Shattered gradients", "破碎的梯度"),
        (
            "A gradient of healthy size may still be noise; and a branch that starts at zero.",
            "梯度大小正常，也可能只是噪声；以及从零开始的支路。",
        ),
        after="§3.5",
    ),
    Entry(
        "precision",
        "",
        ("Precision: where numbers end", "精度：数字的尽头"),
        (
            "The same vanishing network in float16, bfloat16 and float32.",
            "同一个梯度消失的网络，分别用 float16、bfloat16 和 float32 来算。",
        ),
        after="§3.5",
    ),
)

_TOGETHER = (
    Entry(
        "lab",
        "",
        ("The lab: every fix on one bench", "实验台：所有方法同台比较"),
        (
            "Race any combination of remedies on data of your choice.",
            "任选数据，让各种方法的任意组合公平赛跑。",
        ),
    ),
)

LESSONS: tuple[Entry, ...] = _RULE + _PROBLEM + _REMEDIES + _BEYOND + _TOGETHER
