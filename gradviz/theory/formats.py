"""Number formats in closed form: where their numbers end, and how far apart they lie.

A binary floating-point number is ±1.f · 2^e; below the smallest such number stand the subnormal
ones, ±0.f · 2^e, at even distances down to zero (IEEE 754-2019, section 3.3 and table 3.5).
bfloat16 has the exponent of float32 and a shorter fraction (Kalamkar et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NumberFormat:
    """A format with so many bits of exponent and of fraction; one more bit is the sign."""

    name: str  # PyTorch's
    exponent_bits: int
    fraction_bits: int

    @property
    def largest(self) -> float:
        """The largest finite number; from half a step beyond on, a result rounds to ∞."""
        return (2 - self.spacing) * 2.0**self._bias

    @property
    def smallest_normal(self) -> float:
        """The smallest number with a full fraction."""
        return 2.0 ** (1 - self._bias)

    @property
    def smallest(self) -> float:
        """The smallest positive number, a subnormal; half of it, and what is less, rounds to 0."""
        return self.smallest_normal * self.spacing

    @property
    def spacing(self) -> float:
        """From 1 to the next larger number; below 1 the distance is half of it."""
        return 2.0**-self.fraction_bits

    @property
    def lost(self) -> float:
        """The largest Δ for which 1 + Δ rounds to 1: half-way, to the even neighbor."""
        return self.spacing / 2

    def numbers(self, low: float, high: float) -> np.ndarray:
        """All numbers of the format in [low, high], which lies in [1/2, 2]; in order.

        Raises `ValueError` for ends beyond that.
        """
        if not 0.5 <= low <= high <= 2:
            raise ValueError(f"low={low!r}, high={high!r} do not lie in order from 0.5 to 2")
        step = self.spacing / 2
        below = np.arange(np.ceil(low / step), 1 / step) * step
        above = np.arange(1 / self.spacing, np.floor(high / self.spacing) + 1) * self.spacing
        both = np.concatenate([below, above])
        return both[(low <= both) & (both <= high)]

    @property
    def _bias(self) -> int:
        return 2 ** (self.exponent_bits - 1) - 1


FORMATS = {
    form.name: form
    for form in (
        NumberFormat("float32", 8, 23),
        NumberFormat("bfloat16", 8, 7),
        NumberFormat("float16", 5, 10),
    )
}
