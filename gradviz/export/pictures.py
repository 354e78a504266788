"""Pictures as the edition keeps them: the spec of each, its tables by columns, both only once."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa

_PLOT, _AROUND, _SLIDER = 200, 50, 48  # pixels
_DIGITS = 8  # of a number that is not whole; no screen shows more


class Pictures:
    """The pictures of one figure in all its states."""

    def __init__(self) -> None:
        self.specs: list[dict[str, Any]] = []
        self.tables: list[dict[str, list]] = []
        self._known: dict[str, int] = {}
        self._tables: dict[bytes, int] = {}

    def add(self, chart: Any) -> int:  # noqa: ANN401 — Streamlit's message
        """Keep a picture as Streamlit would send it, and return its place."""
        tables = {
            data.name: self._place(self.tables, table_of(data.data.data)) for data in chart.datasets
        }
        spec = json.loads(chart.spec)
        return self._place(self.specs, {"spec": spec, "tables": tables})

    def _table(self, arrow: bytes) -> int:
        if arrow not in self._tables:
            self._tables[arrow] = self._place(self.tables, table_of(arrow))
        return self._tables[arrow]

    def _place(self, kept: list, thing: dict) -> int:
        key = f"{'spec' if kept is self.specs else 'table'}{json.dumps(thing)}"
        if key not in self._known:
            self._known[key] = len(kept)
            kept.append(thing)
        return self._known[key]


def height_of(spec: dict[str, Any]) -> int:
    """The pixels that a picture will need, roughly, so that little moves when it is drawn."""
    views = spec.get("vconcat", [spec])
    plots = sum(view.get("height", _PLOT) for view in views if isinstance(view, dict))
    sliders = sum(
        isinstance(param.get("bind"), dict) and param["bind"].get("input") == "range"
        for param in spec.get("params", [])
    )
    return int(plots) + _AROUND * len(views) + _SLIDER * sliders


def table_of(arrow: bytes) -> dict[str, list]:
    """The columns of a table in Arrow's format, by name; JSON has no ∞, so that is a word."""
    table = pa.ipc.open_stream(arrow).read_all()
    names = [name for name in table.column_names if not name.startswith("__index_level_")]
    return {name: [_short(value) for value in table.column(name).to_pylist()] for name in names}


def _short(value: Any) -> Any:  # noqa: ANN401 — whatever a table holds
    if not isinstance(value, float):
        return value
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < 1e15 else float(f"{value:.{_DIGITS}g}")
