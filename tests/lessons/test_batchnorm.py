"""What the lesson on BatchNorm says in words and numbers."""

import numpy as np
import pytest
import torch
from lessons import arms_on_page, first_and_last_frame, last_frame, seeds
from presets import ends

from gradviz.charts.batchnorm.scale_invariance import scale_invariance
from gradviz.charts.histograms import shape_of
from gradviz.engine import start
from gradviz.engine.train import race
from gradviz.engine.units import cloud
from gradviz.recipe import Recipe, replace
from gradviz.ui.lesson import article
from gradviz.ui.words import words_of

pytestmark = pytest.mark.usefixtures("one_core")


@pytest.mark.claim
@ends("batchnorm", "race", "Vanish")
def test_the_default_race_is_won_by_batchnorm_and_not_by_layernorm(preset):
    arms = preset.arms()
    assert arms == arms_on_page("batchnorm", "race")
    accuracy = {name: last_frame(recipe).accuracy for name, recipe in arms.items()}
    assert (accuracy["plain"] < 0.2).all()
    assert (accuracy["layernorm"] < 0.2).all()
    assert (accuracy["batchnorm"] > 0.9).all()


@pytest.mark.claim
@ends("batchnorm", "race", "Large steps")
def test_larger_learning_rates_survive(preset):
    arms = preset.arms()
    assert arms["plain"].lr == 1
    assert not (last_frame(arms["plain"]).accuracy > 0.2).any()
    cured = last_frame(arms["batchnorm"]).accuracy
    # How far it gets depends on the seed: from 0.27 to 0.94 was seen.
    assert (cured > 0.2).all() and cured.mean() > 0.5
    # Of 125 seeds under three arithmetics the best came to 0.2, the mean to 0.1.
    layernorm = last_frame(arms["layernorm"]).accuracy
    assert (layernorm < 0.35).all() and layernorm.mean() < 0.2


def spread(recipe):
    """Over a batch, by seed and layer."""
    return start.batch_spread(recipe).pivot(index="seed", columns="layer", values="value")


def effects_of(recipe, factors):
    effects = start.scale_effects(recipe, factors)
    return effects.pivot(index="a", columns="quantity", values="value")


def test_batchnorm_keeps_the_examples_apart():
    assert (spread(Recipe())[10] < 1e-4).all()
    assert spread(Recipe(norm="batch")).loc[:, :10].to_numpy() == pytest.approx(1, abs=0.05)


def test_the_scale_of_the_weights_cancels():
    random = torch.Generator().manual_seed(0)
    u, target = torch.randn(64, 8, generator=random), torch.randn(64, 4, generator=random)
    found = {}
    for a in (1.0, 4.0):
        weight = (a * torch.ones(8, 4).normal_(generator=torch.Generator().manual_seed(1))).double()
        weight.requires_grad_()
        norm = torch.nn.BatchNorm1d(4, eps=1e-12).double()
        out = norm(u.double() @ weight)
        (out * target).sum().backward()
        found[a] = (out.detach().numpy(), weight.grad.numpy())
    assert np.allclose(found[1.0][0], found[4.0][0])
    assert np.allclose(found[1.0][1], 4 * found[4.0][1])


def test_the_picture_of_scale_invariance_measures_a_network():
    effects = effects_of(Recipe(norm="batch"), [0.5, 1.0, 1.5, 2.0])
    relative = effects / effects.loc[1.0]
    for a in (0.5, 2.0):
        assert relative.loc[a, "before"] == pytest.approx(a, rel=1e-4)
        assert relative.loc[a, "after"] == pytest.approx(1, rel=1e-3)
        assert relative.loc[a, "gradient"] == pytest.approx(1 / a, rel=1e-2)
    plain = effects_of(Recipe(activation="relu"), [1.0, 2.0])
    assert plain.loc[2.0, "after"] == pytest.approx(2 * plain.loc[1.0, "after"])
    rows = scale_invariance(effects.reset_index()).to_dict()["datasets"]
    (marks,) = (data for data in rows.values() if "ratio" in data[0])
    drawn = {row["kind"]: row["ratio"] for row in marks if row["a"] == 2.0}
    assert drawn["gradient"] == pytest.approx(relative.loc[2.0, "gradient"])
    with pytest.raises(ValueError, match=r"a=3\.0"):
        scale_invariance(effects.reset_index(), 3.0)


