"""What happens layer by layer in a training run: profiles over depth, and a map of the whole run.

Theory is a line, measurement is marks over it with a band over the seeds. Zeros and overflows are
marks of their own at the lower and upper edge of the log axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.parts.expressions import quoted, tooltip_line, translated
from gradviz.charts.parts.handles import GUESSED, HAS_GUESS, REPLAY, SHARE_REVEALED, at_step
from gradviz.charts.parts.label_place import Plot, place_words
from gradviz.charts.parts.marks import bars_of_seeds, cells_beyond, layered, rule_at, state_names
from gradviz.charts.parts.palette import COLORS, INK, colors_of
from gradviz.charts.parts.powers import decades, exponent_labels, power_axis, power_scale
from gradviz.charts.parts.summary import (
    STATES,
    Values,
    dodged,
    hidden,
    log_domain,
    state_of,
    summarize,
)
from gradviz.charts.parts.theme import WORDS, legend, themed
from gradviz.language import t
from gradviz.quantities import Quantity

PROFILE_HEIGHT = 280
MAP_HEIGHT = 300
SHARE_DOMAIN = (0.0, 1.0)
_LENGTHS = (46, 122)  # pixels: of the words on theory at the first step and after it
_SHAPES = {"measured": "circle", "zero": "triangle-down", "overflow": "triangle-up"}

Data = pd.DataFrame | alt.NamedData
Names = dict[str, str]  # from an arm's stable name to its translated one


def arm_color(names: Names, joined: bool = False) -> alt.Color:
    """One color per arm, the arm's own wherever it has one, with translated names.

    It is `joined` if several pictures below each other have it.
    """
    colors = colors_of(names)
    return alt.Color(
        "arm:N",
        scale=alt.Scale(domain=list(colors), range=list(colors.values())),
        legend=legend(
            legend_columns(names), joined=joined, labelExpr=translated(names), symbolType="circle"
        ),
    )


def legend_columns(names: Names) -> int | alt.ExprRef:
    """Of the legend of `names`: one row of them where they fit, else two columns, else one."""
    # Pixels: a sign and the space around it, and the letters, of which Chinese ones are wider.
    needed = [38 + sum(14 if letter > "\u2e80" else 7 for letter in n) for n in names.values()]
    if len(needed) < 3:
        return 2
    # The last needs no room behind it, and may reach into the margin.
    pair = max(needed[::2]) + max(needed[1::2]) - 26
    return alt.expr(f"width < {pair} ? 1 : width < {sum(needed)} ? 2 : {len(needed)}")


@dataclass(frozen=True)
class Asked:
    """What a question asks of a profile: how it runs back to layer 1 at the first step, in `arms`.

    A guess is the power of ten by which layer 1 differs from the last hidden layer; the axis has
    room for all from `low` to `high`. `start` is the guess before any. The curves of the run, which
    tell of it, are covered with it.
    """

    arms: tuple[str, ...]
    low: float
    high: float = 0.0
    start: float | None = None


@dataclass(frozen=True)
class Look:
    """All that a profile's picture depends on but its data, so that it can be built once.

    `names` are pairs of an arm and what it is called; `domain` is that of a log axis, or
    `SHARE_DOMAIN`; `states` are those of `STATES` that occur; `guide` is a value worth comparing
    with. With `framed` the marks are those of the step that the parameter `REPLAY` says; without,
    `later` says that they are of a step after the first. Theory belongs to the first: at others
    it is faded. While `asked` is not revealed, theory is not seen and the marks of the arms asked
    for lie on the line of the guess. It is `joined` if other pictures below have the same arms, and
    not `footed` if one of them has the axis of the layers. Only of a signal that `underflows` is a
    zero said to come from that: a weight that has not moved is exactly where it was.
    """

    title: str
    names: tuple[tuple[str, str], ...]
    domain: tuple[float, float]
    depth: int
    states: tuple[str, ...]
    guide: float | None = None
    framed: bool = False
    later: bool = False
    joined: bool = False
    asked: Asked | None = None
    footed: bool = True
    underflows: bool = True


def layer_profile(
    history: pd.DataFrame,
    quantity: str,
    title: str,
    names: Names,
    theory: pd.DataFrame | None = None,
    guide: float | None = None,
) -> alt.LayerChart:
    """`quantity` by hidden layer, for one step per arm, on a log axis.

    `history` is that of `engine.history`, of one step; `theory` has columns arm, layer, value;
    `guide` draws a dashed rule at a value worth comparing with.
    """
    theory = no_theory() if theory is None else theory
    rows = summarize(history, quantity)
    drawn = Quantity(quantity, (title, title), guide=guide)
    look = profile_look(rows, theory, drawn, names)
    marks = points(rows, look)
    picture = profile_layers(marks, line(theory, look, marks), look)
    return themed(
        picture.properties(
            height=PROFILE_HEIGHT + 60,
            description=t(
                "{title} of each hidden layer on a log axis",
                "各隐藏层的{title}，对数轴",
                title=title,
            ),
        )
    )


def profile_look(
    rows: pd.DataFrame,
    theory: pd.DataFrame,
    quantity: Quantity,
    names: Names,
    framed: bool = False,
    depth: int = 1,
    room: Values = (),
    asked: Asked | None = None,
) -> Look:
    """The look of a profile of `rows` (see `summarize`), for all of them and the values `room`."""
    log = quantity.axis.log
    guesses = _guesses(rows, asked) if asked else ()
    levels = (rows["low"], rows["high"], theory["value"], room, guesses)
    return Look(
        quantity.title(),
        tuple(names.items()),
        log_domain(*levels) if log else SHARE_DOMAIN,
        int(max([depth, *rows["layer"], *theory["layer"]])),
        tuple(state for state in STATES if (rows["state"] == state).any()),
        quantity.guide,
        framed,
        asked=asked,
        underflows=quantity.name == "delta",
    )


def _guesses(rows: pd.DataFrame, asked: Asked) -> list[float]:
    """The largest and the smallest guess that the axis must hold, so that it tells nothing."""
    start = rows[rows["arm"].isin(asked.arms) & (rows["step"] == rows["step"].min())]
    last = start[start["layer"] == start["layer"].max()]["middle"]
    return [value * 10.0**power for value in last for power in (asked.low, asked.high)]


def points(rows: pd.DataFrame, look: Look) -> pd.DataFrame:
    """`rows` with the height `y` of each mark, and the `place` on the axis of layers where it is.

    Zeros and overflows stand on the edges of the axis, and arms beside each other.
    """
    edges = rows["state"].map({"zero": look.domain[0], "overflow": look.domain[1]})
    arms = [arm for arm, _ in look.names]
    heights = rows["middle"].fillna(edges).astype(float)
    place = dodged(rows, arms, look.depth)
    return rows.assign(y=heights, place=place, **_way_back(rows, heights, look))


def _way_back(rows: pd.DataFrame, heights: pd.Series, look: Look) -> dict[str, pd.Series]:
    """For the marks that are asked for: the `anchor`, their arm's last mark, and the `share` of the
    way from it to layer 1; and the `height` of every mark. There are none without a question.
    """
    if look.asked is None:
        return {}
    first = rows["arm"].isin(look.asked.arms) & (rows["step"] == rows["step"].min())
    deepest = rows.groupby("arm")["layer"].transform("max")
    last = rows[first & (rows["layer"] == deepest)].set_index("arm")["middle"]
    share = (deepest - rows["layer"]) / (deepest - 1).clip(lower=1)
    anchor = rows["arm"].map(last).where(first)
    return {"anchor": anchor, "share": share.where(first), "height": heights}


def guess_line(marks: pd.DataFrame) -> pd.DataFrame:
    """The ends of the line of a guess for each arm asked for: arm, layer, anchor, share."""
    asked = marks[marks["anchor"].notna()]
    ends = asked[asked["share"].isin([0.0, 1.0])]
    return ends[["arm", "layer", "anchor", "share"]]


def line(
    theory: pd.DataFrame,
    look: Look,
    marks: pd.DataFrame | None = None,
    height: float = PROFILE_HEIGHT,
) -> pd.DataFrame:
    """`theory` with the height `y` of its line, which may not leave the axis.

    At one of its points stands its `label`: "right" or "left", which is the side of the words where
    that point lies, with their foot `lift` pixels below it. In a plot of `height` pixels the words
    then lie on as few as can be of the `marks` (see `points`) and lines.
    """
    lines = theory.assign(y=theory["value"].clip(*look.domain)).reset_index(drop=True)
    marks = pd.DataFrame({"step": [], "place": [], "y": []}) if marks is None else marks
    log = look.domain != SHARE_DOMAIN
    heights = np.log10 if log else np.asarray
    bottom, top = (float(heights(end)) for end in look.domain)
    place = place_words(
        pd.DataFrame({"arm": lines["arm"], "x": lines["layer"], "y": heights(lines["y"])}),
        pd.DataFrame({"step": marks["step"], "x": marks["place"], "y": heights(marks["y"])}),
        Plot(0.5, look.depth + 0.5, bottom, top, height),
        *_LENGTHS,
    )
    here = lines.index == (-1 if place is None else place.index)
    align, lift = ("", 0) if place is None else (place.align, place.lift)
    return lines.assign(label=np.where(here, align, ""), lift=lift)


def profile_layers(marks: Data, prediction: Data, look: Look) -> alt.LayerChart:
    """The unthemed picture: `prediction` as a line, `marks` over it, with a band over the seeds.

    Both are data frames as `line` and `points` make them, or names that stand for such.
    """
    x, beside = (_layer_axis(field, look.depth, look.footed) for field in ("layer:Q", "place:Q"))
    y = _level(look)
    color = arm_color(dict(look.names), look.joined)
    measured = alt.Chart(marks)
    if look.framed:
        measured = at_step(measured)
    if look.asked:
        measured = _covered(measured, look)
    seeds = f" && (!isValid(datum.anchor) || {SHARE_REVEALED} == 1)" if look.asked else ""
    band = measured.transform_filter(f"datum.state === 'measured'{seeds}")
    return layered(
        *_guide(look),
        _expected(alt.Chart(prediction), look).encode(x=x, y=y, color=color),
        bars_of_seeds(band, beside, color),
        measured.mark_point(filled=True, size=55, opacity=1).encode(
            x=beside, y=y, color=color, shape=_state_shape(look), tooltip=_tooltip()
        ),
        _theory_label(alt.Chart(prediction), look).encode(x=x, y=y),
        *(_guess(look) if look.asked else []),
    )


def _on_guess(look: Look) -> str:
    """A Vega expression for the height of the guess at the datum, which may not leave the axis."""
    low, high = look.domain
    return f"clamp(datum.anchor * pow(10, {GUESSED} * datum.share), {low}, {high})"


def _covered(marks: alt.Chart, look: Look) -> alt.Chart:
    """`marks` on their way from the guess to where they are; without a guess there are none yet."""
    asked, way = "isValid(datum.anchor)", SHARE_REVEALED
    between = f"exp((1 - {way}) * log({_on_guess(look)}) + {way} * log(datum.height))"
    known = f"!{asked} || {way} == 1 || datum.share == 0 || {HAS_GUESS}"
    covered = f"{asked} && {way} < 1 && datum.share > 0"
    return marks.transform_filter(known).transform_calculate(
        y=f"{covered} ? {between} : datum.height"
    )


def _guess(look: Look) -> list[alt.Chart]:
    """The line of the guess, faded after the first step, with its name beside it."""
    opacity = alt.expr(f"{REPLAY} > 0 ? 0.35 : 0.9") if look.framed else 0.9
    line = (
        alt.Chart(alt.NamedData("guess"))
        .transform_filter(HAS_GUESS)
        .transform_calculate(y=_on_guess(look))
        .encode(x=_layer_axis("layer:Q", look.depth), y=_level(look), detail="arm:N")
    )
    # Above the line, unless that is where the title of the axis stands.
    low, high = np.log10(look.domain)
    beside = f"log(datum.y) / LN10 > {high - 0.25 * (high - low):.3g} ? 32 : -18"
    words = line.transform_filter("datum.share == 1").mark_text(
        align="left", baseline="bottom", dx=4, dy=alt.expr(beside), opacity=opacity, **WORDS
    )
    return [
        line.mark_line(color=INK, strokeWidth=2, strokeDash=[2, 4], opacity=opacity),
        words.encode(text=alt.value(t("your guess", "你的猜测"))),
    ]


def _layer_axis(field: str, depth: int, footed: bool = True) -> alt.X:
    title = t("Hidden layer (1 is next to the input)", "隐藏层（第 1 层紧邻输入）")
    return alt.X(
        field,
        title=title if footed else None,
        scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
        axis=alt.Axis(values=_whole_ticks(depth), format="d", grid=False, labels=footed),
    )


def _expected(prediction: alt.Chart, look: Look) -> alt.Chart:
    """The lines of theory, faded where the marks are of a later step than theory speaks of."""
    full, faded = 0.8, 0.25
    if not look.framed:
        return prediction.mark_line(strokeWidth=2, opacity=faded if look.later else full)
    opacity = f"{REPLAY} > 0 ? {faded} : {full}"
    if look.asked:
        opacity = f"{SHARE_REVEALED} < 1 ? 0 : ({opacity})"
    return prediction.mark_line(strokeWidth=2, opacity=alt.expr(opacity))


def _theory_label(prediction: alt.Chart, look: Look) -> alt.Chart:
    """What the lines are, in words beside one of them."""
    now, then = quoted(t("theory", "理论")), quoted(t("theory, at the start", "理论（初始时）"))
    later = f"{REPLAY} > 0" if look.framed else str(look.later).lower()
    shown = f"datum.label !== '' && {SHARE_REVEALED} == 1" if look.asked else "datum.label !== ''"
    return (
        prediction.transform_filter(shown)
        .transform_calculate(words=f"{later} ? {then} : {now}")
        .mark_text(
            align=alt.expr("datum.label"), baseline="bottom", dy=alt.expr("datum.lift"), **WORDS
        )
        .encode(text="words:N")
    )


def _level(look: Look) -> alt.Y:
    # In the title the name of the dashed rule lies on no mark.
    title = look.title
    title += t(" (dashed: healthy)", "（虚线：健康）") if _guide(look) else ""
    if look.domain == SHARE_DOMAIN:
        axis = alt.Axis(format="%", tickCount=5, title=title)
        return alt.Y("y:Q", scale=alt.Scale(domain=SHARE_DOMAIN), axis=axis)
    axis = power_axis(*look.domain, title)
    return alt.Y("y:Q", scale=power_scale(*look.domain), axis=axis)


def _state_shape(look: Look) -> alt.Shape:
    """Dots for measured values, triangles at the edges; only the triangles need a legend."""
    extreme = [state for state in look.states if state != "measured"]
    words = state_names() | ({} if look.underflows else {"zero": t("exactly 0", "恰为 0")})
    key = legend(
        orient="bottom",
        joined=look.joined,
        values=extreme,
        labelExpr=translated(words),
        symbolFillColor=INK,
        symbolStrokeColor=INK,
    )
    shapes = [_SHAPES[state] for state in look.states]
    scale = alt.Scale(domain=list(look.states), range=shapes)
    return alt.Shape("state:N", scale=scale, legend=key if extreme else None)


def _tooltip() -> list[alt.Tooltip]:
    return [
        tooltip_line("arm:N", t("network", "网络")),
        tooltip_line("layer:Q", t("layer", "层")),
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("middle:Q", t("mean of seeds", "各种子的均值"), ".2e"),
    ]


def _guide(look: Look) -> list[alt.Chart]:
    if look.guide is None or not look.domain[0] < look.guide < look.domain[1]:
        return []
    return [rule_at(look.guide, alt.Y("y:Q"))]


def step_layer_map(history: pd.DataFrame, quantity: str, title: str) -> alt.LayerChart:
    """log₁₀ of `quantity` over the whole run of one arm: step across, hidden layer upward.

    The geometric mean over seeds gives the color. A cell that is exactly zero for every seed, or
    not finite, has a color of its own.
    """
    rows = _map_cells(hidden(history[history["quantity"] == quantity]))
    measured = rows[rows["state"] == "measured"]
    whole = alt.Axis(title=t("Training step", "训练步"), format="d", tickMinStep=1, grid=False)
    x = alt.X("start:Q", scale=alt.Scale(nice=False), axis=whole)
    y = alt.Y(
        "layer:O",
        sort="descending",
        title=t("Hidden layer", "隐藏层"),
        axis=alt.Axis(values=_whole_ticks(int(rows["layer"].max())), labelAngle=0, grid=False),
    )
    low, high = log_domain(10.0 ** measured["log10"], room=0)
    exponents = decades(low, high, most=5)
    color = alt.Color(
        "log10:Q",
        scale=alt.Scale(scheme="viridis", domain=[np.log10(low), np.log10(high)]),
        legend=legend(
            title=title,
            values=exponents,
            labelExpr=exponent_labels(exponents),
            columns=5,
            symbolType="square",
            titleOrient="top",
        ),
    )
    cells = (
        alt.Chart(measured)
        .mark_rect()
        .encode(x=x, x2="end:Q", y=y, color=color, tooltip=_map_tooltip(title))
    )
    edges = cells_beyond(rows, {"zero": INK, "overflow": COLORS["explode"]})
    return themed(
        layered(cells, *(beyond.encode(x=x, x2="end:Q", y=y) for beyond in edges))
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
        tooltip_line("step:Q", t("step", "步")),
        tooltip_line("layer:O", t("layer", "层")),
        tooltip_line("log10:Q", f"log₁₀ {title}", ".2f"),
    ]


def _whole_ticks(depth: int, most: int = 10) -> list[int]:
    spacing = next(s for s in (1, 2, 5, 10, 20, 50) if depth / s <= most)
    return sorted({1, *range(spacing, depth + 1, spacing)})


def no_theory() -> pd.DataFrame:
    """An empty prediction, for a picture without one."""
    return pd.DataFrame({"arm": [], "layer": [], "value": []})
