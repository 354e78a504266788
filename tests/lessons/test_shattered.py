"""What the lesson on shattered gradients says in words and numbers."""

import numpy as np
import pytest
from lessons import arms_on_page, last_frame, seeds
from presets import ends
from questions import question, replies

from gradviz.engine import start
from gradviz.engine.slices import gradient_correlations, slope_along_circle
from gradviz.recipe import Recipe, replace
from gradviz.theory.shattering import gradient_correlation

pytestmark = pytest.mark.usefixtures("one_core")

WIDE = Recipe(activation="relu", width=256)
SHORTCUTS = replace(WIDE, residual=True)
BATCHNORM = replace(WIDE, norm="batch")


def alike_at(recipe, degrees=2, count=5):
    """The correlation of a slope with itself so many degrees on, over all seeds."""
    rows = slope_along_circle(recipe, seeds=seeds(count))
    on = degrees * 2  # two points for each degree
    curves = rows["value"].to_numpy().reshape(count, -1)
    here, there = curves[:, :-on], curves[:, on:]
    return (here * there).sum() / np.sqrt((here**2).sum() * (there**2).sum())


@ends("shattered", "noise", "50 layers")
def test_without_shortcuts_the_slope_is_noise_and_with_them_it_is_like_that_of_one_layer(preset):
    depth = preset.values["layers"]
    one, plain, shortcuts, batchnorm = (
        alike_at(replace(recipe, depth=layers))
        for recipe, layers in ((WIDE, 1), (WIDE, depth), (SHORTCUTS, depth), (BATCHNORM, depth))
    )
    # On 20 seeds: 0.97, 0.3, 0.97, 0.
    assert one > 0.93 and shortcuts > 0.9
    assert plain < 0.5
    assert batchnorm < 0.15


@ends("shattered", "noise", "8 layers")
def test_eight_layers_are_on_the_way(preset):
    assert 0.65 < alike_at(replace(WIDE, depth=preset.values["layers"])) < 0.9


@ends("shattered", "noise", "2 layers")
def test_two_plain_layers_wander_like_one(preset):
    assert alike_at(replace(WIDE, depth=preset.values["layers"])) > 0.87


def test_the_question_is_asked_where_the_page_opens_and_its_answer_is_the_measured_one():
    found = replies(question("shattered", "noise"))
    assert [verdict for verdict, _ in found.values()] == ["wrong", "right", "wrong", "open"]
    assert question("shattered", "noise", layers=8) is None


def test_the_signal_of_fifty_plain_layers_keeps_its_size():
    # What the text says of the network whose slope is noise: it is not a matter of size.
    rows = start.signal(replace(WIDE, depth=50, dataset="digits"), seeds(5))
    first = rows[rows["layer"] == 1]["value"]
    assert 0.3 < np.exp(np.log(first).mean()) < 3


def test_the_correlations_of_the_caption():
    plain = gradient_correlation(replace(WIDE, depth=32))
    assert plain < 0.005 < 0.63 < gradient_correlation(replace(SHORTCUTS, depth=32))
    for recipe, low, high in ((WIDE, -0.02, 0.03), (SHORTCUTS, 0.58, 0.70)):
        found = gradient_correlations(recipe, [32], seeds(5))["value"].mean()
        assert low < found < high


def profiles(arm):
    """E[h²] forward and ‖∂L/∂h‖ backward of an arm at its start, wide, by block."""
    recipe = replace(arms_on_page("shattered", "race")[arm], width=128)
    tables = start.block_growth(recipe, seeds()), start.block_signal(recipe, seeds())
    return [np.exp(np.log(t["value"]).groupby(t["layer"]).mean()).to_numpy()[:-1] for t in tables]


def test_at_the_start_rezero_is_the_identity_both_ways():
    for profile in profiles("rezero"):
        np.testing.assert_allclose(profile, 1, rtol=1e-5)


def test_unscaled_branches_add_up_both_ways_and_batchnorm_holds_them():
    forward, back = profiles("unscaled")
    assert 1e11 < forward[-1] < 1e13 and 1e5 < back[0] < 1e7  # 2^40 and 2^20, about
    forward, back = profiles("batchnorm")
    assert 10 < forward[-1] < 60 and 3 < back[0] < 15


def test_at_the_start_only_the_scales_of_the_branches_have_a_gradient():
    recipe = replace(arms_on_page("shattered", "race")["rezero"], depth=4, steps=0)
    probe = start.at_start(recipe, 2)
    for (kind, layer), part in probe.network.parts(probe.gradients.vector).items():
        if layer <= 4 and kind in "WVbc":
            assert (part == 0).all(), (kind, layer)
        if kind == "alpha":
            assert (part != 0).all()


@pytest.mark.claim
@ends("shattered", "race", "ReZero learns")
def test_rezero_learns_without_normalization_what_batchnorm_learns_with_it(preset):
    arms = preset.arms()
    assert last_frame(arms["unscaled"]).status == "diverged"
    rezero, batchnorm = (last_frame(arms[name]).accuracy for name in ("rezero", "batchnorm"))
    assert (rezero > 0.9).all() and (batchnorm > 0.9).all()
    assert abs(rezero.mean() - batchnorm.mean()) < 0.03


@pytest.mark.claim
@ends("shattered", "race", "Smaller steps")
def test_smaller_steps_do_not_save_the_unscaled_branches(preset):
    arms = preset.arms()
    assert arms["unscaled"].lr == 0.001
    assert last_frame(arms["unscaled"]).status == "diverged"
    for name in ("rezero", "batchnorm"):
        slow = last_frame(arms[name]).accuracy
        assert (slow > 0.3).all() and slow.mean() < 0.92
