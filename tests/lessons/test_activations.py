"""What the lesson on sigmoid and tanh says of a network at its start."""

import pytest
from lessons import FIRST_SEED
from presets import ends

from gradviz.activations import ACTIVATIONS, living_range
from gradviz.engine.start import landing
from gradviz.recipe import Recipe

REACH = 16.0  # of the picture's axis

pytestmark = pytest.mark.claim


def layers_of(preset):
    return layers(preset.values["activation"], preset.values["weight_scale"])


def layers(activation, gain):
    recipe = Recipe(activation=activation, gain=gain, depth=20, width=64, seed=FIRST_SEED)
    rows = landing(recipe, 3, 256)
    return rows.pivot(index="layer", columns="quantity", values="value")


@ends("activations", "landing", "Saturated")
def test_saturated_throws_units_onto_both_flat_parts_in_every_layer(preset):
    rows, (low, high) = layers_of(preset), living_range(ACTIVATIONS["sigmoid"])
    assert (rows["q05"] < low).all() and (rows["q95"] > high).all()
    assert (rows["mean_slope"] < 0.5 * 0.25).all()


@ends("activations", "landing", "Sigmoid at its best")
def test_sigmoid_at_its_best_keeps_all_units_where_it_is_steepest_and_that_is_a_quarter(preset):
    rows = layers_of(preset)
    assert rows["mean_slope"].between(0.22, 0.25).all()
    assert rows[["q05", "q95"]].abs().max().max() < 1.5


@ends("activations", "landing", "Healthy")
def test_healthy_lets_the_units_of_tanh_come_closer_to_zero(preset):
    rows = layers_of(preset)
    assert rows.loc[20, "q95"] < 0.4 * rows.loc[1, "q95"]
    assert rows.loc[20, "mean_slope"] > 0.9 > rows.loc[1, "mean_slope"] + 0.1


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_the_axis_holds_what_the_largest_weights_do(activation):
    assert layers(activation, 8.0)[["q05", "q95"]].abs().max().max() < REACH
