"""The recipe of the lab that is nearest to a network of one's own, and what it leaves out.

Dense and convolutional layers are taken as the lab's dense ones; whatever the lab has not is named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import numpy as np
from torch import nn
from torch.optim import Optimizer

from gradviz import bench
from gradviz.bench import Bench
from gradviz.language import t
from gradviz.recipe import RANGES, Recipe, replace
from gradviz.watching.expected import KNOWN
from gradviz.watching.outputs import Flow
from gradviz.watching.parts import NORMS, Parts

LAB = "http://localhost:8501/lab"  # where `streamlit run app.py` shows it
_LONGEST = 1000  # steps of the run in the lab
_EQUAL = 0.2  # scales of weights that differ by no more than this share are called alike


@dataclass(frozen=True)
class Nearest:
    """A recipe, and the names of what it leaves out, keys of `LEFT_OUT`, with what was found."""

    recipe: Recipe
    left_out: Mapping[str, str] = field(default_factory=dict)

    def link(self, lab: str = LAB) -> str:
        """The link that opens the recipe on the bench of the app's `lab`."""
        alone = dict.fromkeys(bench.NAMES[1:], bench.NO_ARM)
        return f"{lab}?{urlencode(bench.written(Bench((self.recipe,))) | alone)}"

    def of_steps(self, steps: int) -> Nearest:
        """The same for a run of so many steps, or of as many as the lab likes."""
        taken = min(max(steps, 1), _LONGEST)
        left = {"steps": str(steps)} if taken < steps else {}
        return Nearest(replace(self.recipe, steps=taken), {**self.left_out, **left})

    def sentences(self) -> list[str]:
        """What the recipe leaves out, in the current language."""
        return [t(*LEFT_OUT[name], found=found) for name, found in self.left_out.items()]

    def __str__(self) -> str:
        return "\n".join([self.link(), *self.sentences()])


LEFT_OUT = {
    "data": (
        "Data: the lab trains on its own digits, not on yours.",
        "数据：实验台用自带的手写数字训练，而不是你的数据。",
    ),
    "batch_size": (
        "Batch: its size is not known here; the lab's is 128.",
        "批次：这里不知道批大小，实验台用 128。",
    ),
    "dense": (
        "Layers: no chain of dense or convolutional layers was found; the recipe is the standard "
        "one.",
        "层：没有找到依次相连的全连接层或卷积层，因此给出的是标准设置。",
    ),
    "convolution": (
        "Convolutions stand as dense layers with as many units as channels.",
        "卷积层换成了全连接层，神经元数等于通道数。",
    ),
    "width": (
        "Widths: {found}; the lab's layers are all alike, as wide as the middle one.",
        "宽度：{found}；实验台各层同宽，取其中位数。",
    ),
    "activation": (
        "Activations: {found}; the lab has one for all layers, the most frequent.",
        "激活函数：{found}；实验台各层相同，取最常见的一种。",
    ),
    "unknown_activation": (
        "Activations: none was recognized; the layers are linear in the recipe.",
        "激活函数：一个也没有识别出来，设置中各层为线性。",
    ),
    "scale": (
        "Weights: their scale σ_w differs from layer to layer ({found}); the recipe has the "
        "geometric mean.",
        "权重：各层的尺度 σ_w 不同（{found}），设置中取几何平均。",
    ),
    "distribution": (
        "Weights: the recipe draws normal ones with the measured variance, whatever yours are.",
        "权重：不论你的是什么分布，设置中都按测得的方差取正态随机数。",
    ),
    "between": (
        "Between layers: more than an activation stands before {found}, as a sum, a shortcut or a "
        "pooling; the recipe has none of it.",
        "层与层之间：{found}之前不只有激活函数，例如求和、捷径或池化；设置中没有这些。",
    ),
    "norm": (
        "Normalization: {found} is not in the lab.",
        "归一化：实验台没有 {found}。",
    ),
    "optimizer": (
        "Optimizer: {found} is not in the lab; the recipe has SGD.",
        "优化器：实验台没有 {found}，设置中用 SGD。",
    ),
    "groups": (
        "Learning rates: {found}; the recipe has the first.",
        "学习率：{found}；设置中取第一个。",
    ),
    "steps": (
        "Steps: {found}; the run in the lab is shorter.",
        "训练步数：{found}；实验台上的训练较短。",
    ),
    "layers": (
        "Not in the lab: {found}.",
        "实验台没有：{found}。",
    ),
}


