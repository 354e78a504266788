"""Charts of a training run: what is measured, what is at the edges, what the reader can scrub."""

import numpy as np
import pandas as pd
import pytest

from gradviz.charts.depth.moved import moved, moved_frame, straightness
from gradviz.charts.layers import (
    Asked,
    layer_profile,
    legend_columns,
    line,
    points,
    profile_look,
    step_layer_map,
)
from gradviz.charts.parts.handles import GUESS, REPLAY, REVEALED, RUN
from gradviz.charts.parts.label_place import Plot, place_words
from gradviz.charts.parts.summary import (
    dodged,
    log_domain,
    run_key,
    summarize,
    summarize_curves,
    with_until,
)
from gradviz.charts.replay import AskedEnd, Extent, run_chart
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


def param(spec, name):
    (found,) = [each for each in spec["params"] if each["name"] == name]
    return found


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
    placed = with_until(summarize(rows, "delta"))
    deep, shallow = (placed[placed["arm"] == arm] for arm in ("deep", "shallow"))
    assert deep["step"].tolist() == [0, 5, 10]
    assert deep["until"].tolist()[:2] == [5, 10]
    # Both are still to be seen at any later step.
    assert (placed.groupby("arm")["until"].max() > 10**6).all()
    assert shallow["step"].tolist() == [0]


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
        slider = param(spec, REPLAY)
        assert slider["value"] == slider["bind"]["max"] == 20
        assert (slider["bind"]["min"], slider["bind"]["step"]) == (0, 10)
        assert steps == {0, 10, 20}
    else:
        assert not spec.get("params")
        assert steps == {20}


def ended_run(steps, **options):
    rows = pd.concat(history([[0.1, 1.0, 1]], step=step) for step in steps)
    loss = both_curves([[2.0], [1.0], [0.5]])
    return run_chart(rows, loss, SIGNAL, NAMES, Extent(20), ended=True, **options)


@pytest.mark.parametrize(
    ("steps", "stride"),
    [((0, 5, 10, 15), 5), ((0, 5, 7, 10, 15), 5), ((0, 5, 10, 15, 17), 1), ((0, 1, 2), 1)],
)
def test_the_slider_reaches_the_last_step_by_the_usual_spacing(steps, stride):
    slider = param(ended_run(steps), REPLAY)
    assert slider["bind"]["step"] == stride
    assert slider["bind"]["max"] == steps[-1]
    assert steps[-1] % stride == 0


def test_a_run_of_one_step_has_nothing_to_scrub():
    assert not ended_run((0,)).get("params")


@pytest.mark.parametrize(("asked", "opened"), [(None, 20), (10, 10), (13, 10), (99, 20), (-1, 0)])
def test_the_picture_opens_at_the_step_that_was_asked_for(asked, opened):
    assert param(ended_run((0, 10, 20), opens_at=asked), REPLAY)["value"] == opened


def test_a_picture_knows_its_run_whatever_it_shows_of_it():
    once, again = (param(ended_run((0, 10, 20), opens_at=at), RUN)["value"] for at in (None, 0))
    assert once == again != ""
    rows = history([[0.1, 1.0, 1]])
    rows = pd.concat([rows, rows.assign(step=10)])
    other = run_chart(rows, both_curves([[2.0], [1.5]]), SIGNAL, NAMES, Extent(20), ended=True)
    assert param(other, RUN)["value"] != once
    assert run_key(rows) == run_key(rows.copy()) != run_key(rows.assign(seed=1))


@pytest.mark.parametrize("log", [True, False])
def test_a_new_opening_is_no_new_picture(log):
    quantity = SIGNAL if log else Quantity("delta", ("share", "比例"), axis=SHARE)
    rows = pd.concat(history([[0.1, 1.0, 1]], step=step) for step in (0, 10))
    loss = both_curves([[2.0], [1.0]])
    charts = [
        run_chart(rows, loss, quantity, NAMES, Extent(20), ended=True, opens_at=at)
        for at in (0, 10)
    ]
    assert charts[0]["vconcat"] is charts[1]["vconcat"]


def test_theory_belongs_to_the_first_step():
    theory = pd.DataFrame({"arm": "deep", "layer": [1, 2, 3], "value": [0.1, 0.5, 1.0]})
    profile = ended_run((0, 10, 20), theory=theory)["vconcat"][0]
    (line,) = marks(profile, "line")
    assert line["mark"]["opacity"] == {"expr": f"{REPLAY} > 0 ? 0.25 : 0.8"}
    (label,) = marks(profile, "text")
    calculated = next(step["calculate"] for step in label["transform"] if "calculate" in step)
    assert calculated == f"{REPLAY} > 0 ? 'theory, at the start' : 'theory'"
    rows = ended_run((0, 10, 20), theory=theory)["datasets"]["prediction"]
    assert sum(label != "" for label in rows["label"]) == 1


