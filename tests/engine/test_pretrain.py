import numpy as np
import pytest
import torch

from gradviz.data import load
from gradviz.engine import pretrain
from gradviz.engine.network import build
from gradviz.engine.train import race
from gradviz.recipe import Recipe, replace

pytestmark = pytest.mark.usefixtures("one_core")

KINDS = ("rbm", "autoencoder")
SMALL = Recipe(dataset="moons", depth=2, width=6, pretrain="rbm", pretrain_epochs=2, batch_size=256)
# The setting of the reference numbers.
DIGITS = Recipe(
    depth=8, width=64, activation="sigmoid", lr=0.1, momentum=0.9, batch_size=128, steps=600
)


def run(recipe, seeds=1):
    network = build(recipe, seeds)
    data = load(recipe.dataset, recipe.seed)
    return network, list(pretrain.pretrain_steps(network, recipe, data))


@pytest.mark.parametrize("depth", [5, 8])
def test_a_deep_sigmoid_net_learns_digits_only_when_pre_trained(depth):
    base = replace(DIGITS, depth=depth)
    arms = {kind: replace(base, pretrain=kind) for kind in ("none", *KINDS)}
    first, last = {}, {}
    for frame in race(arms, seeds=1, record_every=600):
        first.setdefault(frame.arm, frame.layers["delta"][0])
        last[frame.arm] = frame.accuracy[0]
    assert last["none"] < 0.2
    assert last["rbm"] > 0.94 and last["autoencoder"] > 0.95
    ratio = {arm: delta[0] / delta[depth - 1] for arm, delta in first.items()}
    assert ratio["none"] < (1e-4 if depth == 8 else 5e-3)
    assert 0.02 < ratio["rbm"] < 1 and 0.1 < ratio["autoencoder"] < 1.5


@pytest.mark.parametrize("kind", KINDS)
def test_frames_tell_how_far_each_layer_is(kind):
    recipe = replace(DIGITS, depth=2, width=32, pretrain=kind, pretrain_epochs=8)
    _, frames = run(recipe, seeds=2)
    assert [(frame.layer, frame.epoch) for frame in frames] == [
        (1, 0),
        *((layer, epoch) for layer in (1, 2) for epoch in range(1, 9)),
    ]
    assert [frame.step for frame in frames] == list(range(17))
    assert {(frame.arm, frame.steps) for frame in frames} == {(kind, 16)}
    assert [frame.status for frame in frames] == ["running"] * 16 + ["finished"]
    first, last = frames[0], frames[-1]
    assert first.error.shape == (2,)
    assert (frames[8].error < 0.7 * frames[1].error).all() and (frames[1].error < first.error).all()
    start = build(recipe, 2).parameters["W", 1][0].detach().numpy()
    assert np.array_equal(first.filters, start.T)
    assert last.originals.shape == last.reconstructions.shape == (pretrain.EXAMPLES, 64)
    assert last.filters.shape == (32, 64)
    assert np.array_equal(last.filters, frames[8].filters)
    # Better than the mean digit, which is the best answer without looking.
    blank = np.mean((last.originals - last.originals.mean(0)) ** 2)
    assert np.mean((last.originals - last.reconstructions) ** 2) < 0.7 * blank


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_does_to_standardized_data_what_was_learned(kind):
    recipe = replace(DIGITS, depth=1, width=16, pretrain=kind, pretrain_epochs=3)
    network, frames = run(recipe)
    x = torch.tensor(load("digits").x_test[: pretrain.EXAMPLES])
    frame = frames[-1]
    # Differences between examples, because the frame does not hold the bias.
    rescaled = frame.originals @ frame.filters.T
    z = network.forward(x).z[0][0].detach().numpy()
    assert z - z[0] == pytest.approx(rescaled - rescaled[0], abs=1e-4)


def test_contrastive_divergence_is_the_formula():
    network = build(SMALL, seeds=2)
    coder = pretrain._coder(network, 1)
    visible = torch.rand(2, 5, 2, generator=torch.Generator().manual_seed(0))
    randoms = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    gradients = pretrain._contrastive_divergence(coder, visible, randoms)
    for seed in range(2):
        W, b, c = (part[seed].numpy() for part in coder.parameters)
        v = visible[seed].numpy()
        sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
        h = sigmoid(v @ W + b)
        uniform = torch.rand(5, 6, generator=torch.Generator().manual_seed(seed + 1)).numpy()
        v1 = sigmoid((uniform < h) @ W.T + c)
        h1 = sigmoid(v1 @ W + b)
        expected = (v1.T @ h1 - v.T @ h, (h1 - h).sum(0), (v1 - v).sum(0))
        for gradient, by_hand in zip(gradients, expected, strict=True):
            assert gradient[seed].squeeze(0).numpy() == pytest.approx(by_hand / 5, abs=1e-6)


@pytest.mark.parametrize("activation", ["relu", "tanh", "elu", "linear"])
def test_autoencoders_work_for_every_kind_of_activation(activation):
    recipe = replace(DIGITS, depth=3, width=32, pretrain="autoencoder", pretrain_epochs=5)
    network, frames = run(replace(recipe, activation=activation, init="kaiming_normal"))
    errors = np.array([frame.error[0] for frame in frames[1:]]).reshape(3, 5)
    assert (errors[:, -1] < errors[:, 0]).all()
    assert network.vector.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_pretraining_is_silent_repeatable_and_leaves_the_output_layer(kind, capsys):
    recipe = replace(SMALL, pretrain=kind)
    data = load("moons")
    networks = [build(recipe, [3, 4]), build(recipe, [3, 4]), build(recipe, [4])]
    start = build(recipe, [3, 4])
    for network in networks:
        assert pretrain.pretrain(network, recipe, data) is None
    together, again, alone = (network.vector for network in networks)
    assert torch.equal(together, again)
    # A seed's result does not depend on the company it is trained in.
    assert together[1:].detach().numpy() == pytest.approx(alone.detach().numpy(), abs=1e-5)
    for name, parameter in networks[0].parameters.items():
        assert torch.equal(parameter, start.parameters[name]) == (name[1] == 3)
    assert capsys.readouterr() == ("", "")


def test_frames_are_computed_when_asked_for():
    network = build(SMALL, seeds=1)
    before = network.vector.clone()
    frames = pretrain.pretrain_steps(network, SMALL, load("moons"))
    next(frames)
    assert torch.equal(network.vector, before)
    next(frames), next(frames), next(frames)
    assert not torch.equal(network.parameters["W", 1], build(SMALL).parameters["W", 1])
    assert torch.equal(network.parameters["W", 2], build(SMALL).parameters["W", 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pretrain": "none"}, "pretrain='none' is not one of rbm, autoencoder"),
        ({"norm": "batch"}, "norm='batch'"),
        ({"residual": True}, "residual=True"),
        ({"activation": "relu"}, "activation='relu' is not one of sigmoid"),
    ],
)
def test_recipes_that_cannot_be_pre_trained_are_refused(change, message):
    recipe = replace(SMALL, **change)
    with pytest.raises(ValueError, match=message):
        pretrain.pretrain_steps(build(recipe), recipe, load("moons"))