def unit_of(steps, seed=0):
    """One unit of the last hidden layer of the default race's network with BatchNorm."""
    rows = cloud(Recipe(norm="batch", steps=steps, seed=seed))
    return rows[(rows["layer"] == 10) & (rows["unit"] == 1)]


@ends("batchnorm", "three_moves", "At the start")
def test_values_arrive_squeezed_and_shifted_and_gamma_and_beta_change_nothing(preset):
    assert preset.values == {"moves_moment": "start", "gamma": 1.0, "beta": 0.0}
    rows = unit_of(0)
    assert abs(rows["before"].mean()) > 1 and rows["before"].std(ddof=0) < 0.3
    assert rows["after"].mean() == pytest.approx(0, abs=1e-5)
    assert rows["after"].std(ddof=0) == pytest.approx(1, abs=1e-3)


@ends("batchnorm", "three_moves", "Undone")
def test_with_the_spread_as_gamma_and_the_mean_as_beta_all_is_as_it_was(preset):
    rows = unit_of(0)
    assert preset.values["moves_moment"] == "start"
    undone = preset.values["gamma"] * rows["after"] + preset.values["beta"]
    np.testing.assert_allclose(undone, rows["before"], atol=0.02)
    # The article has a word that sets the same.
    said = "three_moves?moves_moment=start&gamma={gamma}&beta={beta}".format(**preset.values)
    assert said in [word.target for word in words_of(article("batchnorm", "en"))]


@ends("batchnorm", "three_moves", "As trained")
def test_the_trained_unit_is_shown_with_its_own_gamma_and_beta(preset):
    first = unit_of(100).iloc[0]
    assert preset.values["moves_moment"] == "trained"
    assert preset.values["gamma"] == pytest.approx(first["gamma"], abs=0.03)
    assert preset.values["beta"] == pytest.approx(first["beta"], abs=0.03)


@pytest.mark.claim
@pytest.mark.parametrize("seed", seeds(3))
def test_training_raises_gamma_in_the_last_layer_and_leaves_beta_near_0(seed):
    # Of 16 fresh seeds γ came to between 1.28 and 1.76, |β| to at most 0.12.
    first = unit_of(100, seed).iloc[0]
    assert 1.15 < first["gamma"] < 2 and abs(first["beta"]) < 0.2


def last_layer(norm, steps, seed):
    rows = cloud(Recipe(norm=norm, steps=steps, seed=seed))
    return rows[rows["layer"] == 10]


def share_between_digits(rows):
    """Of the variance of both units that between the means of the digits."""
    shares = []
    for _, unit in rows.groupby("unit"):
        means = unit.groupby("label")["after"].transform("mean")
        shares.append(means.var(ddof=0) / unit["after"].var(ddof=0))
    return np.mean(shares)


@pytest.mark.parametrize("seed", seeds(3))
@ends("batchnorm", "batch", "At the start")
def test_all_digits_are_one_point_or_a_cloud(preset, seed):
    assert preset.values == {"clouds_moment": "start", "layer": 10}
    assert (last_layer("none", 0, seed)["spread"] < 1e-4).all()
    cured = last_layer("batch", 0, seed)
    assert (abs(cured["spread"] - 1) < 0.01).all()
    assert (abs(cured.groupby("unit")["after"].mean()) < 1e-4).all()
    assert share_between_digits(cured) < 0.6


@pytest.mark.claim
@pytest.mark.parametrize("seed", seeds(3))
@ends("batchnorm", "batch", "After 100 steps")
def test_after_training_equal_digits_lie_together_only_with_batchnorm(preset, seed):
    assert preset.values == {"clouds_moment": "trained", "layer": 10}
    assert (last_layer("none", 100, seed)["spread"] < 1e-4).all()
    # Of 16 fresh seeds from 0.82 to 0.91, and from 0.17 to 0.45 before training.
    assert share_between_digits(last_layer("batch", 100, seed)) > 0.7


def test_sigmoid_squeezes_and_shifts_layer_after_layer():
    rows = cloud(Recipe(steps=0))
    spread = rows.groupby("layer")["spread"].mean()
    assert (spread.pct_change().dropna() < -0.5).all()
    assert rows[rows["layer"] > 1].groupby(["layer", "unit"])["after"].mean().abs().max() > 1


