"""The moves of BatchNorm on one unit: centered, scaled, then stretched by γ and moved by β.

A row for each move, and a line for each example of the batch from row to row. γ and β are sliders
in the browser; β is also where the reader presses or drags in the last row.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.batchnorm.digits import digit_color, digit_opacity, with_digit
from gradviz.charts.parts.expressions import lookup, tooltip_line
from gradviz.charts.parts.handles import GHOST, handle_selection
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.theme import LONG, READOUT, themed
from gradviz.language import t

# The parameters in the browser; the second is the field of a selection, which marks can set too.
GAMMA, BETA = "gamma_shown", "pull_beta"
GAMMAS, BETAS = (0.0, 3.0), (-3.0, 3.0)
STEP = 0.01  # of both sliders
_PULL = 0.05  # of β when it is dragged in the picture
EPSILON = 1e-5  # of nn.BatchNorm1d
_REACH = 4.0  # of the axis
_ARRIVES, _CENTERED, _SCALED, _MOVED = range(4)  # the rows, from above
_HEIGHT = 470  # pixels, axis and legend included
_ROOM = 0.75  # rows, below the last one
_BELOW = 13  # pixels from a row's examples to the bar of their spread


def moves(cloud: pd.DataFrame, gamma: float = 1.0, beta: float = 0.0) -> alt.LayerChart:
    """What BatchNorm does to one unit's values, row by row, with γ and β on sliders.

    `cloud` has one row for each example of the batch, with columns label and `before`, the value
    that arrives (see `engine.units.cloud`). Raises `ValueError` for `gamma` or `beta` outside
    `GAMMAS` and `BETAS`.
    """
    for name, value, (low, high) in (("gamma", gamma, GAMMAS), ("beta", beta, BETAS)):
        if not low <= value <= high:
            raise ValueError(f"{name}={value!r} is not a number from {low:g} to {high:g}")
    rows = with_digit(move_frame(cloud))
    spans = span_frame(cloud)
    return themed(
        layered(
            _lines(rows),
            _dots(rows),
            *_spans(spans),
            *_aim(spans),
            *_parameters(),
            _handles().add_params(
                handle_selection("pull", "beta", beta, _slider("β ", BETAS)),
            ),
        )
        .add_params(alt.param(GAMMA, value=gamma, bind=_slider("γ ", GAMMAS)))
        .properties(
            height=_HEIGHT,
            description=t(
                "One unit's values over a batch as they arrive, centered, scaled, and after γ "
                "and β, with a line for each example",
                "一个神经元在一个批次上的取值：到达时、居中后、缩放后，以及经过 γ 与 β 之后；"
                "每个样本一条线",
            ),
        )
    )


def move_frame(cloud: pd.DataFrame) -> pd.DataFrame:
    """The columns example, label, row and value: of each example one value for each row.

    In the last row it is the value before γ and β, which the browser knows.
    """
    before = cloud["before"].to_numpy()
    centered = before - before.mean()
    scaled = centered / np.sqrt(before.var() + EPSILON)
    values = {_ARRIVES: before, _CENTERED: centered, _SCALED: scaled, _MOVED: scaled}
    base = {"example": range(len(before)), "label": cloud["label"].to_numpy()}
    parts = [pd.DataFrame({**base, "row": row, "value": own}) for row, own in values.items()]
    return pd.concat(parts, ignore_index=True)


def span_frame(cloud: pd.DataFrame) -> pd.DataFrame:
    """The columns row, middle and spread: the mean of each row's values, and their deviation."""
    before = cloud["before"].to_numpy()
    mean, spread = before.mean(), before.std()
    return pd.DataFrame(
        {
            "row": [_ARRIVES, _CENTERED, _SCALED, _MOVED],
            "middle": [mean, 0.0, 0.0, 0.0],
            "spread": [spread, spread, 1.0, 1.0],
        }
    )


def _slider(name: str, ends: tuple[float, float]) -> alt.BindRange:
    return alt.binding_range(min=ends[0], max=ends[1], step=STEP, name=name)


def _shown(value: str) -> str:
    """A Vega expression for where `value` of the last row's data stands, and that of others."""
    return f"datum.row == {_MOVED} ? {GAMMA} * {value} + {BETA} : {value}"


