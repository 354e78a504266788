"""The pictures of number formats: the window over the gradients, and the lines of numbers."""

import numpy as np
import pandas as pd
import pytest
from pictures import training_in_formats, updates, window_of_numbers, words_in

from gradviz.charts.precision.number_window import DOMAIN, points, zeros
from gradviz.charts.precision.rounding import HIGH, LOW, ticks
from gradviz.theory.formats import FORMATS

FORMS = ["float32", "bfloat16", "float16"]


def signals(values):
    """Of one exponent and one layer: a value for each seed, in float16."""
    rows = [("float16", 0, seed, 1, value) for seed, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["format", "exponent", "seed", "layer", "value"])


@pytest.mark.parametrize(
    ("values", "state", "y"),
    [
        ([0.01, 1.0], "measured", 0.1),
        ([0.0, 0.01], "measured", 0.01),
        ([0.0, 0.0], "zero", DOMAIN[0]),
        ([0.0, np.inf], "overflow", DOMAIN[1]),
        ([1.0, np.nan], "overflow", DOMAIN[1]),
    ],
)
def test_a_layer_is_zero_if_all_seeds_are_and_lost_if_one_is(values, state, y):
    (row,) = points(signals(values), FORMS, 2).to_dict("records")
    assert (row["state"], row["y"]) == (state, pytest.approx(y))


def test_formats_stand_beside_each_other():
    rows = [(form, 0, 0, 3, 0.1) for form in FORMS]
    table = pd.DataFrame(rows, columns=["format", "exponent", "seed", "layer", "value"])
    places = points(table, FORMS, 24).set_index("arm")["place"]
    assert places["float32"] < places["bfloat16"] == 3 < places["float16"]


def test_what_float16_has_lost_is_said_in_words():
    table = signals([0.0, 0.0])
    found = zeros(points(table, FORMS, 1), 1).to_dict("records")
    assert found == [{"exponent": 0, "zeros": 1, "lost": False}]
    at_first = words_in(window_of_numbers())
    assert "float16: exactly 0 in 1 of 2 layers" in at_first
    doubled = words_in(window_of_numbers(), exponent=1)
    assert "float16: ∞ or NaN" in doubled


def test_the_window_is_what_float16_holds_divided_by_the_scale():
    spec = window_of_numbers().to_dict()
    (edges,) = [rows for rows in spec["datasets"].values() if rows[0].keys() == {"low", "high"}]
    assert edges == [{"low": 2**-24, "high": 65504.0}]
    low_and_high = spec["layer"][0]["transform"][0]["calculate"], spec["layer"][0]["transform"][1]
    assert low_and_high[0] == "datum.low / pow(2, exponent)"
    assert low_and_high[1]["calculate"] == "datum.high / pow(2, exponent)"


@pytest.mark.parametrize("form", ["bfloat16", "float16"])
def test_ticks_are_the_numbers_of_the_format(form):
    w = ticks(form)["w"].to_numpy()
    assert w[0] >= LOW and w[-1] <= HIGH and 1.0 in w
    assert set(np.diff(w[w >= 1])) == {FORMATS[form].spacing}
    assert set(np.diff(w[w <= 1])) == {FORMATS[form].spacing / 2}


def test_where_the_sum_lands_is_said_for_each_format():
    words = words_in(updates(), power=-3.0)
    assert words.count("1.00100") + words.count("goes to 1.00100") == 2
    assert "stays at 1" in words


def test_what_is_asked_for_is_covered_until_it_is_revealed():
    covered = words_in(updates(asked=True))
    assert "stays at 1" not in covered
    assert "stays at 1" in words_in(updates(asked=True), revealed=1)
    lines = updates(asked=True).to_dict()["vconcat"][1]["layer"][0]["transform"]
    (hidden,) = [t["filter"] for t in lines if "revealed" in str(t.get("filter"))]
    assert hidden.startswith("datum.arm !== 'bfloat16' || datum.n <= 2 *")


def test_both_curves_of_a_training_are_drawn_and_the_one_that_lies_over_another_is_dashed():
    spec = training_in_formats().to_dict()
    for panel, quantity in zip(spec["vconcat"], ("accuracy", "still"), strict=True):
        rows = spec["datasets"][(panel.get("data") or panel["layer"][0]["data"])["name"]]
        assert {row["quantity"] for row in rows} == {quantity} and len(rows) == 4
        dash = panel["layer"][0]["encoding"]["strokeDash"]["condition"]
        assert "datum.arm === 'deep'" in str(dash)
