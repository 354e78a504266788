"""What the lesson on number formats says in words and numbers."""

import inspect
import runpy

import numpy as np
import pytest
import torch
from lessons import seeds
from presets import ends
from questions import question, replies

from gradviz.engine.precision import repeated_updates, signal_in_format, train_in_formats
from gradviz.recipe import Recipe, replace
from gradviz.theory.formats import FORMATS
from gradviz.ui import catalog

pytestmark = pytest.mark.usefixtures("one_core")

DEPTH = 24


def sizes(preset, form):
    """An entry of ∂L/∂z in the state of the preset: rows are seeds, columns layers 1 to 25."""
    recipe = Recipe(depth=DEPTH, activation=preset.values["activation"])
    table = signal_in_format(recipe, form, [preset.values["loss_scale"]], seeds())
    return table.pivot_table(index="seed", columns="layer", values="value", dropna=False).to_numpy()


def unscaled(preset, form="float16"):
    """As `sizes`, where nothing is multiplied."""
    recipe = Recipe(depth=DEPTH, activation=preset.values["activation"])
    table = signal_in_format(recipe, form, [0], seeds())
    return table.pivot_table(index="seed", columns="layer", values="value").to_numpy()


def zeros(found):
    return (found[:, :DEPTH] == 0).sum(axis=1)


@pytest.mark.claim
@ends("precision", "window", "As it is")
def test_in_float16_more_than_half_of_the_layers_get_exactly_0_and_in_the_others_none(preset):
    found = sizes(preset, "float16")
    assert ((zeros(found) >= 14) & (zeros(found) <= 17)).all()
    assert (found[:, 0] == 0).all()
    exact = sizes(preset, "float32")
    assert (exact > 0).all()
    np.testing.assert_allclose(sizes(preset, "bfloat16"), exact, rtol=0.1)


@pytest.mark.claim
@ends("precision", "window", "Loss times 2¹⁶")
def test_a_scale_of_65536_gives_seven_more_layers_a_gradient_and_no_other_ratio(preset):
    found, exact = sizes(preset, "float16"), sizes(preset, "float32")
    gained = zeros(unscaled(preset)) - zeros(found)
    assert ((gained >= 6) & (gained <= 9)).all() and 6.5 < gained.mean() < 8.5
    kept = exact > 10 * FORMATS["float16"].smallest / 2**16
    np.testing.assert_allclose(found[kept], exact[kept], rtol=0.1)


@pytest.mark.claim
@ends("precision", "window", "Loss times 2²³")
def test_the_largest_scale_still_leaves_layer_1_without_a_gradient(preset):
    found, exact = sizes(preset, "float16"), sizes(preset, "float32")
    assert np.isfinite(found).all() and (found[:, 0] == 0).all()
    assert ((zeros(found) >= 3) & (zeros(found) <= 7)).all()
    span = np.log10(exact[:, DEPTH] / exact[:, 0])
    assert ((span > 14.5) & (span < 16)).all()
    half = FORMATS["float16"]
    assert round(np.log10(half.largest / half.smallest)) == 12


@pytest.mark.claim
@ends("precision", "window", "Loss times 2²⁴")
def test_one_doubling_more_leaves_no_layer_a_number(preset):
    assert not np.isfinite(sizes(preset, "float16")).any()
    assert np.isfinite(sizes(preset, "bfloat16")).all()


@pytest.mark.claim
@ends("precision", "window", "ReLU")
def test_with_relu_float16_needs_no_scale(preset):
    found, exact = sizes(preset, "float16"), sizes(preset, "float32")
    np.testing.assert_allclose(found, exact, rtol=0.05)
    assert exact.min() > 100 * FORMATS["float16"].smallest


def way(form, power, count=100):
    """How much of the way so many updates have made, and the weight in the end."""
    (weights,) = repeated_updates(form, [10**power], count)
    return (weights[-1] - 1) / (count * 10**power), weights[-1]


