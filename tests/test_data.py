import numpy as np
import pytest

from gradviz import data
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


@pytest.mark.parametrize("seed", [0, 1, 7, 300])
@pytest.mark.parametrize("name", DATASETS)
def test_points_and_split_are_those_of_scikit_learn(name, seed):
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    theirs = {
        "digits": lambda: datasets.load_digits(return_X_y=True),
        "moons": lambda: datasets.make_moons(1000, noise=0.1, random_state=seed),
        "circles": lambda: datasets.make_circles(1000, noise=0.05, factor=0.5, random_state=seed),
        "spirals": lambda: data._spirals(seed),
    }
    x, y = theirs[name]()
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.25, random_state=seed, stratify=y
    )
    spread = np.where(x_train.std(axis=0) == 0, 1, x_train.std(axis=0))
    own = load(name, seed)
    for inputs, expected in ((own.x_train, x_train), (own.x_test, x_test)):
        standardized = ((expected - x_train.mean(axis=0)) / spread).astype(np.float32)
        np.testing.assert_array_equal(inputs, standardized)
    np.testing.assert_array_equal(own.y_train, y_train)
    np.testing.assert_array_equal(own.y_test, y_test)
