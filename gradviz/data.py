"""The data sets of the app: seeded, standardized, with one signature.

A new data set is one new entry in `_POINTS`.

They are those of scikit-learn to the last bit, digits, points and split (a test compares them), but
it is not imported: with SciPy and pandas it takes 150 MB of the process that trains, and a second.
"""

from __future__ import annotations

import functools
import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
    x, y = _POINTS[name](seed)
    train, test = _stratified(y, seed)
    x_train, x_test, y_train, y_test = x[train], x[test], y[train], y[test]
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


def _stratified(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which examples are for training and which for the test: of each label the same share."""
    rng = np.random.RandomState(seed)
    examples = np.bincount(y)
    for_test = math.ceil(TEST_SHARE * len(y))
    for_training = _shared_out(examples, len(y) - for_test, rng)
    rest = _shared_out(examples - for_training, for_test, rng)
    train, test = [], []
    for label, (first, second) in enumerate(zip(for_training, rest, strict=True)):
        mixed = np.flatnonzero(y == label)[rng.permutation(examples[label])]
        train.append(mixed[:first])
        test.append(mixed[first : first + second])
    return rng.permutation(np.concatenate(train)), rng.permutation(np.concatenate(test))


def _shared_out(examples: np.ndarray, places: int, rng: np.random.RandomState) -> np.ndarray:
    """How many of so many `places` each label gets, in proportion to its number of `examples`.

    What is left over goes to the largest fractions; where some are equal, by lot.
    """
    fair = examples / examples.sum() * places
    given = np.floor(fair)
    fractions, left = fair - given, int(places - given.sum())
    for fraction in np.unique(fractions)[::-1]:
        if left == 0:
            break
        equal = np.flatnonzero(fractions == fraction)
        lucky = rng.choice(equal, size=min(len(equal), left), replace=False)
        given[lucky] += 1
        left -= len(lucky)
    return given.astype(int)


def _digits(seed: int) -> Points:
    """1797 scanned digits of 8×8 pixels (Alpaydin & Kaynak 1998), as scikit-learn has them."""
    found = importlib.util.find_spec("sklearn")  # which does not import it
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the digits are a file of scikit-learn, which is not installed")
    path = Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
    rows = np.loadtxt(path, delimiter=",")
    return rows[:, :-1], rows[:, -1].astype(int)


def _moons(seed: int) -> Points:
    """Two half circles, each of which reaches into the other."""
    half = np.linspace(0, np.pi, POINTS // 2)
    outer = np.column_stack([np.cos(half), np.sin(half)])
    inner = np.column_stack([1 - np.cos(half), 1 - np.sin(half) - 0.5])
    return _mixed(outer, inner, seed, noise=0.1)


def _circles(seed: int) -> Points:
    """A circle within another one that is twice as large."""
    whole = np.linspace(0, 2 * np.pi, POINTS // 2, endpoint=False)
    outer = np.column_stack([np.cos(whole), np.sin(whole)])
    return _mixed(outer, 0.5 * outer, seed, noise=0.05)


def _mixed(first: np.ndarray, second: np.ndarray, seed: int, noise: float) -> Points:
    """The points of both labels in random order, each moved by normally distributed `noise`."""
    rng = np.random.RandomState(seed)
    x, y = np.concatenate([first, second]), np.repeat([0, 1], [len(first), len(second)])
    order = np.arange(len(y))
    rng.shuffle(order)
    return x[order] + rng.normal(scale=noise, size=x.shape), y[order]


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
