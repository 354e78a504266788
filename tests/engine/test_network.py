import math

import pytest
import torch
from plain import Plain
from torch import nn

from gradviz.engine.backprop import Loss, backward
from gradviz.engine.initialization import generator
from gradviz.engine.network import build, export, seed_list
from gradviz.recipe import INITIALIZATIONS, Recipe, replace

pytestmark = pytest.mark.usefixtures("one_core")

SMALL = Recipe(depth=3, width=8, activation="tanh")


def weight(recipe, layer=2, seed=0):
    return build(recipe, [seed]).parameters["W", layer][0].detach()


TORCH_INITS = {
    "kaiming_normal": (nn.init.kaiming_normal_, {"nonlinearity": "relu"}),
    "kaiming_uniform": (nn.init.kaiming_uniform_, {"nonlinearity": "relu"}),
    "xavier_normal": (nn.init.xavier_normal_, {"gain": math.sqrt(2)}),
    "xavier_uniform": (nn.init.xavier_uniform_, {"gain": math.sqrt(2)}),
    "orthogonal": (nn.init.orthogonal_, {"gain": math.sqrt(2)}),
    "pytorch": (nn.init.kaiming_uniform_, {"a": math.sqrt(5)}),
    "normal": (nn.init.normal_, {"std": 0.3}),
}


@pytest.mark.parametrize("init", INITIALIZATIONS)
@pytest.mark.parametrize("layer", [1, 2])
def test_initial_weights_are_those_of_torch(init, layer):
    recipe = replace(SMALL, init=init, activation="relu", std=0.3)
    fill, options = TORCH_INITS[init]
    ours = weight(recipe, layer)
    expected = torch.empty(ours.shape[1], ours.shape[0])
    fill(expected, **options, generator=generator(0, "W", layer))
    torch.testing.assert_close(ours, expected.T)


def test_gain_is_for_hidden_layers_and_their_linear_ends_have_gain_one():
    recipe = Recipe(depth=2, width=400, residual=True, gain=3.0, activation="relu")
    parameters = build(recipe, 1, features=100, classes=400).parameters
    spread = {name: part.std().item() * part.shape[1] ** 0.5 for name, part in parameters.items()}
    assert spread["W", 1] == pytest.approx(3, rel=0.02)
    assert spread["W", 2] == pytest.approx(3, rel=0.02)
    for name in (("V", 1), ("P", 1), ("W", 3)):
        assert spread[name] == pytest.approx(1, rel=0.02)
    assert ("P", 2) not in parameters


def test_biases():
    parameters = build(replace(SMALL, width=500, bias_std=0.3), 1).parameters
    assert parameters["b", 2].std().item() == pytest.approx(0.3, rel=0.1)
    assert (parameters["b", 4] == 0).all()
    default = build(replace(SMALL, width=500, init="pytorch", residual=True), 1).parameters
    for name, fan_in in ((("b", 1), 64), (("b", 2), 500), (("c", 1), 500), (("b", 4), 500)):
        bound = 1 / math.sqrt(fan_in)
        assert 0.5 * bound < default[name].abs().max().item() <= bound


