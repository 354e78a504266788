"""The snapshots of a run as tidy data frames, one number per row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gradviz.quantities import CURVES, DISTRIBUTIONS, QUANTITIES

if TYPE_CHECKING:
    from gradviz.snapshots import Snapshot


def history_frame(
    snapshots: Iterable[Snapshot], quantities: Collection[str] = tuple(QUANTITIES)
) -> pd.DataFrame:
    """The layers of a run as a tidy table: arm, step, seed, layer, quantity, value.

    `quantities` are those of `quantities.QUANTITIES` that are wanted.
    """
    parts = []
    for arm, own in _by_arm(snapshots).items():
        values = np.array([[snapshot.layers[name] for name in quantities] for snapshot in own])
        axes = {
            "step": [snapshot.step for snapshot in own],
            "quantity": list(quantities),
            "seed": own[0].seeds,
            "layer": range(1, values.shape[-1] + 1),
        }
        parts.append(_columns(arm, axes, values))
    return _joined(parts, {"arm": str, "step": int, "seed": int, "layer": int, "quantity": str})


def curves_frame(
    snapshots: Iterable[Snapshot], quantities: Collection[str] = tuple(CURVES)
) -> pd.DataFrame:
    """The curves of a run as a tidy table: arm, step, seed, quantity, value.

    `quantities` are those of `quantities.CURVES` that are wanted.
    """
    parts = []
    for arm, own in _by_arm(snapshots).items():
        values = np.array([[getattr(snapshot, name) for name in quantities] for snapshot in own])
        axes = {
            "step": [snapshot.step for snapshot in own],
            "quantity": list(quantities),
            "seed": own[0].seeds,
        }
        parts.append(_columns(arm, axes, values))
    return _joined(parts, {"arm": str, "step": int, "seed": int, "quantity": str})


def histogram_frame(snapshots: Iterable[Snapshot], distribution: str) -> pd.DataFrame:
    """The histograms of a run as a tidy table: arm, step, layer, low and high of a bin, value.

    `distribution` is one of `quantities.DISTRIBUTIONS`; value is the share of what is counted that
    lies in the bin. Empty bins are left out.
    """
    bins = DISTRIBUTIONS[distribution]
    edges = np.linspace(bins.low, bins.high, bins.bins + 1).round(6)
    parts = []
    for arm, own in _by_arm(snapshots).items():
        values = np.array([snapshot.histograms[distribution] for snapshot in own])
        place, layer, column = np.nonzero(values)
        steps = np.array([snapshot.step for snapshot in own])
        part = {"arm": np.full(len(place), arm), "step": steps[place], "layer": layer + 1}
        ends = {"low": edges[column], "high": edges[column + 1]}
        parts.append({**part, **ends, "value": values[place, layer, column]})
    return _joined(parts, {"arm": str, "step": int, "layer": int, "low": float, "high": float})


def _by_arm(snapshots: Iterable[Snapshot]) -> dict[str, list[Snapshot]]:
    arms: dict[str, list[Snapshot]] = {}
    for snapshot in snapshots:
        arms.setdefault(snapshot.arm, []).append(snapshot)
    return arms


def _columns(arm: str, axes: dict[str, Sequence], values: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of a tidy table of `values`, whose axes have these names and labels.

    A few times faster than `pd.MultiIndex.from_product`, and it is made at every picture.
    """
    grids = np.meshgrid(*(np.array(labels) for labels in axes.values()), indexing="ij")
    labels = {name: grid.ravel() for name, grid in zip(axes, grids, strict=True)}
    return {"arm": np.full(values.size, arm), **labels, "value": values.ravel()}


def _joined(parts: list[dict[str, np.ndarray]], keys: dict[str, type]) -> pd.DataFrame:
    """One frame of the parts; an empty one, too, has all columns with their types."""
    columns = {**keys, "value": float}
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    return pd.DataFrame({name: np.concatenate([p[name] for p in parts]) for name in columns})
