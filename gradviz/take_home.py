"""A recipe as a complete program in plain PyTorch, to take home: `script` and `notebook`.

The program imports nothing of gradviz. It draws the weights and the batches from the same random
numbers as the engine, trains with nn.Module and torch.optim, and measures δ, the weight gradient
and the update ratio of every layer with a few lines of autograd, so that it finds the engine's
numbers, to rounding. Only what the recipe uses is written.
"""

from __future__ import annotations

import dataclasses
import json
from textwrap import dedent, indent

from gradviz.recipe import Recipe
from gradviz.snapshots import USUAL_NUMBER
from gradviz.theory.scales import gain_of, residual_scale

Sections = list[tuple[str, str]]  # a title and its code

_ACTIVATIONS = {
    "sigmoid": "torch.sigmoid(z)",
    "tanh": "torch.tanh(z)",
    "relu": "F.relu(z)",
    "leaky_relu": "F.leaky_relu(z, {negative_slope})",
    "elu": "F.elu(z, {alpha})",
    "selu": "F.selu(z)",
    "gelu": "F.gelu(z)",
    "silu": "F.silu(z)",
    "linear": "z",
}
_OPTIMIZERS = {
    "sgd": "torch.optim.SGD(net.parameters(), lr={lr}, momentum={momentum}{decay})",
    "adam": "torch.optim.Adam(net.parameters(), lr={lr}{decay})",
    "adamw": "torch.optim.AdamW(net.parameters(), lr={lr}, weight_decay={weight_decay})",
}
_POINTS = {
    "digits": "x, y = load_digits(return_X_y=True)",
    "moons": "x, y = make_moons(1000, noise=0.1, random_state={seed})",
    "circles": "x, y = make_circles(1000, noise=0.05, factor=0.5, random_state={seed})",
    "spirals": """\
        rng = np.random.default_rng({seed})
        y = np.arange(1000) % 2
        radius = np.sqrt(rng.random(1000))
        angle = 2 * np.pi * 1.5 * radius + np.pi * y
        x = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        x = x + 0.02 * rng.standard_normal(x.shape)""",
}


def script(recipe: Recipe, seed: int | None = None) -> str:
    """The program that trains `recipe` as `race({...}, seeds=[seed])` does; Python's text.

    Without `seed` it is the recipe's own. Run as it stands it prints a table; afterwards `history`
    holds a dict for each recorded step: "step", "loss", "accuracy", and "delta",
    "weight_gradient" and "update_ratio", each a list of layers 1 to depth + 1.
    """
    parts = [f"# {title}\n\n{code}" for title, code in _sections(recipe, _seed(recipe, seed))]
    return f'"""{_summary(recipe)}"""\n\n' + "\n\n".join(parts) + "\n"


def notebook(recipe: Recipe, seed: int | None = None) -> str:
    """The same program as a Jupyter notebook (nbformat 4.5), as JSON text."""
    cells = [_cell("markdown", 0, f"# gradviz\n\n{_summary(recipe)}")]
    for title, code in _sections(recipe, _seed(recipe, seed)):
        cells.append(_cell("markdown", len(cells), f"## {title}"))
        cells.append(_cell("code", len(cells), code))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    tree = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(tree, ensure_ascii=False, indent=1)


def _seed(recipe: Recipe, seed: int | None) -> int:
    return recipe.seed if seed is None else seed


def _cell(kind: str, place: int, text: str) -> dict[str, object]:
    cell: dict[str, object] = {"cell_type": kind, "id": f"cell-{place}", "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": text.splitlines(keepends=True)}


def _summary(recipe: Recipe) -> str:
    usual = Recipe()
    changes = [
        f"{field.name}={getattr(recipe, field.name)!r}"
        for field in dataclasses.fields(recipe)
        if getattr(recipe, field.name) != getattr(usual, field.name)
    ]
    return f"Recipe({', '.join(changes)}) of gradviz, in plain PyTorch."


def _sections(recipe: Recipe, seed: int) -> Sections:
    sections = [
        ("What is needed: pip install torch scikit-learn", _imports(recipe)),
        ("The data, standardized", _data(recipe)),
        ("Random numbers: a generator for each purpose", _generator(seed)),
        ("The network", _network(recipe)),
    ]
    if recipe.pretrain != "none":
        sections.append(("Pre-training, layer by layer", _pretraining(recipe)))
    sections.append(("Training, and what is measured", _training(recipe)))
    sections.append(("What was found", _report()))
    return sections


