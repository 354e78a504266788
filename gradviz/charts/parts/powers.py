"""Powers of ten as people write them: on axes, and in words computed in the browser."""

from __future__ import annotations

import math

import altair as alt

from gradviz.charts.parts.expressions import lookup

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(exponent: int) -> str:
    """`-6` becomes "10⁻⁶"; 0 and 1 become "1" and "10"."""
    if exponent in (0, 1):
        return str(10**exponent)
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def rounded_power(value: float, digits: int = 1) -> str:
    """A number ≥ 0 in words as a figure's text needs it: 640000 becomes "6·10⁵", 0.25 "0.25".

    So many digits before the power; numbers from 0.01 to 1000 are written out with two.
    """
    if value == 0 or 0.01 <= value < 1000:
        # The format "g" would write 640 as 6.4e+02.
        return f"{value:.2g}" if value < 99.5 else f"{value:.0f}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}·{power_of_ten(int(exponent))}"


def decades(low: float, high: float, most: int = 7) -> list[int]:
    """The exponents to label on an axis from `low` to `high`: evenly thinned, at most `most`.

    Multiples of the spacing are taken, so that 10⁰ is labeled wherever it is in range.
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    spacing = next(s for s in (1, 2, 3, 5, 10, 20, 50, 100) if (last - first) // s < most)
    return [e for e in range(first, last + 1) if e % spacing == 0]


def power_axis(low: float, high: float, title: str | None, most: int = 7) -> alt.Axis:
    """The axis of a log scale from `low` to `high`, labeled at whole decades, at most `most`."""
    exponents = decades(low, high, most)
    return alt.Axis(
        title=title,
        values=[10.0**e for e in exponents],
        labelExpr=_labels(exponents, "round(log(datum.value) / LN10)"),
    )


def exponent_labels(exponents: list[int]) -> str:
    """The `labelExpr` of an axis or legend whose values are the exponents themselves."""
    return _labels(exponents, "round(datum.value)")


def power_scale(low: float, high: float) -> alt.Scale:
    """A log scale with a fixed domain, so that growing data never move the axis."""
    return alt.Scale(type="log", domain=[low, high], nice=False)


def superscript(number: str) -> str:
    """A Vega expression that writes the whole number `number`, up to 99, as an exponent."""
    digits = "'⁰¹²³⁴⁵⁶⁷⁸⁹'"
    size = f"abs({number})"
    tens = f"({size} > 9 ? {digits}[floor({size} / 10)] : '')"
    return f"({number} < 0 ? '⁻' : '') + {tens} + {digits}[{size} % 10]"


def scientific(value: str) -> str:
    """A Vega expression that writes the positive number `value` like "1.5·10⁻³" or "0.25"."""
    exponent = f"floor(log({value}) / LN10 + 1e-9)"
    short = f"format({value}, '.3~r')"
    long = f"format({value} / pow(10, {exponent}), '.1f') + '·10' + {superscript(exponent)}"
    return f"({value} >= 0.01 && {value} < 1000 ? {short} : {long})"


def _labels(exponents: list[int], chosen: str) -> str:
    return lookup({str(e): power_of_ten(e) for e in exponents}, f"toString({chosen})")
