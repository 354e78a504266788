"""What the presets of the lesson on depth are called, and what it says of the first layers."""

import pytest
from lessons import arms_on_page, last_frame, seeds

from gradviz.engine.train import race

pytestmark = [pytest.mark.usefixtures("one_core"), pytest.mark.claim]


def arms(activation, init, depth):
    return arms_on_page("depth", "training", activation=activation, init=init, depth=depth)


def test_vanish_leaves_the_first_layer_where_it_was():
    networks = arms("sigmoid", "xavier_normal", 10)
    deep, shallow = last_frame(networks["deep"], 3), last_frame(networks["shallow"], 3)
    assert (deep.accuracy < 0.2).all() and (shallow.accuracy > 0.9).all()
    drift = deep.layers["drift"]
    assert (drift[:, 0] < 1e-4).all() and (drift[:, 9] > 0.03).all()


def test_underflow_leaves_no_number():
    [start, *_] = race({"deep": arms("sigmoid", "small", 40)["deep"]}, seeds(3))
    assert (start.layers["delta"][:, 0] == 0).all()
    found = {event.seed for event in start.events if event.kind == "underflow"}
    assert found == set(start.seeds)


def test_healthy_learns_and_explode_overflows():
    assert (last_frame(arms("tanh", "xavier_normal", 10)["deep"], 3).accuracy > 0.8).all()
    assert last_frame(arms("relu", "large", 30)["deep"], 3).status == "diverged"
