"""What the microscope sees is what plain PyTorch finds in the same network on the same batch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gradviz.activations import SATURATED_BELOW
from gradviz.data import load
from gradviz.engine import microscope
from gradviz.engine.microscope import looked_at, plane, restored, seen_by, specimens, surface
from gradviz.engine.network import Elementwise, export
from gradviz.engine.train import train
from gradviz.quantities import INSIDE
from gradviz.recipe import Recipe, activation_of, replace

pytestmark = pytest.mark.usefixtures("one_core")

SMALL = Recipe(depth=3, width=8, steps=12, batch_size=64, activation="tanh")
FLAT = replace(SMALL, dataset="moons")
KINDS = {
    "tanh": SMALL,
    "relu": replace(SMALL, activation="relu", gain=3.0),
    "batchnorm": replace(SMALL, norm="batch", activation="relu"),
    "residual": replace(SMALL, residual=True),
}


def inside(recipe, network):
    """z, slope, φ(z) and ∂L/∂z of hidden layers by hooks and autograd, [depth, batch, width]."""
    data, phi = load(recipe.dataset, recipe.seed), activation_of(recipe)
    module = export(network).train()
    z = []

    def keep(_, inputs):
        inputs[0].retain_grad()
        z.append(inputs[0])

    for part in module.modules():
        if isinstance(part, Elementwise):
            part.register_forward_pre_hook(keep)
    size = recipe.batch_size
    x, labels = torch.tensor(data.x_train[:size]), torch.tensor(data.y_train[:size])
    F.cross_entropy(module(x), labels).backward()
    values = torch.stack(z).detach()
    return {
        "z": values.numpy(),
        "slope": autograd_slopes(phi, values) / phi.largest_slope,
        "activation": phi.torch_function(values).numpy(),
        "gradient": torch.stack([own.grad for own in z]).numpy(),
    }


def autograd_slopes(phi, z):
    """φ′ in float32, in which it is exactly 0 where a tanh is far out."""
    z = z.clone().requires_grad_()
    phi.torch_function(z).sum().backward()
    return z.grad.numpy()


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_the_values_are_those_of_plain_pytorch(recipe):
    *_, last = specimens({"a": recipe})
    expected = inside(recipe, train(recipe)[0])
    assert (last.arm, last.step, last.total) == ("a", 12, 64 * 8)
    for name, values in expected.items():
        rows = values.reshape(recipe.depth, -1).astype(float)
        assert last.zeros[name].tolist() == (rows == 0).sum(1).tolist(), name
        assert not last.lost[name].any()
        kind = INSIDE[name]
        with np.errstate(divide="ignore"):
            rows = np.log10(np.abs(rows)) if name == "gradient" else rows
        for layer, row in enumerate(rows):
            row = row[expected[name][layer].ravel() != 0]
            edges = np.linspace(kind.low, kind.high, kind.bins + 1)
            counts, _ = np.histogram(row.clip(kind.low, kind.high), edges)
            # Rounding may move a value that stands at an edge.
            assert np.abs(counts - last.counts[name][layer]).sum() <= 6, (name, layer)
            assert counts.sum() == last.counts[name][layer].sum()


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_units_are_saturated_and_dead_by_the_engine_s_definitions(recipe):
    *_, last = specimens({"a": recipe})
    slope = np.abs(inside(recipe, train(recipe)[0])["slope"])
    assert last.saturated == pytest.approx((slope < SATURATED_BELOW).mean(axis=1), abs=0.02)
    assert (last.dead == (slope == 0).all(axis=1)).all()


def test_dead_units_are_found():
    recipe = replace(SMALL, activation="relu", lr=5.0, steps=30, depth=5)
    *_, last = specimens({"a": recipe})
    network, _ = train(recipe)
    slope = inside(recipe, network)["slope"]
    assert last.dead.any() and (last.dead == (slope == 0).all(axis=1)).all()


def test_a_run_is_looked_at_from_its_start_to_its_end():
    recipe = replace(SMALL, steps=50)
    assert [each.step for each in specimens({"a": recipe})] == looked_at(50)
    assert looked_at(300)[:3] == [0, 15, 30] and looked_at(300)[-1] == 300
    assert looked_at(0) == [0] and looked_at(1) == [0, 1]


def test_between_the_ends_it_is_the_network_of_that_step():
    found = {each.step: each for each in specimens({"a": replace(FLAT, steps=40)})}
    network, _ = train(replace(FLAT, steps=10))
    again = microscope.specimen("a", network, 10)
    for name in INSIDE:
        assert (found[10].counts[name] == again.counts[name]).all()


def test_all_arms_are_looked_at_and_pre_training_tells_how_far_it_is():
    recipe = Recipe(depth=2, width=8, steps=4, pretrain="rbm", pretrain_epochs=2)
    found = list(specimens({"a": SMALL, "b": recipe}))
    assert [each.arm for each in found if each.step == 0] == ["a", "b", "b"]
    assert {each.phase for each in found if each.arm == "b"} == {"pretraining", "training"}


def test_an_overflow_is_looked_at_and_named():
    recipe = replace(SMALL, activation="relu", gain=60.0, depth=10, lr=1.0, width=32)
    found = list(specimens({"a": recipe}))
    last = found[-1]
    assert last.step < recipe.steps and len(found) < len(looked_at(recipe.steps))
    assert sum(lost.sum() for lost in last.lost.values()) > 0
    for name in INSIDE:
        counted = last.counts[name].sum(1) + last.zeros[name] + last.lost[name]
        assert (counted == last.total).all()


def test_parameters_are_kept_of_data_in_the_plane_only_and_of_a_few_steps():
    assert not any(each.parameters.size for each in specimens({"a": SMALL}))
    kept = [
        each.step for each in specimens({"a": replace(FLAT, steps=100)}) if each.parameters.size
    ]
    assert kept[0] == 0 and kept[-1] == 100 and len(kept) <= microscope.SURFACES + 1
    assert not microscope.kept_steps(100, 10_000_000)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_surface_is_what_the_network_says(norm):
    recipe = replace(FLAT, norm=norm)
    *_, last = specimens({"a": recipe})
    network = restored(recipe, last.parameters, last.running)
    x, y = plane(recipe, 5)
    module = export(train(recipe)[0]).eval()
    for row, b in enumerate(y):
        points = torch.tensor([[a, b] for a in x], dtype=torch.float32)
        expected = module(points).softmax(dim=1)[:, 1].detach().numpy()
        assert surface(network, x, y)[row] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_unit_sees_what_its_module_puts_out(norm):
    recipe = replace(FLAT, norm=norm)
    *_, last = specimens({"a": recipe})
    network = restored(recipe, last.parameters, last.running)
    x, y = plane(recipe, 4)
    module = export(train(recipe)[0]).eval()
    parts = [place for place, part in enumerate(module) if isinstance(part, Elementwise)]
    points = torch.tensor([[a, b] for b in y for a in x], dtype=torch.float32)
    expected = module[: parts[1] + 1](points)[:, 4].detach().numpy().reshape(4, 4)
    assert seen_by(network, 2, 5, x, y) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ValueError, match="unit 9 of layer 2 is not among 8 units of 3"):
        seen_by(network, 2, 9, x, y)


def test_the_plane_holds_the_data():
    x, y = plane(FLAT)
    points = load("moons", 0).x_train
    assert x.min() < points[:, 0].min() and y.max() > points[:, 1].max() and (np.diff(x) > 0).all()
    with pytest.raises(ValueError, match="dataset='digits' has 64 inputs, not 2"):
        plane(SMALL)
