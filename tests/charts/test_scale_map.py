"""The map of weight scale and depth."""

import numpy as np
import pandas as pd

from gradviz.charts.exploding.scale_map import PRESS, scale_map

CELLS = pd.DataFrame(
    {
        "sigma": [0.5, 1.0, 2.0] * 2,
        "depth": [5] * 3 + [10] * 3,
        "ratio": [0.1, 1, 8, 0, 1, np.inf],
    }
)


def rows_of(spec):
    return [row for rows in spec["datasets"].values() for row in rows]


def test_cells_the_critical_line_and_the_press_are_in_the_picture():
    spec = scale_map(CELLS, 1.0, (2.0, 5)).to_dict()
    assert PRESS in [param["name"] for param in spec["params"]]
    assert {"left": 1.0} in rows_of(spec)
    assert {row["state"] for row in rows_of(spec) if "state" in row} == {
        "measured",
        "zero",
        "overflow",
    }


def test_a_critical_scale_off_the_map_has_no_line():
    assert {"left": 10.0} not in rows_of(scale_map(CELLS, 10.0, (2.0, 5)).to_dict())
