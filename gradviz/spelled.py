"""Numbers as a text spells them: one strict way to read them, wherever the text comes from."""

from __future__ import annotations

import math
import re

# Plain ASCII numbers, short enough for any int or float: no "1_0", no "²", no 400 digits.
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:e[+-]?[0-9]{1,3})?")


def whole_number(raw: str) -> int | None:
    """The whole number that `raw` spells in plain digits, or None."""
    return int(raw) if _WHOLE.fullmatch(raw) else None


def decimal_number(raw: str) -> float | None:
    """The number that `raw` spells in plain digits, such as 0.05 or 1e-3, or None."""
    found = float(raw) if _DECIMAL.fullmatch(raw) else math.inf
    return found if math.isfinite(found) else None  # 1e999 is none