def _imports(recipe: Recipe) -> str:
    source = {"digits": "load_digits", "moons": "make_moons", "circles": "make_circles"}
    lines = ["import hashlib", "", "import numpy as np", "import torch"]
    lines.append("import torch.nn.functional as F")
    if recipe.dataset in source:
        lines.append(f"from sklearn.datasets import {source[recipe.dataset]}")
    lines += ["from sklearn.model_selection import train_test_split", "from torch import nn"]
    return "\n".join(lines)


def _data(recipe: Recipe) -> str:
    points = dedent(_POINTS[recipe.dataset].format(seed=recipe.seed))
    return f"""{points}
x_train, x_test, y_train, y_test = train_test_split(
    x, y, test_size=0.25, random_state={recipe.seed}, stratify=y
)
mean, std = x_train.mean(axis=0), x_train.std(axis=0)
std[std == 0] = 1.0
x_train, x_test = (
    torch.tensor(((part - mean) / std).astype(np.float32)) for part in (x_train, x_test)
)
y_train, y_test = (torch.tensor(part.astype(np.int64)) for part in (y_train, y_test))
features, classes = x_train.shape[1], int(y.max()) + 1"""


def _generator(seed: int) -> str:
    return f'''\
SEED = {seed}


def generator(name, layer=0):
    """The random numbers for one purpose, so that no draw depends on another."""
    digest = hashlib.sha256(f"{{SEED}}/{{name}}/{{layer}}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))'''


def _network(recipe: Recipe) -> str:
    shape = f"DEPTH, WIDTH = {recipe.depth}, {recipe.width}  # hidden layers, units in each"
    return "\n\n\n".join([shape, _draw(recipe), _module(recipe), "net = Network()"])


def _draw(recipe: Recipe) -> str:
    """The function that fills a linear layer."""
    weight = {
        "orthogonal": "nn.init.orthogonal_(linear.weight, gain, generator=random)",
        "normal": f"nn.init.normal_(linear.weight, 0.0, {recipe.std}, generator=random)",
        "pytorch": "nn.init.uniform_(linear.weight, -bound, bound, generator=random)",
        "kaiming_normal": "nn.init.normal_(linear.weight, 0.0, std, generator=random)",
        "kaiming_uniform": "nn.init.uniform_(linear.weight, -bound, bound, generator=random)",
        "xavier_normal": "nn.init.normal_(linear.weight, 0.0, std, generator=random)",
        "xavier_uniform": "nn.init.uniform_(linear.weight, -bound, bound, generator=random)",
    }[recipe.init]
    before = {
        "kaiming_normal": ["std = gain / fan_in**0.5"],
        "kaiming_uniform": ["bound = gain * (3 / fan_in) ** 0.5"],
        "xavier_normal": ["std = gain * (2 / (fan_in + fan_out)) ** 0.5"],
        "xavier_uniform": ["bound = gain * (6 / (fan_in + fan_out)) ** 0.5"],
        "pytorch": ["bound = fan_in**-0.5"],
    }.get(recipe.init, [])
    sized = any("fan_" in line for line in before)
    body = ["random = generator(kind, layer)"]
    body += ["fan_out, fan_in = linear.weight.shape"] * sized + [*before, weight]
    bias_kind = 'random = generator({"W": "b", "V": "c"}[kind], layer)'
    body.append("if linear.bias is not None:")
    if recipe.init == "pytorch":
        body += [f"    {bias_kind}"]
        body += ["    nn.init.uniform_(linear.bias, -bound, bound, generator=random)"]
    else:
        body += ["    nn.init.zeros_(linear.bias)"]
        if recipe.bias_std:
            body += ['    if kind == "W" and layer <= DEPTH:', f"        {bias_kind}"]
            draw = f"nn.init.normal_(linear.bias, 0.0, {recipe.bias_std}, generator=random)"
            body += [f"        {draw}"]
    body.append("return linear")
    doc = '"""Fill a linear layer: its matrix is of the `kind` W, V or P of this layer."""'
    lines = indent("\n".join([doc, *body]), "    ")
    return f"@torch.no_grad()\ndef draw(linear, kind, layer, gain=1.0):\n{lines}"


