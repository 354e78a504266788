"""What the lesson on clipping says: the races and the limit."""

import numpy as np
import pytest
from lessons import arms_on_page, last_frame

pytestmark = pytest.mark.usefixtures("one_core")


def test_the_default_race_is_won_by_clipping():
    arms = arms_on_page("clipping", "race")
    assert not (last_frame(arms["plain"]).accuracy > 0.4).any()
    for name in ("clip_norm", "clip_value"):
        clipped = last_frame(arms[name])
        assert (clipped.accuracy > 0.6).sum() >= 4
        assert (clipped.clipped > 0).all()


def test_moons_as_published_in_the_reference_numbers():
    arms = arms_on_page("clipping", "race", dataset="moons", clip_at=1)
    assert np.isnan(last_frame(arms["plain"], 3).accuracy).all()
    assert (last_frame(arms["clip_norm"], 3).accuracy >= 0.97).all()


def test_limit_a_vanished_gradient_stays_vanished():
    arms = arms_on_page("clipping", "limit")
    plain, clipped = (last_frame(arms[name]) for name in ("plain", "clip_norm"))
    assert (clipped.clipped == 0).all()
    np.testing.assert_array_equal(plain.loss, clipped.loss)
    assert (clipped.accuracy < 0.2).all()


def test_too_tight_a_threshold_clips_every_step():
    arms = arms_on_page("clipping", "race", clip_at=0.1)
    assert last_frame(arms["clip_norm"], 1).clipped == pytest.approx(1)