def _axes() -> tuple[alt.X, alt.Y]:
    names = {
        str(_ARRIVES): t("arrives", "到达"),
        str(_CENTERED): t("− mean", "− 均值"),
        str(_SCALED): t("÷ spread", "÷ 标准差"),
        str(_MOVED): t("× γ + β", "× γ + β"),
    }
    x = alt.X(
        "at:Q",
        title=t("Value of the unit", "该神经元的值"),
        scale=alt.Scale(domain=[-_REACH, _REACH], nice=False, zero=False),
        axis=alt.Axis(values=[-4, -2, 0, 2, 4], format="d"),
    )
    y = alt.Y(
        "row:Q",
        title=None,
        scale=alt.Scale(domain=[_MOVED + _ROOM, _ARRIVES - 0.25], nice=False, zero=False),
        axis=alt.Axis(
            values=[_ARRIVES, _CENTERED, _SCALED, _MOVED],
            labelExpr=lookup(names, "toString(datum.value)"),
            labelFontSize=READOUT,
            grid=False,
        ),
    )
    return x, y


def _placed(rows: pd.DataFrame) -> alt.Chart:
    x, y = _axes()
    return alt.Chart(rows).transform_calculate(at=_shown("datum.value")).encode(x=x, y=y)


def _lines(rows: pd.DataFrame) -> alt.Chart:
    return (
        _placed(rows)
        .mark_line(strokeWidth=1, clip=True)
        .encode(color=digit_color(), opacity=digit_opacity(0.5), detail="example:N", order="row:Q")
    )


def _dots(rows: pd.DataFrame) -> alt.Chart:
    return (
        _placed(rows)
        .mark_point(filled=True, size=30, clip=True)
        .encode(
            color=digit_color(),
            opacity=digit_opacity(),
            tooltip=[
                tooltip_line("label:N", t("digit", "数字")),
                tooltip_line("at:Q", t("value", "值"), ".2f"),
            ],
        )
    )


def _spans(spans: pd.DataFrame) -> list[alt.Chart]:
    """Below each row its mean as a diamond, with a bar as wide as the spread to either side."""
    x, y = _axes()
    ends = alt.Chart(spans).transform_calculate(
        at=_shown("(datum.middle - datum.spread)"),
        right=_shown("(datum.middle + datum.spread)"),
        mean=_shown("datum.middle"),
    )
    bar = ends.mark_rule(color=INK, strokeWidth=3, yOffset=_BELOW, clip=True)
    mean = ends.mark_point(
        filled=True, shape="diamond", size=90, color=INK, opacity=1, yOffset=_BELOW, clip=True
    )
    return [bar.encode(x=x, x2="right:Q", y=y), mean.encode(x=alt.X("mean:Q"), y=y)]


def _aim(spans: pd.DataFrame) -> list[alt.Chart]:
    """Below the last row, where the first one was: γ and β can bring everything back there."""
    x, y = _axes()
    base = (
        alt.Chart(spans[spans["row"] == _ARRIVES].assign(row=_MOVED))
        .transform_calculate(at="datum.middle - datum.spread", right="datum.middle + datum.spread")
        .encode(y=y)
    )
    low = _BELOW + 24
    words = base.mark_text(
        align="center", baseline="top", yOffset=low + 4, color=INK, fontSize=LONG
    ).encode(x=alt.X("middle:Q"), text=alt.value(t("as they arrived", "到达时的位置")))
    return [
        base.mark_rule(color=INK, strokeWidth=3, strokeDash=[3, 3], yOffset=low).encode(
            x=x, x2="right:Q"
        ),
        words,
    ]


def _parameters() -> list[alt.Chart]:
    """β at the middle of the last row, γ at the end of its bar."""
    _, y = _axes()
    base = alt.Chart(pd.DataFrame({"row": [_MOVED]})).encode(y=y)
    look = {"color": COLORS["batchnorm"], "fontSize": READOUT, "fontWeight": "bold"}
    return [
        base.transform_calculate(at=BETA)
        .mark_text(text="β", yOffset=_BELOW + 14, **look)
        .encode(x=alt.X("at:Q")),
        base.transform_calculate(at=f"{BETA} + {GAMMA}")
        .mark_text(text="γ", align="left", dx=5, yOffset=_BELOW, **look)
        .encode(x=alt.X("at:Q")),
    ]


def _handles() -> alt.Chart:
    """Invisible strips around the last row, one for each place to which β can be dragged."""
    half = _PULL / 2
    places = np.arange(BETAS[0], BETAS[1] + half, _PULL).round(2)
    ends = {
        "at": places - half,
        "right": places + half,
        "row": _MOVED - 0.4,
        "below": _MOVED + _ROOM,
    }
    x, y = _axes()
    return (
        alt.Chart(pd.DataFrame({"beta": places, **ends}))
        .mark_rect(opacity=0, clip=True, cursor="ew-resize")
        .encode(x=x, x2="right:Q", y=y, y2="below:Q", tooltip=GHOST)
    )
