"""Which of PyTorch's functions is which activation, and which only give values another shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradviz.activations import ACTIVATIONS, Activation, activation

_PLACES = (F, torch, Tensor)
_NAMES = {
    function: name
    for name in ACTIVATIONS
    if name != "linear"  # PyTorch's function of this name is a layer
    for place in _PLACES
    for spelling in (name, f"{name}_")
    if (function := getattr(place, spelling, None)) is not None
}
_RESHAPED = {
    function
    for place in (torch, Tensor)
    for name in ("flatten", "reshape", "view", "unsqueeze", "squeeze", "contiguous")
    if (function := getattr(place, name, None)) is not None
}


def activation_called(function: Callable, args: tuple, kwargs: dict[str, Any]) -> Activation | None:
    """The activation that `function` is when it is called so; None if it is none of the table."""
    name = _NAMES.get(function)
    if name is None:
        return None
    shape = args[1] if len(args) > 1 else None
    if name == "leaky_relu":
        slope = kwargs.get("negative_slope", 0.01 if shape is None else shape)
        return activation(name, negative_slope=float(slope))
    if name == "elu":
        return activation(name, alpha=float(kwargs.get("alpha", 1.0 if shape is None else shape)))
    return ACTIVATIONS[name]


def keeps_values(function: Callable, args: tuple, kwargs: dict[str, Any]) -> bool:
    """Whether the result holds the values of the first argument, if in another shape."""
    if function is F.dropout:
        training = kwargs.get("training", args[2] if len(args) > 2 else True)
        return not training or (args[1] if len(args) > 1 else kwargs.get("p", 0.5)) == 0
    return function in _RESHAPED
