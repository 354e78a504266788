"""From the history of a run, one row per seed, to what a chart shows: middle and range of seeds.

Zero, inf and NaN have no place on a log axis, so they become rows of their own, to be drawn at its
edges: `state` is "measured", "zero" or "overflow".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

Values = Sequence[float] | np.ndarray | pd.Series
STATES = ("measured", "zero", "overflow")


def summarize(history: pd.DataFrame, quantity: str, log: bool = True) -> pd.DataFrame:
    """One row per arm, step, hidden layer and state: `middle`, `low` and `high` over the seeds.

    `history` is that of `history.history_frame`. `middle` is the mean over the seeds in that state
    as the axis has it, geometric if `log`; zeros on a log axis and overflows have no middle.
    """
    rows = hidden(history[history["quantity"] == quantity]).copy()
    rows["state"] = state_of(rows["value"]) if log else finite_state_of(rows["value"])
    measured = rows["value"].where(rows["state"] == "measured")
    rows["shown"] = np.log(measured) if log else measured
    keys = ["arm", "step", "layer", "state"]
    levels = rows.groupby(keys, sort=False)["shown"].agg(["mean", "min", "max"])
    levels = levels.rename(columns={"mean": "middle", "min": "low", "max": "high"})
    with np.errstate(over="ignore"):
        return (levels.apply(np.exp) if log else levels).reset_index()


def summarize_curves(curves: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """One row per arm and step: mean `middle`, `low` and `high` of a curve over the seeds.

    `curves` is that of `train.curves_frame`; seeds that have diverged are left out of the mean,
    and a step at which all have is left out.
    """
    rows = curves[(curves["quantity"] == quantity) & np.isfinite(curves["value"])]
    levels = rows.groupby(["arm", "step"], sort=False)["value"].agg(["mean", "min", "max"])
    return levels.rename(columns={"mean": "middle", "min": "low", "max": "high"}).reset_index()


def hidden(history: pd.DataFrame) -> pd.DataFrame:
    """The rows of hidden layers: all but each arm's last, its output layer."""
    return history[history["layer"] < history.groupby("arm")["layer"].transform("max")]


def state_of(values: pd.Series) -> np.ndarray:
    """Which of `STATES` each non-negative value is in."""
    return np.select([values == 0, ~np.isfinite(values)], ["zero", "overflow"], "measured")


def finite_state_of(values: pd.Series) -> np.ndarray:
    """As `state_of`, for an axis on which zero is a number like any other."""
    return np.where(np.isfinite(values), "measured", "overflow")


def with_frames(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with a column `frame`, 0 at the first recorded step, for scrubbing through a run.

    An arm that ended early keeps standing where it ended.
    """
    steps = np.sort(rows["step"].unique())
    parts = []
    for _, arm in rows.groupby("arm", sort=False):
        own = arm["step"].unique()
        # For each frame, the latest of the arm's own steps.
        latest = pd.Series(own, index=own).reindex(steps, method="ffill")
        shown = pd.DataFrame({"frame": range(len(steps)), "step": latest.to_numpy()})
        parts.append(shown.dropna().merge(arm, on="step"))
    return pd.concat(parts, ignore_index=True) if parts else rows.assign(frame=[])


def latest(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each arm's last step, all with `frame` 0: the run as it stands."""
    last = rows.groupby("arm", sort=False)["step"].transform("max")
    return rows[rows["step"] == last].assign(frame=0)


def log_domain(*values: Values, room: int = 1) -> tuple[float, float]:
    """Whole decades around all positive finite values, and `room` more at both edges."""
    joined = np.concatenate([np.asarray(part, dtype=float) for part in values])
    positive = joined[np.isfinite(joined) & (joined > 0)]
    if not positive.size:
        return 1e-6, 1.0
    low, high = np.floor(np.log10(positive.min())), np.ceil(np.log10(positive.max()))
    return 10.0 ** (low - room), 10.0 ** (high + room)
