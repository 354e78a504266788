"""`profile(module, x, y)`: δ, weight gradient and weight norm, layer by layer, of any module."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Linear = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d  # what a row can be about
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)

COLUMNS = ("layer", "name", "delta", "weight_gradient", "weight_norm")


def profile(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> pd.DataFrame:
    """Measure δ, weight gradient and weight norm of a module's linear and convolutional layers.

    One row for each call of an `nn.Linear`, `nn.Conv1d`, `nn.Conv2d` or `nn.Conv3d`, in the order
    of the forward pass, with columns layer (from 1), name, delta (‖∂L/∂output‖ of that call),
    weight_gradient and weight_norm; NaN where `loss(module(x), y)` does not depend on it or it is
    frozen. The module is run in the mode in which it is, on as many threads as PyTorch is set to
    use, and neither its buffers nor its `.grad` are changed.

    No row tells of recurrent layers, attention projections, embeddings, transposed convolutions,
    or of parameters used in any other way. Their names are in `table.attrs["left_out"]`, a list,
    and a `UserWarning` says them; the biases of the rows and the scales and shifts of
    normalization layers, which have no weight matrix, are not among them.
    """
    calls: list[tuple[str, Linear, Tensor]] = []
    with _recording(module, calls), _buffers_restored(module):
        value = loss(module(x), y)
    tensors = [tensor for _, layer, output in calls for tensor in (output, layer.weight)]
    gradients = iter(_gradients(value, tensors))
    rows = [
        {
            "layer": number,
            "name": name,
            "delta": _norm(next(gradients)),
            "weight_gradient": _norm(next(gradients)),
            "weight_norm": _norm(layer.weight),
        }
        for number, (name, layer, _) in enumerate(calls, start=1)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table.attrs["left_out"] = _left_out(module, [layer for _, layer, _ in calls])
    if table.attrs["left_out"]:
        names = ", ".join(table.attrs["left_out"])
        warnings.warn(f"not measured: {names}", UserWarning, stacklevel=2)
    return table


def _left_out(module: nn.Module, measured: Sequence[nn.Module]) -> list[str]:
    """The names of the parameters of `module` that neither a row nor a norm's layer holds."""
    norms = [part for part in module.modules() if isinstance(part, NORMS)]
    known = {
        id(parameter)
        for layer in (*measured, *norms)
        for parameter in layer.parameters(recurse=False)
    }
    return [name for name, parameter in module.named_parameters() if id(parameter) not in known]


@contextmanager
def _recording(module: nn.Module, calls: list[tuple[str, Linear, Tensor]]) -> Iterator[None]:
    """Append the name, module and output of each call of a linear layer to `calls`."""

    def recorder(name: str) -> Callable[[Linear, tuple, Tensor], Tensor]:
        def record(layer: Linear, _: tuple, output: Tensor) -> Tensor:
            calls.append((name, layer, output))
            # An activation that works in place would overwrite the output that we keep.
            return output.clone()

        return record

    handles = [
        layer.register_forward_hook(recorder(name))
        for name, layer in module.named_modules()
        if isinstance(layer, Linear)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _buffers_restored(module: nn.Module) -> Iterator[None]:
    saved = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in module.named_buffers():
            # Through .data, because the graph may still hold the buffer's current version.
            buffer.data = saved[name]


def _gradients(value: Tensor, tensors: Sequence[Tensor]) -> list[Tensor | None]:
    """∂value/∂tensor for each tensor, None where there is none."""
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    found = iter(torch.autograd.grad(value, wanted, allow_unused=True) if wanted else ())
    return [next(found) if tensor.requires_grad else None for tensor in tensors]


def _norm(tensor: Tensor | None) -> float:
    if tensor is None:
        return float("nan")
    return torch.linalg.vector_norm(tensor.detach(), dtype=torch.float64).item()