@ends("precision", "update", "Δw = 10⁻³")
def test_bfloat16_cannot_make_a_healthy_update(preset):
    power = preset.values["update"]
    assert 10**power < FORMATS["bfloat16"].lost
    assert way("bfloat16", power) == (0, 1)
    assert way("float16", power)[0] == pytest.approx(1, abs=0.05)
    assert way("float32", power)[0] == pytest.approx(1, abs=1e-3)


@ends("precision", "update", "Δw = 10⁻⁴")
def test_ten_times_smaller_float16_stands_still_too(preset):
    power = preset.values["update"]
    assert [way(form, power)[0] for form in ("bfloat16", "float16")] == [0, 0]
    assert way("float32", power)[0] == pytest.approx(1, abs=0.01)


@ends("precision", "update", "Δw = 10⁻²")
def test_a_large_update_moves_all_three_and_bfloat16_comes_three_quarters_of_the_way(preset):
    power = preset.values["update"]
    (weights,) = repeated_updates("bfloat16", [10**power], 100)
    assert set(np.diff(weights)) == {2**-7}
    assert 0.7 < way("bfloat16", power)[0] < 0.8
    assert way("float16", power)[0] == pytest.approx(1, abs=0.05)


def ends_of_training(preset):
    """By seed and arm what the training of the figure comes to: accuracy, and who stands still."""
    page = runpy.run_path(str(catalog.ROOT / "pages" / "precision.py"))
    rate = preset.values["lr"]
    base = replace(page["TRAINED"], lr=float(rate), steps=page["LENGTHS"][rate])
    for seed in seeds(2):
        recipe = replace(base, seed=seed)
        moments = train_in_formats(recipe, page["ARMS"], every=recipe.steps)
        yield {m.arm: m.table.set_index("quantity")["value"] for m in moments}


@pytest.mark.claim
@ends("precision", "training", "Small steps")
def test_at_small_steps_weights_in_bfloat16_stand_still_and_a_float32_copy_learns(preset):
    for last in ends_of_training(preset):
        assert last["bfloat16"]["still"] > 0.93
        assert last["float32"]["still"] < 0.2 and last["copy"]["still"] < 0.2
        assert last["bfloat16"]["accuracy"] < last["float32"]["accuracy"] - 0.2
        assert last["copy"]["accuracy"] == pytest.approx(last["float32"]["accuracy"], abs=0.03)


@pytest.mark.claim
@ends("precision", "training", "Large steps")
def test_at_large_steps_all_three_learn(preset):
    for last in ends_of_training(preset):
        assert min(own["accuracy"] for own in last.values()) > 0.9
        assert last["bfloat16"]["accuracy"] > last["float32"]["accuracy"] - 0.04


def test_the_question_knows_the_weight():
    answers = replies(question("precision", "update"))
    verdicts = {option: verdict for option, (verdict, _) in answers.items()}
    assert verdicts == {"0": "right", "1": "wrong", "2": "wrong", "skipped": "open"}
    assert "it is 1; in float32 it would be 1.1." in answers["skipped"][1]
    assert question("precision", "update", update=-2) is None


def test_what_is_kept_of_a_weight_is_how_far_it_has_moved():
    page = runpy.run_path(str(catalog.ROOT / "pages" / "precision.py"))
    for form in ("float32", "float16"):
        table = page["weights"](form, 100)
        once = table[(table["n"] == 1) & np.isclose(table["power"], -3)]["moved"].item()
        expected = torch.tensor(1.001, dtype=getattr(torch, form)).item() - 1
        assert once == pytest.approx(expected, rel=1e-3)


def test_pytorchs_scaler_starts_and_backs_off_as_the_article_says():
    defaults = inspect.signature(torch.amp.GradScaler).parameters
    assert defaults["init_scale"].default == 2**16
    assert defaults["backoff_factor"].default == 0.5


def test_it_goes_beyond_the_notes():
    entry = catalog.find("precision")
    assert entry.number is not None and "beyond the notes" in entry.source()
