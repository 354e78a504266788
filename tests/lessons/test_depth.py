"""What the presets of the lesson on depth are called, and what it says of the first layers."""

import pytest
from lessons import first_and_last_frame, last_frame, seeds
from presets import ends

from gradviz.engine.train import race

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
    [start, *_, end] = race({"deep": deep}, seeds(), record_every=deep.steps)
    kept = start.layers["delta"][:, 0] / start.layers["delta"][:, deep.depth - 1]
    # From 1.4 to 2.2 was seen, and then accuracies from 0.90 to 0.95.
    assert ((kept > 0.5) & (kept < 5)).all()
    assert (end.accuracy > 0.8).all()


@ends("depth", "training", "Explode")
def test_explode_overflows(preset):
    deep = preset.arms()["deep"]
    [start, *_, end] = race({"deep": deep}, seeds(3))
    kept = start.layers["delta"][:, 0] / start.layers["delta"][:, deep.depth - 1]
    assert (kept > 1e12).all()
    assert end.status == "diverged" and end.step < 20
