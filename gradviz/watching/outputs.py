"""What flows through a model's layers: δ, the size of what comes out, and how open its units are.

Hooks on the outputs of layers, of modules as they are called, so that the graph that autograd goes
through stays the very one that it would be without them. They are PyTorch's global module hooks,
because a layer that has hooks of its own is computed in other ways in some places (transformers
outside of training), and then its numbers would not be the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode

from gradviz.activations import SATURATED_BELOW, Activation
from gradviz.engine.measure import slopes
from gradviz.watching.functions import activation_called, keeps_values
from gradviz.watching.parts import Parts

MOST_CALLS = 64  # of one layer in a forward pass that have rows of their own


def squared_norm(tensor: Tensor) -> Tensor:
    """Σx² in float64, because float32 squares would underflow; a tensor without dimensions."""
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    # Apple's processors have no float64.
    wide = torch.float32 if tensor.device.type == "mps" else torch.float64
    return torch.linalg.vector_norm(tensor.detach(), dtype=wide).square()


@dataclass(eq=False)
class Flow:
    """What has flowed through one layer since the last step, over all batches of that step.

    `signal` is ‖∂L/∂output‖², of recurrent layers with that of their last state, summed over the
    batches: L is then the sum of their losses. `output` is the sum of the squares of its
    `elements`. `saturated` is the sum of the shares of saturated values over `batches`, `closed`
    says of each unit whether it never had a slope. `twice` is true if one output was met by two
    backward passes, whose sum cannot be known here.
    """

    signal: Tensor | None = None
    output: Tensor | None = None
    elements: int = 0
    activation: Activation | None = None
    saturated: Tensor | None = None
    batches: int = 0
    closed: Tensor | None = None
    twice: bool = False
    branched: bool = False  # whether what comes out goes two ways
    fed_by: str | None = None  # the layer whose activation, and nothing else, is this one's input
    places: tuple[int, ...] = ()  # of the input of a convolution: its height and width

    def values(self) -> dict[str, Tensor]:
        """The quantities by name, each a tensor without dimensions."""
        found = {}
        if self.signal is not None and not self.twice:
            found["delta"] = self.signal.sqrt()
        if self.output is not None:
            found["output"] = (self.output / max(self.elements, 1)).sqrt()
        if self.saturated is not None and self.closed is not None:
            found["saturation"] = self.saturated / self.batches
            found["dead"] = self.closed.double().mean()
        return found


@dataclass(eq=False)
class _Pass:
    """One forward pass: how often each layer was called, and which tensors came out of which."""

    calls: dict[str, int] = field(default_factory=dict)
    outputs: dict[int, tuple[Tensor, str]] = field(default_factory=dict)
    activated: dict[int, tuple[Tensor, str]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)  # of those tensors, that a function has taken
    last: str | None = None
    measured: set[str] = field(default_factory=set)  # layers whose activation has been met


class Outputs:
    """The hooks on the outputs of a model's layers, while they are open.

    `flows` has the layers' names in the order of the forward pass; a layer that is called again in
    one pass has "name #2" from its second call on. `order` are all modules in the order in which
    they are entered. `retained`, if asked for, is called with each module, its inputs and its
    output. `fresh` says whether no gradient has been accumulated since the last step.
    """

    def __init__(
        self,
        parts: Parts,
        fresh: Callable[[], bool],
        retained: Callable[[str, nn.Module, tuple, Any], None] | None = None,
    ) -> None:
        self.flows: dict[str, Flow] = {}
        self.order: dict[str, None] = {}
        self.many: set[str] = set()  # layers that are called too often to have a row for each call
        self._parts, self._fresh, self._retained = parts, fresh, retained
        self._pass = _Pass()
        self._inside: list[nn.Module] = []  # the modules of the model that are being computed
        self._mode: _Functions | None = None
        self._handles: list[Any] = []
        self._backward = False  # whether a backward pass has begun since the last forward pass

    def open(self) -> None:
        """Begin to measure."""
        self._handles = [
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave, always_call=True),
        ]

    def close(self) -> None:
        """Remove all hooks, and forget."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._leave_mode()
        self._inside = []
        self.clear()

    def clear(self) -> None:
        """Forget what has been measured."""
        self.flows = {}
        self._pass = _Pass()

    def order_of_rows(self) -> tuple[str, ...]:
        """All rows in the order of the forward pass, each where the module that has it is entered.

        Further calls of a layer stand where they happen, and what was never entered at the end.
        """
        place = {name: number for number, name in enumerate(self.order)}

        def position(name: str) -> float:
            known = name
            while known and known not in place:
                known = known.rpartition(".")[0]
            # What the model itself enters first is not where its idle parts are.
            return place.get(known, math.inf) if known or not name else math.inf

        names = self._parts.module_names
        rows = sorted(self._parts.rows, key=lambda part: position(names[part.owner]))
        ordered = [part.name for part in rows]
        before = None
        for flow in self.flows:
            if flow not in ordered:
                ordered.insert(ordered.index(before) + 1 if before in ordered else 0, flow)
            before = flow
        return tuple(ordered)

    def _enter(self, module: nn.Module, inputs: tuple) -> None:
        name = self._parts.module_names.get(module)
        if name is None or torch.compiler.is_compiling():
            return
        self.order.setdefault(name)
        if not torch.is_grad_enabled():
            return
        if not self._inside:
            self._begin_forward(module)
        self._inside.append(module)
        row = self._parts.outputs.get(module)
        if row is not None:
            self._pass.calls[row] = self._pass.calls.get(row, 0) + 1
            if self._pass.calls[row] > MOST_CALLS:
                self.many.add(row)
                return
            flow = self.flows.setdefault(self._key(row), Flow())
            if inputs and torch.is_tensor(inputs[0]):
                known = self._pass.activated.get(id(inputs[0]))
                # Without an activation between them the layer before is linear.
                known = known or self._pass.outputs.get(id(inputs[0]))
                flow.fed_by, flow.places = known and known[1], tuple(inputs[0].shape[2:])

    def _begin_forward(self, module: nn.Module) -> None:
        if self._backward and self._fresh():
            self.flows = {}  # of a step that was never taken, as when a GradScaler skips it
        if self._backward or module is self._parts.model:
            self._pass, self._backward = _Pass(), False
        self._enter_mode()

    def _leave(self, module: nn.Module, inputs: tuple, output: Any) -> None:  # noqa: ANN401
        if not self._inside or self._inside[-1] is not module:
            return
        self._inside.pop()
        if not self._inside:
            self._leave_mode()
        row = self._parts.outputs.get(module)
        tensor = next(iter(_tensors(output)), None)
        if row is None or tensor is None or not tensor.requires_grad:
            return
        if self._pass.calls[row] > MOST_CALLS:
            return
        key = self._key(row)
        # The mode would see what is computed here, but nothing is known of `tensor` until the end.
        flow = self.flows.setdefault(key, Flow())
        flow.output = _added(flow.output, squared_norm(tensor))
        flow.elements += tensor.numel()
        # Recurrent layers hand on their last state, too, and often nothing else is used.
        recurrent = isinstance(module, nn.RNNBase | nn.RNNCellBase)
        for result in _tensors(output) if recurrent else [tensor]:
            if result.requires_grad:
                result.register_hook(self._listen(key))
        if self._retained is not None and recurrent:
            self._retained(key, module, inputs, output)
        self._pass.outputs[id(tensor)] = tensor, key
        self._pass.last = key

    def _key(self, row: str) -> str:
        call = self._pass.calls[row]
        return row if call == 1 else f"{row} #{call}"

    def _listen(self, key: str) -> Callable[[Tensor | None], None]:
        heard = False

        def hear(gradient: Tensor | None) -> None:
            nonlocal heard
            # The graph may outlive the measured step, and of several outputs one may be unused.
            if not self._handles or gradient is None:
                return
            if not self._backward:
                self._begin_backward()
            flow = self.flows.setdefault(key, Flow())
            flow.twice |= heard
            heard = True
            flow.signal = _added(flow.signal, squared_norm(gradient))

        return hear

    def _begin_backward(self) -> None:
        """Gradients that were set to zero are no longer part of the next step."""
        self._backward = True
        if self._fresh():
            for flow in self.flows.values():
                flow.signal, flow.twice = None, False

    def _enter_mode(self) -> None:
        # Attention takes another, fused way in evaluation, but not under a mode.
        fused = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder)
        if any(isinstance(m, fused) and not m.training for m in self._parts.module_names):
            return
        self._mode = _Functions(self._before_function, self._after_function)
        self._mode.__enter__()

    def _leave_mode(self) -> None:
        if self._mode is not None:
            self._mode.__exit__(None, None, None)
        self._mode = None

    def _before_function(self, function: Callable, args: tuple, kwargs: dict) -> str | None:
        """Measure the slopes, if `function` is an activation; the name of the layer before it."""
        phi = activation_called(function, args, kwargs)
        if phi is None:
            return None
        z = args[0] if args else kwargs["input"]
        if not z.requires_grad:
            return None
        own = self._pass.outputs.get(id(z))
        key = own[1] if own else self._pass.last
        if key is None or key in self._pass.measured:
            return None
        self._pass.measured.add(key)
        flow = self.flows.setdefault(key, Flow())
        flow.activation = phi
        # Under checkpointing all that is saved for a backward pass is counted, but not this.
        with saved_tensors_hooks(lambda x: x, lambda x: x):
            slope = slopes(phi, z).abs()
        share = (slope < SATURATED_BELOW * phi.largest_slope).double().mean()
        flow.saturated, flow.batches = _added(flow.saturated, share), flow.batches + 1
        # Units are the channels of images and sequences of convolutions, else the last dimension.
        axis = self._parts.unit_axis(key.partition(" #")[0])
        axis = axis if -slope.dim() <= axis < slope.dim() else -1
        closed = (slope == 0).movedim(axis, -1).reshape(-1, slope.shape[axis]).all(dim=0)
        known = flow.closed
        if known is not None and known.shape == closed.shape:
            closed = known & closed
        flow.closed = closed
        return key if own else None

    def _after_function(
        self,
        function: Callable,
        args: tuple,
        kwargs: dict,
        key: str | None,
        result: Any,  # noqa: ANN401
    ) -> None:
        """Remember whose activation `result` is, through functions that only reshape it."""
        if torch.is_tensor(result):
            self._count_uses(result, args)
        given = bool(args) and torch.is_tensor(args[0])
        if key is None and given and keeps_values(function, args, kwargs):
            known = self._pass.activated.get(id(args[0]))
            key = known and known[1]
        if key is not None and torch.is_tensor(result):
            self._pass.activated[id(result)] = result, key

    def _count_uses(self, result: Tensor, args: tuple) -> None:
        """Find the layers whose output, or its activation, more than one function takes."""
        given = [x for arg in args for x in (arg if isinstance(arg, list | tuple) else [arg])]
        for x in given:
            known = self._pass.activated.get(id(x)) or self._pass.outputs.get(id(x))
            if known is None or x is result:  # what works in place hands on the same tensor
                continue
            self.flows[known[1]].branched |= id(x) in self._pass.used
            self._pass.used.add(id(x))


class _Functions(TorchFunctionMode):
    """Sees every function of PyTorch that is called on tensors, and lets it do its work."""

    def __init__(self, before: Callable, after: Callable) -> None:
        super().__init__()
        self._before, self._after = before, after

    def __torch_function__(
        self,
        func: Callable,
        types: Any,  # noqa: ANN401
        args: tuple = (),
        kwargs: dict | None = None,
    ) -> Any:  # noqa: ANN401
        kwargs = kwargs or {}
        key = self._before(func, args, kwargs)
        result = func(*args, **kwargs)
        self._after(func, args, kwargs, key, result)
        return result


def _added(sum_: Tensor | None, term: Tensor) -> Tensor:
    return term if sum_ is None else sum_ + term


def _tensors(output: Any) -> list[Tensor]:  # noqa: ANN401
    """The tensors that a module returns; of packed sequences their data."""
    if torch.is_tensor(output):
        return [output]
    if isinstance(output, nn.utils.rnn.PackedSequence):
        return [output.data]
    return (
        [x for part in output for x in _tensors(part)] if isinstance(output, tuple | list) else []
    )
