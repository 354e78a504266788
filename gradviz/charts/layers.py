"""What happens layer by layer in a training run: profiles over depth, and a map of the whole run.

Theory is a line, measurement is marks over it with a band over the seeds. Zeros and overflows are
marks of their own at the lower and upper edge of the log axis.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.palette import COLORS, INK, colors_of
from gradviz.charts.powers import decades, exponent_labels, power_axis, power_scale
from gradviz.charts.summary import STATES, hidden, log_domain, state_of, summarize
from gradviz.charts.theme import legend, themed
from gradviz.language import t

PROFILE_HEIGHT = 280
MAP_HEIGHT = 300
SHARE = (0.0, 1.0)
_SHAPES = {"measured": "circle", "zero": "triangle-down", "overflow": "triangle-up"}

Names = dict[str, str]  # from an arm's stable name to its translated one


def state_names() -> Names:
    """The translated names of the marks' states."""
    return {
        "measured": t("measured", "测量值"),
        "zero": t("exactly 0 (underflow)", "恰为 0（下溢）"),
        "overflow": t("∞ or NaN (overflow)", "∞ 或 NaN（上溢）"),
    }


def translated(names: Names) -> str:
    """The `labelExpr` of a legend whose values are the keys of `names`."""
    table = ", ".join(f"{key!r}: {name!r}" for key, name in names.items())
    return f"{{{table}}}[datum.value] || datum.value"


def arm_color(names: Names) -> alt.Color:
    """One color per arm, the arm's own wherever it has one, with translated names."""
    colors = colors_of(names)
    return alt.Color(
        "arm:N",
        scale=alt.Scale(domain=list(colors), range=list(colors.values())),
        legend=legend(labelExpr=translated(names), symbolType="circle"),
    )


def layer_profile(
    history: pd.DataFrame,
    quantity: str,
    title: str,
    names: Names,
    theory: pd.DataFrame | None = None,
    guide: float | None = None,
) -> alt.LayerChart:
    """`quantity` by hidden layer, for one step per arm, on a log axis.

    `history` is that of `train.history_frame`, of one step; `theory` has columns arm, layer,
    value; `guide` draws a dashed rule at a value worth comparing with.
    """
    theory = no_theory() if theory is None else theory
    rows = summarize(history, quantity)
    domain = log_domain(rows["low"], rows["high"], theory["value"])
    return themed(
        profile_layers(rows, domain, title, names, theory, guide).properties(
            height=PROFILE_HEIGHT + 60,
            description=t(
                "{title} of each hidden layer on a log axis",
                "各隐藏层的{title}，对数轴",
                title=title,
            ),
        )
    )


def profile_layers(
    rows: pd.DataFrame,
    domain: tuple[float, float],
    title: str,
    names: Names,
    theory: pd.DataFrame,
    guide: float | None = None,
) -> alt.LayerChart:
    """The unthemed picture of `layer_profile`, from the rows of `summarize`.

    The domain is that of a log axis, or `SHARE`, which has a linear one.
    """
    depth = int(max([1, *rows["layer"], *theory["layer"]]))
    x = alt.X(
        "layer:Q",
        title=t("Hidden layer (1 is next to the input)", "隐藏层（第 1 层紧邻输入）"),
        scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
        axis=alt.Axis(values=_whole_ticks(depth), format="d", grid=False),
    )
    color = arm_color(names)
    y = _level(domain, title)
    prediction = (
        alt.Chart(theory.assign(y=theory["value"].clip(*domain)))
        .mark_line(strokeWidth=2, opacity=0.8)
        .encode(x=x, y=y, color=color)
    )
    return alt.layer(
        *_guide(guide, domain),
        prediction,
        _seed_range(rows, x, y, color),
        _marks(rows, domain, x, y, color),
    )


def _level(domain: tuple[float, float], title: str) -> alt.Y:
    if domain == SHARE:
        axis = alt.Axis(format="%", tickCount=5, title=title)
        return alt.Y("y:Q", scale=alt.Scale(domain=SHARE), axis=axis)
    return alt.Y("y:Q", scale=power_scale(*domain), axis=power_axis(*domain, title))


def _marks(
    rows: pd.DataFrame, domain: tuple[float, float], x: alt.X, y: alt.Y, color: alt.Color
) -> alt.Chart:
    """One mark per arm and layer; zeros stand on the lower edge, overflows on the upper."""
    edges = rows["state"].map({"zero": domain[0], "overflow": domain[1]})
    present = [state for state in STATES if (rows["state"] == state).any()]
    only_measured = present in ([], ["measured"])
    return (
        alt.Chart(rows.assign(y=rows["middle"].fillna(edges)))
        .mark_point(filled=True, size=55, opacity=1, clip=False)
        .encode(
            x=x,
            y=y,
            color=color,
            shape=alt.Shape(
                "state:N",
                scale=alt.Scale(domain=present, range=[_SHAPES[state] for state in present]),
                legend=None if only_measured else legend(labelExpr=translated(state_names())),
            ),
            tooltip=[
                alt.Tooltip("arm:N", title=t("network", "网络")),
                alt.Tooltip("layer:Q", title=t("layer", "层")),
                alt.Tooltip("step:Q", title=t("step", "步")),
                alt.Tooltip("middle:Q", title=t("mean of seeds", "各种子的均值"), format=".2e"),
            ],
        )
    )


