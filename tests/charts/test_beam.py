"""The beam's widths, colors and numbers are those of the signal, as the browser draws them."""

import functools
import re
import urllib.parse
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from gradviz.activations import activation
from gradviz.charts import beam
from gradviz.charts.beam import BeamLook, BeamScale, beam_frame, beam_layers, color_of
from gradviz.charts.chain_rule import backward_walk as walk
from gradviz.charts.depth.run_beam import run_beam
from gradviz.charts.parts.handles import at_step
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.spec import opened
from gradviz.charts.parts.summary import with_until
from gradviz.charts.parts.theme import themed
from gradviz.theory.chain import ScalarNetwork

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
HEIGHT = 260
SCALE = BeamScale()
SIGNALS = (4e-9, 3e-7, 2e-5, 1e-3, 0.2, 0.5)  # layers 1 to 6
DECADES = np.log10(np.array(SIGNALS) / SIGNALS[-1])


def levels(values=SIGNALS, **columns):
    return pd.DataFrame({"layer": range(1, len(values) + 1), "value": values, **columns})


def drawn(rows, depth, **params):
    """The picture as the browser draws it: an SVG whose data are `rows`, a chart."""
    chart = beam_layers(rows, BeamLook(depth)).properties(width=600, height=HEIGHT)
    chart = chart.add_params(*(alt.param(name=name, value=own) for name, own in params.items()))
    svg = vl_convert.vegalite_to_svg(themed(chart).to_dict(), vl_version=VEGA_LITE)
    return ElementTree.fromstring(svg)


@functools.cache
def measured(values=SIGNALS):
    return drawn(alt.Chart(beam_frame(levels(values))), len(values))


@functools.cache
def computed(factor, depth):
    rows = alt.Chart(alt.sequence(1, depth + 2, as_="layer"))
    signal, nearer = (f"pow({factor}, max(0, {depth} - datum.layer - {i}))" for i in (0, 1))
    return drawn(SCALE.computed(rows, signal, nearer), depth)


def pieces(svg, height=HEIGHT):
    """All pieces of the ribbon, from left to right: half the width at both ends, and the color.

    The picture of the beam has that `height`.
    """
    found = []
    for path in svg.iter("{http://www.w3.org/2000/svg}path"):
        # Only the ribbon's pieces are edged in their own color.
        fill = path.get("fill", "none")
        if fill not in ("none", "white") and path.get("stroke") == fill:
            numbers = re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", path.get("d"))
            corners = np.array(numbers[:8], dtype=float).reshape(4, 2)
            left = corners[corners[:, 0] == corners[:, 0].min()]
            right = corners[corners[:, 0] == corners[:, 0].max()]
            unit = height / (2 * beam._TALL)
            ends = [np.ptp(side[:, 1]) / 2 / unit for side in (left, right)]
            found.append((left[0, 0], *ends, fill))
    return [piece[1:] for piece in sorted(found)]


