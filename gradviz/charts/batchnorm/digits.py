"""The examples of a batch in the color of their digit: a few digits stand out, the rest is ink."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from gradviz.charts.parts.expressions import translated
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.theme import legend
from gradviz.language import t

# Of these digits 0 and 1 look least alike; ten colors nobody could tell apart.
_SHOWN = {"0": COLORS["pretraining"], "1": COLORS["relu"], "4": COLORS["l1"]}
_OTHER = "other"


def with_digit(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with the column digit for `digit_color`, from their label; what stands out comes last.

    So no example that stands out lies below one that does not.
    """
    label = rows["label"].astype(str)
    digit = label.where(label.isin(_SHOWN), _OTHER)
    order = (digit != _OTHER).to_numpy().argsort(kind="stable")
    return rows.assign(digit=digit).iloc[order]


def digit_color(joined: bool = False) -> alt.Color:
    """The color of the column digit, with a legend."""
    names = {**{digit: digit for digit in _SHOWN}, _OTHER: t("others", "其他")}
    return alt.Color(
        "digit:N",
        scale=alt.Scale(domain=list(names), range=[*_SHOWN.values(), INK]),
        legend=legend(
            4,
            joined=joined,
            title=t("digit", "数字"),
            titleOrient="left",
            labelExpr=translated(names),
            symbolType="circle",
        ),
    )


def digit_opacity(full: float = 1.0) -> Any:  # noqa: ANN401 — Altair's own type of a condition
    """How much of an example is seen, `full` or less: those of other digits are the background."""
    other = f"datum.digit === '{_OTHER}'"
    return alt.when(other).then(alt.value(0.4 * full)).otherwise(alt.value(full))