@pytest.mark.parametrize("later", [2e-3, 5e-4])
def test_the_words_on_theory_lie_on_no_mark(later):
    layers = range(1, 13)
    theory = pd.DataFrame({"arm": "deep", "layer": layers, "value": 1e-3})
    runs = [
        history([[level for _ in layers] + [1.0]], step=s) for s, level in ((0, 1e-3), (9, later))
    ]
    rows = summarize(pd.concat(runs), "delta")
    look = profile_look(rows, theory, SIGNAL, NAMES)
    drawn = line(theory, look, points(rows, look), height=168)
    (lift,) = drawn.loc[drawn["label"] != "", "lift"]
    # The words are above the line where the marks come to stand below it.
    assert (lift < 0) == (later < 1e-3)


@pytest.mark.parametrize("share, below", [(0.95, True), (0.5, False)])
def test_words_beside_a_line_stay_in_the_plot(share, below):
    lines = pd.DataFrame({"arm": "deep", "x": [1, 2, 3], "y": share})
    none = pd.DataFrame({"step": [], "x": [], "y": []})
    place = place_words(lines, none, Plot(0.5, 3.5, 0, 1, 100), now=40, later=120)
    assert place is not None and (place.lift > 0) == below
    assert place_words(lines.head(0), none, Plot(0.5, 3.5, 0, 1, 100), 40, 120) is None


def test_how_a_run_ends_is_not_seen_before_it_is_revealed():
    spec = ended_run((0, 10, 20), asked=AskedEnd(("deep", "both")))
    for curve in spec["vconcat"][1:]:
        for mark in ("line", "area"):
            (drawn,) = marks(curve, mark)
            assert drawn["transform"] == [{"filter": f"datum.step <= toNumber({REVEALED}) * 20"}]
    assert param(spec, REVEALED)["value"] == 0 and param(spec, GUESS)["value"] == ""
    (guess,) = (m for m in marks(spec["vconcat"][-1], "text") if GUESS in str(m["transform"]))
    words = spec["datasets"][guess["data"]["name"]]["words"].tolist()
    assert words == ["your guess: deep", "your guess: both"]
    goes_on = run_chart(
        history([[0.1, 1.0, 1]]),
        both_curves([[2.0]]),
        SIGNAL,
        NAMES,
        Extent(20),
        asked=AskedEnd(("deep",)),
    )
    assert REVEALED not in str(goes_on["vconcat"])


def test_curves_that_would_tell_of_a_profile_that_is_asked_for_are_covered_with_it():
    spec = ended_run((0, 10, 20), asked=Asked(("deep",), low=-6, start=-3))
    for curve in spec["vconcat"][1:]:
        (drawn,) = marks(curve, "line")
        assert drawn["transform"] == [{"filter": f"datum.step <= toNumber({REVEALED}) * 20"}]


def test_the_curves_are_the_larger_part_where_they_carry_the_message():
    def heights(**options):
        return [view["height"] for view in ended_run((0, 10, 20), **options)["vconcat"]]

    profile, *below = heights()
    led_profile, *led_below = heights(curves_lead=True)
    assert profile > sum(below) and sum(led_below) > led_profile
    assert profile + sum(below) == led_profile + sum(led_below)


@pytest.mark.parametrize(("step", "opacity"), [(0, 0.8), (10, 0.25)])
def test_theory_fades_while_a_run_lasts_too(step, opacity):
    theory = pd.DataFrame({"arm": "deep", "layer": [1, 2], "value": [0.1, 1.0]})
    rows = history([[0.1, 1.0, 1]], step=step)
    spec = run_chart(rows, both_curves([[2.0]]), SIGNAL, NAMES, Extent(20), theory)
    (line,) = marks(spec["vconcat"][0], "line")
    assert line["mark"]["opacity"] == opacity


def test_before_anything_is_measured_theory_has_no_size():
    theory = pd.DataFrame({"arm": "deep", "layer": [1, 2], "value": [0.1, 1.0]})
    empty = history(np.zeros((0, 2)))
    spec = run_chart(empty, curves(np.zeros((0, 1))), SIGNAL, NAMES, Extent(20), theory)
    assert spec["datasets"]["prediction"].empty


def test_arms_stand_beside_each_other_and_one_alone_at_its_layer():
    rows = pd.concat([history([[0.1, 0.1, 1]], arm) for arm in NAMES])
    both = run_chart(rows, both_curves([[2.0]]), SIGNAL, NAMES, Extent(20, depth=10))
    places = both["datasets"]["marks"].groupby("arm")["place"].first()
    assert places["deep"] < 1 < places["shallow"]
    assert places["shallow"] - places["deep"] == pytest.approx(0.16)
    alone = {"deep": "10 layers"}
    one = run_chart(rows[rows["arm"] == "deep"], both_curves([[2.0]]), SIGNAL, alone, Extent(20))
    assert one["datasets"]["marks"]["place"].tolist() == [1, 2]


