"""Backpropagation: each stage of a network forward, and beside it backward.

A function `…_back` takes the gradient of the loss L with respect to what its stage put out, writes
those with respect to the stage's parameters, and returns the one with respect to what the stage was
given. There is no autograd here: it is what the tests compare these lines with.

All seeds go through together: every tensor is [seeds, batch, units], weights are
[seeds, fan_in, fan_out], and biases and norm parameters [seeds, 1, units].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gradviz.engine.passes import Gradients, Pass

if TYPE_CHECKING:
    from gradviz.engine.network import Network

# Those of nn.BatchNorm1d and nn.LayerNorm.
BATCH_NORM_MOMENTUM = 0.1
NORM_EPS = 1e-5

OVER = {"batch": 1, "layer": 2}  # the dimension over which each norm takes its statistics


@torch.no_grad()
def forward(network: Network, x: Tensor, training: bool, passed: Pass) -> Pass:
    """Run `x` [seeds, batch, features] through `network`, and fill `passed` with what it makes."""
    parts = network.parameters
    passed.x, passed.training = x, training
    h = x
    for i in range(network.recipe.depth):
        layer = i + 1
        linear(h, parts["W", layer], parts.get(("b", layer)), out=passed.linear[i])
        if network.recipe.norm != "none":
            normalize(network, passed, layer)
        network.activation.fill(passed.z[i], passed.a[i])
        if network.recipe.residual:
            add_branch(network, passed, layer, h)
        h = passed.h[i]
    last = network.recipe.depth + 1
    linear(h, parts["W", last], parts["b", last], out=passed.logits)
    return passed


@torch.no_grad()
def backward(
    network: Network, passed: Pass, loss: Loss, found: Gradients | None = None
) -> Gradients:
    """The gradients of `loss` with respect to all z and all parameters, from the output down.

    `passed` is what `forward` left behind; they are written to `found`, or to new tensors.
    """
    found = found or Gradients(network, passed.logits.shape[1])
    parts, gradients = network.parameters, found.parameters
    given = [passed.x, *passed.h]  # what each layer was given
    last = network.recipe.depth + 1
    delta = found.signals[-1].copy_(loss.gradient)
    linear_back(given[-1], delta, gradients["W", last], gradients["b", last])
    back = torch.bmm(delta, parts["W", last].mT)
    for layer in range(network.recipe.depth, 0, -1):
        i, shortcut = layer - 1, None
        if network.recipe.residual:
            back, shortcut = add_branch_back(network, passed, layer, given[i], back, found)
        delta = found.signals[i]
        network.activation.fill_back(back, passed.z[i], passed.a[i], out=delta)  # φ′(z) · ∂L/∂φ(z)
        if network.recipe.norm != "none":
            delta = normalize_back(network, passed, layer, delta, found)
        linear_back(given[i], delta, gradients["W", layer], gradients.get(("b", layer)))
        if layer > 1 or found.to_input:
            back = torch.bmm(delta, parts["W", layer].mT)
            back = back if shortcut is None else back.add_(shortcut)
    if found.to_input:
        found.x = back
    return found


def linear(h: Tensor, weight: Tensor, bias: Tensor | None, out: Tensor) -> None:
    """h W + b, written to `out`."""
    if bias is None:
        torch.bmm(h, weight, out=out)
    else:
        torch.baddbmm(bias, h, weight, out=out)


def linear_back(h: Tensor, delta: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """∂L/∂W = hᵀ δ and ∂L/∂b = Σ δ over the batch, written to `weight` and `bias`."""
    torch.bmm(h.mT, delta, out=weight)
    if bias is not None:
        torch.sum(delta, 1, keepdim=True, out=bias)


def normalize(network: Network, passed: Pass, layer: int) -> None:
    """z = γ û + β with û = (u − mean) / √(variance + ε): Ioffe & Szegedy 2015, algorithm 1.

    BatchNorm takes mean and variance over the batch, LayerNorm (Ba et al. 2016) over the units.
    """
    i, over = layer - 1, OVER[network.recipe.norm]
    gamma, beta = network.parameters["gamma", layer], network.parameters["beta", layer]
    u, normalized = passed.linear[i], passed.normalized[i]
    if network.recipe.norm == "batch" and not passed.training:
        shape = (len(u), 1, -1)
        mean, variance = (running.view(shape) for running in network.running[layer])
    else:
        variance, mean = torch.var_mean(u, over, correction=0, keepdim=True)
    if network.recipe.norm == "batch" and passed.training:
        _follow(network.running[layer], mean, variance, u.shape[1])
    passed.inverse[i] = (variance + NORM_EPS).rsqrt()
    torch.sub(u, mean, out=normalized).mul_(passed.inverse[i])
    torch.addcmul(beta, normalized, gamma, out=passed.z[i])


def _follow(running: tuple[Tensor, Tensor], mean: Tensor, variance: Tensor, batch: int) -> None:
    """Move BatchNorm's running statistics towards those of a batch (its unbiased variance)."""
    unbiased = variance * (batch / (batch - 1))
    for kept, new in zip(running, (mean, unbiased), strict=True):
        kept.lerp_(new.flatten(), BATCH_NORM_MOMENTUM)


