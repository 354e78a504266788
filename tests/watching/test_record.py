"""What a record says: theory under one's own layers, its picture, its diagnosis."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from architectures import made
from illnesses import CASES
from lessons import seeds
from torch import nn

from gradviz.activations import ACTIVATIONS
from gradviz.charts.watched import levels
from gradviz.data import load
from gradviz.engine.network import build, export
from gradviz.engine.train import batches
from gradviz.theory.mean_field import chi
from gradviz.watching.watch import watch

pytestmark = pytest.mark.usefixtures("one_core")


def run_of(recipe, seed=0, steps=None, every=10):
    """The record of a recipe's network, exported and trained as plain PyTorch."""
    data = load(recipe.dataset)
    model = export(build(recipe, [seed]))
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[recipe.optimizer]
    momentum = {"momentum": recipe.momentum} if recipe.optimizer == "sgd" else {}
    optimizer = kind(model.parameters(), lr=recipe.lr, **momentum)
    stream = batches(data, recipe.batch_size, [seed])
    with watch(model, optimizer, every) as record:
        for _ in range(recipe.steps + 1 if steps is None else steps):
            x, labels = next(stream)
            optimizer.zero_grad()
            F.cross_entropy(model(x[0]), labels[0]).backward()
            optimizer.step()
    return record


@pytest.mark.claim
@pytest.mark.parametrize(
    "name",
    [
        "depth: ten sigmoid layers",
        "depth: small weights, tanh",
        "activations: tanh",
        "exploding: weight scale 3",
        "relu_family: He",
        "relu_family: rate far too high",
        "batchnorm: relu",
        "residual: sigmoid",
        "saturated tanh",
        "updates too large",
        "updates a millionth",
    ],
)
def test_a_watched_network_gets_the_diagnosis_of_the_lab(name):
    recipe, illness = CASES[name]
    found = run_of(recipe, seed=1000 + seeds(1)[0]).diagnosis()
    assert found[0].illness == illness, [str(finding) for finding in found]


def deep(activation, width=256, depth=6):
    layers, fan_in = [], 64
    for _ in range(depth):
        layers += [nn.Linear(fan_in, width), activation()]
        fan_in = width
    return nn.Sequential(*layers, nn.Linear(fan_in, 10))


def one_step(model, x, y):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer) as record:
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return record


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.GELU, nn.Sigmoid, nn.Identity])
def test_theory_lies_under_dense_layers_of_known_activation(activation):
    torch.manual_seed(0)
    record = one_step(deep(activation), torch.randn(256, 64), torch.randint(10, (256,)))
    theory = record.expected().set_index("layer")
    table = record.table().query("quantity == 'delta'").set_index("layer").value
    assert list(theory.index) == [str(2 * k) for k in range(7)]
    measured = table[theory.index]
    np.testing.assert_allclose(theory.delta, measured, rtol=0.25)
    factors = (measured.to_numpy()[:-1] / measured.to_numpy()[1:]) ** 2
    # The factor into the output layer has but ten units to average over.
    np.testing.assert_allclose(theory.chi[:-2], factors[:-1], rtol=0.12)


def test_chi_is_that_of_mean_field_theory():
    torch.manual_seed(0)
    model = deep(nn.Tanh, width=128, depth=2)
    with torch.no_grad():
        for layer in model[::2]:
            layer.bias.zero_()
    x = torch.randn(64, 64)
    theory = one_step(model, x, torch.zeros(64, dtype=torch.long)).expected()
    variance = float((x @ model[0].weight.detach().T).square().mean())
    sigma_w = float(model[2].weight.detach().norm()) / 128**0.5
    np.testing.assert_allclose(
        theory.chi[0], chi(ACTIVATIONS["tanh"], sigma_w, variance), rtol=1e-5
    )


def test_theory_lies_under_convolutions_with_padding_and_stride():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.Flatten(),
        nn.Linear(64 * 16, 10),
    )
    record = one_step(model, torch.randn(32, 3, 8, 8), torch.randint(10, (32,)))
    theory = record.expected().set_index("layer")
    table = record.table().query("quantity == 'delta'").set_index("layer").value
    assert list(theory.index) == ["0", "2", "4", "6"]  # nothing is known of what flattens
    np.testing.assert_allclose(theory.delta, table[theory.index], rtol=0.15)


@pytest.mark.parametrize("name", ["cnn", "resnet", "lstm", "transformer"])
def test_theory_is_silent_where_it_knows_nothing(name):
    model, batch, loss = made(name)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as record:
        loss(model(batch(0)[0]), batch(0)[1]).backward()
        optimizer.step()
    assert record.expected().empty


