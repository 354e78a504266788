"""What there is to measure in a module: its parts, by PyTorch's own names, and what hides in them.

A part is a row of every table: a layer with its weight, a projection of an attention, a matrix of
an LSTM, or a parameter that belongs to no layer. A normalization's weight is its scale γ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass(frozen=True, eq=False)
class Part:
    """One row: `weight` and `bias` are parameters, or None; `owner` is the module that has them.

    Of the weight it is only rows `first` to `last`, where several parts share one parameter.
    `weight_name` is PyTorch's name of the parameter, with what it is a part of.
    """

    name: str
    owner: nn.Module
    weight: nn.Parameter | None = None
    bias: nn.Parameter | None = None
    weight_name: str = ""
    first: int = 0
    last: int | None = None

    def of(self, tensor: Tensor) -> Tensor:
        """What belongs to the part of a tensor of the shape of its weight."""
        if tensor.is_sparse:  # the gradient of an embedding
            return tensor.coalesce().values()
        return tensor if self.last is None else tensor[self.first : self.last]


@dataclass(frozen=True, eq=False)
class Parts:
    """All that can be measured in a model.

    `rows` are the parts in the order in which PyTorch registers them. `outputs` maps each module
    whose output is a pre-activation to the name of its row. `shared` maps the name of a parameter
    to the part in which it is measured, because it is the same tensor.
    """

    model: nn.Module
    rows: tuple[Part, ...]
    outputs: dict[nn.Module, str]
    shared: dict[str, str]
    module_names: dict[nn.Module, str]

    def unit_axis(self, row: str) -> int:
        """The dimension of the units in the output of `row`: channels, or the last one."""
        owner = next((module for module, name in self.outputs.items() if name == row), None)
        if isinstance(owner, _ConvNd):  # of images and sequences it is that of the channels
            return -1 - len(owner.kernel_size)
        if isinstance(owner, nn.modules.batchnorm._BatchNorm | nn.GroupNorm):
            return 1
        return -1


def parts_of(model: nn.Module) -> Parts:
    """The parts of `model`: every parameter is the weight or the bias of exactly one, or shared."""
    rows: list[Part] = []
    names = {module: name for name, module in model.named_modules()}
    outputs = {
        module: _output_name(name, module)
        for module, name in names.items()
        if _has_pre_activation(module)
    }
    seen: dict[nn.Parameter, str] = {}
    shared: dict[str, str] = {}
    for module, name in names.items():
        for part in _parts_of_module(name, module):
            owned = [p for p in (part.weight, part.bias) if p is not None]
            if part.weight is not None and part.weight in seen and part.last is None:
                shared[part.weight_name] = seen[part.weight]
                owned.remove(part.weight)
                part = Part(part.name, module, None, part.bias)
            for parameter in owned:
                seen.setdefault(parameter, part.name)
            if owned or module in outputs:
                rows.append(part)
    for name, module in model.named_modules(remove_duplicate=False):
        if name != names[module]:
            shared |= {_join(name, key): names[module] for key, _ in _own(module)}
    return Parts(model, tuple(rows), outputs, shared, names)


def _has_pre_activation(module: nn.Module) -> bool:
    """Whether what comes out of `module` was made by its own parameters and nothing after them."""
    own = any(True for _ in _own(module))
    if isinstance(module, nn.MultiheadAttention):
        return True  # what comes out is that of its last projection
    if isinstance(module, ParametrizationList):
        return False  # what comes out is a weight
    # A layer with a parametrized weight has its parameters in a child.
    children = [
        child
        for child in module.children()
        if not isinstance(child, ParametrizationList | nn.ModuleDict)
    ]
    return (own or is_parametrized(module)) and not any(
        next(child.parameters(), None) is not None for child in children
    )


def _output_name(name: str, module: nn.Module) -> str:
    if isinstance(module, nn.MultiheadAttention):
        return _join(name, "out_proj")
    return name or type(module).__name__  # the model may be a single layer


def _parts_of_module(name: str, module: nn.Module) -> Iterator[Part]:
    own = dict(_own(module))
    if isinstance(module, nn.MultiheadAttention) and "in_proj_weight" in own:
        yield from _projections(name, module, own.pop("in_proj_weight"))
    weight, bias = own.pop("weight", None), own.pop("bias", None)
    row = name or type(module).__name__
    if weight is not None:
        yield Part(row, module, weight, bias, _join(name, "weight"))
    elif _has_pre_activation(module) and _output_name(name, module) == row:
        yield Part(row, module, None, bias)  # its output has this name, and no weight has
    elif bias is not None:
        own["bias"] = bias
    for key, parameter in own.items():
        yield Part(_join(name, key), module, parameter, None, _join(name, key))


def _projections(name: str, module: nn.MultiheadAttention, weight: nn.Parameter) -> Iterator[Part]:
    """Query, key and value of an attention lie in one matrix, one below the other."""
    size, path = module.embed_dim, _join(name, "in_proj_weight")
    for place, which in enumerate("qkv"):
        rows = place * size, (place + 1) * size
        yield Part(f"{path}[{which}]", module, weight, None, path, *rows)


def _own(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of `module` itself, those that it shares with others too."""
    return module.named_parameters(recurse=False, remove_duplicate=False)


def _join(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key
