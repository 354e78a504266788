"""Where words about lines stand, so that they lie neither on a line nor on a mark."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

_PHONE, _DESKTOP = 290, 560  # pixels: the width of a plot
_TALL = 16  # pixels: a line of words
_ROOM = 6  # pixels around the middle of a mark, or of a line
_LIFTS = (-7, 23, -14, 30, -24, 40)  # pixels from the line down to the foot of the words
_PLACES = 16  # that are tried along each line
_STEPS = 12  # of a run whose marks are looked at
_OUTSIDE = 1e4  # the cost of words that leave the plot


@dataclass(frozen=True)
class Plot:
    """The part of a picture that is drawn on: its ends, and its height in pixels."""

    left: float
    right: float
    bottom: float
    top: float
    height: float


@dataclass(frozen=True)
class Place:
    """Words beside the point of a line in row `index`.

    `align` is the side of the words on which the point lies, `lift` how many pixels their foot is
    below it.
    """

    index: int
    align: str
    lift: float


def place_words(
    lines: pd.DataFrame, marks: pd.DataFrame, plot: Plot, now: float, later: float
) -> Place | None:
    """The best place for words on one of `lines`, of which they tell; None if there are none.

    `lines` has the columns arm, x, y; `marks` step, x, y. At the first step the words are `now`
    pixels long, after it `later` pixels. Of several free places it is one near its line and the
    middle of the plot.
    """
    if lines.empty:
        return None
    points = _points(lines, plot)
    steps = np.unique(marks["step"])
    others = steps[1:-1][:: max(1, len(steps) // _STEPS)]
    # Marks at which the reader looks longest: before training, and in the end.
    looks = [(points, later, 1.0), (_of(marks, steps[:1], plot), now, 1.0)]
    looks.append((_of(marks, steps[1:][-1:], plot), later, 1.0))
    looks.append((_of(marks, others, plot), later, 0.5 / max(len(others), 1)))
    options = [
        Place(int(index), align, lift)
        for _, line in lines.groupby("arm", sort=False)
        for index in line.index[:: -(-len(line) // _PLACES)]
        for align, lift in itertools.product(("left", "right"), _LIFTS)
    ]
    at = lines.loc[[option.index for option in options]]
    across = _share_across(at["x"], plot)
    down = _down(at["y"], plot) + np.array([option.lift for option in options])
    rightward = np.array([option.align == "left" for option in options])
    cost = np.array([abs(option.lift - _TALL / 2) / 10 for option in options])
    cost += 2 * abs(across - 0.5)
    for width in (_PHONE, _DESKTOP):
        for obstacles, length, weight in looks:
            begin = across * width + np.where(rightward, 0, -length)
            hit = _hit(obstacles * [width, 1.0], begin, length, down)
            cost += 10 * weight * hit
        begin = across * width + np.where(rightward, 0, -later)
        cost += _OUTSIDE * ((begin < 0) | (begin + later > width))
    cost += _OUTSIDE * ((down - _TALL < 0) | (down > plot.height - _ROOM))
    return options[int(np.argmin(cost))]


def _hit(obstacles: np.ndarray, begin: np.ndarray, length: float, foot: np.ndarray) -> np.ndarray:
    """How many `obstacles`, pixels across and down, each of the boxes of words hits."""
    x, y = obstacles[:, 0], obstacles[:, 1]
    begin, foot = begin[:, None], foot[:, None]
    beside = (x < begin - _ROOM) | (x > begin + length + _ROOM)
    clear = (y < foot - _TALL - _ROOM + 2) | (y > foot + _ROOM - 2)
    return (~(beside | clear)).sum(axis=1)


def _points(lines: pd.DataFrame, plot: Plot) -> np.ndarray:
    """Points along the lines, dense enough for words not to slip between them."""
    parts = []
    for _, line in lines.groupby("arm", sort=False):
        across, down = _share_across(line["x"], plot), _down(line["y"], plot)
        order = np.argsort(across)
        dense = np.linspace(across.min(), across.max(), 60)
        parts.append(np.column_stack([dense, np.interp(dense, across[order], down[order])]))
    return np.concatenate(parts)


def _of(marks: pd.DataFrame, steps: np.ndarray, plot: Plot) -> np.ndarray:
    shown = marks[marks["step"].isin(steps)]
    return np.column_stack([_share_across(shown["x"], plot), _down(shown["y"], plot)])


def _share_across(x: pd.Series, plot: Plot) -> np.ndarray:
    return (x.to_numpy(dtype=float) - plot.left) / (plot.right - plot.left)


def _down(y: pd.Series, plot: Plot) -> np.ndarray:
    """Pixels from the top of the plot."""
    return (plot.top - y.to_numpy(dtype=float)) / (plot.top - plot.bottom) * plot.height