@pytest.mark.claim
def test_small_batches_harm_batchnorm_and_no_network_that_does_not_look_at_the_batch():
    arms = arms_on_page("batchnorm", "batches")
    assert {recipe.batch_size for recipe in arms.values()} == {4}
    accuracy = {name: last_frame(recipe).accuracy for name, recipe in arms.items()}
    cured = accuracy.pop("batchnorm")
    assert (cured < 0.5).all() and set(accuracy) == {"plain", "layernorm"}
    for learned in accuracy.values():
        # Of 46 fresh seeds one plain network came to 0.43, all others to 0.54 or more; of 16 with
        # LayerNorm all to 0.64 or more.
        assert (learned > 0.5).sum() >= 4 and learned.mean() > 0.55
        assert (learned > cured).all()


@pytest.mark.claim
def test_large_batches_do_for_all():
    arms = arms_on_page("batchnorm", "batches", examples="128")
    for recipe in arms.values():
        assert (last_frame(recipe, 3).accuracy > 0.8).all()


def test_delta_is_proportional_to_one_over_the_root_of_the_batch_size():
    plain = arms_on_page("batchnorm", "batches")["plain"]
    # Squares are proportional to 1/B in the mean over all batches; these are those of 60 seeds.
    small, large = (
        np.sqrt(
            (last_frame(replace(plain, batch_size=size, steps=0), 60).layers["delta"] ** 2).mean(0)
        )
        for size in (4, 128)
    )
    # Each example's share of the loss is alike within a class, so the mean keeps a little more.
    np.testing.assert_allclose(small / large, 32**0.5, rtol=0.2)


@pytest.mark.parametrize(("activation", "plain"), [("sigmoid", "spike"), ("relu", "apart")])
def test_histograms_show_the_spike_of_sigmoid_and_the_spread(activation, plain):
    base = Recipe(steps=1, activation=activation)
    arms = {"plain": base, "batchnorm": replace(base, norm="batch")}
    first = {frame.arm: frame.histograms["z"][9] for frame in race(arms, 1) if frame.step == 0}
    assert shape_of(first["plain"]) == plain
    assert shape_of(first["batchnorm"]) == "apart" and (first["batchnorm"] > 0).sum() > 8


@pytest.mark.claim
def test_with_relu_the_plain_values_stay_apart_or_are_lost_with_the_size_of_the_steps():
    """The words under the histograms say what is measured, whatever the controls."""
    ended = {}
    for lr in ("0.05", "1"):
        plain = arms_on_page("batchnorm", "race", activation="relu", lr=lr)["plain"]
        runs = [last_frame(replace(plain, seed=seed), 1) for seed in seeds(3)]
        ended[lr] = {shape_of(run.histograms["z"][9]) for run in runs}
    assert ended["0.05"] == {"apart"} and ended["1"] <= {"empty", "spike", "beyond"}


@pytest.mark.claim
def test_the_spike_and_the_spread_stay_through_training():
    arms = arms_on_page("batchnorm", "race")
    frames = list(race({name: arms[name] for name in ("plain", "batchnorm")}, seeds(1), 20))
    filled = {"plain": [], "batchnorm": []}
    for frame in frames:
        filled[frame.arm].append((frame.histograms["z"][9] > 0).sum())
    assert len(filled["plain"]) == len(filled["batchnorm"]) == 6
    assert max(filled["plain"]) <= 2 and min(filled["batchnorm"]) > 8


def test_layernorm_does_not_keep_the_examples_apart():
    assert (spread(Recipe(norm="layer"))[10] < 0.1).all()


@pytest.mark.claim
def test_limit_deep_batchnorm_explodes_and_does_not_train():
    arms = arms_on_page("batchnorm", "limit")
    delta = last_frame(replace(arms["deep"], steps=0), 3).layers["delta"]
    assert (delta[:, 0] / delta[:, -2]) ** (1 / 79) == pytest.approx(1.24, abs=0.03)
    assert (last_frame(arms["deep"], 3).accuracy < 0.75).all()
    assert (last_frame(arms["shallow"], 3).accuracy > 0.9).all()


@pytest.mark.claim
def test_limit_it_is_the_explosion_and_not_the_depth_nor_the_size_of_the_steps():
    arms = arms_on_page("batchnorm", "limit")
    assert arms["residual"] == replace(arms["deep"], residual=True)
    first, last = first_and_last_frame(arms["residual"], 3)
    # Of 18 fresh seeds the ratio was 1.5 to 2.7 and the accuracy 0.9 or more.
    assert (first.layers["delta"][:, 0] / first.layers["delta"][:, -2] < 5).all()
    assert (last.accuracy > 0.8).all()
    smaller = replace(arms["deep"], lr=arms["deep"].lr / 100)
    assert (last_frame(smaller, 3).accuracy < 0.75).all()
