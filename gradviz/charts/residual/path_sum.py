"""A residual network drawn with all its paths, and what they carry: a product becomes a sum."""

from __future__ import annotations

import itertools
import math

import altair as alt
import pandas as pd

from gradviz.charts.parts.expressions import in_words, quoted, tooltip_line
from gradviz.charts.parts.marks import column, layered, rule_at
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import scientific
from gradviz.charts.parts.theme import LONG, READOUT, WORDS, themed
from gradviz.language import t

DEPTHS = (2, 5)  # so many blocks have paths that can still be told apart
FACTORS = (-1.5, 1.5)  # of the slider
OPENING = 0.25
NETWORK, BARS = 196, 170  # pixels: the heights of the two pictures
MIDDLE = 88  # pixels: of the nodes from the top of the network
LANE, STRIP = 1.0, 0.72  # of the drawing: from the middle to either lane, and all paths at a node
DIMMEST = 0.1  # opacity of a path that carries next to nothing
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
CARRIED = "pow(a, datum.branches)"


def path_sum(depth: int) -> alt.VConcatChart:
    """(1 + a)^depth drawn as the sum over the 2^depth paths, with `a` on a slider in the browser.

    Each block is either gone through or passed by the shortcut, so a path through k branches
    carries a^k, and C(depth, k) paths do; the plain network has only the one through all of them,
    which is gray (Veit et al. 2016, section 3). Raises `ValueError` for a depth outside `DEPTHS`.
    """
    if not DEPTHS[0] <= depth <= DEPTHS[1]:
        raise ValueError(f"depth={depth!r} is not a whole number from {DEPTHS[0]} to {DEPTHS[1]}")
    slider = alt.binding_range(min=FACTORS[0], max=FACTORS[1], step=0.05, name="a ")
    return themed(
        column(
            _network(depth),
            _bars(length_frame(depth), depth),
            spacing=26,
            description=t(
                "A network with all its paths, each as bright as what it carries, above bars of "
                "what the paths through each number of branches add up to",
                "画出所有路径的网络，路径带来的量越大就越亮；下方的条形是穿过不同个数支路的路径各自的合计",
            ),
            independent=("x", "y", "color"),
            params=[alt.param("a", value=OPENING, bind=slider)],
        )
    )


def path_frame(depth: int) -> pd.DataFrame:
    """The corners of every path, from left to right: path, branches, place, height.

    Between the nodes, at the whole places from 0 to `depth`, a path runs in the upper lane, the
    shortcut, or in the lower one, the branch. The paths of a lane lie beside each other, and those
    through few branches are the upper ones wherever they meet.
    """
    rows = []
    for path, bits in enumerate(itertools.product((0, 1), repeat=depth)):
        across = STRIP * (0.5 - path / (2**depth - 1))
        for block, bit in enumerate(bits):
            # Half of the paths share the lane: its strip is half as wide.
            beside = STRIP / 2 * (0.5 - _rank(path, block, depth) / max(1, 2 ** (depth - 1) - 1))
            lane = beside + (-LANE if bit else LANE)
            corners = ((0.0, across), (0.34, lane), (0.66, lane), (1.0, across))
            rows += [(path, sum(bits), block + x, y) for x, y in corners[block > 0 :]]
    return pd.DataFrame(rows, columns=["path", "branches", "place", "height"])


def _rank(path: int, block: int, depth: int) -> int:
    """The place of a path among those that do the same in `block`: its number without that bit."""
    low = depth - 1 - block
    return (path >> (low + 1) << low) | (path & ((1 << low) - 1))


def length_frame(depth: int) -> pd.DataFrame:
    """The paths by length: branches (0 to depth), paths (how many go through so many), name."""
    lengths = pd.DataFrame({"branches": range(depth + 1)})
    lengths["paths"] = [math.comb(depth, k) for k in lengths["branches"]]
    lengths["name"] = [str(k) for k in lengths["branches"]]
    return lengths


def _kind() -> alt.Color:
    """What a path adds, or takes away where a is negative; the plain network's path is gray."""
    colors = {"adds": "residual", "takes": "pretraining", "plain": "plain"}
    return alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(colors), range=[COLORS[name] for name in colors.values()]),
        legend=None,
    )


def _with_kind(chart: alt.Chart, depth: int) -> alt.Chart:
    return chart.transform_calculate(
        carried=CARRIED,
        kind=f"datum.branches == {depth} ? 'plain' : {CARRIED} < 0 ? 'takes' : 'adds'",
    )


def _network(depth: int) -> alt.LayerChart:
    x = alt.X("place:Q", scale=alt.Scale(domain=[-0.42, depth + 0.42], nice=False), axis=None)
    y = alt.Y("height:Q", scale=alt.Scale(domain=[-2.15, 1.75], nice=False), axis=None)
    thin = min(3.0, 60 / 2**depth)
    paths = _with_kind(alt.Chart(path_frame(depth)), depth)
    lines = (
        paths.mark_line(interpolate="monotone")
        .encode(
            x=x,
            y=y,
            detail="path:N",
            color=_kind(),
            opacity=alt.Opacity(
                "bright:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None
            ),
            strokeWidth=alt.StrokeWidth("wide:Q", scale=None, legend=None),
            strokeDash=alt.StrokeDash(
                "sign:N", scale=alt.Scale(domain=["+", "−"], range=[[1, 0], [6, 5]]), legend=None
            ),
            tooltip=[
                tooltip_line("branches:Q", t("branches", "支路数")),
                tooltip_line("carried:Q", t("carries", "带来"), ".3g"),
            ],
        )
        .transform_calculate(
            bright=f"clamp(abs({CARRIED}), {DIMMEST}, 1)",
            wide=f"{thin} * clamp(sqrt(abs({CARRIED})), 1, 2)",
            sign=f"{CARRIED} < 0 ? '−' : '+'",
        )
    )
    words = (*_lane_words(depth, x, y), *_ends(depth, x), _key())
    return layered(lines, *words).properties(height=NETWORK)


