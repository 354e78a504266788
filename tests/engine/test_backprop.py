"""Backpropagation by hand, against autograd in float64."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from plain import Plain

from gradviz.activations import ACTIVATIONS
from gradviz.engine.backprop import Loss, backward, data_loss
from gradviz.engine.initialization import generator
from gradviz.engine.network import build
from gradviz.engine.passes import Gradients, Pass
from gradviz.recipe import INITIALIZATIONS, Recipe

pytestmark = pytest.mark.usefixtures("one_core")

# Two features, so that the first block has a projection, and the others have none.
BASE = {"dataset": "moons", "depth": 3, "width": 6, "std": 0.5, "negative_slope": 0.2, "alpha": 0.7}
BLOCKS = [
    {},
    {"residual": True},
    {"residual": True, "residual_scale": 0.3},
    {"residual": True, "residual_scale": "rezero"},
]
NORMS = ["none", "batch", "layer"]
SEEDS = [3, 4]


def networks(recipe):
    """Our network in float64, with no parameter at a special value, and plain PyTorch's copies."""
    network = build(recipe, SEEDS)
    noise = torch.randn(network.vector.shape, generator=generator(0, "noise"))
    network.vector = (network.vector + 0.2 * noise).double()
    network.parameters = network.parts(network.vector)
    network.running = {
        layer: (mean.double() + 0.3, variance.double() * 2)
        for layer, (mean, variance) in network.running.items()
    }
    return network, [copy(network, index) for index in range(len(SEEDS))]


def places(net, name):
    """The parameter of plain PyTorch that is called `name` in ours, and whether it is turned."""
    kind, layer = name
    if kind in "WVP":
        return net.linears[f"{kind}{layer}"].weight, True
    if kind in "bc":
        return net.linears[f"{ {'b': 'W', 'c': 'V'}[kind] }{layer}"].bias, False
    if kind == "alpha":
        return net.scales[layer - 1], False
    return getattr(net.norms[layer - 1], {"gamma": "weight", "beta": "bias"}[kind]), False


@torch.no_grad()
def copy(network, index):
    net = Plain(network.recipe, 0).double()
    for name, value in network.parameters.items():
        parameter, turned = places(net, name)
        parameter.copy_(value[index].T if turned else value[index].view(parameter.shape))
    for layer, running in network.running.items():
        norm = net.norms[layer - 1]
        for buffer, value in zip((norm.running_mean, norm.running_var), running, strict=True):
            buffer.copy_(value.view(len(SEEDS), -1)[index])
    return net


def batch(classes=2):
    x = torch.randn(len(SEEDS), 9, 2, generator=generator(0, "x"), dtype=torch.float64)
    return x, torch.randint(classes, (len(SEEDS), 9), generator=generator(0, "y"))


def by_autograd(net, loss_of, x):
    """What autograd finds for one seed: z of each layer, and the gradients at z and x.

    Those of the parameters are left in `grad`.
    """
    z = []
    hooks = [norm.register_forward_hook(lambda *call: z.append(call[-1])) for norm in net.norms]
    x = x.clone().requires_grad_()
    logits = net(x)
    for hook in hooks:
        hook.remove()
    parameters = dict(net.named_parameters())
    places = [*z, logits, x, *parameters.values()]
    found = torch.autograd.grad(loss_of(logits), places)
    for parameter, gradient in zip(parameters.values(), found[len(z) + 2 :], strict=True):
        parameter.grad = gradient
    return [*z, logits], found[: len(z) + 2]


def close(ours, theirs):
    np.testing.assert_allclose(ours.detach(), theirs.detach(), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("blocks", BLOCKS, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_gradient_is_autograds(activation, blocks, norm):
    for init in INITIALIZATIONS:
        recipe = Recipe(activation=activation, init=init, norm=norm, **BASE, **blocks)
        network, plain = networks(recipe)
        x, labels = batch()
        passed = network.forward(x, training=True)
        loss = data_loss(passed.logits, labels)
        found = Gradients(network, 9, to_input=True)
        assert backward(network, passed, loss, found) is found
        for index, net in enumerate(plain):
            loss_of = partial(F.cross_entropy, target=labels[index])
            z, signals = by_autograd(net, loss_of, x[index])
            close(loss.value[index], loss_of(z[-1]))
            for ours, theirs in zip(passed.z, z, strict=True):
                close(ours[index], theirs)
            for ours, theirs in zip([*found.signals, found.x], signals, strict=True):
                close(ours[index], theirs)
            for name, ours in found.parameters.items():
                parameter, turned = places(net, name)
                gradient = parameter.grad.T if turned else parameter.grad
                close(ours[index], gradient.reshape(ours[index].shape))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("blocks", BLOCKS[:2], ids=str)
def test_in_evaluation_mode_the_statistics_of_batchnorm_stand_still(norm, blocks):
    network, plain = networks(Recipe(activation="tanh", norm=norm, **BASE, **blocks))
    x, _ = batch()
    passed = network.forward(x)
    found = Gradients(network, 9, to_input=True)
    backward(network, passed, Loss(passed.logits, torch.ones_like(passed.logits)), found)
    for index, net in enumerate(plain):
        _, signals = by_autograd(net.eval(), torch.sum, x[index])
        for ours, theirs in zip([*found.signals, found.x], signals, strict=True):
            close(ours[index], theirs)


def test_tensors_that_are_used_again_hold_the_new_numbers():
    network, _ = networks(Recipe(norm="batch", residual=True, activation="gelu", **BASE))
    x, labels = batch()
    room, gradients = Pass(network, 9), Gradients(network, 9)
    for inputs in (x + 1, x):
        again = network.forward(inputs, training=True, into=room)
        backward(network, again, data_loss(again.logits, labels), gradients)
    assert again is room
    fresh = network.forward(x, training=True)
    found = backward(network, fresh, data_loss(fresh.logits, labels))
    assert torch.equal(found.vector, gradients.vector)
    assert torch.equal(fresh.hidden_z, torch.stack(again.z[:-1]))
    assert torch.equal(found.hidden_signals, torch.stack(gradients.signals[:-1]))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("blocks", BLOCKS, ids=str)
def test_a_pass_that_keeps_nothing_has_the_same_logits(norm, blocks):
    network, _ = networks(Recipe(norm=norm, activation="tanh", **BASE, **blocks))
    x, _ = batch()
    room = Pass(network, 9, kept=False)
    assert torch.equal(network.forward(x, into=room).logits, network.forward(x).logits)


def test_the_loss_and_its_gradient_are_autograds_at_any_size_of_logits():
    x = torch.tensor([[[1e3, -1e3, 0.0], [0.0, 0.0, 0.0]]], requires_grad=True)
    labels = torch.tensor([[1, 2]])
    loss = data_loss(x.detach(), labels)
    expected = F.cross_entropy(x[0], labels[0])
    [gradient] = torch.autograd.grad(expected, x)
    torch.testing.assert_close(loss.value[0], expected.detach())
    torch.testing.assert_close(loss.gradient, gradient)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_stacked_weights_are_the_weights(depth):
    network = build(Recipe(depth=depth, width=4, norm="layer", residual=True), 2)
    first, inner, last = network.stacked_weights(network.vector)
    layers = [*first.unbind(1), *inner.unbind(1), *last.unbind(1)]
    for ours, weight in zip(layers, network.weights(network.vector), strict=True):
        assert ours.data_ptr() == weight.data_ptr() and torch.equal(ours, weight)
