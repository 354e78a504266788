import numpy as np
import pytest

from gradviz.activations import ACTIVATIONS, activation
from gradviz.theory import landscape

CLIFF = landscape.cliff()
FIT = landscape.fit(*landscape.samples())


def bowl(scale=1.0):
    """loss = scale·(a² + 4b²)/2."""

    def evaluate(a, b):
        return scale * (a**2 + 4 * b**2) / 2, scale * a, scale * 4 * b

    return landscape.Landscape(("a", "b"), (-1, -1), (1, 1), evaluate)


def test_cliff_of_pascanu():
    # The wall is so thin that its height depends on the grid: this one has steps of 0.01 and 0.005.
    w, b = np.linspace(4, 7, 301)[None, :], np.linspace(-3.2, -1.5, 341)[:, None]
    slope = np.hypot(*CLIFF.evaluate(w, b)[1:])
    row, column = np.unravel_index(slope.argmax(), slope.shape)
    assert slope.max() == pytest.approx(3.3e3, rel=0.01)
    assert (w[0, column], b[row, 0]) == pytest.approx((4.94, -2.575), abs=1e-9)
    assert np.median(slope) == pytest.approx(0.05, abs=0.005)


def test_cliff_gradient_equals_autograd():
    import torch

    points = torch.tensor([[4.2, -2.0], [5.0, -2.6], [6.5, -1.7]], dtype=torch.float64)
    points.requires_grad_()
    x = torch.full((3,), 0.5, dtype=torch.float64)
    for _ in range(50):
        x = points[:, 0] * torch.sigmoid(x) + points[:, 1]
    loss = (torch.sigmoid(x) - 0.7) ** 2
    loss.sum().backward()
    value, by_w, by_b = CLIFF.evaluate(*points.detach().numpy().T)
    assert value == pytest.approx(loss.detach().numpy(), rel=1e-12)
    assert np.column_stack([by_w, by_b]) == pytest.approx(points.grad.numpy(), rel=1e-9)


@pytest.mark.parametrize("phi", ACTIVATIONS.values(), ids=lambda phi: phi.name)
def test_fit_gradient_equals_autograd(phi):
    import torch

    x, g = landscape.samples(phi)
    weights = torch.tensor([1.1, -0.8], dtype=torch.float64, requires_grad=True)
    inner = phi.torch_function(weights[0] * torch.from_numpy(x))
    loss = ((torch.from_numpy(g) - phi.torch_function(weights[1] * inner)) ** 2).mean()
    loss.backward()
    value, *gradient = landscape.fit(x, g, phi).evaluate(1.1, -0.8)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    assert gradient == pytest.approx(weights.grad.numpy(), rel=1e-9)


@pytest.mark.parametrize("scene", [CLIFF, FIT], ids=["cliff", "fit"])
def test_grid_has_b_in_rows_and_a_in_columns(scene):
    a, b, loss, slope = scene.grid(7)
    assert (a[0], b[0], a[-1], b[-1]) == (*scene.low, *scene.high)
    value, by_a, by_b = scene.evaluate(a[2], b[5])
    assert loss.shape == slope.shape == (7, 7)
    assert (loss[5, 2], slope[5, 2]) == pytest.approx((value, np.hypot(by_a, by_b)))


def test_the_surface_has_minimum_saddle_and_plateau():
    weights = landscape.descend(FIT, (0.5, 1.0), lr=1.0, steps=1500).points[-1]
    assert weights == pytest.approx((1.5, 1.2), abs=0.2)
    assert np.hypot(*FIT.evaluate(*weights)[1:]) < 1e-6
    assert FIT.evaluate(0.0, 0.0)[1:] == pytest.approx((0, 0))
    assert FIT.evaluate(0.1, -0.1)[0] > FIT.evaluate(0.0, 0.0)[0] > FIT.evaluate(0.1, 0.1)[0]


def test_on_the_plateau_of_saturated_units_nothing_moves():
    walk = landscape.descend(FIT, (-5.0, 5.0), lr=0.5, steps=100)
    assert walk.losses[-1] > 2.8
    assert np.linalg.norm(walk.points[-1] - walk.points[0]) < 0.1
    healthy = landscape.descend(FIT, (0.5, -1.5), lr=0.5, steps=100)
    assert healthy.losses[-1] < 0.01


