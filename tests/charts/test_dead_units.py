"""How many units die: what is said at the ends of the curves, and where seeds leave the mean."""

import pandas as pd
import pytest

from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.relu_family.dead_units import dead_units, ends_frame, losses_frame

NAMES = {"relu": "ReLU", "elu": "ELU", "sigmoid": "sigmoid", "tanh": "tanh"}
STEPS = 4


def shares(rows):
    table = pd.DataFrame(rows, columns=["arm", "step", "middle", "seeds"])
    return table.assign(low=table["middle"], high=table["middle"])


LOST = shares(
    [
        ("relu", 0, 0.1, 3),
        ("relu", 2, 0.5, 2),
        ("relu", 4, 0.75, 2),
        ("elu", 0, 0.0, 3),
        ("elu", 2, 0.0, 1),
        ("sigmoid", 0, 0.0, 3),
        ("sigmoid", 4, 0.0, 3),
        ("tanh", 0, 0.0, 3),
        ("tanh", 4, 0.0, 3),
    ]
)


def test_each_curve_is_called_at_its_end_with_what_became_of_its_seeds():
    ends = ends_frame(LOST, NAMES, STEPS).set_index("words")
    assert set(ends.index) == {
        "ReLU 75%, 2 of 3 seeds left",
        "ELU 0%, then all seeds overflowed",
        "sigmoid, tanh 0%",
    }
    assert ends.loc["sigmoid, tanh 0%", "color"] == INK
    assert ends.loc["ReLU 75%, 2 of 3 seeds left", "color"] == COLORS["relu"]


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_the_words_do_not_lie_over_each_other_and_stay_inside(level):
    crowded = shares([(arm, STEPS, level - 0.01 * i, 3) for i, arm in enumerate(NAMES)])
    crowded["middle"] = crowded["middle"].clip(0, 1)
    ends = ends_frame(crowded, NAMES, STEPS)
    places = ends["place"].sort_values()
    assert (places.diff().dropna() > 0.08).all()
    assert places.between(0, 0.92).all()


def test_triangles_stand_where_seeds_overflow():
    lost = losses_frame(LOST, STEPS)
    assert lost[["arm", "step", "seeds"]].to_numpy().tolist() == [
        ["relu", 2, 2],
        ["elu", 2, 1],
        ["elu", 2, 0],
    ]
    spec = dead_units(LOST, NAMES, STEPS).to_dict()
    (marks,) = (layer for layer in spec["layer"] if layer["mark"].get("shape") == "triangle-up")
    assert len(spec["datasets"][marks["data"]["name"]]) == 3
    assert [line["field"] for line in marks["encoding"]["tooltip"]] == [
        "called",
        "step",
        "middle",
        "seeds",
    ]


def test_a_run_without_losses_says_nothing_of_them():
    whole = LOST[LOST["arm"].isin(["sigmoid", "tanh"])]
    assert losses_frame(whole, STEPS).empty
    assert ends_frame(whole, NAMES, STEPS)["words"].tolist() == ["sigmoid, tanh 0%"]


def test_before_anything_is_measured_the_picture_is_there():
    assert dead_units(LOST[:0], NAMES, STEPS).to_dict()["description"]
