"""From the history of a run, one row per seed, to what a chart shows: middle and range of seeds.

Zero, inf and NaN have no place on a log axis, so they become rows of their own, to be drawn at its
edges: `state` is "measured", "zero" or "overflow".
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

Values = Sequence[float] | np.ndarray | pd.Series
STATES = ("measured", "zero", "overflow")
FOREVER = 2**31 - 1  # a step that no run reaches
APART = 0.016  # between neighboring arms, as a share of the picture's width: about a mark's own


@dataclass(frozen=True)
class Track:
    """The training steps through which a reader scrubs: from `first` to `last` by `stride`."""

    first: int
    last: int
    stride: int

    def nearest(self, step: int | None) -> int:
        """The latest step of the track that is not after `step`; its last for None."""
        if step is None:
            return self.last
        inside = min(max(step, self.first), self.last)
        return inside - (inside - self.first) % self.stride


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


def with_until(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with a column `until`, the next recorded step of their arm, for scrubbing.

    So arms may be recorded at different steps, and one that ended early keeps standing where it
    ended.
    """
    parts = []
    for _, arm in rows.groupby("arm", sort=False):
        steps = np.sort(arm["step"].unique())
        following = pd.Series(np.append(steps[1:], FOREVER), index=steps)
        parts.append(arm.assign(until=arm["step"].map(following)))
    return pd.concat(parts, ignore_index=True) if parts else rows.assign(until=[])


def track_of(steps: Values) -> Track | None:
    """The track through recorded `steps`, by their usual spacing; None if there is but one.

    Where that spacing would leave out the last step, as after an overflow, it is divided.
    """
    known = np.unique(np.asarray(steps, dtype=int))
    if len(known) < 2:
        return None
    first, last = int(known[0]), int(known[-1])
    usual = int(np.bincount(np.diff(known)).argmax())
    return Track(first, last, math.gcd(usual, last - first))


def run_key(rows: pd.DataFrame) -> str:
    """A few letters that tell the run of `rows` from others, the same wherever it is drawn."""
    hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    return hashlib.sha256(hashes.tobytes()).hexdigest()[:12]


def latest(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each arm's last step: the run as it stands."""
    last = rows.groupby("arm", sort=False)["step"].transform("max")
    return rows[rows["step"] == last]


def dodged(rows: pd.DataFrame, arms: Sequence[str], depth: int) -> pd.Series:
    """Where on an axis of `depth` layers each mark stands, so that none of `arms` hides another.

    That is at its layer if there is one arm, else beside it, the arms in their order.
    """
    gap = min(APART * depth, 0.8 / max(len(arms), 1))
    places = {arm: (position - (len(arms) - 1) / 2) * gap for position, arm in enumerate(arms)}
    return rows["layer"] + rows["arm"].map(places).fillna(0.0).astype(float)


def on_log_axis(curve: pd.DataFrame, domain: tuple[float, float]) -> pd.DataFrame:
    """`curve` (see `summarize_curves`) as a log axis can hold it: zeros stand at its foot.

    The column `state` says which they are, and `first` which is the first of its arm.
    """
    state = state_of(curve["middle"])
    heights = curve[["middle", "low", "high"]].clip(lower=domain[0])
    zero = pd.Series(state == "zero", index=curve.index)
    earlier = zero.groupby(curve["arm"]).cumsum()
    columns = {name: heights[name] for name in heights}
    return curve.assign(**columns, state=state, first=zero & (earlier == 1))


def log_domain(*values: Values, room: int = 1) -> tuple[float, float]:
    """Whole decades around all positive finite values, and `room` more at both edges."""
    joined = np.concatenate([np.asarray(part, dtype=float) for part in values])
    positive = joined[np.isfinite(joined) & (joined > 0)]
    if not positive.size:
        return 1e-6, 1.0
    low, high = np.floor(np.log10(positive.min())), np.ceil(np.log10(positive.max()))
    return 10.0 ** (low - room), 10.0 ** (high + room)