def test_learning_rate_crawls_or_overshoots():
    crawling = landscape.descend(FIT, (0.5, -1.5), lr=0.005, steps=20)
    assert (np.diff(crawling.losses) < 0).all() and crawling.losses[-1] > 1
    overshooting = landscape.descend(FIT, (0.5, 3.0), lr=20, steps=20)
    assert overshooting.losses.max() > 100 * overshooting.losses[0]


@pytest.mark.parametrize("clip", ["none", "norm", "value"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_descent_equals_pytorch(clip, momentum):
    import torch

    weights = torch.tensor([0.9, -0.7], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=0.1, momentum=momentum)
    expected = [weights.detach().numpy().copy()]
    for _ in range(10):
        optimizer.zero_grad()
        ((weights[0] ** 2 + 4 * weights[1] ** 2) / 2).backward()
        if clip == "norm":
            torch.nn.utils.clip_grad_norm_([weights], 0.8)
        if clip == "value":
            torch.nn.utils.clip_grad_value_([weights], 0.8)
        optimizer.step()
        expected.append(weights.detach().numpy().copy())
    walk = landscape.descend(bowl(), (0.9, -0.7), 0.1, 10, momentum, clip, 0.8)
    assert walk.points == pytest.approx(np.array(expected), rel=1e-9)
    assert walk.losses[0] == pytest.approx((0.81 + 4 * 0.49) / 2)
    assert walk.gradients[0] == pytest.approx([0.9, -2.8])
    assert walk.clipped.shape == (10,) and walk.clipped[0] == (clip != "none")
    assert walk.lost_at is None


def test_clipping_saves_the_path_at_the_cliff():
    thrown = landscape.descend(CLIFF, (5.2, -2.7), lr=0.2, steps=60)
    kept = landscape.descend(CLIFF, (5.2, -2.7), lr=0.2, steps=60, clip="norm", clip_at=1.0)
    longest = np.linalg.norm(np.diff(thrown.points, axis=0), axis=1).max()
    assert longest > 1
    assert np.linalg.norm(np.diff(kept.points, axis=0), axis=1).max() <= 0.2 + 1e-9
    assert kept.losses[-1] < 0.01 < 0.1 < thrown.losses[-1]
    assert 0 < kept.clipped.sum() < 60


def test_norm_keeps_the_direction_and_value_does_not():
    gradient = np.array([3.0, 0.4])
    by_norm = landscape.clip_gradient(gradient, "norm", 1.0)
    by_value = landscape.clip_gradient(gradient, "value", 1.0)
    assert np.linalg.norm(by_norm) == pytest.approx(1, abs=1e-6)
    assert by_norm[1] / by_norm[0] == pytest.approx(0.4 / 3)
    assert by_value == pytest.approx([1.0, 0.4])
    small = np.array([[1e-9, -1e-9], [0.1, 0.0]])
    assert np.array_equal(landscape.clip_gradient(small, "norm", 1.0), small)


def test_a_path_that_leaves_the_finite_range_is_kept_and_located():
    walk = landscape.descend(bowl(1e3), (1.0, 1.0), lr=1.0, steps=200)
    assert walk.points.shape == (201, 2)
    assert not np.isfinite(walk.losses[walk.lost_at])
    assert np.isfinite(walk.losses[: walk.lost_at]).all() and walk.lost_at > 10


def test_samples_are_seeded():
    assert np.array_equal(landscape.samples(seed=1)[1], landscape.samples(seed=1)[1])
    assert not np.array_equal(landscape.samples(seed=1)[1], landscape.samples(seed=2)[1])
    x, g = landscape.samples(activation("sigmoid"), noise=0.0)
    assert landscape.fit(x, g, activation("sigmoid")).evaluate(1.5, 1.2)[0] == 0


def test_bad_clipping_is_named():
    with pytest.raises(ValueError, match="clip='soft'"):
        landscape.clip_gradient(np.ones(2), "soft")
    with pytest.raises(ValueError, match="clip_at=0"):
        landscape.clip_gradient(np.ones(2), "norm", 0)


@pytest.mark.parametrize("clip", ["norm", "value"])
def test_walks_together_are_the_walks_one_by_one(clip):
    limits = [1e-2, 0.3, 1e2]
    for start in ((5.2, -2.5), (4.15, -2.6)):
        together = landscape.descend_clipped(landscape.cliff(), start, 0.5, 40, clip, limits)
        for limit, walk in zip(limits, together, strict=True):
            alone = landscape.descend(landscape.cliff(), start, 0.5, 40, clip=clip, clip_at=limit)
            for part in ("points", "losses", "gradients", "clipped"):
                np.testing.assert_array_equal(getattr(walk, part), getattr(alone, part))
