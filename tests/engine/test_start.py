"""What is measured before the first step: one signature, one table, and numbers by hand."""

import inspect

import numpy as np
import plain
import pytest
import torch
import torch.nn.functional as F

from gradviz.charts.parts.summary import summarize
from gradviz.data import load
from gradviz.engine import start
from gradviz.engine.history import history_frame
from gradviz.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_core")

RECIPE = Recipe(depth=4, width=16, activation="relu", residual=True)
MEASUREMENTS = {
    start.signal: {"delta"},
    start.layer_factors: {"factor"},
    start.batch_spread: {"spread"},
    start.block_growth: {"growth"},
    start.block_signal: {"signal"},
    start.landing: {*start.QUANTILES, "mean_slope", "rms_slope"},
}


def wide(table, quantity):
    rows = table[table["quantity"] == quantity]
    return rows.pivot(index="seed", columns="layer", values="value").to_numpy()


@pytest.mark.parametrize("measure", MEASUREMENTS)
def test_every_measurement_has_one_signature_and_one_table(measure):
    assert list(inspect.signature(measure).parameters) == ["recipe", "seeds", "examples"]
    table = measure(RECIPE, [3, 8], 32)
    assert set(table["quantity"]) == MEASUREMENTS[measure]
    assert set(table["step"]) == {0} and table["value"].notna().all()
    if measure is start.landing:
        assert "seed" not in table and table["layer"].max() == 4
    else:
        assert set(table["seed"]) == {3, 8} and table["layer"].max() == 5
        assert list(table) == [name for name in history_frame([]) if name != "arm"]


def test_a_chart_takes_a_table_as_it_is_and_leaves_out_the_output_layer():
    drawn = summarize(start.block_growth(RECIPE).assign(arm="residual"), "growth")
    assert drawn["layer"].tolist() == [1, 2, 3, 4]


def test_signal_factors_and_spread_are_those_of_plain_pytorch():
    recipe = Recipe(depth=3, width=16, activation="tanh", dataset="moons")
    data, net = load("moons"), plain.Plain(recipe, 0)
    h, kept = torch.tensor(data.x_train[:50]), []
    for layer in (1, 2, 3, 4):
        kept.append(net.linears[f"W{layer}"](h))
        h = torch.tanh(kept[-1])
    loss = F.cross_entropy(kept[-1], torch.tensor(data.y_train[:50]))
    delta = np.array([signal.norm().item() for signal in torch.autograd.grad(loss, kept)])
    signal = wide(start.signal(recipe, 1, 50), "delta")[0]
    np.testing.assert_allclose(signal, delta / delta[2], rtol=1e-5)
    factors = wide(start.layer_factors(recipe, 1, 50), "factor")[0]
    np.testing.assert_allclose(factors, delta[:-1] / delta[1:], rtol=1e-5)
    spread = wide(start.batch_spread(recipe, 1, 50), "spread")[0]
    by_hand = [z.var(dim=0, unbiased=False).mean().sqrt().item() for z in kept]
    np.testing.assert_allclose(spread, by_hand, rtol=1e-5)


def test_what_comes_back_to_a_block_is_that_of_plain_pytorch():
    recipe = Recipe(depth=3, width=64, activation="relu", residual=True)
    data, net = load("digits"), plain.Plain(recipe, 0)
    h, kept = torch.tensor(data.x_train[:50]), []
    for layer in (1, 2, 3):
        inner = torch.relu(net.linears[f"W{layer}"](h))
        h = h + net.scales[0] * net.linears[f"V{layer}"](inner)
        kept.append(h)
    kept.append(net.linears["W4"](h))
    loss = F.cross_entropy(kept[-1], torch.tensor(data.y_train[:50]))
    back = np.array([g.norm().item() for g in torch.autograd.grad(loss, kept)])
    found = wide(start.block_signal(recipe, 1, 50), "signal")[0]
    np.testing.assert_allclose(found, back / back[2], rtol=1e-5)


def test_a_lost_signal_is_kept_as_nan():
    lost = Recipe(depth=80, width=8, init="pytorch")
    factors = wide(start.layer_factors(lost, 2), "factor")
    assert np.isnan(factors[:, 0]).all() and np.isfinite(factors[:, -1]).all()


def test_looking_at_a_network_does_not_move_the_statistics_of_batchnorm():
    probe = start.at_start(Recipe(depth=2, width=8, norm="batch"), 2)
    for mean, variance in probe.network.running.values():
        assert (mean == 0).all() and (variance == 1).all()
    assert probe.passed.z[0].std().item() == pytest.approx(1, abs=0.01)
