"""Histograms of a run: what is sent to the browser, and which step is shown."""

import numpy as np
import pandas as pd
import pytest

from gradviz.charts.histograms import histograms, packed, shape_of

STEPS = [*range(0, 200, 3), 200]
NAMES = {"plain": "plain", "l2": "L2"}


def spreads(steps=STEPS):
    """Two arms and layers; the share of the upper bin tells the step, the middle two are empty."""
    rows = [
        {"arm": arm, "step": step, "layer": layer, "low": low, "high": low + 0.5, "value": value}
        for arm in NAMES
        for step in steps
        for layer in (1, 2)
        for low, value in ((-1.0, 1 - step / 400), (0.5, step / 400))
        if value > 0
    ]
    return pd.DataFrame(rows)


def chart(ended=True, opens_at=None, steps=STEPS):
    return histograms(spreads(steps), "W", NAMES, [1, 2], (-1.0, 1.0), ended, opens_at)


def shown_at(spec, step):
    """The rows of the histograms at a step of the slider, as the picture's filter has them."""
    bars = spec["datasets"]["bars"]
    return bars[(bars["step"] <= step) & (step < bars["until"])]


def test_a_histogram_holds_every_bin_the_empty_ones_too():
    row = packed(spreads([100]), -1.0, 4).iloc[0]
    assert row["shares"] == "0.75 0 0 0.25"


@pytest.mark.parametrize("step", [0, 99, 198, 199, 200])
def test_each_step_of_the_slider_has_the_histogram_recorded_last_and_says_so(step):
    spec = chart()
    recorded = max(each for each in STEPS if each <= step)
    shown = shown_at(spec, step)
    assert len(shown) == 4 and (shown["step"] == recorded).all()
    shares = np.array([float(words.split(" ")[-1]) for words in shown["shares"]])
    assert shares == pytest.approx(np.full(4, recorded / 400), abs=1e-4)
    steps = spec["datasets"]["steps"]
    assert steps[(steps["step"] <= step) & (step < steps["until"])]["step"].tolist() == [recorded]


def test_the_slider_stops_at_every_recorded_step_and_at_no_other_where_they_are_even():
    slider = chart(steps=range(0, 301, 5))["params"][0]["bind"]
    assert (slider["min"], slider["max"], slider["step"]) == (0, 300, 5)
    uneven = chart()["params"][0]["bind"]
    assert all((step - uneven["min"]) % uneven["step"] == 0 for step in STEPS)
    assert chart(opens_at=30)["params"][0]["value"] == 30


def test_the_browser_unpacks_the_bins_where_they_belong():
    (view, _) = chart()["vconcat"]
    rect = view["layer"][0]
    calculated = {
        step["as"]: step["calculate"] for step in rect["transform"] if "calculate" in step
    }
    assert calculated["low"] == "-1.0 + datum.bin * 0.5"
    assert rect["transform"][-1]["filter"] == "datum.value > 0"
    assert "replay_step" in str(rect["transform"][1])


def test_while_a_run_goes_on_its_latest_step_is_shown():
    spec = chart(ended=False)
    assert set(spec["datasets"]["bars"]["step"]) == {200}
    assert spec["datasets"]["steps"]["step"].tolist() == [200]
    assert "params" not in spec


def test_before_the_first_step_the_picture_is_there_and_empty():
    spec = histograms(spreads([0])[:0], "W", NAMES, [1, 2], (-1.0, 1.0), False)
    assert len(spec["vconcat"]) == 2 and not len(spec["datasets"]["bars"])


def test_the_data_of_a_whole_run_stay_small():
    low = np.linspace(-2, 2, 41)[:-1]
    many = pd.concat(
        pd.DataFrame(
            {"arm": arm, "step": step, "layer": layer, "low": low, "high": low + 0.1, "value": 0.02}
        )
        for arm in ("plain", "l1", "l2")
        for step in range(61)
        for layer in (1, 5, 10)
    )
    bars = histograms(many, "W", NAMES, [1, 5, 10], (-2.0, 2.0), True)["datasets"]["bars"]
    assert len(bars) == 3 * 61 * 3
    assert bars.memory_usage(index=False, deep=True).sum() < 3e5


@pytest.mark.parametrize(
    ("filled", "shape"),
    [((), "empty"), ((3,), "spike"), ((3, 4), "spike"), ((3, 5), "apart"), ((0, 4), "apart")],
)
def test_a_histogram_is_a_spike_where_neighboring_bins_hold_all(filled, shape):
    shares = np.zeros(8)
    shares[list(filled)] = 0.5
    assert shape_of(shares) == shape


@pytest.mark.parametrize("filled", [(0,), (7,), (0, 7)])
def test_what_stands_in_the_last_bins_only_is_beyond_the_axis(filled):
    shares = np.zeros(8)
    shares[list(filled)] = 1
    assert shape_of(shares) == "beyond"
