"""Marks and axes that pictures share."""

import altair as alt
import pandas as pd
import pytest

from gradviz.charts.parts.marks import cells_beyond, layered, rule_at

COLORS = {"zero": "#000000", "overflow": "#ff0000"}


@pytest.mark.parametrize("channel", ["x", "y"])
def test_a_rule_lies_at_its_value_of_the_axis(channel):
    axis = {"x": alt.X, "y": alt.Y}[channel]("slope:Q", title="Slope")
    rule = rule_at(0.25, axis, dash=(6, 4)).to_dict()
    assert set(rule["encoding"]) == {channel}
    assert rule["encoding"][channel] == {"field": "slope", "title": "Slope", "type": "quantitative"}
    assert list(rule["datasets"].values()) == [[{"slope": 0.25}]]
    assert rule["mark"]["strokeDash"] == [6, 4]


def test_layers_are_drawn_in_their_order():
    dots, line = (alt.Chart(alt.NamedData("rows")).mark_point(), alt.Chart().mark_line())
    layers = layered(dots, line).to_dict()["layer"]
    assert [layer["mark"]["type"] for layer in layers] == ["point", "line"]


def test_only_states_that_occur_get_a_color_and_none_is_no_mark():
    cells = pd.DataFrame({"state": ["measured", "zero", "measured"]})
    (marks,) = cells_beyond(cells, COLORS)
    assert marks.data["state"].tolist() == ["zero"]
    scale = marks.to_dict()["encoding"]["color"]["scale"]
    assert scale == {"domain": ["zero"], "range": ["#000000"]}
    assert cells_beyond(cells[cells["state"] == "measured"], COLORS) == []
