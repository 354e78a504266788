"""Charts of a training run: what is measured, what is at the edges, what the reader can scrub."""

import numpy as np
import pandas as pd
import pytest

from gradviz.charts.layers import layer_profile, step_layer_map
from gradviz.charts.parts.summary import log_domain, summarize, summarize_curves, with_frames
from gradviz.charts.replay import Extent, run_chart
from gradviz.quantities import CURVES, QUANTITIES, SHARE, Quantity

SIGNAL = QUANTITIES["delta"]
NAMES = {"deep": "10 layers", "shallow": "1 layer"}


def history(values, arm="deep", step=0, quantity="delta"):
    """Rows for `values` [seeds, layers], the last layer being the output."""
    values = np.asarray(values, dtype=float)
    seeds, layers = np.indices(values.shape)
    return pd.DataFrame(
        {
            "arm": arm,
            "step": step,
            "seed": seeds.ravel(),
            "layer": layers.ravel() + 1,
            "quantity": quantity,
            "value": values.ravel(),
        }
    )


def curves(values, arm="deep", quantity="loss"):
    values = np.asarray(values, dtype=float)
    steps, seeds = np.indices(values.shape)
    return pd.DataFrame(
        {
            "arm": arm,
            "step": steps.ravel() * 10,
            "seed": seeds.ravel(),
            "quantity": quantity,
            "value": values.ravel(),
        }
    )


def both_curves(values):
    return pd.concat([curves(values), curves(np.ones_like(values), quantity="accuracy")])


def layers_of(spec):
    """All unit specs of a Vega-Lite spec, wherever they are nested."""
    inner = spec.get("layer", []) + spec.get("vconcat", [])
    return [unit for part in inner for unit in layers_of(part)] if inner else [spec]


def marks(spec, kind):
    return [unit for unit in layers_of(spec) if unit["mark"]["type"] == kind]


def test_the_middle_of_seeds_is_the_geometric_mean_and_the_output_layer_is_left_out():
    rows = summarize(history([[1e-2, 1.0, 7], [1e-4, 1.0, 7]]), "delta")
    assert rows["layer"].tolist() == [1, 2]
    np.testing.assert_allclose(rows["middle"], [1e-3, 1.0])
    np.testing.assert_allclose(rows["low"], [1e-4, 1.0])


def test_zeros_and_overflows_are_rows_of_their_own():
    rows = summarize(history([[0.0, np.inf, 1.0, 1], [0.0, np.nan, 0.0, 1]]), "delta")
    states = rows.groupby("layer")["state"].apply(sorted).tolist()
    assert states == [["zero"], ["overflow"], ["measured", "zero"]]


def test_a_share_may_be_zero():
    rows = summarize(history([[0.0, 0.5, 0]], quantity="dead"), "dead", log=False)
    assert rows["state"].tolist() == ["measured", "measured"]
    assert rows["middle"].tolist() == [0.0, 0.5]


def test_an_arm_that_ended_early_keeps_standing_where_it_ended():
    rows = pd.concat(
        [
            *(history([[1.0, 1]], "deep", step) for step in (0, 5, 10)),
            history([[2.0, 1]], "shallow", 0),
        ]
    )
    framed = with_frames(summarize(rows, "delta"))
    shallow = framed[framed["arm"] == "shallow"]
    assert shallow["frame"].tolist() == [0, 1, 2]
    assert shallow["step"].tolist() == [0, 0, 0]


def test_log_domain_ignores_what_has_no_logarithm():
    assert log_domain([3e-5, 0.0, np.inf, np.nan], room=0) == (1e-5, 1e-4)
    assert log_domain([np.nan]) == (1e-6, 1.0)


def test_profile_draws_zeros_on_the_edge_of_the_axis_and_names_them():
    spec = layer_profile(history([[0.0, 1e-3, 1.0, 1]]), "delta", "Signal", NAMES).to_dict()
    (points,) = marks(spec, "point")
    rows = pd.DataFrame(spec["datasets"][points["data"]["name"]])
    low, high = points["encoding"]["y"]["scale"]["domain"]
    assert rows.loc[rows["state"] == "zero", "y"].tolist() == [low]
    assert "underflow" in points["encoding"]["shape"]["legend"]["labelExpr"]
    assert points["encoding"]["y"]["scale"]["type"] == "log"
    assert low < 1e-3 and high > 1.0


