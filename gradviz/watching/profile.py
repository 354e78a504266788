"""`profile(module, x, y)`: δ, weight gradient and weight norm of any module, measured once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gradviz.language import t
from gradviz.watching.missing import REASONS, missing
from gradviz.watching.outputs import Flow, Outputs, squared_norm
from gradviz.watching.parts import Part, Parts, parts_of

COLUMNS = ("layer", "name", "delta", "weight_gradient", "weight_norm")


def profile(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> pd.DataFrame:
    """Measure δ, weight gradient and weight norm of a module, without training it.

    The rows are those of `watch`, in the order of the forward pass, with columns layer (from 1),
    name, delta (‖∂L/∂output‖, of a layer that is called again in a row "name #2"), weight_gradient
    and weight_norm; NaN where there is none, as for a frozen layer or for what lies inside an LSTM.
    The module is run in the mode in which it is, on as many threads as PyTorch is set to use, and
    neither its buffers nor its `.grad` are changed.

    `table.attrs["not_measured"]` is a dict of names and reasons, as `record.not_measured`; a
    `UserWarning` names the parameters that no gradient reaches.
    """
    parts = parts_of(module)
    outputs = Outputs(parts, fresh=lambda: False)
    outputs.open()
    try:
        with _buffers_restored(module):
            value = loss(module(x), y)
        gradients = _gradients(value, [p for p in module.parameters() if p.requires_grad])
        flows, order = outputs.flows, outputs.order_of_rows()
    finally:
        outputs.close()
    by_name = {part.name: part for part in parts.rows}
    rows = [_row(flows.get(name), by_name.get(name), gradients) for name in order]
    table = pd.DataFrame(rows, columns=["delta", "weight_gradient", "weight_norm"])
    table.insert(0, "name", list(order))
    table.insert(0, "layer", range(1, len(order) + 1))
    table.attrs["not_measured"] = _missing(parts, flows, gradients)
    return table


def _row(
    flow: Flow | None, part: Part | None, gradients: dict[nn.Parameter, Tensor]
) -> tuple[float, float, float]:
    delta = {} if flow is None else flow.values()
    weight = None if part is None else part.weight
    if part is None or weight is None:
        return _number(delta.get("delta")), _number(None), _number(None)
    gradient = gradients.get(weight)
    return (
        _number(delta.get("delta")),
        _number(None if gradient is None else squared_norm(part.of(gradient)).sqrt()),
        _number(squared_norm(part.of(weight)).sqrt()),
    )


def _number(value: Tensor | None) -> float:
    return float("nan") if value is None else float(value)


def _missing(
    parts: Parts, flows: dict[str, Flow], gradients: dict[nn.Parameter, Tensor]
) -> dict[str, str]:
    measured = {(part.name, "weight_gradient") for part in parts.rows if part.weight in gradients}
    found: dict[str, list[str]] = {}
    unreached = []
    for name, reason, other in missing(parts, flows, measured):
        found.setdefault(name, []).append(t(*REASONS[reason], other=other))
        unreached += [name] if reason == "unreached" else []
    if unreached:
        warnings.warn(f"no gradient reaches {', '.join(unreached)}", UserWarning, stacklevel=3)
    return {name: t("; ", "；").join(reasons) for name, reasons in found.items()}


@contextmanager
def _buffers_restored(module: nn.Module) -> Iterator[None]:
    saved = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in module.named_buffers():
            # Through .data, because the graph may still hold the buffer's current version.
            buffer.data = saved[name]


def _gradients(value: Tensor, parameters: list[nn.Parameter]) -> dict[nn.Parameter, Tensor]:
    """∂value/∂parameter where there is one; on the way the hooks on the outputs are called."""
    if not parameters or not value.requires_grad:
        return {}
    found = torch.autograd.grad(value, parameters, allow_unused=True)
    return {p: g for p, g in zip(parameters, found, strict=True) if g is not None}
