"""The data sets of the app: seeded, standardized, with one signature.

A new data set is one new entry in `_POINTS`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

Points = tuple[np.ndarray, np.ndarray]

POINTS = 1000  # of the data sets that are drawn by formula
TEST_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs float32 [examples, features] and labels int64 [examples], in two parts.

    The arrays are read-only, because they are shared by everyone who asks for them.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int

    @property
    def features(self) -> int:
        """The number of inputs of a network for this data."""
        return self.x_train.shape[1]


def load(name: str, seed: int = 0) -> Dataset:
    """The data set called `name`; `seed` decides its points and its split into train and test.

    Both parts are standardized by the mean and standard deviation of the training part.
    Raises `ValueError` for an unknown name.
    """
    if name not in _POINTS:
        raise ValueError(f"dataset={name!r} is not one of {', '.join(_POINTS)}")
    return _load(name, seed)


@functools.lru_cache(maxsize=32)
def _load(name: str, seed: int) -> Dataset:
    from sklearn.model_selection import train_test_split

    x, y = _POINTS[name](seed)
    split = train_test_split(x, y, test_size=TEST_SHARE, random_state=seed, stratify=y)
    # scikit-learn's functions return arrays for arrays, which their types do not say.
    x_train, x_test, y_train, y_test = cast("list[np.ndarray]", split)
    mean, std = x_train.mean(axis=0), x_train.std(axis=0)
    # A pixel that is the same in every training image says nothing: leave it at its mean, 0.
    std[std == 0] = 1.0
    parts = [
        ((x_train - mean) / std).astype(np.float32),
        y_train.astype(np.int64),
        ((x_test - mean) / std).astype(np.float32),
        y_test.astype(np.int64),
    ]
    for part in parts:
        part.setflags(write=False)
    return Dataset(name, *parts, classes=int(y.max()) + 1)


def _digits(seed: int) -> Points:
    """1797 scanned digits of 8×8 pixels (Alpaydin & Kaynak 1998), as scikit-learn has them."""
    from sklearn.datasets import load_digits

    return cast("Points", load_digits(return_X_y=True))


def _moons(seed: int) -> Points:
    from sklearn.datasets import make_moons

    return cast("Points", make_moons(POINTS, noise=0.1, random_state=seed))


def _circles(seed: int) -> Points:
    from sklearn.datasets import make_circles

    return cast("Points", make_circles(POINTS, noise=0.05, factor=0.5, random_state=seed))


def _spirals(seed: int, turns: float = 1.5, noise: float = 0.02) -> Points:
    """Two arms r = θ/θ_max, one half a turn behind the other (after Lang & Witbrock 1988)."""
    rng = np.random.default_rng(seed)
    y = np.arange(POINTS) % 2
    # The square root spreads the points evenly along an arm instead of crowding its middle.
    radius = np.sqrt(rng.random(POINTS))
    angle = 2 * np.pi * turns * radius + np.pi * y
    x = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return x + noise * rng.standard_normal(x.shape), y


_POINTS: dict[str, Callable[[int], Points]] = {
    "digits": _digits,
    "moons": _moons,
    "circles": _circles,
    "spirals": _spirals,
}