def nearest(
    parts: Parts,
    flows: Mapping[str, Flow],
    weight_norms: Mapping[str, float],
    optimizer: Optimizer,
) -> Nearest:
    """The recipe of a network at its first step, but for its number of steps.

    `weight_norms` are ‖W‖ by row at that step. Of dense and convolutional layers, in the order of
    the forward pass, all but the last are hidden.
    """
    left: dict[str, str] = {"data": "", "batch_size": ""}
    fields: dict = {}
    # The flows stand in the order in which the layers were called.
    owners = {part.name: part for part in parts.rows if isinstance(part.owner, KNOWN)}
    chain = [name for name in flows if name in owners and owners[name].weight is not None]
    if len(chain) > 1:
        fields |= _shape(chain[:-1], owners, left)
        fields |= _activation(chain[:-1], flows, parts, left)
        fields |= _scale(chain[:-1], owners, weight_norms, left)
        apart = [name for name in chain[1:] if flows[name].fed_by is None]
        if apart:
            left["between"] = ", ".join(apart[:3]) + (", …" if len(apart) > 3 else "")
    else:
        left["dense"] = ""
    fields |= _norm(parts.model, left)
    fields |= _training(optimizer, left)
    others = {type(part.owner).__name__ for part in parts.rows if not _has_place(part.owner)}
    if others:
        left["layers"] = ", ".join(sorted(others))
    return Nearest(Recipe(**fields), left)


def _has_place(owner: nn.Module) -> bool:
    """Whether the recipe says something of a module of this kind, or it is named elsewhere."""
    return isinstance(owner, (*KNOWN, *NORMS))


def _shape(chain: Sequence[str], owners: Mapping, left: dict[str, str]) -> dict:
    weights = [owners[name].weight for name in chain]
    widths = [weight.shape[0] for weight in weights]
    if any(not isinstance(owners[name].owner, nn.Linear) for name in chain):
        left["convolution"] = ""
    if len(set(widths)) > 1:
        left["width"] = ", ".join(map(str, dict.fromkeys(widths)))
    width = int(np.median(widths))
    return {"depth": _within("depth", len(chain)), "width": _within("width", width)}


def _activation(
    chain: Sequence[str], flows: Mapping[str, Flow], parts: Parts, left: dict[str, str]
) -> dict:
    """The most frequent activation after the layers, or after the norms that follow them."""
    norms = {part.name for part in parts.rows if isinstance(part.owner, NORMS)}
    found = [flows[name].activation for name in flows if name in norms or name in chain]
    known = [phi.name for phi in found if phi is not None]
    if not known:
        left["unknown_activation"] = ""
        return {"activation": "linear"}
    names = dict.fromkeys(known + (["linear"] if len(known) < len(chain) else []))
    if len(names) > 1:
        left["activation"] = ", ".join(names)
    return {"activation": max(names, key=known.count)}


def _scale(
    chain: Sequence[str], owners: Mapping, norms: Mapping[str, float], left: dict[str, str]
) -> dict:
    """σ_w of each hidden layer, σ_w² = fan_in·Var(W) = ‖W‖²/fan_out."""
    scales = [norms[name] / math.sqrt(owners[name].weight.shape[0]) for name in chain]
    known = [scale for scale in scales if 0 < scale < math.inf]
    if not known:
        return {}
    left["distribution"] = ""
    mean = math.exp(sum(map(math.log, known)) / len(known))
    if max(known) > (1 + _EQUAL) * min(known):
        left["scale"] = f"{min(known):.2g}–{max(known):.2g}"
    return {"init": "kaiming_normal", "gain": _within("gain", float(f"{mean:.3g}"))}


def _norm(model: nn.Module, left: dict[str, str]) -> dict:
    kinds = [type(module) for module in model.modules() if isinstance(module, NORMS)]
    batch = [kind for kind in kinds if issubclass(kind, nn.modules.batchnorm._BatchNorm)]
    layer = [kind for kind in kinds if issubclass(kind, nn.LayerNorm)]
    others = sorted({kind.__name__ for kind in kinds} - {k.__name__ for k in (*batch, *layer)})
    if others:
        left["norm"] = ", ".join(others)
    if batch or layer:
        return {"norm": "batch" if len(batch) >= len(layer) else "layer"}
    return {}


def _training(optimizer: Optimizer, left: dict[str, str]) -> dict:
    kind = type(optimizer).__name__
    group = optimizer.param_groups[0]
    known = {"SGD": "sgd", "Adam": "adam", "AdamW": "adamw"}
    if kind not in known:
        left["optimizer"] = kind
    rates = list(dict.fromkeys(f"{float(own['lr']):g}" for own in optimizer.param_groups))
    if len(rates) > 1:
        left["groups"] = ", ".join(rates)
    fields = {"optimizer": known.get(kind, "sgd"), "lr": _within("lr", float(group["lr"]))}
    fields["weight_decay"] = _within("weight_decay", float(group.get("weight_decay", 0.0)))
    if fields["optimizer"] == "sgd":
        fields["momentum"] = _within("momentum", float(group.get("momentum", 0.0)))
    return fields


def _within(name: str, value: float) -> float:
    """`value`, or the end of the field's range that is nearest to it; of the same type."""
    low, high = RANGES[name]
    return type(value)(min(max(value, low), high))
