"""The picture of a race for a notebook, where no page gives it its width; and how to show it there
without a network.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

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


@runtime_checkable
class Plots(Protocol):
    """What has a picture of itself, as a watched network's `Record` has."""

    def plot(self) -> alt.TopLevelMixin:
        """The picture."""
        ...


@dataclass(frozen=True)
class Shown:
    """A picture that a notebook shows by itself, see `show`; `page` is the HTML that it shows."""

    page: str

    def _repr_html_(self) -> str:
        # A frame keeps the scripts of several pictures apart, and the notebook's style sheet out.
        # Not lazy: where a notebook is printed, nobody scrolls.
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" title="gradviz"'
            ' style="display: block; width: 100%; height: 480px; border: 0"></iframe>'
        )

    def save(self, path: str | Path) -> None:
        """Write the picture as one HTML file, which needs no network either."""
        Path(path).write_text(self.page, encoding="utf-8")


def show(what: Plots | Iterable[Snapshot] | alt.TopLevelMixin) -> Shown:
    """The picture of a `Record`, of the snapshots of `race`, or an Altair chart, for a notebook.

    It holds all that draws it: it is seen in Jupyter, VS Code, marimo and in notebooks saved as
    HTML, without a network and without an extension; that takes 1 MB in the notebook. Raises
    `ImportError` without `vl-convert-python`, which has the script that draws.
    """
    if isinstance(what, alt.TopLevelMixin):
        chart = what
    elif isinstance(what, Plots):
        chart = what.plot()
    else:
        chart = plot_race(what)
    try:
        page = chart.to_html(inline=True)
    except ImportError as missing:
        raise ImportError("show needs a package: pip install vl-convert-python") from missing
    return Shown(page.replace("<head>", f"<head>{_FITS}", 1))


# The frame is as high as what is drawn in it. Its paper is white, as the picture's ink is dark.
_FITS = """<style>
html { background: #ffffff; font: 14px/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 8px; }
.vega-bind:has([type="hidden"]) { display: none; }
</style>
<script>
addEventListener("load", () => {
  if (!frameElement) return;
  const fit = () => {
    frameElement.style.height = `${document.documentElement.offsetHeight}px`;
  };
  new ResizeObserver(fit).observe(document.body);
});
</script>"""


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
