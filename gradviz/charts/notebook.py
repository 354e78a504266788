"""The picture of a race for a notebook, where no page gives it its width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.replay import Extent, run_chart
from gradviz.quantities import QUANTITIES
from gradviz.snapshots import Snapshot

WIDTH = 560  # pixels of the plots


def plot_race(
    snapshots: Iterable[Snapshot],
    quantity: str = "delta",
    names: Mapping[str, str] | None = None,
) -> alt.VConcatChart:
    """A `quantity` by hidden layer above the curves of the run, with a slider over its steps.

    `snapshots` are those of `race`, `names` what its arms are called, if not as they are. Altair
    shows the chart in a notebook, and saves it as a page: `plot_race(…).save("race.html")`. Raises
    `ValueError` for a quantity that is not in `quantities.QUANTITIES`, or no snapshots.
    """
    from gradviz.engine.history import curves_frame, history_frame

    shown = list(snapshots)
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity={quantity!r} is not one of {', '.join(QUANTITIES)}")
    if not shown:
        raise ValueError("snapshots=[] holds no step; at least one is needed")
    values = [snapshot.layers[quantity][:, :-1].ravel() for snapshot in shown]
    depth = max(snapshot.layers[quantity].shape[1] - 1 for snapshot in shown)
    steps = max(snapshot.steps for snapshot in shown)
    spec = run_chart(
        history_frame(shown, [quantity]),
        curves_frame(shown),
        QUANTITIES[quantity],
        dict(names) if names else {snapshot.arm: snapshot.arm for snapshot in shown},
        Extent(steps, depth, np.concatenate(values)),
        ended=True,
    )
    return alt.VConcatChart.from_dict(_alone(spec))


def _alone(spec: dict[str, Any]) -> dict[str, Any]:
    """`spec` with its data in the form of JSON, and a width of its own."""
    sets = {
        name: _records(data) if isinstance(data, pd.DataFrame) else data
        for name, data in spec["datasets"].items()
    }
    views = [{**view, "width": WIDTH} for view in spec["vconcat"]]
    kept = {key: value for key, value in spec.items() if key not in ("autosize", "usermeta")}
    return {**kept, "vconcat": views, "datasets": sets}


def _records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """The rows of `table`; JSON has no inf and no NaN."""
    plain = table.astype(object).where(table.notna() & ~table.isin([np.inf, -np.inf]), None)
    return plain.to_dict("records")
