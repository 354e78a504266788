"""All that is measured stands in one picture, and one slider moves all of it."""

import pytest
from pictures import all_panels

from gradviz.charts.parts.handles import REPLAY
from gradviz.quantities import QUANTITIES


def test_there_is_a_profile_for_every_quantity_in_order():
    titles = [
        part["layer"][-2]["encoding"]["y"]["axis"]["title"] for part in all_panels()["vconcat"]
    ]
    rule = " (dashed: healthy)"
    assert [title.removesuffix(rule) for title in titles] == [
        quantity.short_name() for quantity in QUANTITIES.values()
    ]


def test_one_slider_moves_all_marks():
    spec = all_panels()
    sliders = [param for param in spec["params"] if param.get("bind", {}).get("input") == "range"]
    assert [slider["name"] for slider in sliders] == [REPLAY]
    assert all(REPLAY in str(part) for part in spec["vconcat"])


def test_a_run_that_goes_on_has_no_slider_and_its_latest_step():
    spec = all_panels(ended=False)
    assert not any("bind" in param for param in spec.get("params", []))
    assert set(spec["datasets"]["marks_0"]["step"]) == {10}


@pytest.mark.parametrize("place", range(len(QUANTITIES)))
def test_the_marks_are_what_was_measured(place):
    spec = all_panels()
    rows = spec["datasets"][f"marks_{place}"]
    assert len(rows) and rows["y"].notna().all() and set(rows["arm"]) == {"deep", "it's"}


def test_the_marks_have_one_key_that_does_not_call_every_zero_an_underflow():
    marks = [part["layer"] for part in all_panels()["vconcat"]]
    shapes = [
        layer["encoding"]["shape"] for own in marks for layer in own if "shape" in layer["encoding"]
    ]
    assert len(shapes) == len(QUANTITIES)
    assert all(shape["scale"] == shapes[0]["scale"] for shape in shapes)
    assert "underflow" not in str(shapes)
