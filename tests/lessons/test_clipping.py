"""What the lesson on clipping says: the races and the limit."""

import numpy as np
import pytest
from lessons import arms_on_page, last_frame
from presets import ends

from gradviz.recipe import replace
from gradviz.theory.landscape import cliff, descend

pytestmark = [pytest.mark.usefixtures("one_core"), pytest.mark.claim]


CLIFF = cliff()


def walks(preset, threshold=10**-0.5):
    """Both paths of the cliff as it opens, from the preset's start and from others beside it.

    A walk along the wall may turn on the last digit; those of the presets must not.
    """
    values = preset.values
    assert values["cliff_clip"] == "norm"
    for off_w, off_b in ((0, 0), (1e-6, 1e-6), (-1e-6, 1e-6), (1e-6, -1e-6)):
        start = values["w"] + off_w, values["b"] + off_b
        free = descend(CLIFF, start, 0.5, 60)
        yield free, descend(CLIFF, start, 0.5, 60, clip="norm", clip_at=threshold)


def stays(walk):
    return bool(((walk.points >= CLIFF.low) & (walk.points <= CLIFF.high)).all())


def largest_step(walk):
    return np.linalg.norm(np.diff(walk.points, axis=0), axis=1).max()


@ends("clipping", "cliff", "Thrown far")
def test_thrown_far_leaves_the_picture_by_a_huge_step(preset):
    for free, clipped in walks(preset):
        assert largest_step(free) > 100 and not stays(free)
        assert stays(clipped) and largest_step(clipped) < 0.2


@ends("clipping", "cliff", "Thrown off")
def test_thrown_off_leaves_the_valley_which_the_clipped_path_does_not(preset):
    for free, clipped in walks(preset):
        assert 5 < largest_step(free) < 20 and not stays(free)
        assert stays(clipped) and (clipped.losses[-10:] < 0.05).all()


@ends("clipping", "cliff", "Into the valley")
def test_into_the_valley_both_paths_come_down(preset):
    for walk in (walk for both in walks(preset) for walk in both):
        assert stays(walk) and walk.losses[0] > 0.3 and (walk.losses[-10:] < 0.05).all()


@ends("clipping", "race", "Digits")
def test_the_default_race_is_won_by_clipping(preset):
    arms = preset.arms()
    assert arms == arms_on_page("clipping", "race")
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


@ends("clipping", "race", "Two moons")
def test_moons_as_published_in_the_reference_numbers(preset):
    arms = preset.arms()
    assert arms["clip_norm"].dataset == "moons" and arms["clip_norm"].clip_at == 1
    assert np.isnan(last_frame(arms["plain"], 3).accuracy).all()
    assert (last_frame(arms["clip_norm"], 3).accuracy > 0.9).all()


def test_limit_a_vanished_gradient_stays_vanished():
    arms = arms_on_page("clipping", "limit")
    plain, clipped = (last_frame(arms[name]) for name in ("plain", "clip_norm"))
    assert (clipped.clipped == 0).all()
    np.testing.assert_array_equal(plain.loss, clipped.loss)
    assert (clipped.accuracy < 0.2).all()


@ends("clipping", "race", "Too tight")
def test_too_tight_a_threshold_clips_every_step_and_is_a_small_learning_rate(preset):
    tight = last_frame(preset.arms()["clip_norm"])
    assert (tight.clipped == 1).all()
    # From 0.26 to 0.46 was seen, where the default threshold comes to more than 0.8.
    assert (tight.accuracy < 0.6).all()