def _seed_range(rows: pd.DataFrame, x: alt.X, y: alt.Y, color: alt.Color) -> alt.Chart:
    measured = rows[rows["state"] == "measured"]
    return (
        alt.Chart(measured.assign(y=measured["low"]))
        .mark_rule(strokeWidth=6, opacity=0.3)
        .encode(x=x, y=y, y2="high:Q", color=color)
    )


def _guide(value: float | None, domain: tuple[float, float]) -> list[alt.Chart]:
    if value is None or not domain[0] < value < domain[1]:
        return []
    rule = alt.Chart(pd.DataFrame({"y": [value]})).mark_rule(strokeDash=[4, 4], color=INK)
    return [rule.encode(y=alt.Y("y:Q"))]


def step_layer_map(history: pd.DataFrame, quantity: str, title: str) -> alt.LayerChart:
    """log₁₀ of `quantity` over the whole run of one arm: step across, hidden layer upward.

    The geometric mean over seeds gives the color. A cell that is exactly zero for every seed, or
    not finite, has a color of its own.
    """
    rows = _map_cells(hidden(history[history["quantity"] == quantity]))
    measured = rows[rows["state"] == "measured"]
    x = alt.X("start:Q", title=t("Training step", "训练步"), scale=alt.Scale(nice=False))
    y = alt.Y(
        "layer:O",
        sort="descending",
        title=t("Hidden layer", "隐藏层"),
        axis=alt.Axis(values=_whole_ticks(int(rows["layer"].max())), labelAngle=0, grid=False),
    )
    exponents = decades(*log_domain(10.0 ** measured["log10"]), most=6)
    color = alt.Color(
        "log10:Q",
        scale=alt.Scale(scheme="viridis"),
        legend=legend(
            title=title,
            values=exponents,
            labelExpr=exponent_labels(exponents),
            gradientLength=200,
            titleOrient="top",
        ),
    )
    cells = (
        alt.Chart(measured)
        .mark_rect()
        .encode(x=x, x2="end:Q", y=y, color=color, tooltip=_map_tooltip(title))
    )
    return themed(
        alt.layer(cells, *_edge_cells(rows, x, y))
        .resolve_scale(color="independent")
        .properties(
            height=MAP_HEIGHT + 60,
            description=t(
                "{title} of every hidden layer at every step of training, as colors",
                "训练每一步、每个隐藏层的{title}，以颜色表示",
                title=title,
            ),
        )
    )


def _edge_cells(rows: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """The cells that no log scale can hold, in flat colors of their own."""
    extreme = rows[rows["state"] != "measured"]
    if extreme.empty:
        return []
    present = [state for state in ("zero", "overflow") if (extreme["state"] == state).any()]
    colors = {"zero": INK, "overflow": COLORS["explode"]}
    color = alt.Color(
        "state:N",
        scale=alt.Scale(domain=present, range=[colors[state] for state in present]),
        legend=legend(labelExpr=translated(state_names()), symbolType="square"),
    )
    return [alt.Chart(extreme).mark_rect().encode(x=x, x2="end:Q", y=y, color=color)]


def _map_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per step and layer: log10 of the geometric mean, state, and the cell's extent."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(rows["value"])
    cells = rows.assign(log10=logs).groupby(["step", "layer"], sort=True)["log10"].mean()
    cells = cells.reset_index()
    # The mean of logs is −inf as soon as one seed is exactly zero: then the cell says so.
    cells["state"] = state_of(10.0 ** cells["log10"])
    steps = np.sort(cells["step"].unique())
    ends = np.append(steps[1:], steps[-1] + max(1, np.diff(steps).max(initial=1)))
    cells["start"] = cells["step"]
    cells["end"] = cells["step"].map(dict(zip(steps, ends, strict=True)))
    return cells


def _map_tooltip(title: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("step:Q", title=t("step", "步")),
        alt.Tooltip("layer:O", title=t("layer", "层")),
        alt.Tooltip("log10:Q", title=f"log₁₀ {title}", format=".2f"),
    ]


def _whole_ticks(depth: int, most: int = 10) -> list[int]:
    spacing = next(s for s in (1, 2, 5, 10, 20, 50) if depth / s <= most)
    return sorted({1, *range(spacing, depth + 1, spacing)})


def no_theory() -> pd.DataFrame:
    """An empty prediction, for a picture without one."""
    return pd.DataFrame({"arm": [], "layer": [], "value": []})