def at_layers(svg, depth=6):
    """The pieces that begin at a layer."""
    found = pieces(svg)
    return found[:: len(found) // depth]


def halves(svg, depth=6):
    """Half the width at each layer."""
    return [piece[0] for piece in at_layers(svg, depth)]


def words(svg):
    return {
        node.text for node in svg.iter("{http://www.w3.org/2000/svg}text") if node.text is not None
    }


def channels(color):
    if color.startswith("#"):
        return list(bytes.fromhex(color[1:]))
    return [int(number) for number in re.findall(r"\d+", color)]


def test_the_width_is_the_power_of_ten_between_a_hair_and_one():
    states = ["measured"] * 5 + ["zero", "overflow"]
    half = SCALE.half([1e-6, 1e-3, 1.0, 1e3, 1e6, 0.0, np.inf], states)
    assert half == pytest.approx([beam._HAIR, 0.25, 0.5, 0.75, 1.0, 0.0, 1.0])
    assert SCALE.half([1e-30, 1e30], ["measured"] * 2) == pytest.approx([beam._HAIR, 1.0])
    assert SCALE.even == SCALE.half([1.0], ["measured"])


def test_each_layer_is_as_wide_as_what_was_measured_there():
    shares = np.clip((DECADES + 6) / 12, beam._HAIR, 1)
    assert halves(measured()) == pytest.approx(shares, abs=0.002)


def test_the_pieces_join():
    found = pieces(measured())
    assert [piece[1] for piece in found[:-1]] == pytest.approx([p[0] for p in found[1:]], abs=1e-3)
    assert found[-1][1] == pytest.approx(SCALE.even, abs=0.002)


def test_a_deep_network_has_a_piece_for_each_layer():
    assert len(pieces(computed(0.9, 100))) == 100


def test_the_colors_are_those_of_the_same_powers_of_ten():
    for decade, (_, _, color) in zip(DECADES, at_layers(measured()), strict=True):
        assert channels(color) == pytest.approx(channels(color_of(decade)), abs=1)
    assert color_of(0) == COLORS["healthy"]
    assert color_of(-3) == color_of(-np.inf) == COLORS["vanish"]
    assert color_of(3) == color_of(np.inf) == COLORS["explode"]


@pytest.mark.parametrize("factor", [0.25, 0.8, 1.0, 1.25])
def test_the_browser_computes_what_python_does(factor):
    signals = factor ** (20.0 - np.arange(1, 21))
    found, expected = pieces(computed(factor, 20)), pieces(measured(tuple(signals)))
    assert len(found) == len(expected) == 60
    for own, other in zip(found, expected, strict=True):
        assert own[:2] == pytest.approx(other[:2], abs=0.002)
        assert channels(own[2]) == pytest.approx(channels(other[2]), abs=1)
    assert words(computed(factor, 20)) == words(measured(tuple(signals)))


def test_numbers_are_relative_to_the_last_layer():
    assert {"8.0·10⁻⁹", "6.0·10⁻⁷", "2.0·10⁻³", "0.4", "1"} <= words(measured())


def test_zeros_and_overflows_are_drawn_and_named():
    zeros = measured((0.0, 0.0, 1e-30, 1e-3, 1.0))
    # Between two layers that get nothing there is no beam at all.
    assert halves(zeros, 4) == pytest.approx([0, beam._HAIR, 0.25, 0.5], abs=2e-3)
    assert "exactly 0 (underflow)" in words(zeros)
    overflows = measured((np.inf, np.nan, 1e6, 1e3, 1.0))
    assert halves(overflows, 5) == pytest.approx([1, 1, 1, 0.75, 0.5], abs=2e-3)
    assert channels(pieces(overflows)[0][2]) == channels(COLORS["explode"])
    assert "∞ or NaN (overflow)" in words(overflows)
    assert not {"exactly 0 (underflow)", "∞ or NaN (overflow)"} & words(measured())


@pytest.mark.parametrize(("value", "state"), [(0.0, "zero"), (np.nan, "overflow")])
def test_a_beam_without_a_single_number_says_so(value, state):
    frame = beam_frame(levels([value] * 3))
    assert list(frame["state"][:3]) == [state] * 3
    assert frame["half"].notna().all()
    assert frame["nearer_half"].notna().all()


def test_a_beam_may_be_measured_by_something_else():
    frame = beam_frame(levels(), reference=1e-3)
    assert list(frame["relative"][:6]) == pytest.approx(np.array(SIGNALS) / 1e-3)


def test_a_beam_follows_the_step_of_the_replay():
    run = pd.concat([levels(step=0, arm="a"), levels([0.5] * 6, step=10, arm="a")])
    frame = beam_frame(with_until(run))
    assert len(frame) == 2 * (6 + 1)
    for step, first in ((0, beam._HAIR), (9, beam._HAIR), (10, 0.5), (30, 0.5)):
        found = halves(drawn(at_step(alt.Chart(frame)), 6, replay_step=step))
        assert len(found) == 6
        assert found[0] == pytest.approx(first, abs=2e-3)
        assert found[-1] == pytest.approx(0.5, abs=2e-3)


def test_the_beam_of_a_run_is_that_of_the_medians_of_its_seeds():
    seeds = [levels([v * k for v in (*SIGNALS, 1.0)], seed=k) for k in (1, 2, 9)]
    run = pd.concat([s.assign(arm="a", quantity="delta", step=t) for s in seeds for t in (0, 5)])
    ended, going = run_beam(run, 6, ended=True), run_beam(run, 6, ended=False)
    for spec, step in ((ended, 0), (ended, 5), (going, 5)):
        rows = spec["datasets"]["beam"]
        rows = rows[rows["step"] == step].set_index("layer").loc[1:6]
        assert rows["value"].to_numpy() == pytest.approx(2 * np.array(SIGNALS))
        assert rows["decade"].to_numpy() == pytest.approx(DECADES)
        assert rows["half"].to_numpy() == pytest.approx(SCALE.half(rows["relative"], rows["state"]))
    assert [param["name"] for param in ended["params"]] == ["replay_step", "replay_run"]
    assert "params" not in going


def walk_svg(spec, met):
    """The walk of `backward_walk` as the browser draws it once `met` factors have been met."""
    tables = {
        name: data.to_dict("records") if isinstance(data, pd.DataFrame) else data
        for name, data in spec["datasets"].items()
    }
    spec = {**opened(spec, {walk.WALKED: met}), "datasets": tables, "width": 600}
    return ElementTree.fromstring(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))


