"""`build(recipe, seeds)`: a dense network, for several seeds at once.

All seeds are trained together as one batched network: each parameter is stacked to
[seeds, fan_in, fan_out], and all parameters of a seed lie in one row of `Network.vector`, so that
an optimizer step or a gradient norm is one operation. `export` gives one seed's network as an
ordinary PyTorch module.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from gradviz.activations import Activation
from gradviz.data import load
from gradviz.engine import backprop, initialization
from gradviz.engine.initialization import WEIGHT_KINDS, Name
from gradviz.engine.passes import Pass
from gradviz.engine.threads import one_thread
from gradviz.recipe import RANGES, Recipe, activation_of
from gradviz.theory.scales import residual_scale

MAX_SEEDS = 100


class Network:
    """A dense network as `recipe` says, once for each of `seeds`.

    `parameters[kind, layer]` are views into `vector` [seeds, size]. The kinds are W and b (layers
    1 to depth + 1; with BatchNorm only the output layer has a b, for the norm would subtract it),
    gamma and beta (with `norm`), V and c (with `residual`: the branch's second matrix and bias),
    alpha (its scale, where that is trained) and P (the shortcut's projection, where the widths
    differ). `running[layer]` holds the running mean and variance of BatchNorm, each
    [seeds · width].
    """

    def __init__(self, recipe: Recipe, seeds: tuple[int, ...], features: int, classes: int) -> None:
        self.recipe = recipe
        self.seeds = seeds
        self.features = features
        self.classes = classes
        self.activation: Activation = activation_of(recipe)
        self._shapes = initialization.shapes(recipe, features, classes)
        self._sizes = [math.prod(shape) for shape in self._shapes.values()]
        self.vector = torch.stack(
            [initialization.draw(recipe, seed, self._shapes) for seed in seeds]
        )
        self.parameters = self.parts(self.vector)
        ends = itertools.accumulate(self._sizes)
        before = zip(self._shapes, [0, *ends], strict=False)
        self._starts = {layer: start for (kind, layer), start in before if kind == "W"}
        self._starts[recipe.depth + 2] = sum(self._sizes)
        self._scale = residual_scale(recipe)
        channels = len(seeds) * recipe.width
        layers = range(1, recipe.depth + 1) if recipe.norm == "batch" else ()
        self.running = {layer: (torch.zeros(channels), torch.ones(channels)) for layer in layers}

    def parts(self, vector: Tensor) -> dict[Name, Tensor]:
        """Views of `vector` [seeds, size], a row of parameters or of gradients, by name."""
        pieces = vector.split(self._sizes, dim=1)
        return {
            name: piece.view(-1, *shape)
            for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)
        }

    def weights(self, vector: Tensor) -> list[Tensor]:
        """Views of the W_l of `vector`, layers 1 to depth + 1, each [seeds, fan_in, fan_out]."""
        return [part for (kind, _), part in self.parts(vector).items() if kind == "W"]

    def stacked_weights(self, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same in three views: layer 1, layers 2 to depth (of one shape), and the output.

        Each is [seeds, layers, fan_in, fan_out].
        """
        depth = self.recipe.depth
        return (
            self._stack_of_weights(vector, 1, 1),
            self._stack_of_weights(vector, 2, depth - 1),
            self._stack_of_weights(vector, depth + 1, 1),
        )

    def _stack_of_weights(self, vector: Tensor, layer: int, count: int) -> Tensor:
        """A view of the W of so many layers of one shape from `layer` on."""
        # Each layer's parameters follow those of the layer below it, W first.
        start, shape = self._starts[layer], self._shapes["W", layer]
        size = (self._starts[layer + 1] - start) if count else 1
        stride = (vector.stride(0), size, shape[1], 1)
        return vector.as_strided((len(vector), count, *shape), stride, start)

    def is_weight(self) -> Tensor:
        """1.0 where `vector` holds a weight matrix, 0.0 at biases and norm parameters; [size]."""
        flags = torch.tensor([float(kind in WEIGHT_KINDS) for kind, _ in self._shapes])
        return flags.repeat_interleave(torch.tensor(self._sizes))

    def scale(self, layer: int) -> float | Tensor:
        """What the branch of a residual block is multiplied by; one for each seed if trained."""
        return self.parameters.get(("alpha", layer), self._scale)

    def forward(self, x: Tensor, training: bool = False, into: Pass | None = None) -> Pass:
        """Run `x` [seeds, batch, features], or [batch, features] for all seeds, through.

        `training` normalizes by the batch's statistics, and moves the running ones; without it
        BatchNorm uses the running ones. Nothing else depends on it. What comes out is written
        `into` a pass of so large a batch, or into a new one; autograd does not see it: `export`
        gives modules for that.
        """
        passed = into or Pass(self, x.shape[-2])
        return backprop.forward(self, x.expand(len(self.seeds), -1, -1), training, passed)


@one_thread()
def build(
    recipe: Recipe,
    seeds: int | Sequence[int] = 1,
    features: int | None = None,
    classes: int | None = None,
) -> Network:
    """The network of `recipe` at its initialization, once for each seed.

    `seeds` are the seeds themselves, or how many of them from `recipe.seed` on. `features` and
    `classes` are those of the recipe's data set unless given.

    `recipe.gain`, or if None the activation's own, is for the matrices W that an activation
    follows. The output layer, V and the shortcut's projection have a linear end and gain 1.
    With `init="kaiming_normal"`, `gain` is the σ_w of mean-field theory: W ~ N(0, σ_w²/fan_in).

    Raises `ValueError` for seeds that are not whole numbers in range.
    """
    if features is None or classes is None:
        data = load(recipe.dataset, recipe.seed)
        features, classes = features or data.features, classes or data.classes
    return Network(recipe, seed_list(recipe, seeds), features, classes)


def seed_list(recipe: Recipe, seeds: int | Sequence[int]) -> tuple[int, ...]:
    """The seeds that `seeds` stands for: themselves, or that many from `recipe.seed` on.

    Raises `ValueError` for none, too many, or anything but whole numbers in range.
    """
    low, high = RANGES["seed"]
    if not isinstance(seeds, Sequence):
        if not is_whole(seeds, 1, MAX_SEEDS):
            raise ValueError(f"seeds={seeds!r} is not a whole number from 1 to {MAX_SEEDS}")
        return tuple(range(recipe.seed, recipe.seed + seeds))
    if not 1 <= len(seeds) <= MAX_SEEDS or not all(is_whole(seed, low, high) for seed in seeds):
        raise ValueError(
            f"seeds={seeds!r} are not 1 to {MAX_SEEDS} whole numbers from {low:g} to {high:g}"
        )
    return tuple(seeds)


def is_whole(value: object, low: float, high: float) -> bool:
    """Whether `value` is an int, and not a bool, from `low` to `high`."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


class Elementwise(nn.Module):
    """An activation of the table as a module."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, z: Tensor) -> Tensor:
        """φ(z), of the shape of `z`."""
        return self.activation.torch_function(z)

    def extra_repr(self) -> str:
        """The activation's name, for printing."""
        return self.activation.name


class Residual(nn.Module):
    """shortcut(h) + scale · branch(h); a scale that is a parameter is trained."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, scale: float | nn.Parameter) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.scale = scale

    def forward(self, h: Tensor) -> Tensor:
        """[batch, fan_in] to [batch, width]."""
        return self.shortcut(h) + self.scale * self.branch(h)


def export(network: Network, seed_index: int = 0) -> nn.Sequential:
    """One seed's network as an ordinary PyTorch module, with a copy of its parameters."""
    recipe = network.recipe
    layers: list[nn.Module] = []
    for layer in range(1, recipe.depth + 1):
        stages: list[nn.Module] = [_export_linear(network, seed_index, "W", "b", layer)]
        if recipe.norm != "none":
            stages.append(_export_norm(network, seed_index, layer))
        stages.append(Elementwise(network.activation))
        if recipe.residual:
            stages.append(_export_linear(network, seed_index, "V", "c", layer))
            shortcut = (
                _export_linear(network, seed_index, "P", None, layer)
                if ("P", layer) in network.parameters
                else nn.Identity()
            )
            scale = _export_scale(network, seed_index, layer)
            stages = [Residual(nn.Sequential(*stages), shortcut, scale)]
        layers += stages
    return nn.Sequential(*layers, _export_linear(network, seed_index, "W", "b", recipe.depth + 1))


@torch.no_grad()
def _export_linear(
    network: Network, seed_index: int, weight: str, bias: str | None, layer: int
) -> nn.Linear:
    matrix = network.parameters[weight, layer][seed_index]
    offset = None if bias is None else network.parameters.get((bias, layer))
    skipped = nn.utils.skip_init(nn.Linear, *matrix.shape, bias=offset is not None)
    linear = cast("nn.Linear", skipped)  # typed as any module
    linear.weight.copy_(matrix.T)
    if offset is not None:
        linear.bias.copy_(offset[seed_index, 0])
    return linear


def _export_scale(network: Network, seed_index: int, layer: int) -> float | nn.Parameter:
    trained = network.parameters.get(("alpha", layer))
    if trained is None:
        return residual_scale(network.recipe)
    return nn.Parameter(trained[seed_index, 0].detach().clone())


@torch.no_grad()
def _export_norm(network: Network, seed_index: int, layer: int) -> nn.Module:
    width = network.recipe.width
    norm = nn.LayerNorm(width) if network.recipe.norm == "layer" else nn.BatchNorm1d(width)
    norm.weight.copy_(network.parameters["gamma", layer][seed_index, 0])
    norm.bias.copy_(network.parameters["beta", layer][seed_index, 0])
    if network.recipe.norm == "batch":
        mean, variance = (part.view(-1, width)[seed_index] for part in network.running[layer])
        norm.get_buffer("running_mean").copy_(mean)
        norm.get_buffer("running_var").copy_(variance)
    return norm
