"""What the presets of the lesson on depth are called, and what it says of the first layers."""

import itertools

import pytest
import torch
from lessons import first_and_last_frame, last_frame, seeds
from plain import Plain, optimizer
from presets import Preset, ends

from gradviz.charts.depth.moved import moved_frame, straightness
from gradviz.charts.parts.summary import latest
from gradviz.data import load
from gradviz.engine.history import history_frame
from gradviz.engine.start import batch_spread, signal
from gradviz.engine.train import batches, race

pytestmark = [pytest.mark.usefixtures("one_core"), pytest.mark.claim]


@ends("depth", "training", "Vanish")
def test_vanish_leaves_the_first_layer_where_it_was(preset):
    networks = preset.arms()
    start, deep = first_and_last_frame(networks["deep"], 3)
    # From layer to layer, the mean over them: theory says 0.236.
    delta = start.layers["delta"]
    assert ((delta[:, 0] / delta[:, 9]) ** (1 / 9) < 0.25).all()
    shallow = last_frame(networks["shallow"], 3)
    assert (deep.accuracy < 0.2).all() and (shallow.accuracy > 0.9).all()
    drift = deep.layers["drift"]
    assert (drift[:, 0] < 1e-4).all() and (drift[:, 9] > 0.03).all()


@ends("depth", "training", "Underflow")
def test_underflow_leaves_no_number(preset):
    start = next(iter(race({"deep": preset.arms()["deep"]}, seeds(3))))
    assert (start.layers["delta"][:, 0] == 0).all()
    found = {event.seed for event in start.events if event.kind == "underflow"}
    assert found == set(start.seeds)


@ends("depth", "training", "Healthy")
def test_healthy_learns_as_deep_as_it_is(preset):
    deep = preset.arms()["deep"]
    # It is called so if at least 19 of 20 seeds learn; of 80 seeds, all did.
    [start, *_, end] = race({"deep": deep}, seeds(20), record_every=deep.steps)
    kept = start.layers["delta"][:, 0] / start.layers["delta"][:, deep.depth - 1]
    # From 1.4 to 2.6 was seen, and then accuracies from 0.88 to 0.96.
    assert ((kept > 0.5) & (kept < 5)).all()
    assert (end.accuracy > 0.8).sum() >= 19


@ends("depth", "training", "Explode")
def test_explode_overflows(preset):
    deep = preset.arms()["deep"]
    [start, *_, end] = race({"deep": deep}, seeds(3))
    kept = start.layers["delta"][:, 0] / start.layers["delta"][:, deep.depth - 1]
    assert (kept > 1e12).all()
    assert end.status == "diverged" and end.step < 20


def vanishing():
    return Preset("depth", "training", "Vanish").arms()["deep"]


def test_the_first_layers_walk_straight_and_the_others_turn_with_every_batch():
    history = history_frame(race({"deep": vanishing()}, seeds()), ["drift", "update_ratio"])
    straight = straightness(history, "deep")
    # Of 20 seeds: at least 0.98 and 0.93, and at most 0.26 from layer 5 to 9.
    assert (straight.loc[[1, 2]] > 0.75).all() and straight.loc[1] < 1.1
    assert (straight.loc[5:9] < 0.4).all()
    last = latest(moved_frame(history)).set_index("layer")["drift"]
    # The first three have drifted equally far, the last by a thousand times as much.
    assert last.loc[:3].max() < 2 * last.loc[:3].min() and last.loc[10] > 1000 * last.loc[1]


def test_signal_times_differences_between_examples_is_the_same_in_every_layer():
    spread = batch_spread(vanishing(), seeds()).groupby("layer")["value"].mean()
    delta = signal(vanishing(), seeds()).groupby("layer")["value"].mean()
    pull = (spread * delta).loc[1:10]
    assert delta[10] > 1e5 * delta[1] and spread[1] > 1e5 * spread[10]
    # A factor of 1.19 was seen.
    assert pull.max() < 2.5 * pull.min()


def test_the_first_layers_drift_as_far_in_double_precision():
    deep = vanishing()
    (seed,) = seeds(1)
    double = Plain(deep, seed).double()
    weights = [double.linears[f"W{layer}"].weight for layer in range(1, deep.depth + 1)]
    begin = [weight.detach().clone() for weight in weights]
    step_of = optimizer(deep, double.parameters())
    stream = batches(load(deep.dataset, deep.seed), deep.batch_size, [seed])
    for x, labels in itertools.islice(stream, deep.steps):
        step_of.zero_grad()
        torch.nn.functional.cross_entropy(double(x[0].double()), labels[0]).backward()
        step_of.step()
    moved = [w.detach() - b for w, b in zip(weights, begin, strict=True)]
    drift = [float(way.norm() / b.norm()) for way, b in zip(moved, begin, strict=True)]
    [*_, single] = race({"deep": deep}, [seed], record_every=deep.steps)
    # Within 3% was seen.
    assert single.layers["drift"][0, :5] == pytest.approx(drift[:5], rel=0.1)
