"""The frames of a run as tidy data frames, one number per row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gradviz.quantities import CURVES, DISTRIBUTIONS, QUANTITIES

if TYPE_CHECKING:
    from gradviz.train import Frame


def history_frame(frames: Iterable[Frame]) -> pd.DataFrame:
    """The layers of a run as a tidy table: arm, step, seed, layer, quantity, value."""
    parts = []
    for arm, own in _by_arm(frames).items():
        values = np.array([[frame.layers[name] for name in QUANTITIES] for frame in own])
        steps, seeds = [frame.step for frame in own], own[0].seeds
        layers = range(1, values.shape[-1] + 1)
        index = pd.MultiIndex.from_product(
            [[arm], steps, QUANTITIES, seeds, layers],
            names=["arm", "step", "quantity", "seed", "layer"],
        )
        parts.append(pd.DataFrame({"value": values.ravel()}, index=index).reset_index())
    return _joined(parts, {"arm": str, "step": int, "seed": int, "layer": int, "quantity": str})


def curves_frame(frames: Iterable[Frame]) -> pd.DataFrame:
    """The curves of a run as a tidy table: arm, step, seed, quantity, value."""
    parts = []
    for arm, own in _by_arm(frames).items():
        values = np.array([[getattr(frame, name) for name in CURVES] for frame in own])
        index = pd.MultiIndex.from_product(
            [[arm], [frame.step for frame in own], CURVES, own[0].seeds],
            names=["arm", "step", "quantity", "seed"],
        )
        parts.append(pd.DataFrame({"value": values.ravel()}, index=index).reset_index())
    return _joined(parts, {"arm": str, "step": int, "seed": int, "quantity": str})


def histogram_frame(frames: Iterable[Frame], distribution: str) -> pd.DataFrame:
    """The histograms of a run as a tidy table: arm, step, layer, low and high of a bin, value.

    `distribution` is one of `quantities.DISTRIBUTIONS`; value is the share of what is counted that
    lies in the bin. Empty bins are left out.
    """
    bins = DISTRIBUTIONS[distribution]
    edges = np.linspace(bins.low, bins.high, bins.bins + 1).round(6)
    parts = []
    for arm, own in _by_arm(frames).items():
        values = np.array([frame.histograms[distribution] for frame in own])
        place, layer, column = np.nonzero(values)
        steps = np.array([frame.step for frame in own])
        part = {"arm": arm, "step": steps[place], "layer": layer + 1}
        ends = {"low": edges[column], "high": edges[column + 1]}
        parts.append(pd.DataFrame({**part, **ends, "value": values[place, layer, column]}))
    return _joined(parts, {"arm": str, "step": int, "layer": int, "low": float, "high": float})


def _by_arm(frames: Iterable[Frame]) -> dict[str, list[Frame]]:
    arms: dict[str, list[Frame]] = {}
    for frame in frames:
        arms.setdefault(frame.arm, []).append(frame)
    return arms


def _joined(parts: list[pd.DataFrame], keys: dict[str, type]) -> pd.DataFrame:
    """One frame of the parts; an empty one, too, has all columns with their types."""
    if parts:
        return pd.concat(parts, ignore_index=True)[[*keys, "value"]]
    columns = {**keys, "value": float}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
