"""Zeros and overflows: the layer where they begin, by its right name, in both languages."""

import numpy as np
import pytest

from gradviz import language
from gradviz.engine.train import race
from gradviz.quantities import CURVES, QUANTITIES, Event
from gradviz.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_core")


def test_dead_units_are_not_called_an_underflow():
    # Biases of this size leave no ReLU unit of some layer with a positive z.
    recipe = Recipe(depth=6, width=3, activation="relu", bias_std=30.0, steps=0, seed=0)
    frame = next(race({"arm": recipe}, seeds=20))
    delta = frame.layers["delta"]
    stopped = [seed for seed, row in zip(frame.seeds, delta, strict=True) if (row == 0).any()]
    events = [event for event in frame.events if event.quantity == "delta"]
    assert len(stopped) >= 3 and [event.seed for event in events] == stopped
    for event in events:
        assert event.kind == "dead"
        assert event.layer == np.flatnonzero(delta[frame.seeds.index(event.seed)] == 0)[-1] + 1


def test_a_branch_that_is_still_at_zero_is_not_called_an_underflow():
    recipe = Recipe(depth=3, width=8, residual=True, residual_scale="rezero", steps=3)
    frames = list(race({"arm": recipe}, seeds=2, record_every=1))
    assert (frames[0].layers["delta"][:, :3] == 0).all()
    assert (frames[1].layers["delta"] > 0).all()
    assert not any(frame.events for frame in frames)


def test_events_and_titles_are_said_in_both_languages():
    events = [
        Event(kind, "delta", 3, 0, 0) for kind in ("underflow", "dead", "rounded", "overflow")
    ]
    english = [event.sentence() for event in events]
    assert english[0] == "layer 3 underflowed to 0 at step 0"
    assert english[3] == "layer 3 overflowed at step 0"
    language.use("zh")
    try:
        chinese = [event.sentence() for event in events]
        titles = [quantity.title() for quantity in [*QUANTITIES.values(), *CURVES.values()]]
    finally:
        language.use("en")
    assert chinese[0] == "第 3 层在第 0 步下溢为 0"
    assert len({*english, *chinese}) == 8
    assert all(any("一" <= letter <= "鿿" for letter in title) for title in titles)
