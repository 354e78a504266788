import numpy as np
import pandas as pd
import pytest
from pictures import words_in

from gradviz.activations import activation
from gradviz.charts.chain_rule import factor_plane as plane
from gradviz.charts.chain_rule.backward_walk import (
    _short,
    backward_walk,
    factor_frame,
    hop_frame,
    node_frame,
)
from gradviz.charts.chain_rule.cloud import cloud, cloud_frames
from gradviz.charts.chain_rule.singular_values import singular_value_spread, spread_frame
from gradviz.charts.parts.buttons import with_lines
from gradviz.charts.parts.powers import rounded_power
from gradviz.theory.chain import ScalarNetwork, factors, matrix_products, mean_field_products

SIGMOID = activation("sigmoid")
NETWORK = ScalarNetwork((8.0,) * 4, (-3.0,) * 4, 0.5, 0.0, SIGMOID)
PRESETS = pd.DataFrame({"name": ["one"], "color": ["#000000"], "w": [4.0], "z": [0.0]})


def records(data):
    return data.to_dict("records") if isinstance(data, pd.DataFrame) else data


def parameters(chart):
    return {param["name"]: param for param in chart["params"]}


def test_nodes_hold_the_forward_values_and_mark_saturated_units():
    nodes = node_frame(NETWORK).set_index("name")
    assert list(nodes.index) == ["f₁", "w₂", "f₂", "f₃", "f₄", "Loss"]
    shown = nodes.loc[["f₁", "f₂", "f₃", "f₄"], "number"].astype(float)
    assert shown.to_numpy() == pytest.approx(NETWORK.values[1:], rel=0.05)
    assert nodes.loc["w₂", "number"] == "8"
    # Under 5% of sigmoid's largest slope, 0.25; of the walk only.
    expected = ["saturated" if slope < 0.0125 else "" for slope in NETWORK.slopes[1:]]
    assert list(nodes.loc[["f₂", "f₃", "f₄"], "state"]) == expected and any(expected)


def test_dead_units_and_zeros_are_called_so():
    dead = ScalarNetwork((-1.0,) * 4, (0.0,) * 4, 0.5, 0.0, activation("relu"))
    assert list(node_frame(dead)["state"]) == ["", "", "dead", "dead", "dead", ""]
    assert set(factor_frame(dead.backward_walk())["value"]) == {"0"}


def test_the_hops_are_met_from_the_loss_back_to_the_weight_asked_for():
    hops = hop_frame(NETWORK.backward_walk())
    assert hops["place"].tolist() == [4.5, 3.5, 2.5, 1.5]
    parts = [part.split(" × ") for part in hops["parts"][1:3]]
    assert [float(part[0]) for part in parts] == [8, 8]
    assert [float(part[1]) for part in parts] == pytest.approx(NETWORK.slopes[3:1:-1], rel=0.05)
    assert hops["parts"][0] == ""


@pytest.mark.parametrize(
    ("number", "figures", "words"),
    [(4096, 3, "4096"), (256, 2, "256"), (0.22514, 2, "0.23"), (-2.0, 3, "−2"), (99.7, 2, "100")],
)
def test_numbers_are_written_out_up_to_ten_thousand(number, figures, words):
    assert _short(number, figures) == words


def test_the_table_is_the_formula_of_the_source_in_numbers():
    rows = factor_frame(NETWORK.backward_walk())
    assert list(rows["name"]) == ["∂L/∂f₄", "∂f₄/∂f₃", "∂f₃/∂f₂", "∂f₂/∂w₂"]
    assert rows.loc[0, "split"] == "2(f₄ − g)"
    assert rows.loc[1, "split"].startswith("w₄ = 8 × φ′ = 0.00721")
    assert rows.loc[3, "split"].startswith("f₁ = 0.731 × φ′ =")
    assert rows["product"].iloc[-1] == "3.5·10⁻⁴"
    assert NETWORK.gradient() == pytest.approx(3.5e-4, rel=0.02)
    assert factor_frame(NETWORK.backward_walk(1))["split"].iloc[-1].startswith("x = 0.5 × φ′ =")


