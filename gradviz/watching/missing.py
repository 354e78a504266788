"""What could not be measured, by name and with the reason: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from torch import nn

from gradviz.watching.outputs import Flow
from gradviz.watching.parts import Part, Parts

# Why something was not measured, in both languages.
REASONS = {
    "frozen": ("frozen: it has no gradient", "已冻结：没有梯度"),
    "unreached": ("no gradient has reached it", "没有梯度传到它"),
    "no_optimizer": (
        "not among the optimizer's parameters, so it takes no step",
        "不在优化器的参数之中，因此没有更新",
    ),
    "no_output": (
        "δ: a parameter by itself, no layer whose output is its pre-activation",
        "δ：它只是一个参数，没有哪一层的输出是它的预激活值",
    ),
    "inside": (
        "δ: it is computed inside a module, where no hook can see it",
        "δ：它在模块内部计算，钩子看不到",
    ),
    "shared": (
        "the same parameter as {other}, measured there",
        "与 {other} 是同一个参数，在那里测量",
    ),
    "compiled": (
        "δ, outputs and units: the model is compiled, and hooks cannot see into it",
        "δ、输出和神经元：模型已被编译，钩子看不到内部",
    ),
    "not_called": ("δ: no forward pass through it was seen", "δ：没有看到经过它的前向传播"),
    "no_signal": ("δ: no gradient has reached its output", "δ：没有梯度传到它的输出"),
    "twice": (
        "δ: two backward passes went through one output, and their sum cannot be known",
        "δ：同一输出经过了两次反向传播，无法知道它们之和",
    ),
    "many": (
        "δ of its 65th call in a forward pass and all further ones",
        "一次前向传播中第 65 次及以后各次调用的 δ",
    ),
    "closure": (
        "the gradient after clipping: the optimizer computes it several times inside its step",
        "剪切后的梯度：优化器在更新步内部多次计算它",
    ),
    "closure_by_time": (
        "δ by time step: the optimizer computes the gradients inside its step",
        "各时间步的 δ：优化器在更新步内部计算梯度",
    ),
    "dropout": (
        "δ by time step: between its layers there is dropout",
        "各时间步的 δ：各层之间有 dropout",
    ),
    "packed": ("δ by time step: its sequences are packed", "各时间步的 δ：序列是打包的"),
}


def missing(
    parts: Parts,
    flows: Mapping[str, Flow],
    measured: Collection[tuple[str, str]],
    taken: Collection[nn.Parameter] | None = None,
    compiled: bool = False,
) -> Iterator[tuple[str, str, str]]:
    """(name, reason, what its sentence needs) of all that a step did not measure.

    `measured` are the (layer, quantity) of what it did; `taken` are the optimizer's parameters, if
    there is one.
    """
    for name, other in parts.shared.items():
        yield name, "shared", other
    with_output = set(parts.outputs.values())
    for part in parts.rows:
        yield from _of_weight(part, measured, taken)
        if part.name in with_output:
            flow = flows.get(part.name)
            reason = "compiled" if compiled else _of_signal(flow)
        else:
            reason = "inside" if part.owner in parts.outputs else "no_output"
        if reason:
            yield part.name, reason, ""


def _of_weight(
    part: Part,
    measured: Collection[tuple[str, str]],
    taken: Collection[nn.Parameter] | None,
) -> Iterator[tuple[str, str, str]]:
    if part.weight is None:
        return
    if not part.weight.requires_grad:
        yield part.name, "frozen", ""
    elif (part.name, "weight_gradient") not in measured:
        yield part.name, "unreached", ""
    elif taken is not None and part.weight not in taken:
        yield part.name, "no_optimizer", ""


def _of_signal(flow: Flow | None) -> str:
    """Why a layer's δ was not measured, "" if it was."""
    if flow is None or flow.output is None:
        return "not_called"
    if flow.signal is None:
        return "no_signal"
    return "twice" if flow.twice else ""