WALKING = ScalarNetwork((1.0,) * 4, (0.0,) * 4, 0.5, 0.0, activation("sigmoid"))
WALKS = [("sigmoid", 1.0), ("tanh", 1.25), ("relu", 2.0), ("sigmoid", 8.0), ("relu", 8.0)]


@pytest.mark.parametrize(("name", "weight"), WALKS)
@pytest.mark.parametrize("met", [1, 3, 4])
def test_on_the_walk_the_beam_is_as_wide_as_the_product_of_the_factors_met(name, weight, met):
    network = ScalarNetwork((weight,) * 4, (0.0,) * 4, 0.5, 0.0, activation(name))
    svg = walk_svg(walk.backward_walk(network), met)
    products = [1.0, *(abs(factor.product) for factor in network.backward_walk(2))]
    halves = np.clip((np.log10(products) + 4) / 8, beam._HAIR, 1)
    found = pieces(svg, walk.HEIGHT)
    hops = len(found) // met
    # From the station that the walk has come to, back to the loss.
    assert [piece[0] for piece in found[::hops]] == pytest.approx(halves[met:0:-1], abs=3e-3)
    assert found[-1][1] == pytest.approx(0.5, abs=3e-3)
    shown = words(svg)
    for step, factor in enumerate(network.backward_walk(2), start=1):
        assert (walk._short(factor.product) in shown) or step > met


def test_before_the_first_step_and_behind_a_dead_neuron_there_is_no_beam():
    assert not pieces(walk_svg(walk.backward_walk(WALKING), 0), walk.HEIGHT)
    dead = ScalarNetwork((-1.0,) * 4, (0.0,) * 4, 0.5, 1.0, activation("relu"))
    frame = walk.walk_beam(dead.backward_walk(2)).set_index("layer")
    assert list(frame["half"][:3]) == [0, 0, 0] and frame["half"][4] > 0.5


def test_where_the_beam_is_cut_it_says_beyond_which_power():
    assert {"beyond 10⁶"} <= words(computed(1.25, 100))
    assert {"below 10⁻⁶"} <= words(computed(0.25, 20))
    for factor, depth in ((0.8, 60), (1.25, 60), (1.0, 100)):
        assert not {"beyond 10⁶", "below 10⁻⁶"} & words(computed(factor, depth))


def image(frames, description="a beam"):
    """Of a thumbnail: the image element, its SVG, and the outlines of its beams as points."""
    element = ElementTree.fromstring(beam.thumbnail(frames, description).replace('">', '"/>'))
    address = element.get("src")
    assert address.startswith("data:image/svg+xml,")
    svg = ElementTree.fromstring(urllib.parse.unquote(address.partition(",")[2]))
    outlines = [
        np.array([float(n) for n in re.findall(r"-?\d+\.?\d*", path.get("d"))]).reshape(-1, 2)
        for path in svg.iter("{http://www.w3.org/2000/svg}path")
        if path.get("fill", "").startswith("url")
    ]
    return element, svg, outlines


def test_a_thumbnail_is_as_wide_and_as_colored_as_the_signal():
    frame = beam_frame(levels())
    _, svg, (outline,) = image([frame])
    upper, lower = outline[: len(frame)], outline[len(frame) :][::-1]
    unit = beam._THUMBNAIL[1] / 2 - 1
    assert list((lower - upper)[:, 1] / 2 / unit) == pytest.approx(list(frame["half"]), abs=2e-3)
    stops = [stop.get("stop-color") for stop in svg.iter("{http://www.w3.org/2000/svg}stop")]
    assert stops == [color_of(decade) for decade in frame["decade"]]


def test_a_thumbnail_shows_zeros_and_overflows():
    _, svg, (zero, overflow) = image(
        [beam_frame(levels([0.0, 1.0])), beam_frame(levels([np.inf] * 2))]
    )
    assert zero[0, 1] == zero[-1, 1]
    assert overflow[0, 1] == 1
    stops = [stop.get("stop-color") for stop in svg.iter("{http://www.w3.org/2000/svg}stop")]
    assert stops[0] == COLORS["vanish"]
    assert set(stops[3:]) == {COLORS["explode"]}


def test_a_thumbnail_is_small_and_has_its_alt_text():
    element, _, outlines = image([beam_frame(levels([0.5] * 20))] * 2, 'a "beam" & more')
    assert element.get("alt") == 'a "beam" & more'
    assert len(outlines) == 2
    assert len(element.get("src")) < 8000
