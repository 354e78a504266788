"""Pictures that are built once for each look, with named data; then only the data change.

Altair takes 0.1 to 1 s to build a picture: longer than a training step, and than a reader wants to
wait after moving a slider. So `built_once` stands over a function that draws a picture from
`alt.NamedData`, and `Template.with_data` puts the tables in.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec

import altair as alt
import pandas as pd

from gradviz.charts.parts.theme import Chart, themed
from gradviz.language import current

MOST = 64  # pictures of one kind that are kept

Spec = dict[str, Any]  # of Vega-Lite, with its data frames under "datasets"
Look = ParamSpec("Look")

# Altair's settings are global: two pictures that are written at once would mix up their data.
_altair = threading.RLock()


@dataclass(frozen=True)
class Template:
    """A finished picture whose named data are still to come."""

    spec: Spec

    def opening(self, **values: str | int) -> Template:
        """The same picture, whose parameters of these names begin at `values`."""
        return Template(opened(self.spec, values))

    def with_data(self, **tables: pd.DataFrame) -> Spec:
        """The picture of `tables`, each named as the `alt.NamedData` that it stands for."""
        return {**self.spec, "datasets": {**self.spec.get("datasets", {}), **tables}}


def written(chart: alt.TopLevelMixin) -> Spec:
    """`chart` as a Vega-Lite spec, its data frames under "datasets".

    They are named by their order, "frame_0" and so on: the same picture of other data is the same
    but for its data, so that the browser moves the marks and draws nothing anew.
    """
    frames: dict[str, pd.DataFrame] = {}

    def named(data: Any) -> dict[str, str]:  # noqa: ANN401 — Altair's own union of types
        known = next((name for name, frame in frames.items() if frame is data), None)
        name = known or f"frame_{len(frames)}"
        frames[name] = data
        return {"name": name}

    with _altair:
        alt.data_transformers.register("gradviz", named)
        with alt.data_transformers.enable("gradviz"):
            # The tests compile every picture: a check of each would take as long as its making.
            spec = chart.to_dict(validate=False)
    return {**spec, "datasets": {**spec.get("datasets", {}), **frames}}


def opened(spec: Spec, values: Mapping[str, str | float]) -> Spec:
    """The same picture, whose parameters of these names begin at `values`.

    For a selection of one field the name is that of its slider, `<selection>_<field>`.
    """
    known = [_opened(param, values) for param in spec.get("params", [])]
    return {**spec, "params": known} if known else spec


def held(spec: Spec, sliders: Collection[str]) -> Spec:
    """The same picture, in which the sliders of these names are neither seen nor moved.

    The signal of a slider stays, as expressions read it, but its input is not to be seen, and no
    mark that is pressed or dragged sets it.
    """
    known = [_held(param, sliders) for param in spec.get("params", [])]
    return {**spec, "params": known} if known and sliders else spec


def _held(param: dict[str, Any], sliders: Collection[str]) -> dict[str, Any]:
    name, select = param["name"], param.get("select")
    if name in sliders:
        return {**param, "bind": dict(_UNSEEN)}
    fields = select.get("fields", []) if isinstance(select, dict) else []
    mine = [field for field in fields if f"{name}_{field}" in sliders]
    if not mine or not isinstance(select, dict):
        return param
    bind = param.get("bind", {})
    by_field = "input" not in bind
    unseen = {field: dict(_UNSEEN) for field in mine}
    return {
        **param,
        "bind": {**bind, **unseen} if by_field else dict(_UNSEEN),
        "select": {**select, "on": "pointerdown[false]"},
    }


_UNSEEN = {"input": "hidden", "name": ""}


def _opened(param: dict[str, Any], values: Mapping[str, str | float]) -> dict[str, Any]:
    name, value = param["name"], param.get("value")
    if name in values:
        return {**param, "value": _within(values[name], param.get("bind"))}
    select = param.get("select")
    for field in select.get("fields", []) if isinstance(select, dict) else []:
        if f"{name}_{field}" in values:
            value = _pointed(value, field, values[f"{name}_{field}"])
    return {**param, "value": value} if value != param.get("value") else param


def _within(value: str | float, bind: Any) -> str | float:  # noqa: ANN401
    """The value of the slider `bind` that is nearest to `value`; where it is none, `value`."""
    if isinstance(value, str) or not isinstance(bind, dict) or "max" not in bind:
        return value
    low, high, stride = bind["min"], bind["max"], bind.get("step", 1)
    # Rounded, since the page writes the number beside the slider: not 1.2000000000000002.
    nearest = round(low + round((value - low) / stride) * stride, 10)
    return min(high, max(low, nearest))


def _pointed(value: Any, field: str, number: str | float) -> Any:  # noqa: ANN401 — Vega-Lite's own
    """The `value` of a point selection with another `number` in one of its fields."""
    return [{**value[0], field: number}] if isinstance(value, list) else number


def built_once(
    draw: Callable[Look, Chart],
) -> Callable[Look, Template]:
    """`draw`, in the app's look, called once for each look and language.

    The arguments are the look: all that the picture depends on but its data, and hashable. The
    words of the picture are those of the current language.
    """

    # What is kept is a place: whoever comes while the picture is being built waits there for it. A
    # class that comes at once would else build it as many times over.
    @functools.lru_cache(maxsize=MOST)
    def place(_language: str, /, *args: Look.args, **kwargs: Look.kwargs) -> _Place:
        return _Place(lambda: Template(written(themed(draw(*args, **kwargs)))))

    @functools.wraps(draw)
    def template(*args: Look.args, **kwargs: Look.kwargs) -> Template:
        return place(current(), *args, **kwargs).template()

    return template


class _Place:
    """Where one picture is kept once it has been built."""

    def __init__(self, build: Callable[[], Template]) -> None:
        self._build, self._lock = build, threading.Lock()
        self._built: Template | None = None

    def template(self) -> Template:
        """The picture, built now by the first who asks."""
        with self._lock:
            if self._built is None:
                self._built = self._build()
            return self._built
