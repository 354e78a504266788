"""What the lesson on clipping says: the races and the limit."""

import numpy as np
import pytest
from lessons import arms_on_page, last_frame

from gradviz.recipe import replace

pytestmark = [pytest.mark.usefixtures("one_core"), pytest.mark.claim]


def test_the_default_race_is_won_by_clipping():
    arms = arms_on_page("clipping", "race")
    assert not (last_frame(arms["plain"]).accuracy > 0.4).any()
    for name in ("clip_norm", "clip_value"):
        clipped = last_frame(arms[name])
        assert (clipped.accuracy > 0.6).all()
        assert (clipped.clipped > 0).all()


def test_the_first_gradients_wreck_a_whole_layer_within_twenty_steps():
    plain = arms_on_page("clipping", "race")["plain"]
    dead = last_frame(replace(plain, steps=20)).layers["dead"][:, :-1]
    overflowed = np.isnan(dead).any(axis=1)
    assert not overflowed.all()
    assert (dead[~overflowed].max(axis=1) > 0.75).all()


def test_moons_as_published_in_the_reference_numbers():
    arms = arms_on_page("clipping", "race", dataset="moons", clip_at=1)
    assert np.isnan(last_frame(arms["plain"], 3).accuracy).all()
    assert (last_frame(arms["clip_norm"], 3).accuracy > 0.9).all()


def test_limit_a_vanished_gradient_stays_vanished():
    arms = arms_on_page("clipping", "limit")
    plain, clipped = (last_frame(arms[name]) for name in ("plain", "clip_norm"))
    assert (clipped.clipped == 0).all()
    np.testing.assert_array_equal(plain.loss, clipped.loss)
    assert (clipped.accuracy < 0.2).all()


def test_too_tight_a_threshold_clips_every_step_and_is_a_small_learning_rate():
    tight = last_frame(arms_on_page("clipping", "race", clip_at=0.1)["clip_norm"])
    assert (tight.clipped == 1).all()
    assert (tight.accuracy < 0.6).all()
