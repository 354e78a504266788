"""`watch(model, optimizer)`: the training loop as it is, measured at every so many steps.

All that happens between two steps of the optimizer belongs to the second of them: forward and
backward passes, of one batch or of several whose gradients are accumulated, and clipping. On steps
that are not watched nothing is there but two hooks of the optimizer, which count.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gradviz.watching.expected import expected
from gradviz.watching.missing import missing
from gradviz.watching.nearest import nearest
from gradviz.watching.outputs import Outputs, squared_norm
from gradviz.watching.parts import Part, Parts, parts_of
from gradviz.watching.record import MOST, Record
from gradviz.watching.unrolled import Unrolled


def watch(
    model: nn.Module,
    optimizer: Optimizer,
    every: int = 50,
    by_time: bool = False,
    scaler: torch.amp.GradScaler | None = None,
    most: int = MOST,
) -> Watch:
    """Measure `model` while it is trained: `with watch(model, optimizer) as record: …`.

    The loop stays as it is. At the first step of `optimizer` and every `every`-th one from there,
    each layer's δ, size of output, gradient (before and after clipping), update ratio and weight
    norm are measured, and of activations the shares of saturated and dead units. `by_time` asks for
    ∂L/∂h_t of recurrent layers at each time step as well. If gradients are scaled, `scaler` is what
    scales them. At most `most` steps are kept, evenly spread.

    Where gradients are accumulated over several backward passes, the loss is the sum of theirs.
    The model's numbers, buffers, gradients and the random state are what they would be without; on
    leaving, by an exception too, nothing of it stays in the model. One watch at a time measures a
    model, and what runs in a compiled model is not seen: `record.not_measured` says so.

    Raises `ValueError` for `every` below 1 or `most` below 4.
    """
    if every < 1:
        raise ValueError(f"every={every!r} is not a whole number from 1")
    if most < 4:
        raise ValueError(f"most={most!r} is not a whole number from 4")
    return Watch(model, optimizer, every, by_time, scaler, most)


class Watch:
    """The hooks of one watch; `record` is what they have measured so far."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        every: int,
        by_time: bool,
        scaler: torch.amp.GradScaler | None,
        most: int,
    ) -> None:
        self.record = Record(every, most)
        self.step = 0  # of the optimizer, since the beginning
        self._model, self._optimizer, self._scaler = _original(model), optimizer, scaler
        self._parts = parts_of(self._model)
        rows = self._parts.rows
        self.record.kinds = {part.name: type(part.owner).__name__ for part in rows}
        matrices = [p.name for p in rows if p.weight is not None and p.weight.dim() > 1]
        self.record.matrices = frozenset(matrices)
        self._compiled = _is_compiled(model)
        self._unrolled = Unrolled() if by_time else None
        self._outputs = Outputs(self._parts, self._is_fresh, self._unrolled)
        self._handles: list[Any] = []  # of the optimizer, as long as the watch lasts
        self._step_handles: list[Any] = []  # of the parameters, on a watched step
        self._accumulated: dict[tuple[str, str], Tensor] = {}  # squared norms before clipping
        self._found: dict[tuple[str, str], Tensor] = {}
        self._before: dict[nn.Parameter, Tensor] = {}
        self._armed = False
        self._times: dict[str, np.ndarray] = {}
        self._inside_step = False  # whether the optimizer's step computes the gradients
        self._scale = 1.0  # by which the gradients of this step are multiplied

    def __enter__(self) -> Record:
        self.start()
        return self.record

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin: what `with` does on entering."""
        if self._handles:
            return
        self._handles = [
            self._optimizer.register_step_pre_hook(self._before_step),
            self._optimizer.register_step_post_hook(self._after_step),
        ]
        self._arm()

    def stop(self) -> None:
        """End, and leave nothing behind: what `with` does on leaving."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._disarm()

    def _arm(self) -> None:
        """Set the hooks for a step that is watched."""
        self._armed = True
        if not self._compiled:
            self._outputs.open()
        listeners = _by_parameter(self._parts)
        self._step_handles = [
            parameter.register_post_accumulate_grad_hook(self._listen(parts))
            for parameter, parts in listeners.items()
            if parameter.requires_grad
        ]

    def _disarm(self) -> None:
        self._armed = False
        for handle in self._step_handles:
            handle.remove()
        self._step_handles = []
        self._outputs.close()
        self._accumulated, self._found, self._before = {}, {}, {}
        if self._unrolled is not None:
            self._unrolled.clear()

    def _listen(self, parts: list[tuple[Part, str]]) -> Callable[[Tensor], None]:
        def hear(parameter: Tensor) -> None:
            if parameter.grad is not None:
                for part, quantity in parts:
                    # The last of several backward passes has the sum of all.
                    self._accumulated[part.name, quantity] = _square(part, quantity, parameter.grad)

        return hear

    def _is_fresh(self) -> bool:
        """Whether no gradient has been accumulated since the last step."""
        gradients = (p.grad for p in self._model.parameters() if p.grad is not None)
        fresh = not any(bool(gradient.detach().any()) for gradient in gradients)
        if fresh and self._unrolled is not None:
            self._unrolled.begin_again()
        return fresh

    def _before_step(self, optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
        if not self._armed:
            return
        # The first of the arguments is the optimizer; a closure computes the gradients in the step.
        self._inside_step = (args[1] if len(args) > 1 else kwargs.get("closure")) is not None
        self._scale = 1.0 if self._scaler is None else float(self._scaler.get_scale())
        self._before = {p: p.detach().clone() for p in _by_parameter(self._parts)}
        for part in self._parts.rows:
            if part.weight is not None:
                self._found[part.name, "weight_norm"] = squared_norm(part.of(part.weight.detach()))
        if not self._inside_step:
            self._find_clipped()
            self._times = {} if self._unrolled is None else self._unrolled.measure(self._scale)

    def _find_clipped(self) -> None:
        """The gradients that the optimizer is given."""
        scale = getattr(self._optimizer, "grad_scale", None)  # if it takes the scale away itself
        for part in self._parts.rows:
            if part.weight is not None and part.weight.grad is not None:
                given = _square(part, "weight_gradient", part.weight.grad)
                given = given if scale is None else given / float(scale) ** 2
                self._found[part.name, "clipped_gradient"] = given

    def _after_step(self, optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
        if self._armed:
            try:
                self._measure()
            finally:
                self._disarm()
        self.step += 1
        if self.step % self.record.stride == 0:
            self._arm()

    def _measure(self) -> None:
        """Put together what has been found at this step."""
        if self._inside_step:
            self._find_what_a_closure_left()
        taken = {p for group in self._optimizer.param_groups for p in group["params"]}
        for part in self._parts.rows:
            weight = part.weight
            if weight is None or weight not in taken or not weight.requires_grad:
                continue
            moved = part.of(weight.detach()) - part.of(self._before[weight])
            ratio = squared_norm(moved) / self._found[part.name, "weight_norm"]
            self._found[part.name, "update_ratio"] = ratio
        squares = {**self._accumulated_unscaled(), **self._found}
        flows = self._outputs.flows
        values = {key: square.sqrt() for key, square in squares.items()}
        for name, flow in flows.items():
            for quantity, value in flow.values().items():
                scaled = quantity == "delta"
                values[name, quantity] = value / self._scale if scaled else value
        numbers = _numbers(values)
        for part in self._parts.rows:
            # What starts at zero has no scale of its own to compare its first steps with.
            if numbers.get((part.name, "weight_norm")) == 0:
                numbers.pop((part.name, "update_ratio"), None)
        record = self.record
        record.layers = self._outputs.order_of_rows()
        first = not record.steps
        record.add(self.step, numbers, self._times)
        if first:
            record.expect(expected(self._parts, flows, numbers, self._before))
            norms = {name: own for (name, what), own in numbers.items() if what == "weight_norm"}
            record.compare(nearest(self._parts, flows, norms, self._optimizer))
        for name, flow in flows.items():
            if flow.activation is not None:
                record.activations[name] = flow.activation.name
        for found in missing(self._parts, flows, numbers, taken, self._compiled):
            record.miss(*found)
        for name in self._outputs.many:
            record.miss(name, "many")
        for name, reason in (self._unrolled.missed if self._unrolled else {}).items():
            record.miss(name, reason)

    def _find_what_a_closure_left(self) -> None:
        """The gradients still stand there; what was before the step is gone."""
        if not isinstance(self._optimizer, torch.optim.LBFGS):
            self._find_clipped()
        else:
            for part in self._parts.rows:
                self.record.miss(part.name, "closure")
        if self._unrolled is not None:
            self._unrolled.give_up("closure_by_time")

    def _accumulated_unscaled(self) -> dict[tuple[str, str], Tensor]:
        return {key: square / self._scale**2 for key, square in self._accumulated.items()}


def _by_parameter(parts: Parts) -> dict[nn.Parameter, list[tuple[Part, str]]]:
    """For each parameter the parts that have it, and as what."""
    found: dict[nn.Parameter, list[tuple[Part, str]]] = {}
    for part in parts.rows:
        if part.weight is not None:
            found.setdefault(part.weight, []).append((part, "weight_gradient"))
        if part.bias is not None:
            found.setdefault(part.bias, []).append((part, "bias_gradient"))
    return found


def _square(part: Part, quantity: str, gradient: Tensor) -> Tensor:
    return squared_norm(part.of(gradient) if quantity == "weight_gradient" else gradient)


def _numbers(values: dict[tuple[str, str], Tensor]) -> dict[tuple[str, str], float]:
    """All at once, because a processor that computes by itself is asked but once."""
    by_device: dict[torch.device, list[tuple[str, str]]] = {}
    for key, value in values.items():
        by_device.setdefault(value.device, []).append(key)
    found: dict[tuple[str, str], float] = {}
    for keys in by_device.values():
        numbers = torch.stack([values[key] for key in keys]).tolist()
        found |= dict(zip(keys, numbers, strict=True))
    return {key: found[key] for key in values}


def _original(model: nn.Module) -> nn.Module:
    """The model that was compiled, or `model` itself."""
    inner = getattr(model, "_orig_mod", None)
    return inner if isinstance(inner, nn.Module) else model


def _is_compiled(model: nn.Module) -> bool:
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )
