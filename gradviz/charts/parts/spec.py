"""Pictures that are built once for each look, with named data; then only the data change.

Altair takes 0.1 to 1 s to build a picture: longer than a training step, and than a reader wants to
wait after moving a slider. So `built_once` stands over a function that draws a picture from
`alt.NamedData`, and `Template.with_data` puts the tables in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec

import pandas as pd

from gradviz.charts.parts.theme import Chart, themed
from gradviz.language import current

MOST = 64  # pictures of one kind that are kept

Spec = dict[str, Any]  # of Vega-Lite, with its data frames under "datasets"
Look = ParamSpec("Look")


@dataclass(frozen=True)
class Template:
    """A finished picture whose named data are still to come."""

    spec: Spec

    def opening(self, **values: str | int) -> Template:
        """The same picture, whose parameters of these names begin at `values`."""
        params = [
            {**param, "value": values[param["name"]]} if param["name"] in values else param
            for param in self.spec.get("params", [])
        ]
        return Template({**self.spec, "params": params}) if params else self

    def with_data(self, **tables: pd.DataFrame) -> Spec:
        """The picture of `tables`, each named as the `alt.NamedData` that it stands for."""
        return {**self.spec, "datasets": {**self.spec.get("datasets", {}), **tables}}


def built_once(
    draw: Callable[Look, Chart],
) -> Callable[Look, Template]:
    """`draw`, in the app's look, called once for each look and language.

    The arguments are the look: all that the picture depends on but its data, and hashable. The
    words of the picture are those of the current language.
    """

    @functools.lru_cache(maxsize=MOST)
    def build(_language: str, /, *args: Look.args, **kwargs: Look.kwargs) -> Template:
        return Template(themed(draw(*args, **kwargs)).to_dict())

    @functools.wraps(draw)
    def template(*args: Look.args, **kwargs: Look.kwargs) -> Template:
        return build(current(), *args, **kwargs)

    return template
