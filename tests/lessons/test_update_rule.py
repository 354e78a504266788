"""What the lesson on the update rule says in words and numbers."""

import numpy as np
import pytest

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


def test_a_steep_sigmoid_makes_a_step_and_tanh_stays_alive():
    x = np.linspace(-5, 5, 201)
    steep = composite(x, np.full(10, 8.0), np.full(10, -4.0), activation("sigmoid"))[1][10]
    assert steep.max() == pytest.approx(2.0**10) and np.median(steep) < 1e-6
    healthy = composite(x, np.ones(10), np.zeros(10), activation("tanh"))
    assert np.ptp(healthy[0][10]) > 0.5 and healthy[1][10].max() == 1


def test_presets_of_the_descent_do_what_they_are_called():
    healthy = descend(SCENE, START, 0.5, 40)
    crawl = descend(SCENE, START, 0.005, 40)
    overshoot = descend(SCENE, START, 5.0, 40)
    saddle = descend(SCENE, (0.8, -1.0), 0.5, 40)
    plateau = descend(SCENE, (-5.0, 5.0), 0.5, 40)
    assert healthy.losses[-1] < 0.01
    assert (np.diff(crawl.losses) < 0).all() and crawl.losses[-1] > 0.5
    assert overshoot.losses[1] > overshoot.losses[0]
    assert (np.diff(overshoot.losses) > 0).sum() > 10
    assert np.linalg.norm(saddle.points, axis=1).min() < 0.1 and saddle.losses[-1] < 0.01
    assert np.linalg.norm(plateau.points[-1] - plateau.points[0]) < 0.05


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
