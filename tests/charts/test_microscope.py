"""The pictures of one layer and of the plane: which numbers they hold, and what their words say."""

import base64
import zlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pictures import names, specimens

from gradviz import language
from gradviz.charts.lab import microscope as picture
from gradviz.charts.lab.microscope import microscope
from gradviz.charts.lab.surfaces import View, class_image, surfaces, tone_image
from gradviz.quantities import INSIDE

CALLED = {"deep": "A · 10 layers", "it's": "B · 1 layer"}


@pytest.fixture(autouse=True)
def english():
    language.use("en")


def table(spec, name, **where):
    rows = spec["datasets"][name]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows


def test_a_bar_is_the_share_of_all_values_of_the_layer():
    own = specimens()
    spec = microscope(own, CALLED, 1)
    for name in ("z", "slope", "activation"):
        (words,) = table(spec, "bars", arm="deep", step=10, quantity=name)["shares"]
        shares = np.array(words.split(" "), float)
        assert shares == pytest.approx(own[1].counts[name][0] / 400, rel=1e-3)
    assert len(table(spec, "bars")) == 2 * 2 * len(INSIDE)


def test_the_gradient_s_axis_holds_what_there_is_and_is_not_narrower_than_four_decades():
    (own, *_) = specimens()
    counts = {**own.counts, "gradient": np.zeros((2, 100), int)}
    counts["gradient"][0, 60] = 7
    spec = microscope([replace(own, counts=counts)], CALLED, 1)
    (words,) = table(spec, "bars", quantity="gradient")["shares"]
    shares = words.split(" ")
    assert len(shares) == 8 and float(shares[2]) == pytest.approx(7 / 400)
    axis = spec["vconcat"][3]["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert axis == [-40 + 58 / 2, -40 + 66 / 2]


def test_what_stands_in_no_bin_is_named_with_its_arm():
    spec = microscope(specimens(), CALLED, 1)
    (first,) = table(spec, "notes", step=10, quantity="z")["words"]
    (slope,) = table(spec, "notes", step=10, quantity="slope")["words"]
    assert first == "step 10; exactly 0: B 1%" and slope == "exactly 0: B 1%"
    lost = [replace(own, lost={name: np.full(2, 400) for name in INSIDE}) for own in specimens(1)]
    (words,) = table(microscope(lost, CALLED, 1), "notes", step=0, quantity="gradient")["words"]
    assert words == "∞ or NaN: A 100%"


def test_each_unit_has_a_cell_and_its_state():
    spec = microscope(specimens(), CALLED, 1)
    assert set(table(spec, "units")["cells"]) == {"0 50 d"}
    assert set(microscope(specimens(), CALLED, 2)["datasets"]["units"]["cells"]) == {"x x x"}


def test_of_a_wide_layer_the_first_units_are_shown_and_said_to_be():
    (own,) = specimens(1)[:1]
    wide = replace(own, saturated=np.zeros((2, 99)), dead=np.zeros((2, 99), bool))
    spec = microscope([wide], CALLED, 1)
    assert len(table(spec, "units")["cells"].iloc[0].split(" ")) == picture.MOST_UNITS
    assert f"the first {picture.MOST_UNITS} units" in str(spec["vconcat"][4])


def test_an_arm_without_the_layer_is_left_out():
    deep, shallow = specimens()[:2], specimens()[2:]
    shallow = [replace(own, dead=own.dead[:1]) for own in shallow]
    spec = microscope([*deep, *shallow], CALLED, 2)
    assert set(table(spec, "bars")["arm"]) == {"deep"}


def test_the_slider_goes_as_the_race_s_and_with_it():
    spec = microscope(specimens(), CALLED, 1, steps=[0, 5, 10], run="of the race")
    params = {param["name"]: param for param in spec["params"]}
    slider = params["replay_step"]["bind"]
    assert (slider["min"], slider["max"], slider["step"]) == (0, 10, 5)
    assert params["replay_run"]["value"] == "of the race" and params["replay_step"]["value"] == 10
    bars = table(spec, "bars", arm="deep", quantity="z")
    assert bars[(bars["step"] <= 5) & (bars["until"] > 5)]["step"].tolist() == [0]


def views():
    rows = np.tile(np.linspace(0, 1, 4), (4, 1))
    return [View(arm, step, rows, rows * (1 + step)) for arm in names() for step in (0, 10)]


EXAMPLES = pd.DataFrame({"x": [-1.0, 1.0], "y": [0.0, 2.0], "label": [0, 1]})


def test_every_arm_and_step_has_two_images_and_the_unit_s_range_in_words():
    spec = surfaces(views(), EXAMPLES, (-2.0, 2.0), names(), "unit 1")
    assert len(table(spec, "images")) == 2 * 2 * 2
    assert set(table(spec, "images", kind=1, step=10)["words"]) == {"step 10: 0 to 11"}
    flat = [View("deep", 0, np.full((2, 2), 0.5), np.full((2, 2), -0.25))]
    words = table(surfaces(flat, EXAMPLES, (-2.0, 2.0), names(), "unit 1"), "images", kind=1)
    assert words["words"].tolist() == ["step 0: −0.25 everywhere"]
    lost = [View("deep", 0, np.full((2, 2), np.nan), np.full((2, 2), np.inf))]
    words = table(surfaces(lost, EXAMPLES, (-2.0, 2.0), names(), "unit 1"), "images", kind=1)
    assert words["words"].tolist() == ["step 0: ∞ or NaN"]


def test_examples_stand_where_they_are_in_every_square():
    spec = surfaces(views(), EXAMPLES, (-2.0, 2.0), names(), "unit 1")
    points = table(spec, "points", place=1)
    assert points["share_x"].tolist() == [0.25, 0.75] and points["share_y"].tolist() == [0.5, 1.0]


def pixels(url, columns):
    """The places in its palette of the pixels of an image, the topmost row first."""
    data = base64.b64decode(url.partition(",")[2])
    start = data.index(b"IDAT")
    length = int.from_bytes(data[start - 4 : start], "big")
    lines = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + length]), np.uint8)
    lines = lines.reshape(-1, columns + 1)[:, 1:]
    return np.cumsum(lines, axis=0, dtype=np.uint8)


def test_the_image_of_a_surface_has_its_lowest_row_below_and_the_middle_where_nothing_is_known():
    found = pixels(class_image(np.array([[0.0, 0.5], [1.0, np.nan]])), 2)
    assert found.tolist() == [[64, 32], [0, 32]]


def test_the_tones_go_from_low_to_high():
    assert pixels(tone_image(np.array([[0.0, 1.0, 2.0]]), 0.0, 2.0), 3).tolist() == [[0, 16, 32]]
    assert pixels(tone_image(np.array([[3.0]]), 3.0, 3.0), 1).tolist() == [[0]]
