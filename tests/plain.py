"""Ordinary PyTorch, put together by hand: what the engine has to agree with."""

import torch
import torch.nn.functional as F
from torch import nn

from gradviz.data import load
from gradviz.engine.network import build
from gradviz.engine.train import batches


class Plain(nn.Module):
    """The network of a recipe, from nn.Linear and its like, with the engine's initial weights."""

    def __init__(self, recipe, seed):
        super().__init__()
        start = build(recipe, [seed]).parameters
        depth, width = recipe.depth, recipe.width
        self.scales = [recipe.residual_scale or depth**-0.5] * depth
        if recipe.residual_scale == "rezero":
            self.scales = nn.ParameterList([nn.Parameter(torch.zeros(())) for _ in range(depth)])
        self.depth = depth
        self.activation = {
            "sigmoid": nn.Sigmoid(),
            "tanh": nn.Tanh(),
            "relu": nn.ReLU(),
            "leaky_relu": nn.LeakyReLU(recipe.negative_slope),
            "elu": nn.ELU(recipe.alpha),
            "selu": nn.SELU(),
            "gelu": nn.GELU(),
            "silu": nn.SiLU(),
            "linear": nn.Identity(),
        }[recipe.activation]
        norm = {"none": nn.Identity, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[recipe.norm]
        self.linears = nn.ModuleDict()
        for (kind, layer), value in start.items():
            if kind in "WVP":
                bias = start.get(({"W": "b", "V": "c"}.get(kind), layer))
                self.linears[f"{kind}{layer}"] = linear(value, bias)
        self.norms = nn.ModuleList([norm(width) for _ in range(depth)])

    def forward(self, h):
        for layer in range(1, self.depth + 1):
            z = self.norms[layer - 1](self.linears[f"W{layer}"](h))
            if f"V{layer}" in self.linears:
                shortcut = self.linears[f"P{layer}"](h) if f"P{layer}" in self.linears else h
                h = shortcut + self.scales[layer - 1] * self.linears[f"V{layer}"](
                    self.activation(z)
                )
            else:
                h = self.activation(z)
        return self.linears[f"W{self.depth + 1}"](h)


def linear(weight, bias):
    module = nn.Linear(weight.shape[1], weight.shape[2], bias=bias is not None)
    with torch.no_grad():
        module.weight.copy_(weight[0].T)
        if bias is not None:
            module.bias.copy_(bias[0, 0])
    return module


def optimizer(recipe, parameters):
    options = {"lr": recipe.lr, "weight_decay": recipe.weight_decay}
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=recipe.momentum, **options)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimizer](
        parameters, **options
    )


def train(recipe, seed):
    """What plain PyTorch finds at each step: loss with penalty, accuracy, gradients, weights.

    The gradient norm is that of the loss with penalty, those of the weights are without.
    """
    data = load(recipe.dataset, recipe.seed)
    x_test, y_test = torch.tensor(data.x_test), torch.tensor(data.y_test)
    net = Plain(recipe, seed)
    step_of = optimizer(recipe, net.parameters())
    stream = batches(data, recipe.batch_size, [seed])
    found = []
    for _ in range(recipe.steps + 1):
        x, y = next(stream)
        net.train()
        loss = F.cross_entropy(net(x[0]), y[0])
        layers = [net.linears[f"W{layer}"] for layer in range(1, recipe.depth + 2)]
        weights = [layer.weight for layer in layers]
        gradients = torch.autograd.grad(loss, weights, retain_graph=True)
        for module in net.linears.values():
            loss = loss + recipe.l1 * module.weight.abs().sum()
            loss = loss + recipe.l2 * module.weight.square().sum()
        net.zero_grad()
        loss.backward()
        net.eval()
        with torch.no_grad():
            accuracy = (net(x_test).argmax(1) == y_test).float().mean()
        gradients = torch.stack([gradient.norm() for gradient in gradients])
        weights = torch.stack([weight.detach().norm() for weight in weights])
        if recipe.clip == "norm":
            norm = nn.utils.clip_grad_norm_(net.parameters(), recipe.clip_at)
        else:
            norm = nn.utils.get_total_norm([p.grad for p in net.parameters()])
        if recipe.clip == "value":
            nn.utils.clip_grad_value_(net.parameters(), recipe.clip_at)
        step_of.step()
        found.append((loss.item(), accuracy.item(), norm.item(), gradients, weights))
    return found
