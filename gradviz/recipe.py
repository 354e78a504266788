"""`Recipe`: everything that decides a training run, as one flat and immutable record.

A remedy is one visible difference: `replace(base, norm="batch")`. The allowed values live in
`CHOICES` and `RANGES`, which the user interface reads too.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from gradviz.activations import ACTIVATIONS, Activation, activation

replace = dataclasses.replace

DATASETS = ("digits", "moons", "circles", "spirals")
INITIALIZATIONS = (
    "kaiming_normal",
    "kaiming_uniform",
    "xavier_normal",
    "xavier_uniform",
    "orthogonal",
    "pytorch",
    "normal",
)

CHOICES: dict[str, tuple[str, ...]] = {
    "dataset": DATASETS,
    "activation": tuple(ACTIVATIONS),
    "init": INITIALIZATIONS,
    "norm": ("none", "batch", "layer"),
    "optimizer": ("sgd", "adam", "adamw"),
    "clip": ("none", "norm", "value"),
    "pretrain": ("none", "rbm", "autoencoder"),
}

RANGES: dict[str, tuple[float, float]] = {
    "depth": (1, 200),
    "width": (1, 1024),
    "negative_slope": (0.0, 1.0),
    "alpha": (0.0, 10.0),
    "gain": (0.0, 100.0),
    "std": (0.0, 100.0),
    "bias_std": (0.0, 100.0),
    "residual_scale": (0.0, 10.0),
    "lr": (0.0, 100.0),
    "momentum": (0.0, 0.9999),
    "weight_decay": (0.0, 10.0),
    "l1": (0.0, 10.0),
    "l2": (0.0, 10.0),
    "clip_at": (1e-6, 1e6),
    "pretrain_epochs": (1, 1000),
    "batch_size": (1, 4096),
    "steps": (0, 100_000),
    "seed": (0, 2**31 - 1),
}

_LONGEST = 80  # characters of a wrong value that a message repeats
_WHOLE = ("depth", "width", "pretrain_epochs", "batch_size", "steps", "seed")
_OPTIONAL = ("gain", "residual_scale")
REZERO = "rezero"
NAMED = {"residual_scale": (REZERO,)}  # the names that may stand for a number


@dataclass(frozen=True)
class Recipe:
    """The settings of one training run; the names are PyTorch's wherever PyTorch has one.

    Raises `ValueError` naming the field, the value and the allowed range.
    """

    dataset: str = "digits"
    depth: int = 10  # number of hidden layers
    width: int = 32  # units in each hidden layer
    activation: str = "sigmoid"
    negative_slope: float = 0.01  # of leaky_relu
    alpha: float = 1.0  # of elu
    init: str = "kaiming_normal"
    gain: float | None = None  # multiplies every init but pytorch and normal; None: the standard
    std: float = 1.0  # standard deviation of init="normal"
    bias_std: float = 0.0  # σ_b; init="pytorch" draws its biases its own way
    norm: str = "none"  # normalizes each hidden layer's pre-activations
    residual: bool = False  # each hidden layer becomes h + scale·(V φ(W h))
    # None: 1/√depth; "rezero": each block's own, trained from 0 on (Bachlechner et al. 2020)
    residual_scale: float | str | None = None
    optimizer: str = "sgd"
    lr: float = 0.05
    momentum: float = 0.9  # of sgd
    weight_decay: float = 0.0  # as in torch.optim: added to the gradient (sgd, adam) or not (adamw)
    l1: float = 0.0  # adds l1·Σ|W| to the loss
    l2: float = 0.0  # adds l2·ΣW² to the loss
    clip: str = "none"
    clip_at: float = 1.0  # the threshold of clip
    pretrain: str = "none"  # greedy, layer by layer, before the training proper
    pretrain_epochs: int = 30  # passes over the training data for each layer
    batch_size: int = 128
    steps: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        for field, allowed in CHOICES.items():
            value = getattr(self, field)
            if value not in allowed:
                raise ValueError(f"{field}={_shown(value)} is not one of {', '.join(allowed)}")
        for field, (low, high) in RANGES.items():
            _check_number(field, getattr(self, field), low, high)
        if not isinstance(self.residual, bool):
            raise ValueError(f"residual={_shown(self.residual)} is not one of True, False")


def activation_of(recipe: Recipe) -> Activation:
    """The activation function of `recipe`, shaped by its `negative_slope` or `alpha`."""
    return activation(recipe.activation, recipe.negative_slope, recipe.alpha)


def _check_number(field: str, value: object, low: float, high: float) -> None:
    if (value is None and field in _OPTIONAL) or value in NAMED.get(field, ()):
        return
    kind = int if field in _WHOLE else (int, float)
    whole = "whole " if field in _WHOLE else ""
    if (
        isinstance(value, kind)
        and not isinstance(value, bool)
        and low <= value <= high  # false for NaN
    ):
        return
    raise ValueError(f"{field}={_shown(value)} is not a {whole}number from {low:g} to {high:g}")


def _shown(value: object) -> str:
    """A value that is wrong, short; Python itself refuses to write a number of 5,000 digits."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"<whole number of {value.bit_length()} bits>"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