def _module(recipe: Recipe) -> str:
    bias = ", bias=False" if recipe.norm == "batch" else ""
    built = [
        f'self.W.append(draw(nn.Linear(fan_in, WIDTH{bias}), "W", layer, {gain_of(recipe)!r}))'
    ]
    lists = ["self.W = nn.ModuleList()"]
    passed = ["z = self.W[layer](h)"]
    if recipe.norm != "none":
        kind = "BatchNorm1d" if recipe.norm == "batch" else "LayerNorm"
        lists.append("self.norm = nn.ModuleList()")
        built.append(f"self.norm.append(nn.{kind}(WIDTH))")
        passed[0] = "z = self.norm[layer](self.W[layer](h))"
    passed.append("self.z.append(z)")
    branch = _ACTIVATIONS[recipe.activation].format(
        negative_slope=recipe.negative_slope, alpha=recipe.alpha
    )
    if recipe.residual:
        lists += ["self.V = nn.ModuleList()", "self.P = nn.ModuleList()"]
        built.append('self.V.append(draw(nn.Linear(WIDTH, WIDTH), "V", layer))')
        built.append("same = fan_in == WIDTH")
        built.append(
            "projection = nn.Identity() if same else "
            'draw(nn.Linear(fan_in, WIDTH, bias=False), "P", layer)'
        )
        built.append("self.P.append(projection)")
        scale = residual_scale(recipe)
        passed.append(f"h = self.P[layer](h) + {scale!r} * self.V[layer]({branch})")
    else:
        passed.append(f"h = {branch}")
    built.append("fan_in = WIDTH")
    return f"""\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
{indent(chr(10).join(lists), " " * 8)}
        fan_in = features
        for layer in range(1, DEPTH + 1):
{indent(chr(10).join(built), " " * 12)}
        self.W.append(draw(nn.Linear(WIDTH, classes), "W", DEPTH + 1))

    def forward(self, h):
        self.z = []  # what enters the activations, and the logits
        for layer in range(DEPTH):
{indent(chr(10).join(passed), " " * 12)}
        self.z.append(self.W[DEPTH](h))
        return self.z[-1]"""


def _pretraining(recipe: Recipe) -> str:
    phi = _ACTIVATIONS[recipe.activation].format(
        negative_slope=recipe.negative_slope, alpha=recipe.alpha
    )
    binary = "True" if recipe.activation == "sigmoid" else "layer == 0"
    gradients = _contrastive_divergence() if recipe.pretrain == "rbm" else _reconstruction()
    return f"""\
def encode(v, weight, bias):
    z = v @ weight + bias
    return {phi}


{gradients}


@torch.no_grad()
def pretrain():
    # The first layer learns from inputs in [0, 1]; that map is then folded into its weights.
    low, high = x_train.amin(dim=0), x_train.amax(dim=0)
    extent = torch.where(high > low, high - low, 1.0)
    inputs = (x_train - low) / extent
    for layer, linear in enumerate(net.W[:DEPTH]):
        random, binary = generator("pretrain", layer + 1), {binary}
        weight, bias = linear.weight.T.clone(), linear.bias.clone()
        parameters = [weight, bias, torch.zeros(len(weight))]
        velocities = [torch.zeros_like(parameter) for parameter in parameters]
        for _ in range({recipe.pretrain_epochs}):
            shuffled = inputs[torch.randperm(len(inputs), generator=random)]
            for v in shuffled.split({recipe.batch_size}):
                found = gradients(v, *parameters, binary, random)
                for parameter, velocity, gradient in zip(parameters, velocities, found):
                    velocity.mul_(0.9).add_(gradient / len(v))
                    parameter.sub_((0.1 if binary else 0.001) * velocity)
        inputs = encode(inputs, weight, bias)
        if layer == 0:
            weight = weight / extent[:, None]
            bias = bias - low @ weight
        linear.weight.copy_(weight.T)
        linear.bias.copy_(bias)


pretrain()"""


