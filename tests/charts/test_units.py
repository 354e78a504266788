"""Pictures of single units: a batch at two, BatchNorm's moves on one, and those that die."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import vl_convert
from pictures import VEGA_LITE, dying, examples_at_units, unit_states, with_records, words_in

from gradviz.charts.activation_curves import IDENTITY_TOP, IDENTITY_UNIT, tangent
from gradviz.charts.batchnorm.clouds import REACH, clouds
from gradviz.charts.batchnorm.digits import with_digit
from gradviz.charts.batchnorm.moves import BETA, GAMMA, move_frame, moves, span_frame
from gradviz.charts.parts.spec import opened, written
from gradviz.charts.relu_family.dead_units import DEAD, LOST, dead_units, share_dead

NAMES = {"plain": "plain", "batchnorm": "BatchNorm"}


def marks(spec, kind):
    """The places (x, y) of all symbols that Vega draws in marks of this role description."""
    svg = ElementTree.fromstring(vl_convert.vegalite_to_svg(with_records(spec), VEGA_LITE))
    places = [
        re.match(r"translate\((-?[\d.]+),(-?[\d.]+)\)", node.get("transform", ""))
        for group in svg.iter()
        if f"mark-{kind}" in group.get("class", "") and "role-mark" in group.get("class", "")
        for node in group
    ]
    return [tuple(map(float, place.groups())) for place in places if place]


def test_digits_that_stand_out_are_drawn_last():
    rows = with_digit(pd.DataFrame({"label": [0, 5, 1, 7, 4]}))
    assert rows["digit"].tolist() == ["other", "other", "0", "1", "4"]
    assert rows["label"].tolist() == [5, 7, 0, 1, 4]


def test_both_networks_stand_on_equal_axes_side_by_side():
    same = {"plain": examples_at_units(spread=0.3), "batchnorm": examples_at_units(spread=0.3)}
    spec = written(clouds(same, NAMES, 1))
    # The words beside narrow clouds are none here, so all symbols are examples.
    places = sorted(marks(spec, "symbol"))
    assert len(places) == 12
    left, right = np.array(places[:6]), np.array(places[6:])
    apart = right - left
    assert apart[:, 0] == pytest.approx(apart[0, 0]) and apart[0, 0] > 0
    assert apart[:, 1] == pytest.approx(0)


def test_the_spread_is_said_in_numbers_and_examples_on_one_spot_are_counted():
    narrow = {"plain": examples_at_units(spread=1e-6), "batchnorm": examples_at_units(spread=0.5)}
    said = words_in(clouds(narrow, NAMES, 2))
    # The root mean square of the spreads of both units, 1 and 2 times as large.
    assert "spread 2·10⁻⁶" in said and "spread 0.79" in said
    assert said.count("all 6 examples") == 1
    with pytest.raises(ValueError, match="layer=3"):
        clouds(narrow, NAMES, 3)


def test_what_is_beyond_the_axes_stands_on_their_edge():
    spec = written(clouds({"plain": examples_at_units(spread=9.0)}, {"plain": "plain"}, 1))
    (rows,) = (rows for rows in spec["datasets"].values() if "digit" in rows)
    assert rows["at"].max() == REACH and rows["level"].max() == REACH
    assert rows["x"].max() > REACH, "the tooltip says where it is"


def test_the_moves_center_and_scale():
    rows = move_frame(examples_at_units(1, 1))
    by_row = rows.groupby("row")["value"]
    mean, spread = by_row.mean(), by_row.std(ddof=0)
    assert mean.tolist() == pytest.approx([1.535, 0, 0, 0])
    assert spread.tolist() == pytest.approx([0.017078, 0.017078, 1, 1], rel=0.02)
    spans = span_frame(examples_at_units(1, 1))
    assert spans["middle"].tolist() == pytest.approx(mean.tolist())
    assert spans["spread"].tolist() == pytest.approx(spread.tolist(), rel=0.02)


def test_gamma_and_beta_can_undo_the_moves():
    rows = examples_at_units(1, 1, spread=0.2)
    mean, spread = rows["before"].mean(), rows["before"].std(ddof=0)
    spec = opened(written(moves(rows)), {GAMMA: spread, BETA: mean})
    # Parameters are rounded to their sliders' steps, 0.01; a pixel is about a fortieth.
    places = pd.DataFrame(marks(spec, "symbol"), columns=["x", "y"])
    rows_of = [group["x"].sort_values().to_numpy() for _, group in places.groupby("y")]
    dots = [x for x in rows_of if len(x) == 6]
    assert len(dots) == 4
    np.testing.assert_allclose(dots[3], dots[0], atol=1.0)
    assert abs(dots[2] - dots[0]).max() > 20


@pytest.mark.parametrize(("gamma", "beta", "named"), [(4, 0, "gamma=4"), (1, -9, "beta=-9")])
def test_sliders_open_within_their_ends(gamma, beta, named):
    with pytest.raises(ValueError, match=named):
        moves(examples_at_units(1, 1), gamma, beta)


def test_a_unit_is_lit_until_it_dies_and_again_if_it_comes_back():
    spec = dying()
    (bars,) = (rows for rows in spec["datasets"].values() if "offset" in rows)
    relu = bars[bars["arm"] == "relu"]
    stretches = relu[["layer", "row", "state", "start", "end"]].to_numpy().tolist()
    # The one that stays dead stands above the one that comes back.
    assert stretches[:2] == [[1, 0, 0, 0, 5], [1, 0, 1, 5, 15]]
    assert stretches[2:5] == [[1, 1, 0, 0, 5], [1, 1, 1, 5, 10], [1, 1, 0, 10, 15]]
    assert (relu.groupby("row")["end"].max() == 15).all()
    assert bars.groupby("arm")["offset"].first()["leaky_relu"] > 15


def test_what_is_dead_is_said_for_the_step_shown():
    assert {"25% dead", "overflow"} <= set(words_in(dying()))
    assert {"50% dead", "0% dead"} <= set(words_in(dying(), replay_step=5))
    at_first = words_in(dying(), replay_step=0)
    assert at_first.count("0% dead") == 2 and "rectifier" in at_first
    assert [step for step in words_in(dying()) if step.isdigit()] == ["0", "15", "0", "15"]


def test_a_layer_that_is_lost_has_no_share_of_dead_units():
    shares = {name: share_dead(states) for name, states in unit_states().items()}
    np.testing.assert_array_equal(shares["relu"], [0, 0.5, 0.25, 0.25])
    np.testing.assert_array_equal(shares["leaky_relu"], [0, 0, np.nan, np.nan])
    assert (DEAD, LOST) == (1, 2)


def test_only_runs_of_one_shape_stand_side_by_side():
    with pytest.raises(ValueError, match="2 shapes"):
        dead_units({"relu": np.zeros((2, 1, 3)), "elu": np.zeros((2, 2, 3))}, {}, 2)


def functions_of(**options):
    upper = tangent(1.0, ("sigmoid", "elu"), **options).to_dict()["vconcat"][0]
    (scale,) = {
        tuple(layer["encoding"]["y"]["scale"]["domain"])
        for layer in upper["layer"]
        if layer["encoding"].get("y", {}).get("scale")
    }
    return upper, scale


def test_beside_the_identity_a_unit_is_as_long_upward_as_across():
    upper, (low, high) = functions_of(identity=True)
    assert high == IDENTITY_TOP and upper["height"] == round(IDENTITY_UNIT * (high - low))
    (line,) = (
        layer for layer in upper["layer"] if layer["mark"].get("strokeDash") and "z" in str(layer)
    )
    assert line["mark"]["type"] == "line"
    # A curve that goes far down does not make the picture higher.
    deep, (low, high) = functions_of(identity=True, alpha=3.0)
    assert abs(deep["height"] - upper["height"]) <= 1 and low < -3 and high > 1.5


def test_without_it_the_functions_are_seen_up_to_where_sigmoid_and_tanh_end():
    _, (low, high) = functions_of()
    assert (low, high) == (-1.2, 1.2)