def test_the_picture_has_a_panel_for_each_quantity_and_a_row_for_each_layer():
    model, batch, loss = made("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, every=1) as record:
        for seed in range(3):
            optimizer.zero_grad()
            loss(model(batch(seed)[0]), batch(seed)[1]).backward()
            optimizer.step()
    chart = record.plot()
    spec = chart.to_dict()
    assert len(spec["hconcat"]) == 3
    assert {panel["layer"][-1]["encoding"]["y"]["field"] for panel in spec["hconcat"]} == {"layer"}
    (theory,) = [part for part in spec["hconcat"][0]["layer"] if part["mark"]["type"] == "line"]
    assert theory["encoding"]["x"]["field"] == "delta"
    assert "step 2" in spec["title"]["text"] and "theory" in spec["title"]["text"]
    with pytest.raises(ValueError, match="quantity='loss'"):
        record.plot(["loss"])
    record.plot(["saturation", "dead", "output"]).to_dict()


def test_time_steps_have_a_picture_of_their_own():
    model, batch, loss = made("lstm")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, every=1, by_time=True) as record:
        for seed in range(2):
            optimizer.zero_grad()
            loss(model(batch(seed)[0]), batch(seed)[1]).backward()
            optimizer.step()
    spec = record.plot_by_time().to_dict()
    line, _ = spec["layer"]
    assert line["encoding"]["strokeDash"]["scale"]["domain"] == ["step 0", "step 1"]
    (rows,) = spec["datasets"].values()
    assert {row["layer"] for row in rows} == {"recurrent.l0", "recurrent.l1"}
    assert len(rows) == 2 * 2 * 7
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as record, pytest.raises(ValueError, match="by_time"):
        record.plot_by_time()


def test_zeros_and_overflows_stand_at_the_edges_of_the_axis():
    import pandas as pd

    rows = pd.DataFrame(
        {
            "step": [0, 0, 0, 5, 5, 5],
            "layer": ["a", "b", "c"] * 2,
            "value": [1.0, 0.0, 2.0, float("nan"), 3.0, 0.5],
        }
    )
    found = levels(rows).set_index("layer")
    assert list(found.first_state) == ["measured", "zero", "measured"]
    assert list(found.last_state) == ["overflow", "measured", "measured"]
    assert list(found.low) == [1.0, 3.0, 0.5] and list(found.high) == [1.0, 3.0, 2.0]


def test_a_record_of_nothing_is_empty_and_says_so():
    model = nn.Linear(2, 2)
    with watch(model, torch.optim.SGD(model.parameters())) as record:
        pass
    assert record.table().empty and record.expected().empty and record.by_time().empty
    assert [finding.illness for finding in record.diagnosis()] == ["unknown"]
    assert record.plot().to_dict()["hconcat"]


class Reader(nn.Module):
    """A recurrent layer of three units, of whose last state the loss is the sum."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0][-1]


def read_through(layer, times=21):
    model = Reader(layer)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, by_time=True) as record:
        model(torch.ones(times, 2, 3)).sum().backward()
        optimizer.step()
    return record.diagnosis()[0]


def rnn(factor):
    """One whose Jacobian is `factor` times the identity."""
    layer = nn.RNN(3, 3, nonlinearity="relu", bias=False)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.eye(3))
        layer.weight_hh_l0.copy_(factor * torch.eye(3))
    return layer


def lstm(bias):
    """One of whose cell each step keeps σ(bias), and whose gates hardly see the last state."""
    layer = nn.LSTM(3, 3)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.weight_hh_l0[6:9] = 1e-3 * torch.eye(3)
        layer.bias_ih_l0[3:6] = bias
    return layer


@pytest.mark.parametrize(("factor", "vanishes"), [(0.6, True), (0.75, True), (0.9, False)])
def test_through_time_a_gradient_vanishes_by_the_factor_of_the_recurrent_weights(factor, vanishes):
    found = read_through(rnn(factor))
    assert (found.illness == "vanishing_time") == vanishes
    if vanishes:
        assert dict(found.numbers) == {
            "ratio": pytest.approx(factor**19, rel=1e-4),
            "factor": pytest.approx(factor, rel=1e-4),
        }
        assert found.layer == "layer.l0" and "LSTM" in found.advice()


@pytest.mark.parametrize(("bias", "vanishes"), [(0.0, True), (1.0, True), (4.0, False)])
def test_through_time_an_lstm_keeps_what_its_forget_gate_keeps(bias, vanishes):
    found = read_through(lstm(bias))
    assert (found.illness == "vanishing_time") == vanishes
    if vanishes:
        kept = 1 / (1 + np.exp(-bias))
        assert dict(found.numbers)["factor"] == pytest.approx(kept, rel=0.01)
        assert "forget gate" in found.advice()