def test_many_arms_do_not_reach_the_next_layer():
    arms = [f"arm {number}" for number in range(8)]
    rows = pd.DataFrame({"arm": [arms[0], arms[-1]], "layer": [1, 1]})
    first, last = dodged(rows, arms, 40)
    assert last - first < 1


def test_a_loss_of_exactly_zero_stands_at_the_foot_of_its_axis():
    loss = pd.concat([curves([[1e12], [0.0], [0.0]]), curves([[1.0]], quantity="accuracy")])
    rows = history([[0.1, 1.0, 1]])
    spec = run_chart(rows, loss, SIGNAL, NAMES, Extent(20))
    drawn = spec["datasets"]["loss"]
    (area,) = marks(spec["vconcat"][1], "area")
    foot, top = area["encoding"]["y"]["scale"]["domain"]
    assert drawn["state"].tolist() == ["measured", "zero", "zero"]
    assert drawn["middle"].tolist() == [1e12, foot, foot]
    assert drawn["first"].tolist() == [False, True, False]
    assert 0 < foot < top and drawn[["low", "high"]].to_numpy().min() == foot
    (triangle,) = marks(spec["vconcat"][1], "point")
    assert triangle["mark"]["shape"] == "triangle-down"


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
    assert point["encoding"]["y"]["axis"]["title"] == "Rank (dashed: healthy)"
    tables = [spec["datasets"][rule["data"]["name"]] for rule in marks(profile, "rule")]
    assert any(list(table) == ["y"] and table["y"].tolist() == [0.5] for table in tables)
    (area,) = marks(below, "area")
    axis = area["encoding"]["y"]["axis"]
    assert (axis["title"], axis["format"]) == ("Tied weights", "%")
    assert marks(below, "text")[0]["encoding"]["text"]["value"] == "dashed: threshold 0.75"
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


@pytest.mark.parametrize(("second", "dashed"), [(1.0, ["shallow"]), (2.0, [])])
def test_a_curve_that_runs_exactly_over_another_is_dashed(second, dashed):
    values = np.ones((3, 2))
    both = pd.concat([curves(values), curves(second * values, arm="shallow")])
    rows = pd.concat([history([[1, 1]]), history([[1, 1]], arm="shallow")])
    spec = run_chart(rows, both, SIGNAL, NAMES, Extent(20), below={"loss": None})
    (line,) = (
        layer for layer in layers_of(spec["vconcat"][1]) if "strokeDash" in layer["encoding"]
    )
    assert line["encoding"]["strokeDash"]["condition"][0]["test"]["oneOf"] == dashed


def test_the_way_of_a_layer_is_the_sum_of_its_updates():
    rows = [
        {"arm": arm, "seed": seed, "layer": layer, "step": step, "quantity": name, "value": value}
        for arm, deepest in (("deep", 3), ("shallow", 2))
        for seed in (0, 1, 2)
        for layer in range(1, deepest + 1)
        for step in (0, 10, 15)
        for name, value in (("drift", 0.01 * step * layer), ("update_ratio", 0.02 * layer))
    ]
    frame = moved_frame(pd.DataFrame(rows))
    last = frame[frame["step"] == 15].set_index(["arm", "layer"])
    assert list(last.index) == [("deep", 1), ("deep", 2), ("shallow", 1)]
    assert last["way"].to_list() == pytest.approx([0.3, 0.6, 0.3])
    assert straightness(pd.DataFrame(rows), "deep").to_list() == pytest.approx([0.5, 0.5])
    ended, going = (
        moved(pd.DataFrame(rows), {"deep": "a", "shallow": "b"}, ended) for ended in (True, False)
    )
    assert [param["name"] for param in ended["params"]] == ["replay_step", "replay_run"]
    assert set(ended["datasets"]["moved"]["step"]) == {0, 10, 15}
    assert set(going["datasets"]["moved"]["step"]) == {15} and "params" not in going
    # What has not moved stands at the foot of the axis.
    assert (ended["datasets"]["moved"]["drift_y"] > 0).all()


@pytest.mark.parametrize(
    ("width", "columns"), [(226, 1), (300, 2), (520, 3)], ids=["phone", "wider", "desk"]
)
def test_a_legend_of_long_names_has_fewer_columns_in_a_narrow_picture(width, columns):
    names = {"a": "sigmoid，不剪切", "b": "sigmoid，剪切", "c": "ReLU，剪切"}
    single, wide, otherwise = legend_columns(names).expr.split(" : ")
    branches = [branch.split(" ? ") for branch in (single, wide)]
    fits = (int(number) for limit, number in branches if width < int(limit.split(" < ")[1]))
    assert next(fits, int(otherwise)) == columns


def test_a_legend_of_short_names_has_two_columns_on_a_phone():
    names = {"a": "2/n", "b": "1/n", "c": "1/n，步长 ×4", "d": "PyTorch 默认"}
    assert legend_columns(names).expr.startswith("width < 218 ? 1 : ")
