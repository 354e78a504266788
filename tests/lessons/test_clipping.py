"""What the lesson on clipping says: the races and the limit."""

import re

import numpy as np
import pytest
from lessons import arms_on_page, last_frame, seeds
from questions import question, replies
from streamlit.testing.v1 import AppTest

from gradviz.engine.train import race
from gradviz.recipe import replace
from gradviz.ui import catalog

pytestmark = [pytest.mark.usefixtures("one_core"), pytest.mark.claim]


def test_the_default_race_is_won_by_clipping():
    arms = arms_on_page("clipping", "race")
    assert not (last_frame(arms["plain"]).accuracy > 0.4).any()
    for name in ("clip_norm", "clip_value"):
        clipped = last_frame(arms[name])
        assert (clipped.accuracy > 0.6).all()
        assert (clipped.clipped > 0).all()


def test_the_first_gradients_wreck_a_whole_layer_within_twenty_steps():
    arms = arms_on_page("clipping", "why")
    assert arms["plain"] == replace(arms_on_page("clipping", "race")["plain"], steps=20)
    dead = last_frame(arms["plain"]).layers["dead"][:, :-1]
    overflowed = np.isnan(dead).any(axis=1)
    assert not overflowed.all()
    assert (dead[~overflowed].max(axis=1) > 0.75).all()
    assert (last_frame(arms["clip_norm"]).layers["dead"][:, :-1] < 0.5).all()


def test_the_first_step_is_as_much_longer_as_the_gradient_is_above_the_threshold():
    arms = arms_on_page("clipping", "why")
    plain, clipped = (
        next(iter(race({"arm": arms[name]}, seeds()))) for name in ("plain", "clip_norm")
    )
    moved = plain.layers["update_ratio"] / clipped.layers["update_ratio"]
    assert moved == pytest.approx((plain.gradient_norm / 3.0)[:, None].repeat(7, axis=1), rel=1e-3)
    assert (moved > 30).all() and (plain.layers["update_ratio"] > 0.02).all()


def test_the_words_say_how_far_the_first_step_goes():
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    app.query_params["lang"], app.query_params["figure"] = "en", "why"
    app.switch_page("pages/clipping.py").run()
    (words,) = (text.value for text in app.caption if "first step" in text.value)
    low, high, times = map(int, re.search(r"(\d+)% to (\d+)%.* (\d+) times less", words).groups())
    assert 1 < low < high < 40 and 30 < times < 300


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


def test_limit_the_gradient_stays_below_the_threshold():
    plain = arms_on_page("clipping", "limit")["plain"]
    for frame in race({"arm": plain}, seeds()):
        assert (frame.gradient_norm < 0.9).all()


def test_the_question_is_answered_for_each_guess():
    answers = replies(question("clipping", "geometry"))
    assert [verdict for verdict, _ in answers.values()] == ["right", "wrong", "open"]


def test_too_tight_a_threshold_clips_every_step_and_is_a_small_learning_rate():
    tight = last_frame(arms_on_page("clipping", "race", clip_at=0.1)["clip_norm"])
    assert (tight.clipped == 1).all()
    assert (tight.accuracy < 0.6).all()