def test_theory_is_a_line_and_measurement_is_marks():
    theory = pd.DataFrame({"arm": "deep", "layer": [1, 2], "value": [0.1, 1.0]})
    spec = layer_profile(history([[0.1, 1.0, 1]]), "delta", "Signal", NAMES, theory).to_dict()
    (line,) = marks(spec, "line")
    assert [row["value"] for row in spec["datasets"][line["data"]["name"]]] == [0.1, 1.0]
    assert len(marks(spec, "point")) == 1


@pytest.mark.parametrize("ended", [False, True])
def test_only_a_run_that_has_ended_can_be_scrubbed(ended):
    rows = pd.concat(history([[0.1 * (s + 1), 1.0, 1]], step=10 * s) for s in range(3))
    loss = both_curves([[2.0], [1.0], [0.5]])
    spec = run_chart(rows, loss, SIGNAL, NAMES, Extent(20), ended=ended)
    steps = set(spec["datasets"]["marks"]["step"])
    if ended:
        (slider,) = [parameter for parameter in spec["params"] if "bind" in parameter]
        assert slider["value"] == slider["bind"]["max"] == 2
        assert steps == {0, 10, 20}
    else:
        assert not spec.get("params")
        assert steps == {20}


def test_run_chart_is_drawn_before_there_are_frames_and_with_nothing_finite():
    empty = history(np.zeros((0, 2)))
    assert run_chart(empty, curves(np.zeros((0, 1))), SIGNAL, NAMES, Extent(20))
    lost = run_chart(
        history([[np.nan, np.inf, 1]]),
        both_curves([[np.nan]]),
        SIGNAL,
        NAMES,
        Extent(20),
        ended=True,
    )
    assert set(lost["datasets"]["marks"]["state"]) == {"overflow"}
    assert lost["datasets"]["loss"].empty


def test_a_new_quantity_and_a_new_curve_are_drawn_from_their_entries_alone(monkeypatch):
    rank = Quantity("rank", ("Rank", "秩"), ("rank of W", "W 的秩"), guide=0.5)
    share = Quantity("tied", ("Tied weights", "绑定的权重"), axis=SHARE)
    monkeypatch.setitem(CURVES, "tied", share)
    ranks = history([[0.1, 1.0, 1]], quantity="rank")
    ties = curves([[0.25]], quantity="tied")
    spec = run_chart(ranks, ties, rank, NAMES, Extent(20), below={"tied": 0.75})
    profile, below = spec["vconcat"]
    (point,) = marks(profile, "point")
    assert point["encoding"]["y"]["axis"]["title"] == "Rank"
    tables = [spec["datasets"][rule["data"]["name"]] for rule in marks(profile, "rule")]
    assert [{"y": 0.5}] in [table for table in tables if isinstance(table, list)]
    (area,) = marks(below, "area")
    axis = area["encoding"]["y"]["axis"]
    assert (axis["title"], axis["format"]) == ("Tied weights", "%")
    assert marks(below, "text")[0]["encoding"]["text"]["value"] == "threshold 0.75"
    assert rank.short_name() == "rank of W" and share.short_name() == "Tied weights"


def test_a_quantity_knows_its_guide_and_whether_it_is_a_share():
    guides = {name: quantity.guide for name, quantity in QUANTITIES.items() if quantity.guide}
    assert guides == {"update_ratio": 1e-3}
    shares = {name for name, quantity in QUANTITIES.items() if not quantity.axis.log}
    assert shares == {"saturation", "dead"}


def test_curves_leave_out_seeds_that_have_diverged():
    rows = summarize_curves(curves([[1.0, 3.0], [2.0, np.nan]]), "loss")
    assert rows["middle"].tolist() == [2.0, 2.0]


def test_map_has_a_cell_for_each_step_and_layer_and_marks_exact_zeros():
    rows = pd.concat(history([[0.0, 1e-3, 1.0]], step=step) for step in (0, 10))
    spec = step_layer_map(rows, "delta", "Signal").to_dict()
    measured, extreme = (
        pd.DataFrame(spec["datasets"][unit["data"]["name"]]) for unit in marks(spec, "rect")
    )
    assert measured["log10"].tolist() == [pytest.approx(-3)] * 2
    assert extreme["state"].tolist() == ["zero"] * 2
    assert measured["end"].tolist() == [10, 20]


def test_every_chart_has_alt_text():
    for chart in (
        layer_profile(history([[0.1, 1.0]]), "delta", "Signal", NAMES),
        step_layer_map(history([[0.1, 1.0]]), "delta", "Signal"),
    ):
        assert "Signal" in chart.to_dict()["description"]
