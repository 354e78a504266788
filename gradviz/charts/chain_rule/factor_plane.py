"""One factor w·φ′(z) in the plane of weight and pre-activation, and its powers over depth.

Everything moves in the browser: the sliders, a press or drag in the plane and the presets set the
same selection, whose fields w and z are the signals `cell_w` and `cell_z`.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gradviz.activations import Activation
from gradviz.charts.parts.axes import corner_axis
from gradviz.charts.parts.buttons import line_of_words, preset_buttons, with_lines
from gradviz.charts.parts.expressions import tooltip_line
from gradviz.charts.parts.marks import column, layered, rule_at
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.powers import power_axis, power_scale, scientific, superscript
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.theme import LONG
from gradviz.language import t
from gradviz.theory.chain import factors, nielsen_window

W_LIMIT, W_STEP = 10.0, 0.5
Z_LIMIT, Z_STEP = 6.0, 0.25
DEPTHS = (1, 50)
PRODUCTS = (1e-12, 1e12)  # of the axis; beyond it a layer stands on the edge
DEPTH = "chain_depth"
CHOSEN = f"abs(datum.w - cell_w) < {W_STEP / 2} && abs(datum.z - cell_z) < {Z_STEP / 2}"


def factor_plane(
    phi: Activation, presets: pd.DataFrame, w: float = 1.0, z: float = 0.0, depth: int = 10
) -> Spec:
    """|w φ′(z)| as a colored plane with the region where it is at least 1, above its powers.

    Returns a Vega-Lite spec, which is the same for all activations but for its data, so that the
    sliders stay where the reader has left them. `presets` has the columns name, color, w, z. Raises
    `ValueError` for w, z or a depth outside `W_LIMIT`, `Z_LIMIT`, `DEPTHS`.
    """
    limits = {"w": (w, -W_LIMIT, W_LIMIT), "z": (z, -Z_LIMIT, Z_LIMIT), "depth": (depth, *DEPTHS)}
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise ValueError(f"{name}={value!r} is not a number from {low:g} to {high:g}")
    return _picture(w, z, depth).with_data(
        cells=factor_cells(phi),
        border=border_frame(phi),
        region=_region_name(phi),
        window=_nielsen() if phi.name == "sigmoid" else _nielsen().head(0),
        presets=with_lines(presets),
    )


@built_once
def _picture(w: float, z: float, depth: int) -> alt.VConcatChart:
    """The picture without its data."""
    slider = alt.binding_range(min=DEPTHS[0], max=DEPTHS[1], step=1, name=t("Layers ", "层数 "))
    return column(
        preset_buttons(alt.NamedData("presets"), CHOSEN),
        _plane(w, z),
        line_of_words(_words()),
        _powers(),
        spacing=7,
        description=t(
            "A plane of weight and pre-activation colored by the size of their factor, with "
            "the region where it is at least 1, above the product of equal factors over depth",
            "由权重和预激活值张成的平面，按因子大小着色，并标出因子不小于 1 的区域；"
            "下方是相同因子随深度的乘积",
        ),
        independent=(
            "x",
            "y",
            "color",
        ),
        params=[alt.param(DEPTH, value=depth, bind=slider)],
    )


def factor_cells(phi: Activation) -> pd.DataFrame:
    """The cells of the plane: centers w and z, their edges, the factor and its decade."""
    w, z = np.meshgrid(
        np.arange(-W_LIMIT, W_LIMIT + W_STEP / 2, W_STEP),
        np.arange(-Z_LIMIT, Z_LIMIT + Z_STEP / 2, Z_STEP),
    )
    factor = factors(w, z, phi)
    with np.errstate(divide="ignore"):
        decade = np.clip(np.log10(np.abs(factor)), -4, 4)
    columns = {"w": w, "z": z, "factor": factor, "decade": decade}
    columns |= {"left": w - W_STEP / 2, "right": w + W_STEP}
    columns |= {"bottom": z - Z_STEP / 2, "top": z + Z_STEP}
    return pd.DataFrame({name: column.ravel() for name, column in columns.items()})


def border_frame(phi: Activation) -> pd.DataFrame:
    """The curves w = ±1/φ′(z), on which the factor is 1 in size: side, z, w within the plane."""
    z = np.linspace(-Z_LIMIT, Z_LIMIT, 481)
    slope = np.abs(phi.derivative(z))
    seen = slope >= 1 / (W_LIMIT + W_STEP)
    sides = [
        pd.DataFrame({"side": side, "z": z[seen], "w": side / slope[seen]}) for side in (-1, 1)
    ]
    return pd.concat(sides, ignore_index=True)


def _chosen() -> alt.Chart:
    return alt.Chart(alt.NamedData("cells")).transform_filter(CHOSEN)


def _cell_selection(w: float, z: float) -> alt.Parameter:
    """Like `handle_selection`, but with two fields."""
    handle = "[event.item && event.item.datum && isValid(event.item.datum.z)]"
    sliders = {
        "w": alt.binding_range(
            min=-W_LIMIT, max=W_LIMIT, step=W_STEP, name=t("Weight w ", "权重 w ")
        ),
        "z": alt.binding_range(
            min=-Z_LIMIT, max=Z_LIMIT, step=Z_STEP, name=t("Pre-activation z ", "预激活值 z ")
        ),
    }
    return alt.selection_point(
        name="cell",
        fields=["w", "z"],
        value=[{"w": w, "z": z}],
        bind=sliders,  # pyright: ignore[reportArgumentType] — Vega-Lite takes one for each field
        on=f"pointerdown{handle}, [pointerdown, window:pointerup] > pointermove{handle}",
        clear=False,
        toggle=False,
    )


def _plane(w: float, z: float) -> alt.LayerChart:
    x = alt.X(
        "left:Q",
        scale=alt.Scale(domain=[-W_LIMIT, W_LIMIT], nice=False),
        axis=corner_axis("w", alt.Axis(grid=False)),
    )
    y = alt.Y(
        "bottom:Q",
        title=t("Pre-activation z", "预激活值 z"),
        scale=alt.Scale(domain=[-Z_LIMIT, Z_LIMIT], nice=False),
        axis=alt.Axis(grid=False, tickCount=5),
    )
    colors = [COLORS["vanish"], COLORS["healthy"], COLORS["explode"]]
    scale = alt.Scale(domain=[-1.5, 0, 0.5], range=colors, clamp=True, interpolate="lab")
    plane = (
        alt.Chart(alt.NamedData("cells"))
        .mark_rect(clip=True, opacity=1, cursor="crosshair", tooltip=None)
        .encode(
            x=x,
            x2="right:Q",
            y=y,
            y2="top:Q",
            color=alt.Color("decade:Q", scale=scale, legend=None),
        )
        .add_params(_cell_selection(w, z))
    )
    border = (
        alt.Chart(alt.NamedData("border"))
        .mark_line(color="white", strokeWidth=2.5, clip=True)
        .encode(x=alt.X("w:Q"), y=alt.Y("z:Q"), detail="side:N", order="z:Q")
    )
    point = _chosen().encode(x=alt.X("w:Q"), y=alt.Y("z:Q"))
    marks = [
        point.mark_point(filled=True, size=150, color="white", opacity=1),
        point.mark_point(filled=True, size=70, color="black", opacity=1),
    ]
    return layered(plane, border, *_window(), _region(), *marks).properties(height=215)


def _region() -> alt.Chart:
    words = alt.Chart(alt.NamedData("region")).mark_text(
        align="left", color="white", fontSize=LONG, fontWeight="bold"
    )
    return words.encode(x=alt.X("w:Q"), y=alt.Y("z:Q"), text="words:N")


def _region_name(phi: Activation) -> pd.DataFrame:
    """The meaning of the white border, inside the region on both sides where there is room."""
    z = 0.0 if phi.name in ("sigmoid", "tanh") else Z_LIMIT / 2
    return pd.DataFrame({"w": [-W_LIMIT + 0.3], "z": [z], "words": ["|w φ′(z)| ≥ 1"]})


def _window() -> list[alt.Chart]:
    bar = alt.Chart(alt.NamedData("window")).encode(x=alt.X("w:Q"), y=alt.Y("z:Q"))
    return [
        bar.mark_rule(color="white", strokeWidth=2, strokeDash=[4, 3]).encode(y2="low:Q"),
        bar.mark_text(
            dx=24, dy=-10, align="right", color="white", fontSize=LONG, fontWeight="bold"
        ).encode(text="words:N"),
    ]


def _nielsen() -> pd.DataFrame:
    """The widest interval of inputs that keeps the factor at 1 or more, to be drawn as a bar."""
    w = np.linspace(4, W_LIMIT, 601)
    low, high, width = nielsen_window(w)
    best = int(np.argmax(width))
    words = t("input width {width:.2f}", "输入宽度 {width:.2f}", width=width[best])
    return pd.DataFrame({"w": [w[best]], "low": [low[best]], "z": [high[best]], "words": [words]})


def _words() -> alt.Chart:
    """The calculation that the picture shows, in numbers, up to date with every drag."""
    size = "abs(datum.factor)"
    power = f"pow({size}, {DEPTH})"
    number = f"({power} > 0 ? {scientific(power)} : '0')"
    return _chosen().transform_calculate(
        words=f"'|w φ′(z)| = ' + format({size}, '.3~r') + ',  ' + format({size}, '.3~r')"
        f" + {superscript(DEPTH)} + ' = ' + {number}"
    )


def _powers() -> alt.LayerChart:
    low, high = PRODUCTS
    base = (
        _chosen()
        .transform_calculate(layer=f"sequence(1, {DEPTH} + 1)")
        .transform_flatten(["layer"])
        .transform_calculate(product="pow(abs(datum.factor), datum.layer)")
        .transform_calculate(shown=f"clamp(datum.product, {low}, {high})")
    )
    x = alt.X(
        "layer:Q",
        scale=alt.Scale(domain=[0, DEPTHS[1]], nice=False),
        axis=corner_axis(t("layers", "层数"), alt.Axis(grid=False, format="d")),
    )
    axis = power_axis(low, high, t("Product", "乘积"), most=5)
    y = alt.Y("shown:Q", scale=power_scale(low, high), axis=axis)
    decade = "log(datum.shown) / LN10"
    inside = f"datum.product >= {low} && datum.product <= {high}"
    colors = [COLORS["vanish"], COLORS["healthy"], COLORS["explode"]]
    color = alt.Color(
        "decade:Q",
        scale=alt.Scale(domain=[-6, 0, 6], range=colors, clamp=True, interpolate="lab"),
        legend=None,
    )
    dots = base.transform_calculate(decade=decade).mark_point(filled=True, size=45, opacity=1)
    return layered(
        rule_at(1.0, y, dash=(6, 4)),
        dots.encode(
            x=x,
            y=y,
            color=color,
            shape=alt.when(inside).then(alt.value("circle")).otherwise(alt.value("diamond")),
            tooltip=[
                tooltip_line("layer:Q", t("layers", "层数")),
                tooltip_line("product:Q", t("product", "乘积"), ".2e"),
            ],
        ),
    ).properties(height=115)