VARIANTS = [
    {},
    {"norm": "batch"},
    {"norm": "layer"},
    {"residual": True},
    {"residual": True, "norm": "batch", "residual_scale": 0.3},
    {"residual": True, "norm": "layer", "width": 5, "activation": "elu", "alpha": 0.7},
    {"residual": True, "residual_scale": "rezero"},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_a_pass_is_that_of_plain_pytorch(changes, training):
    recipe = replace(SMALL, bias_std=0.5, **changes)
    network = build(recipe, [3, 4], features=5, classes=3)
    x = torch.randn(2, 16, 5, generator=generator(0, "x"))
    network.forward(x + 1, training=True)  # moves the running statistics of BatchNorm
    exported = [export(network, index).train(training) for index in range(2)]
    passed = network.forward(x, training=training)
    for index, module in enumerate(exported):
        torch.testing.assert_close(passed.logits[index], module(x[index]))
    assert len(passed.z) == len(passed.linear) == 4 and len(passed.h) == 3
    assert passed.z[1].shape == (2, 16, recipe.width)


@pytest.mark.parametrize(("norm", "layers"), [("none", 4), ("layer", 4), ("batch", 1)])
def test_no_bias_stands_before_batchnorm(norm, layers):
    network = build(replace(SMALL, norm=norm, residual=True, bias_std=0.5), 1)
    biases = [layer for kind, layer in network.parameters if kind == "b"]
    assert biases == [1, 2, 3, 4][-layers:]
    assert [layer for kind, layer in network.parameters if kind == "c"] == [1, 2, 3]
    first = export(network)[0].branch[0]
    assert isinstance(first, nn.Linear) and (first.bias is None) == (norm == "batch")


def test_a_branch_of_rezero_begins_at_zero_and_its_scale_is_trained_with_the_rest():
    network = build(replace(SMALL, residual=True, residual_scale="rezero"), 2)
    h = network.forward(torch.randn(5, network.features, generator=generator(0, "x"))).h
    torch.testing.assert_close(h[2], h[0])
    with torch.no_grad():
        for layer in (1, 2, 3):
            network.parameters["alpha", layer].copy_(torch.tensor([0.25, -0.5]).view(2, 1, 1))
    scales = [part.scale for part in export(network, 1)[:-1]]
    assert [scale.item() for scale in scales] == [-0.5] * 3
    assert all(isinstance(scale, nn.Parameter) for scale in scales)
    assert not network.parts(network.is_weight().expand(2, -1))["alpha", 1].any()


def test_export_is_made_of_ordinary_modules_and_is_a_copy():
    network = build(replace(SMALL, norm="batch"), 1)
    module = export(network)
    kinds = [type(part).__name__ for part in module]
    assert kinds == ["Linear", "BatchNorm1d", "Elementwise"] * 3 + ["Linear"]
    before = network.vector.clone()
    with torch.no_grad():
        module[0].weight.zero_()
    assert torch.equal(network.vector, before)
    plain = Plain(replace(SMALL, dataset="digits", norm="batch"), 0).eval()
    x = torch.randn(4, 64, generator=generator(0, "x"))
    torch.testing.assert_close(plain(x), network.forward(x).logits[0])


def test_parameters_are_views_of_one_row_per_seed():
    network = build(SMALL, 2)
    with torch.no_grad():
        network.vector[1] = 0
    assert all((part[1] == 0).all() for part in network.parameters.values())
    assert (network.parameters["W", 1][0] != 0).any()
    sizes = {name: part[0].numel() for name, part in network.parameters.items()}
    weights = sum(size for (kind, _), size in sizes.items() if kind == "W")
    assert network.is_weight().sum() == weights
    assert network.vector.shape == (2, sum(sizes.values()))


def test_batchnorm_does_not_see_the_scale_of_the_weights():
    # Ioffe & Szegedy 2015, section 3.3: BN((aW)u) = BN(Wu), and ∂/∂(aW) = (1/a) ∂/∂W.
    x = torch.randn(1, 256, 20, generator=generator(0, "x"))
    recipe = Recipe(depth=2, width=30, activation="tanh", norm="batch")
    logits, gradients = [], []
    for a in (1.0, 50.0):
        network = build(recipe, 1, features=20, classes=3)
        matrix = network.parameters["W", 1]
        matrix.mul_(a)
        passed = network.forward(x, training=True)
        out = passed.logits
        logits.append(out)
        mean_square = Loss(out.square().mean(dim=(1, 2)), 2 * out / out.numel())
        gradients.append(backward(network, passed, mean_square).parameters["W", 1])
    torch.testing.assert_close(logits[0], logits[1], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(gradients[0], 50 * gradients[1], rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, None])
def test_the_variance_of_a_residual_net_grows_by_one_plus_the_squared_scale(scale):
    # h + s·V ReLU(W h) with W ~ N(0, 2/n), V ~ N(0, 1/n): (1 + s²)^L.
    recipe = Recipe(depth=30, width=256, activation="relu", residual=True, residual_scale=scale)
    x = torch.randn(64, 256, generator=generator(0, "x"))
    final = build(recipe, 2, features=256, classes=2).forward(x).h[-1]
    growth = final.square().mean(dim=(1, 2)).log2().mean().item()
    expected = 30 * math.log2(1 + (scale or 30**-0.5) ** 2)
    assert growth == pytest.approx(expected, abs=0.06 * expected + 0.15)


def test_seeds_are_counted_from_the_recipe_or_given():
    recipe = replace(SMALL, seed=5)
    assert seed_list(recipe, 3) == (5, 6, 7)
    assert seed_list(recipe, [9, 2]) == (9, 2)
    third, alone = build(recipe, 3), build(recipe, [7])
    assert torch.equal(third.vector[2], alone.vector[0])
    assert not torch.equal(third.vector[0], third.vector[1])
    for bad in (0, True, 1.5, 101, [], [-1], ["0"]):
        with pytest.raises(ValueError, match="seeds="):
            seed_list(recipe, bad)
