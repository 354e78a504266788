"""Theory under a race: anchored where it was measured, one profile per arm."""

import numpy as np
import pytest

from gradviz.engine.history import history_frame
from gradviz.engine.train import race
from gradviz.recipe import Recipe, replace
from gradviz.theory.predictions import predicted_signals

DEEP = Recipe(depth=6, width=128, steps=0)
ARMS = {"deep": DEEP, "relu": replace(DEEP, activation="relu")}


def test_the_line_starts_at_the_measured_last_layer_and_meets_the_marks():
    history = history_frame(race(ARMS, seeds=3))
    lines = predicted_signals(ARMS, history).set_index(["arm", "layer"])["value"]
    delta = history[history["quantity"] == "delta"]
    for arm in ARMS:
        own = delta[(delta["arm"] == arm) & (delta["layer"] <= DEEP.depth)]
        marks = np.exp(np.log(own["value"]).groupby(own["layer"]).mean())
        assert lines[arm].iloc[-1] == pytest.approx(marks.iloc[-1])
        np.testing.assert_allclose(lines[arm], marks, rtol=0.25)


def test_under_batchnorm_the_line_knows_the_batch():
    arms = {"sigmoid": replace(DEEP, norm="batch", depth=10)}
    history = history_frame(race(arms, seeds=3))
    marks = history[history["quantity"] == "delta"].groupby("layer")["value"].mean()
    line = predicted_signals(arms, history)["value"].to_numpy()
    np.testing.assert_allclose(line, marks.to_numpy()[:10], rtol=0.25)
    assert line[0] > 1.2 * line[-1]


def test_before_a_run_the_line_ends_at_one():
    lines = predicted_signals(ARMS, history_frame([]))
    assert lines[lines["layer"] == DEEP.depth]["value"].tolist() == [1.0, 1.0]