def test_the_formula_fills_up_while_walking():
    words = backward_walk(NETWORK)["datasets"]["formulas"]["words"]
    assert words[0] == "∂L/∂w₂ = ? × ? × ? × ? = ?"
    assert words[2].startswith("∂L/∂w₂ = 1.99 × 0.0577 × ?")
    assert "?" not in words[4]


def test_the_walk_is_a_slider_that_the_page_plays():
    walk = parameters(backward_walk(NETWORK, step=2))["replay"]
    bind = walk["bind"]["step"]
    assert (walk["value"], bind["input"], bind["max"]) == (2, "range", 4)
    spec = backward_walk(NETWORK)
    strips = spec["datasets"][spec["vconcat"][0]["layer"][-1]["data"]["name"]]
    # The first factor brings the gradient to f₄, at place 4; the loss is at 5.
    assert strips.to_dict("records")[1] == {"step": 1, "left": 3.5, "right": 4.5}
    with pytest.raises(ValueError, match=r"step=5 .* 0 to 4"):
        backward_walk(NETWORK, step=5)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_on_the_border_of_the_region_the_factor_is_one(name):
    border = plane.border_frame(activation(name))
    assert np.abs(factors(border["w"], border["z"], activation(name))) == pytest.approx(1)
    assert set(border["side"]) == {-1, 1}


def test_cells_hold_their_factor_and_contain_the_presets():
    cells = plane.factor_cells(SIGMOID).set_index(["w", "z"])
    assert cells.loc[(8.0, 0.0), "factor"] == pytest.approx(2)
    assert cells.loc[(4.0, 0.0), "decade"] == pytest.approx(0)
    assert len(cells) == 41 * 49


def test_sliders_start_at_the_arguments_and_limits_are_named():
    params = parameters(plane.factor_plane(SIGMOID, PRESETS, 4.0, 0.5, 12))
    assert params["cell"]["value"] == [{"w": 4.0, "z": 0.5}]
    assert params["chain_depth"]["value"] == 12
    for setting in ({"w": 11.0}, {"z": -7.0}, {"depth": 0}):
        with pytest.raises(ValueError, match=next(iter(setting))):
            plane.factor_plane(SIGMOID, PRESETS, **setting)


def test_the_plane_stays_whatever_activation_it_is_of_so_that_its_sliders_do():
    first, second = (plane.factor_plane(activation(name), PRESETS) for name in ("tanh", "sigmoid"))
    assert {**first, "datasets": None} == {**second, "datasets": None}


def test_nielsens_window_is_drawn_for_sigmoid_only():
    def texts(name):
        chart = plane.factor_plane(activation(name), PRESETS)
        return [
            row["words"]
            for layer in chart["vconcat"][1]["layer"]
            for row in records(chart["datasets"][layer["data"]["name"]])
            if "words" in row
        ]

    assert "input width 0.45" in texts("sigmoid")
    assert not [text for text in texts("tanh") if "width" in text]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("vanish", ("vanish", "")),
        ("Slow: w = 5", ("Slow:", "w = 5")),
        ("缓慢：w = 5", ("缓慢：", "w = 5")),
    ],
)
def test_a_long_name_on_a_button_has_two_lines_for_a_phone(name, lines):
    row = with_lines(PRESETS.assign(name=name)).iloc[0]
    assert (row["upper"], row["lower"]) == lines and row["name"] == name
    texts = [
        layer["mark"]["text"]["expr"]
        for layer in plane.factor_plane(SIGMOID, PRESETS)["vconcat"][0]["layer"][1:]
    ]
    assert texts == ["width < 420 ? datum.upper : datum.name", "width < 420 ? datum.lower : ''"]


