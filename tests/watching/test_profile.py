"""`profile`: any module is measured as the engine measures its own, and the rest is named."""

import numpy as np
import pytest
import torch
from torch import nn

from gradviz.engine.backprop import backward, data_loss
from gradviz.engine.initialization import generator
from gradviz.engine.measure import Origin, measure_layers
from gradviz.engine.network import build, export
from gradviz.recipe import Recipe
from gradviz.watching.profile import profile

pytestmark = pytest.mark.usefixtures("one_core")


def test_profile_measures_any_module_as_the_engine_measures_its_own():
    recipe = Recipe(depth=3, width=8, activation="relu")
    network = build(recipe, 1)
    x = torch.randn(12, 64, generator=generator(0, "x"))
    y = torch.randint(10, (12,), generator=generator(0, "y"))
    passed = network.forward(x[None])
    gradients = backward(network, passed, data_loss(passed.logits, y[None]))
    layers = measure_layers(network, passed, gradients, Origin.of(network), network.vector)
    table = profile(export(network), x, y)
    assert list(table.columns) == ["layer", "name", "delta", "weight_gradient", "weight_norm"]
    assert list(table.layer) == [1, 2, 3, 4] and list(table.name) == ["0", "2", "4", "6"]
    for column in ("delta", "weight_gradient", "weight_norm"):
        np.testing.assert_allclose(table[column], layers[column][0], rtol=1e-5)


def test_profile_leaves_the_module_as_it_was():
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(12, 2)
    )
    module[0].weight.requires_grad_(False)
    x, y = torch.randn(5, 1, 4, 4, generator=generator(0, "x")), torch.tensor([0, 1, 0, 1, 1])
    before = {name: value.clone() for name, value in module.state_dict().items()}
    table = profile(module, x, y)
    assert np.isnan(table.weight_gradient[0]) and table.delta[0] > 0
    assert table.weight_gradient[1] > 0
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert not any(part._forward_hooks for part in module)


def test_profile_sees_past_an_activation_in_place():
    weights = [nn.Linear(4, 6), nn.Linear(6, 2)]
    x, y = torch.randn(5, 4, generator=generator(0, "x")), torch.tensor([0, 1, 0, 1, 1])
    tables = [
        profile(nn.Sequential(weights[0], nn.ReLU(inplace=inplace), weights[1]), x, y)
        for inplace in (True, False)
    ]
    np.testing.assert_allclose(tables[0].delta, tables[1].delta, rtol=1e-6)


class Everything(nn.Module):
    """A network of every kind of layer that has weights."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.lstm = nn.LSTM(8, 8, batch_first=True)
        self.gru = nn.GRU(8, 8, batch_first=True)
        self.up = nn.ConvTranspose1d(8, 8, 2)
        self.raw = nn.Parameter(torch.eye(8))
        self.head = nn.Linear(8, 3)
        self.idle = nn.Linear(8, 8)

    def forward(self, x):
        h = self.embedding(x)
        h = self.norm(h + self.attention(h, h, h, need_weights=False)[0])
        h = self.gru(self.lstm(h)[0])[0]
        h = self.up(h.transpose(1, 2)).mean(dim=2)
        return self.head(h @ self.raw)


def test_profile_measures_every_kind_of_layer_and_names_what_it_cannot():
    module = Everything()
    x = torch.randint(7, (5, 4), generator=generator(0, "x"))
    y = torch.tensor([0, 1, 2, 0, 1])
    with pytest.warns(UserWarning, match="no gradient reaches idle"):
        table = profile(module, x, y)
    assert list(table.layer) == list(range(1, len(table) + 1))
    rows = table.set_index("name")
    assert list(rows.index[:3]) == ["raw", "embedding", "attention.in_proj_weight[q]"]
    assert rows.index[-1] == "idle"
    for name in ("embedding", "attention.out_proj", "norm", "up", "head"):
        assert (rows.loc[name, ["delta", "weight_gradient", "weight_norm"]] > 0).all(), name
    assert rows.weight_gradient["lstm.weight_hh_l0"] > 0 and rows.delta["lstm"] > 0
    missing = table.attrs["not_measured"]
    nothing = rows.index[rows[["delta", "weight_gradient"]].isna().all(axis=1)]
    assert list(nothing) == ["idle"] and "idle" in missing
    assert set(rows.index[rows.delta.isna()]) == set(missing)


def test_profile_is_silent_where_it_leaves_nothing_out():
    module = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
    x = torch.randn(5, 4, generator=generator(0, "x"))
    table = profile(module, x, torch.tensor([0, 1, 0, 1, 1]))
    assert table.attrs["not_measured"] == {} and table.notna().all(axis=None)