def _lane_words(depth: int, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """What a block multiplies by in either lane."""
    middles = [block + 0.5 for block in range(depth)]
    upper = pd.DataFrame({"place": middles, "height": LANE + 0.5})
    lower = pd.DataFrame({"place": middles, "height": -LANE - 0.5})
    return [
        alt.Chart(upper).mark_text(**WORDS).encode(x=x, y=y, text=alt.value("× 1")),
        alt.Chart(lower)
        .transform_calculate(words=in_words("× {a}", a=_signed("a")))
        .mark_text(**WORDS)
        .encode(x=x, y=y, text="words:N"),
    ]


def _ends(depth: int, x: alt.X) -> list[alt.Chart]:
    """Where the signal enters, on the right, and where all paths are added up, on the left."""
    ends = alt.Chart(pd.DataFrame({"place": [-0.24, depth + 0.24], "name": ["Σ", "δ"]}))
    ends = ends.encode(x=x, y=alt.value(MIDDLE))
    return [
        ends.mark_text(color=INK, fontSize=READOUT + 6, fontWeight="bold").encode(text="name:N"),
        ends.mark_text(**WORDS, dy=22).encode(text=alt.value("←")),
    ]


def _key() -> alt.Chart:
    """Below the network, what gray and dashes mean."""
    gray = t("gray: the plain network", "灰色：普通网络")
    dashed = t("dashed: it subtracts", "虚线：起抵消作用")
    words = f"{quoted(gray)} + (a < 0 ? {quoted(' · ' + dashed)} : '')"
    return (
        alt.Chart(pd.DataFrame({"place": [0]}))
        .transform_calculate(words=words)
        .mark_text(color=INK, fontSize=LONG, align="right")
        .encode(x=alt.value("width"), y=alt.value(NETWORK - 4), text="words:N")
    )


def _bars(lengths: pd.DataFrame, depth: int) -> alt.LayerChart:
    """What the paths of each length add up to, and at the right all of them together."""
    total = pd.DataFrame({"branches": [depth + 1], "paths": [2**depth], "name": ["Σ"]})
    rows = pd.concat([lengths, total], ignore_index=True)
    summed = "datum.name === 'Σ'"
    share = f"{summed} ? pow(1 + a, {depth}) : datum.paths * {CARRIED}"
    base = (
        alt.Chart(rows)
        .transform_calculate(share=share)
        .transform_calculate(
            kind=f"datum.branches == {depth} ? 'plain' : datum.share < 0 ? 'takes' : 'adds'",
            words=_signed("datum.share"),
            top="max(datum.share, 0)",
            room="1.15 * datum.share",  # for the number over the bar
        )
        .encode(x=_lengths_axis(rows, depth))
    )
    axis = alt.Axis(format=".3~r", minExtent=44, tickCount=4)
    looks = {"title": t("Sum of these paths", "这些路径之和"), "axis": axis}
    bars = base.mark_bar().encode(
        y=alt.Y("share:Q", **looks),
        color=_kind(),
        opacity=alt.when(summed).then(alt.value(1)).otherwise(alt.value(0.75)),
        tooltip=[
            tooltip_line("name:N", t("branches", "支路数")),
            tooltip_line("paths:Q", t("paths", "路径数"), ",.0f"),
            tooltip_line("share:Q", t("sum", "合计"), ".3g"),
        ],
    )
    bold = alt.expr(f"{summed} ? 'bold' : 'normal'")
    return layered(
        base.mark_point(opacity=0).encode(y=alt.Y("room:Q", **looks)),
        bars,
        rule_at(0.0, alt.Y("share:Q", **looks), dash=(1, 0)),
        base.mark_text(color=INK, fontSize=LONG, fontWeight=bold, dy=-10).encode(
            y=alt.Y("top:Q", **looks), text="words:N"
        ),
    ).properties(height=BARS)


def _lengths_axis(rows: pd.DataFrame, depth: int) -> alt.X:
    """The bars by their names, under each how many paths it is the sum of."""
    apart = " " if depth > 4 else "\n"  # between many bars the words of a phone stand in a column
    power = str(depth).translate(SUPERSCRIPTS)
    lines = {
        str(row.name): [str(row.name), *t("{n} paths", "{n} 条", n=row.paths).split(apart)]
        for row in rows.itertuples(index=False)
    }
    one = t("1 path", "1 条")
    lines["0"] = ["0", *one.split(apart)]
    lines[str(depth)] = [str(depth), one, t("plain", "普通")]
    lines["Σ"] = ["Σ", f"(1+a){power}", t("residual", "残差")]
    table = ", ".join(
        f"{quoted(name)}: [{', '.join(map(quoted, words))}]" for name, words in lines.items()
    )
    return alt.X(
        "name:N",
        sort=list(lines),
        scale=alt.Scale(paddingInner=0.12),
        title=t("Branches that a path goes through", "路径穿过的支路数"),
        axis=alt.Axis(labelAngle=0, grid=False, labelExpr=f"{{{table}}}[datum.value]"),
    )


def _signed(number: str) -> str:
    """A Vega expression that writes `number` in words, with a real minus sign."""
    size = f"abs({number})"
    return f"(abs({number}) < 1e-12 ? '0' : ({number} < 0 ? '−' : '') + {scientific(size)})"
