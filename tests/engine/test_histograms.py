"""Histograms: fixed bins, everything counted once, and what a training run keeps of them."""

import numpy as np
import pandas as pd
import pytest
import torch

from gradviz.charts.histograms import histograms
from gradviz.charts.regularization.loss_parts import loss_parts
from gradviz.engine.histograms import measure_histograms, shares
from gradviz.engine.history import curves_frame, histogram_frame
from gradviz.engine.network import build
from gradviz.engine.train import race
from gradviz.quantities import DISTRIBUTIONS, Distribution
from gradviz.recipe import Recipe

BINS = Distribution("test", -1.0, 1.0, 4)
SMALL = Recipe(dataset="moons", depth=3, width=6, norm="batch", batch_size=32, steps=50)


def test_shares_are_those_of_numpy_and_what_lies_outside_is_in_the_end_bins():
    random = np.random.default_rng(0)
    rows = [random.normal(size=100), random.normal(size=30) * 3]
    found = shares([torch.tensor(row) for row in rows], BINS)
    for row, share in zip(rows, found, strict=True):
        inside = np.clip(row, -1, 1 - 1e-12)
        assert share == pytest.approx(np.histogram(inside, 4, (-1, 1))[0] / len(row))
        assert share.sum() == pytest.approx(1)


def test_infinities_are_at_the_ends_and_nan_is_nowhere():
    row = torch.tensor([-torch.inf, torch.inf, torch.nan, 0.1])
    assert shares([row], BINS)[0].tolist() == [0.25, 0, 0.25, 0.25]


def test_a_network_is_measured_before_and_after_normalization():
    network = build(SMALL, seeds=2)
    x = torch.randn(2, 32, 2, generator=torch.Generator().manual_seed(0))
    passed = network.forward(x, training=True)
    found = measure_histograms(network, passed, network.vector)
    assert set(found) == set(DISTRIBUTIONS)
    for name, histogram in found.items():
        assert histogram.shape == (4, DISTRIBUTIONS[name].bins)
    unit = passed.z[1][0, :, 0].detach().numpy()
    bins = DISTRIBUTIONS["z"]
    expected = np.histogram(unit, bins.bins, (bins.low, bins.high))[0] / 32
    assert found["z"][1] == pytest.approx(expected)
    assert not np.allclose(found["z"][1], found["linear"][1])


def spreads():
    frames = list(race({"plain": SMALL}, 1))
    return frames, histogram_frame(frames, "z")


def test_the_history_has_every_step_layer_and_bin_that_is_not_empty():
    frames, rows = spreads()
    assert sorted(rows["step"].unique()) == [frame.step for frame in frames]
    total = rows.groupby(["step", "layer"])["value"].sum()
    assert len(total) == len(frames) * 4
    assert total.to_numpy() == pytest.approx(1)
    assert (rows["high"] - rows["low"]).to_numpy() == pytest.approx(0.25)
    assert histogram_frame([], "z").empty


def test_the_picture_has_a_slider_once_the_run_has_ended():
    _, rows = spreads()
    going = histograms(rows, "z", {"plain": "plain"}, [1, 3], (-6, 6), ended=False)
    done = histograms(rows, "z", {"plain": "plain"}, [1, 3], (-6, 6), ended=True)
    assert "params" not in going or not any("bind" in param for param in going["params"])
    slider, run = done["params"]
    assert slider["bind"]["max"] == slider["value"] == 50 and run["value"]
    shown = going["datasets"]["bars"]
    assert shown["step"].unique().tolist() == [50]
    assert done["datasets"]["steps"]["step"].tolist() == sorted(rows["step"].unique())
    assert set(done["datasets"]["bars"]["layer"]) == {1, 3}
    assert "1, 3" in done["description"]


def test_the_picture_can_be_drawn_before_there_is_a_run():
    rows = pd.concat([histogram_frame([], "z").assign(arm="plain")])
    spec = histograms(rows, "z", {"plain": "plain"}, [1], (-6, 6), ended=False)
    assert spec["datasets"]["bars"].empty


def test_a_series_that_ended_early_keeps_standing():
    _, rows = spreads()
    early = rows[rows["step"] <= 10].assign(arm="early")
    both = pd.concat([rows, early], ignore_index=True)
    spec = histograms(both, "z", {"plain": "a", "early": "b"}, [1], (-6, 6), ended=True)
    bars = spec["datasets"]["bars"]
    last = bars[(bars["step"] <= 50) & (bars["until"] > 50)]
    assert last[last["arm"] == "early"]["step"].unique().tolist() == [10]


def test_the_loss_is_drawn_in_its_two_parts():
    recipe = Recipe(dataset="moons", depth=2, width=6, l2=0.01, steps=20)
    curves = curves_frame(race({"l2": recipe}, 2))
    spec = loss_parts(curves, {"l2": "L2"}, 20)
    rows = spec["datasets"]["parts"]
    assert rows.groupby("part").size().to_dict() == {"loss": 21, "penalty": 21}
    penalty = curves.query("quantity == 'penalty' and step == 20")["value"].mean()
    drawn = rows.query("part == 'penalty' and step == 20")["middle"].item()
    assert drawn == pytest.approx(penalty)
    without = loss_parts(curves_frame([]), {"l2": "L2"}, 20)
    assert without["datasets"]["parts"].empty


def test_a_race_has_histograms_unless_it_is_told_not_to():
    recipe = Recipe(dataset="moons", depth=2, width=6, steps=3)
    usual, bare = (list(race({"arm": recipe}, 2, histograms=wanted)) for wanted in (True, False))
    assert all(set(frame.histograms) == set(DISTRIBUTIONS) for frame in usual)
    for frame, other in zip(usual, bare, strict=True):
        assert other.histograms == {}
        np.testing.assert_array_equal(frame.loss, other.loss)
