"""Recurrent layers taken apart by time step: how much of the loss depends on each hidden state.

`nn.LSTM` and its like compute all time steps in one function, in which no hook can see. So a
watched layer is computed again, step by step and from what went in, and the gradient that came in
at its output is sent back through that copy. The model and its graph have no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gradviz.watching.outputs import squared_norm


@dataclass(eq=False)
class _Call:
    """One call of a layer: what went in, and the gradients of what came out, as they arrive."""

    name: str
    layer: nn.RNNBase
    x: Tensor
    start: Any
    gradients: dict[str, Tensor] = field(default_factory=dict)

    def listen(self, what: str, tensor: Tensor) -> None:
        def hear(gradient: Tensor | None) -> None:
            if gradient is not None:
                known = self.gradients.get(what)
                self.gradients[what] = gradient.clone() if known is None else known + gradient

        if tensor.requires_grad:
            tensor.register_hook(hear)


class Unrolled:
    """∂L/∂h_t of each recurrent layer and direction, of the calls since the last step.

    `missed` has the names of those that cannot be unrolled, and the reason.
    """

    def __init__(self) -> None:
        self.missed: dict[str, str] = {}
        self._calls: list[_Call] = []

    def __call__(self, name: str, module: nn.Module, inputs: tuple, output: Any) -> None:  # noqa: ANN401
        """Keep one call of a `module` of the model, if it is recurrent."""
        if not isinstance(module, nn.RNNBase):
            return
        x = inputs[0] if inputs else None
        if not isinstance(x, Tensor):
            self.missed[name] = "packed"
        elif module.dropout > 0 and module.num_layers > 1 and module.training:
            self.missed[name] = "dropout"
        else:
            start = inputs[1] if len(inputs) > 1 else None
            call = _Call(name, module, x.detach(), _detached(start))
            sequence, last = output
            call.listen("sequence", sequence)
            for number, state in enumerate(last if isinstance(last, tuple) else (last,)):
                call.listen(f"last {number}", state)
            self._calls.append(call)

    def begin_again(self) -> None:
        """Forget the gradients so far: they belong to a step that was never taken."""
        self._calls = [call for call in self._calls if not call.gradients]

    def give_up(self, reason: str) -> None:
        """Name all calls so far as missed, and forget them."""
        self.missed |= {call.name: reason for call in self._calls}
        self.clear()

    def clear(self) -> None:
        """Forget all calls."""
        self._calls = []

    def measure(self, scale: float) -> dict[str, np.ndarray]:
        """‖∂L/∂h_t‖ by time step; the name is the layer's with PyTorch's suffix, as in "lstm.l0".

        `scale` is what the gradients were multiplied by.
        """
        squares: dict[str, np.ndarray] = {}
        for call in self._calls:
            for name, square in _by_time(call).items():
                known = squares.get(name, np.zeros(0))
                size = max(len(known), len(square))
                grown = [np.pad(part, (0, size - len(part))) for part in (known, square)]
                squares[name] = grown[0] + grown[1]
        return {name: np.sqrt(square) / scale for name, square in squares.items()}


def _detached(start: Any) -> Any:  # noqa: ANN401
    if isinstance(start, tuple):
        return tuple(part.detach() for part in start)
    return None if start is None else start.detach()


def _by_time(call: _Call) -> dict[str, np.ndarray]:
    """‖∂L/∂h_t‖² of each layer and direction of one call."""
    if not call.gradients:
        return {}
    with torch.enable_grad():
        hidden, outputs = _unroll(call)
        pairs = [(outputs[what], gradient) for what, gradient in call.gradients.items()]
        states = [h for track in hidden.values() for h in track]
        found = torch.autograd.grad(
            [output for output, _ in pairs],
            states,
            [gradient.to(output.dtype) for output, gradient in pairs],
            allow_unused=True,
        )
    squares = iter([0.0 if g is None else squared_norm(g).item() for g in found])
    return {
        f"{call.name}.{suffix}": np.array([next(squares) for _ in track])
        for suffix, track in hidden.items()
    }


def _unroll(call: _Call) -> tuple[dict[str, list[Tensor]], dict[str, Tensor]]:
    """The hidden states by layer and time, and the outputs, as `nn.LSTM` and its like have them."""
    layer, x = call.layer, call.x
    batched = x.dim() == 3
    if not batched:
        x = x.unsqueeze(1)
    elif layer.batch_first:
        x = x.transpose(0, 1)
    x = x.clone().requires_grad_()  # so that all has a graph
    start = call.start if isinstance(call.start, tuple) else (call.start,)
    start = tuple(s if s is None or batched else s.unsqueeze(1) for s in start)
    hidden: dict[str, list[Tensor]] = {}
    lasts: list[list[Tensor]] = []
    for number in range(layer.num_layers):
        tracks = []
        for back in range(2 if layer.bidirectional else 1):
            suffix = f"l{number}" + ("_reverse" if back else "")
            place = number * (2 if layer.bidirectional else 1) + back
            state = _start(layer, x, start, place)
            track, last = _run(layer, suffix, x.flip(0) if back else x, state)
            hidden[suffix] = track[::-1] if back else track
            tracks.append(torch.stack(hidden[suffix]))
            lasts.append(last)
        x = torch.cat(tracks, dim=2)
    states = [torch.stack(parts) for parts in zip(*lasts, strict=True)]
    if not batched:
        x, states = x.squeeze(1), [state.squeeze(1) for state in states]
    elif layer.batch_first:
        x = x.transpose(0, 1)
    return hidden, {"sequence": x, **{f"last {n}": state for n, state in enumerate(states)}}


def _start(layer: nn.RNNBase, x: Tensor, start: tuple, place: int) -> list[Tensor]:
    sizes = [layer.proj_size or layer.hidden_size]
    if isinstance(layer, nn.LSTM):
        sizes.append(layer.hidden_size)
    if start[0] is None:
        return [x.new_zeros(x.shape[1], size) for size in sizes]
    return [part[place] for part in start]


def _run(
    layer: nn.RNNBase, suffix: str, x: Tensor, state: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """One layer in one direction: h_t in the order in which they are computed, and the last state.

    The formulas are those of the documentation of `nn.RNN`, `nn.LSTM` and `nn.GRU`.
    """

    def own(name: str) -> Tensor | None:
        parameter = getattr(layer, f"{name}_{suffix}", None)
        return None if parameter is None else parameter.detach()

    w_in, w_back = own("weight_ih"), own("weight_hh")
    assert w_in is not None and w_back is not None  # every layer has them
    track = []
    for x_t in x:
        inward = F.linear(x_t, w_in, own("bias_ih"))
        back = F.linear(state[0], w_back, own("bias_hh"))
        if isinstance(layer, nn.LSTM):
            i, f, g, o = (inward + back).chunk(4, dim=1)
            c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            projection = own("weight_hr")
            state = [h if projection is None else F.linear(h, projection), c]
        elif isinstance(layer, nn.GRU):
            (r_in, z_in, n_in), (r_back, z_back, n_back) = inward.chunk(3, 1), back.chunk(3, 1)
            r, z = (r_in + r_back).sigmoid(), (z_in + z_back).sigmoid()
            n = (n_in + r * n_back).tanh()
            state = [(1 - z) * n + z * state[0]]
        else:
            both = inward + back
            relu = isinstance(layer, nn.RNN) and layer.nonlinearity == "relu"
            state = [both.relu() if relu else both.tanh()]
        track.append(state[0])
    return track, state
