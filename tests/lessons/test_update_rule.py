"""What the lesson on the update rule says in words and numbers."""

import numpy as np
import pytest
from presets import ends

from gradviz.activations import activation
from gradviz.theory.chain import composite
from gradviz.theory.landscape import descend, fit, samples, unit_loss, unit_walks

SCENE = fit(*samples())
START = (0.6, -1.6)


def test_ten_sigmoid_layers_are_flat_before_any_training():
    x = np.linspace(-5, 5, 201)
    values, slopes = composite(x, np.ones(10), np.zeros(10), activation("sigmoid"))
    assert np.ptp(values[10]) == pytest.approx(0.0000015, rel=0.02)
    assert slopes[10].max() == pytest.approx(3.9e-7, rel=0.02)
    kept = np.ptp(values[1:], axis=1)
    assert (kept[1:] / kept[:-1] < 0.25).all()


def stacked(preset):
    """The spread of the outputs and the slopes of the layers that the preset stacks."""
    values = preset.values
    layers = values.get("layers", 10)  # the number that the sentence under the picture is about
    curve, slopes = composite(
        np.linspace(-5, 5, 101),
        np.full(layers, values["weight"]),
        np.full(layers, values["bias"]),
        activation(values["activation"]),
    )
    return np.ptp(curve[-1]), np.abs(slopes[-1])


@ends("update_rule", "composite", "Flat")
def test_flat_gives_one_output_to_all_inputs(preset):
    spread, slopes = stacked(preset)
    assert spread < 1e-5 and slopes.max() < 1e-5


@ends("update_rule", "composite", "A step")
def test_a_step_has_two_outputs_and_is_steep_only_between_them(preset):
    spread, slopes = stacked(preset)
    assert spread > 0.9 and slopes.max() > 500
    assert (slopes < 1e-6).mean() > 0.8


@ends("update_rule", "composite", "Healthy")
def test_healthy_keeps_the_outputs_apart_and_a_slope_of_one(preset):
    spread, slopes = stacked(preset)
    assert spread > 0.5 and slopes.max() == pytest.approx(1)


@ends("update_rule", "composite", "Explode")
def test_explode_doubles_the_slope_with_every_layer(preset):
    spread, slopes = stacked(preset)
    assert spread > 1000 and slopes.max() > 500


def descent(preset, **changes):
    values = {**preset.values, **changes}
    return descend(SCENE, (values["w1"], values["w2"]), values["lr"], 40)


@ends("update_rule", "descent", "Healthy")
def test_the_healthy_descent_comes_to_the_minimum_and_is_never_thrown_back(preset):
    walk = descent(preset)
    assert walk.losses[-1] < 0.01 and (np.diff(walk.losses) < 0).all()


@ends("update_rule", "descent", "Crawl")
def test_crawl_goes_downhill_and_not_far(preset):
    walk = descent(preset)
    assert (np.diff(walk.losses) < 0).all() and walk.losses[-1] > 0.5 * walk.losses[0]


@ends("update_rule", "descent", "Overshoot")
def test_overshoot_flies_over_the_minimum_and_is_thrown_back_again_and_again(preset):
    walk = descent(preset)
    assert np.linalg.norm(walk.points[1] - walk.points[0]) > 3
    assert (np.diff(walk.losses) > 0).sum() > 10
    assert walk.losses[-1] > 3 * descent(preset, lr=0.5).losses[-1]


@ends("update_rule", "descent", "Saddle")
def test_the_saddle_holds_the_descent_up(preset):
    walk = descent(preset)
    assert (np.linalg.norm(walk.points, axis=1) < 0.3).sum() > 10
    assert walk.losses[-1] > 0.3
    # With the same learning rate the other start is done by then.
    elsewhere = dict(zip(("w1", "w2"), START, strict=True))
    assert descent(preset, **elsewhere).losses[-1] < 0.05


@ends("update_rule", "descent", "Plateau")
def test_on_the_plateau_the_weights_stay_where_they_are_and_the_loss_is_high(preset):
    walk = descent(preset)
    assert np.linalg.norm(walk.points[-1] - walk.points[0]) < 0.05
    assert walk.losses[-1] > 2


def unit(preset):
    """Where the unit's weight begins and ends, and its loss at the end."""
    walk = unit_walks(np.array([preset.values["w"]]), 1.0, 100)
    return walk[0, 0], walk[-1, 0], unit_loss(walk[-1])[0][0]


@ends("update_rule", "plateau", "Alive: w = 1")
def test_the_unit_with_a_slope_learns(preset):
    start, _, loss = unit(preset)
    assert start == 1 and loss < 0.01


@ends("update_rule", "plateau", "Slow: w = 5")
def test_the_slow_unit_takes_several_times_as_long(preset):
    start, _, loss = unit(preset)
    walks = unit_walks(np.array([1.0, start]), 1.0, 100)
    quick, slow = ((unit_loss(walks[:, i])[0] > 0.1).sum() for i in (0, 1))
    assert start == 5 and slow > 4 * quick and loss < 0.1


@ends("update_rule", "plateau", "Saturated: w = 8")
def test_the_saturated_unit_stays(preset):
    start, end, loss = unit(preset)
    assert start == 8 and start - end < 0.1 and loss > 0.99


def test_the_surface_has_two_mirrored_minima_and_a_saddle():
    here = descend(SCENE, (1.0, 1.0), 1.0, 800).points[-1]
    there = descend(SCENE, (-1.0, -1.0), 1.0, 800).points[-1]
    assert here == pytest.approx(-there) and np.hypot(*SCENE.evaluate(*here)[1:]) < 1e-6
    assert len(samples()[0]) == 21


def test_the_unit_that_is_most_wrong_learns_least():
    sigmoid = activation("sigmoid").function
    assert sigmoid(8.0) == pytest.approx(0.9997, abs=5e-5)
    assert sigmoid(1.0) == pytest.approx(0.73, abs=5e-3)
    near, far = unit_loss(np.array([1.0, 8.0]))[1]
    assert 300 < near / far < 999
    walks = unit_walks(np.array([1.0, 8.0]), 1.0, 100)
    assert unit_loss(walks[-1])[0][0] < 0.01
    assert 8 - walks[-1, 1] == pytest.approx(0.07, abs=0.005)


def test_unit_loss_equals_autograd():
    import torch

    w = torch.tensor([-1.0, 0.5, 6.0], dtype=torch.float64, requires_grad=True)
    loss = (torch.sigmoid(w) - 0.2) ** 2
    loss.sum().backward()
    ours = unit_loss(w.detach().numpy(), target=0.2)
    assert ours[0] == pytest.approx(loss.detach().numpy())
    assert ours[1] == pytest.approx(w.grad.numpy())
