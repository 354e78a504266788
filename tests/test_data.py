import numpy as np
import pytest

from gradviz.data import load
from gradviz.recipe import DATASETS

SHAPES = {"digits": (1347, 450, 64, 10)} | dict.fromkeys(
    ("moons", "circles", "spirals"), (750, 250, 2, 2)
)


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_is_split_standardized_and_read_only(name):
    data = load(name, seed=3)
    train, test, features, classes = SHAPES[name]
    assert data.x_train.shape == (train, features) and data.x_test.shape == (test, features)
    assert (data.features, data.classes) == (features, classes)
    assert data.x_train.dtype == np.float32 and data.y_train.dtype == np.int64
    spread = data.x_train.std(axis=0)
    np.testing.assert_allclose(data.x_train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(spread[spread > 0], 1, atol=1e-4)
    for y in (data.y_train, data.y_test):
        shares = np.bincount(y, minlength=classes) / len(y)
        np.testing.assert_allclose(shares, 1 / classes, atol=0.01)
    with pytest.raises(ValueError, match="read-only"):
        data.x_train[0, 0] = 1


def test_the_pixels_that_never_change_are_zero():
    data = load("digits", 0)
    constant = data.x_train.std(axis=0) == 0
    assert constant.sum() >= 3
    assert (data.x_train[:, constant] == 0).all() and np.isfinite(data.x_test).all()


@pytest.mark.parametrize("name", DATASETS)
def test_the_seed_decides_points_and_split(name):
    first, again, other = load(name, 1), load(name, 1), load(name, 2)
    assert first is again
    assert not np.array_equal(first.x_train, other.x_train)


@pytest.mark.parametrize("name", ["moons", "circles", "spirals"])
def test_the_drawn_sets_can_be_learned_but_not_by_a_line(name):
    data = load(name, 0)
    distances = np.linalg.norm(data.x_test[:, None] - data.x_train[None], axis=2)
    nearest = data.y_train[distances.argmin(axis=1)]
    assert (nearest == data.y_test).mean() > 0.97
    design = np.column_stack([data.x_train, np.ones(len(data.x_train))])
    line, *_ = np.linalg.lstsq(design, 2.0 * data.y_train - 1, rcond=None)
    guess = (np.column_stack([data.x_test, np.ones(len(data.x_test))]) @ line > 0).astype(int)
    assert (guess == data.y_test).mean() < 0.93


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="dataset='mnist' is not one of digits, moons"):
        load("mnist", 0)
