import numpy as np
import pandas as pd
from pictures import fan, words_in

from gradviz.charts.exploding.scale_fan import scale_fan
from gradviz.charts.parts.palette import COLORS


def test_a_line_has_the_color_of_what_becomes_of_its_signal():
    names = fan()["datasets"]["names"].set_index("sigma")
    fates = {0.5: "vanish", 1.0: "healthy", 4.0: "explode"}
    assert names["color"].to_dict() == {sigma: COLORS[fate] for sigma, fate in fates.items()}
    assert names["chosen"].to_dict() == {0.5: False, 1.0: False, 4.0: True}


def test_marks_are_the_middle_of_the_seeds_with_their_range_and_zeros_are_left_out():
    rows = {"sigma": 1.0, "layer": [1, 1, 1, 2, 2, 2], "value": [0.01, 0.1, 1.0, 0.0, np.inf, 0.5]}
    theory = pd.DataFrame({"sigma": [1.0, 1.0], "layer": [1, 2], "value": [0.1, 0.5]})
    marks = scale_fan(pd.DataFrame(rows), theory, 1.0)["datasets"]["marks"].set_index("layer")
    assert np.allclose(marks.loc[1, ["value", "low", "high"]].astype(float), [0.1, 0.01, 1.0])
    assert np.allclose(marks.loc[2, ["value", "low", "high"]].astype(float), 0.5)


def test_until_the_answer_is_revealed_only_the_chosen_line_and_that_of_the_guess_are_seen():
    picture = fan(asked=True)
    scales = {"scale 0.5", "scale 1", "scale 4"}
    covered = words_in(picture, revealed=0, guess=0.5)
    assert "scale 0.5 – your guess" in covered and scales & set(covered) == {"scale 4"}
    assert scales & set(words_in(picture, revealed=0)) == {"scale 4"}
    shown = words_in(picture, revealed=1, guess=0.5)
    assert {"scale 0.5 – your guess", "scale 1", "scale 4"} <= set(shown)
    assert scales <= set(words_in(picture, revealed=1)) and scales <= set(words_in(fan()))


def test_a_line_that_falls_has_its_name_above_and_one_that_rises_below():
    picture = fan()
    sides = {
        layer["transform"][-1]["filter"]: layer["mark"]["baseline"]
        for layer in picture["layer"]
        if layer["mark"]["type"] == "text"
    }
    assert sides == {"datum.y >= 1": "bottom", "datum.y < 1": "top"}