def test_spread_of_singular_values():
    values = matrix_products("gaussian", width=16, depth=30, draws=4, seed=2)
    spread = spread_frame(values, mean_field_products(1.0, 30))
    last = values[:, -1].ravel()
    row = spread.iloc[-1]
    assert row["median"] == pytest.approx(np.median(last))
    assert row["rms"] == pytest.approx(np.sqrt(np.mean(last**2)))
    assert (row["low"], row["high"]) == (last.min(), last.max())
    assert row["median"] < 1e-3 and row["theory"] == 1


def test_bands_end_at_the_edge_of_the_axis_and_no_mark_lies_below_it():
    values = matrix_products("gaussian", width=8, depth=40, draws=2)
    assert values.min() < 1e-25
    chart = singular_value_spread(spread_frame(values, np.ones(40)))
    assert chart.layer[0].data["low"].min() == 1e-20
    assert chart.layer[-1].data["value"].min() >= 1e-20
    assert chart.layer[0].to_dict()["encoding"]["y"]["scale"]["domain"][0] == pytest.approx(1e-20)


def test_values_below_the_axis_stand_at_its_foot_and_say_so():
    spread = spread_frame(matrix_products("gaussian", width=8, depth=40, draws=2), np.ones(40))
    spread.loc[37:, "median"] = [1e-22, 0.0, 0.0]
    _, marks, below, words = singular_value_spread(spread).layer[-4:]
    assert len(marks.data) == 40 - 3 and marks.data["value"].min() >= 1e-20
    assert below.mark.shape == "triangle-down" and (below.data["foot"] == 1e-20).all()
    assert below.data["value"].tolist() == [1e-22, 0.0, 0.0]
    assert words.data["words"][0].startswith("▼")


def test_until_the_answer_is_revealed_the_end_of_the_products_is_the_readers_guess():
    values = matrix_products("gaussian", width=16, depth=30, draws=4, seed=2)
    chart = singular_value_spread(spread_frame(values, np.ones(30)), asked=True)
    truth = f"median: {rounded_power(np.median(values[:, -1]))}"
    covered = words_in(chart, revealed=0, guess=1e-2)
    assert "your guess" in covered and truth not in covered
    assert {"your guess", truth} <= set(words_in(chart, revealed=1, guess=1e-2))
    filters = [step.filter for layer in chart.layer[:2] for step in layer.transform]
    assert len(set(filters)) == 1 and "revealed" in filters[0]
    assert "your guess" not in words_in(chart, revealed=1)


def test_the_axes_of_the_clouds_are_those_of_what_the_ring_has_become():
    vectors, axes = cloud_frames(12)
    assert set(axes["kind"]) == {"gaussian", "orthogonal"} and len(axes) == 2 * 13
    for row in axes.itertuples():
        own = vectors[(vectors["kind"] == row.kind) & (vectors["step"] == row.step)]
        lengths = np.hypot(own["x"], own["y"])
        assert np.mean(lengths**2) == pytest.approx(1)
        assert lengths.max() == pytest.approx(row.long, rel=2e-3)
        assert np.hypot(row.short_x, row.short_y) == pytest.approx(row.short)
        assert row.long_x * row.short_x + row.long_y * row.short_y == pytest.approx(0, abs=1e-9)
    needle = axes[(axes["kind"] == "gaussian") & (axes["step"] == 12)].iloc[0]
    assert needle["short"] < 1e-3 and needle["long"] == pytest.approx(2**0.5, abs=1e-3)


def test_the_picture_of_the_clouds_says_how_long_their_axes_are():
    chart = cloud(12, 3)
    assert parameters(chart.to_dict())["replay_step"]["value"] == 3
    _, axes = cloud_frames(12)
    row = axes[(axes["kind"] == "gaussian") & (axes["step"] == 3)].iloc[0]
    shown = words_in(chart)
    assert f"short axis {row['short']:.3g}" in shown and f"long axis {row['long']:.3g}" in shown
    assert {"Gaussian", "rotations", "long axis 1"} <= set(shown)