def normalize_back(
    network: Network, passed: Pass, layer: int, delta: Tensor, found: Gradients
) -> Tensor:
    """∂L/∂u, and ∂L/∂γ = Σ δ û and ∂L/∂β = Σ δ over the batch.

    A change of u also moves the mean and the variance, if they are the batch's own: hence the two
    terms that are subtracted (Ioffe & Szegedy 2015, section 3).
    """
    i, over = layer - 1, OVER[network.recipe.norm]
    normalized, inverse = passed.normalized[i], passed.inverse[i]
    torch.sum(delta * normalized, 1, keepdim=True, out=found.parameters["gamma", layer])
    torch.sum(delta, 1, keepdim=True, out=found.parameters["beta", layer])
    back = delta * network.parameters["gamma", layer]
    if network.recipe.norm == "layer" or passed.training:
        along = (back * normalized).mean(over, keepdim=True)
        back.sub_(back.mean(over, keepdim=True)).addcmul_(normalized, along, value=-1)
    return back.mul_(inverse)


def add_branch(network: Network, passed: Pass, layer: int, h: Tensor) -> None:
    """Shortcut + s·(V φ(z) + c): He et al. 2016, section 3.2, with a linear end."""
    i, parts = layer - 1, network.parameters
    linear(passed.a[i], parts["V", layer], parts["c", layer], out=passed.branch[i])
    shortcut = torch.bmm(h, parts["P", layer]) if ("P", layer) in parts else h
    torch.add(shortcut, passed.branch[i] * network.scale(layer), out=passed.h[i])


def add_branch_back(
    network: Network, passed: Pass, layer: int, h: Tensor, back: Tensor, found: Gradients
) -> tuple[Tensor, Tensor]:
    """What comes down through the branch, ∂L/∂φ(z), and what comes down through the shortcut."""
    i, parts, gradients = layer - 1, network.parameters, found.parameters
    found.outputs[i].copy_(back)
    if ("alpha", layer) in gradients:
        torch.sum(back * passed.branch[i], (1, 2), keepdim=True, out=gradients["alpha", layer])
    scaled = back * network.scale(layer)
    linear_back(passed.a[i], scaled, gradients["V", layer], gradients["c", layer])
    shortcut = back
    if ("P", layer) in parts:
        torch.bmm(h.mT, back, out=gradients["P", layer])
        shortcut = torch.bmm(back, parts["P", layer].mT)
    return torch.bmm(scaled, parts["V", layer].mT), shortcut


@dataclass(frozen=True, eq=False)
class Loss:
    """The `value` of a loss [seeds], and its `gradient` at the logits [seeds, batch, classes]."""

    value: Tensor
    gradient: Tensor


@torch.no_grad()
def data_loss(logits: Tensor, labels: Tensor) -> Loss:
    """The mean cross-entropy over the batch, of each seed; its gradient is (softmax − 1_y) / batch.

    `logits` are [seeds, batch, classes], `labels` [seeds, batch].
    """
    log_probabilities = logits.log_softmax(2)
    right = labels[..., None]
    value = log_probabilities.gather(2, right).squeeze(2).neg_().mean(1)
    gradient = log_probabilities.exp_()
    gradient.scatter_add_(2, right, gradient.new_full((), -1.0).expand(right.shape))
    return Loss(value, gradient.div_(labels.shape[1]))
