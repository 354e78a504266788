"""Two planes side by side, or on a phone one over the other, in which a unit is a unit.

A circle is round in them, and an angle is what it looks like, at any width of the page. All of it
is in Vega expressions of the width, so that nothing is drawn anew where the page gets narrower.
"""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt

WIDE = "(width >= 440)"  # there is room for two
SEEN = f"({WIDE} || datum.side < 0)"  # what is alike in both planes is drawn once in one


@dataclass(frozen=True)
class Planes:
    """The part of either plane that is shown, its `low` and `high` corners (x, y) in units.

    `height` is a Vega expression for the pixels of the picture, and `above` are those left free
    over the planes, side by side and one over the other.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    height: str
    above: tuple[int, int]

    def x(self, x: str, side: str | int) -> str:
        """A Vega expression for where `x` of the plane on `side`, −1 or 1, is in the picture."""
        middle = (self.low[0] + self.high[0]) / 2
        return f"(({x}) - {middle:g} + ({side}) * ({WIDE} ? {self._across} / 2 : 0))"

    def at(self, x: str, y: str) -> tuple[alt.X, alt.Y]:
        """The positions of the columns `x` and `y` of the picture; there are no axes."""
        across = alt.Scale(
            domain=[alt.expr(f"-{self._across}"), alt.expr(self._across)], nice=False
        )
        top = alt.expr(f"{self.low[1]} + {self.height} / {self._unit}")
        upward = alt.Scale(domain=[self.low[1], top], nice=False)
        return alt.X(f"{x}:Q", scale=across, axis=None), alt.Y(f"{y}:Q", scale=upward, axis=None)

    def line(self, wide: int, narrow: int) -> str:
        """A Vega expression for the pixels down to a place among those left free over the planes.

        `wide` and `narrow` are its pixels from the upper end of them.
        """
        top = f"{self.height} - {self._unit} * {self.high[1] - self.low[1]:g}"
        return f"{top} - {self._above} + ({WIDE} ? {wide} : {narrow})"

    @property
    def _above(self) -> str:
        return f"({WIDE} ? {self.above[0]} : {self.above[1]})"

    @property
    def _unit(self) -> str:
        """The pixels of a unit: as many as there is room for in either direction."""
        across, upward = (high - low for low, high in zip(self.low, self.high, strict=True))
        beside = f"width / ({WIDE} ? {2 * across:g} : {across:g})"
        return f"min(({self.height} - {self._above}) / {upward:g}, {beside})"

    @property
    def _across(self) -> str:
        """The units from the middle of the picture to either end."""
        return f"(width / {self._unit} / 2)"