def _contrastive_divergence() -> str:
    return '''\
def gradients(v, weight, bias, back, binary, random):
    """One step of contrastive divergence (Hinton 2010, section 3)."""
    h = encode(v, weight, bias)
    sampled = (torch.rand(h.shape, generator=random) < h).float()
    reconstruction = torch.sigmoid(sampled @ weight.T + back)
    again = encode(reconstruction, weight, bias)
    return reconstruction.T @ again - v.T @ h, (again - h).sum(0), (reconstruction - v).sum(0)'''


def _reconstruction() -> str:
    return '''\
@torch.enable_grad()
def gradients(v, weight, bias, back, binary, random):
    """The gradient of the reconstruction error (Bengio et al. 2007, section 2.3)."""
    parameters = [part.detach().requires_grad_() for part in (weight, bias, back)]
    weight, bias, back = parameters
    output = encode(v, weight, bias) @ weight.T + back
    if binary:
        error = F.binary_cross_entropy_with_logits(output, v, reduction="sum")
    else:
        error = 0.5 * (output - v).square().sum()
    return torch.autograd.grad(error, parameters)'''


def _training(recipe: Recipe) -> str:
    every = max(1, round(recipe.steps / USUAL_NUMBER))
    decay = f", weight_decay={recipe.weight_decay}" if recipe.weight_decay else ""
    optimizer = _OPTIMIZERS[recipe.optimizer].format(
        lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, decay=decay
    )
    after_backward = "\n".join([*_penalty(recipe), *_clipping(recipe)])
    after_backward = indent(after_backward, "    ") + "\n" if after_backward else ""
    return f"""\
BATCH, STEPS, EVERY = {recipe.batch_size}, {recipe.steps}, {every}
optimizer = {optimizer}


def batches():
    random, size = generator("batches"), min(BATCH, len(y_train))
    while True:
        order = torch.randperm(len(y_train), generator=random)
        for start in range(0, len(order) - size + 1, size):
            chosen = order[start : start + size]
            yield x_train[chosen], y_train[chosen]


def norms(tensors):
    return [tensor.detach().double().norm().item() for tensor in tensors]


@torch.no_grad()
def accuracy():
    net.eval()
    right = (net(x_test).argmax(dim=1) == y_test).double().mean().item()
    net.train()
    return right


weights = [linear.weight for linear in net.W]
history = []
for step, (x, y) in zip(range(STEPS + 1), batches()):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    signals = net.z
    for z in signals:
        z.retain_grad()
    loss.backward()
    delta = norms(z.grad for z in signals)  # the error signal at each layer
    weight_gradient = norms(weight.grad for weight in weights)
{after_backward}    recorded = step % EVERY == 0 or step == STEPS
    right = accuracy() if recorded else None
    before = [weight.detach().clone() for weight in weights]
    optimizer.step()
    if recorded:
        moved = norms(weight - old for weight, old in zip(weights, before))
        history.append(
            {{
                "step": step,
                "loss": loss.item(),
                "accuracy": right,
                "delta": delta,
                "weight_gradient": weight_gradient,
                "update_ratio": [a / b for a, b in zip(moved, norms(before))],
            }}
        )"""


def _penalty(recipe: Recipe) -> list[str]:
    terms = []
    if recipe.l1:
        terms.append(f"{recipe.l1} * sum(matrix.abs().sum() for matrix in matrices)")
    if recipe.l2:
        terms.append(f"{recipe.l2} * sum(matrix.square().sum() for matrix in matrices)")
    if not terms:
        return []
    linears = "[m.weight for m in net.modules() if isinstance(m, nn.Linear)]"
    return [f"matrices = {linears}", f"({' + '.join(terms)}).backward()"]


def _clipping(recipe: Recipe) -> list[str]:
    if recipe.clip == "none":
        return []
    return [f"nn.utils.clip_grad_{recipe.clip}_(net.parameters(), {recipe.clip_at})"]


def _report() -> str:
    return """\
print("step    loss  accuracy   δ of layer 1   δ of the last hidden layer")
for row in history[:: max(1, len(history) // 12)]:
    print(
        f"{row['step']:4} {row['loss']:7.3f} {row['accuracy']:8.1%}"
        f" {row['delta'][0]:14.2e} {row['delta'][-2]:14.2e}"
    )"""
