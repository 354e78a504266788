"""The pictures of clipping: two paths on the cliff, and arrows in the plane."""

import numpy as np
import pandas as pd
import pytest

from gradviz.charts.clipping.cliff import cliff_chart, path_frame
from gradviz.charts.clipping.clip_geometry import clip_geometry
from gradviz.theory.landscape import cliff, descend

SCENE, START, LR, STEPS = cliff(), (5.2, -2.5), 0.5, 60  # as the page has them
POWERS = (-1.0, -0.5, 0.0)


@pytest.fixture(scope="module")
def picture():
    free = descend(SCENE, START, LR, STEPS)
    clipped = {p: descend(SCENE, START, LR, STEPS, clip="norm", clip_at=10**p) for p in POWERS}
    return cliff_chart(SCENE, free, clipped, -0.5)


def test_both_paths_start_together_and_the_wall_throws_one_off(picture):
    paths = picture["datasets"]["paths"]
    starts = paths[paths["step"] == 0]
    assert len(starts) == 1 + len(POWERS)
    assert (starts[["a", "b"]].to_numpy() == START).all()
    ends = paths[paths["step"] == STEPS].set_index("kind")
    assert np.hypot(ends.loc["free", "a"], ends.loc["free", "b"]) > 50
    near = ends[ends["power"] == -0.5]
    assert near["a"].between(4, 7).all() and near["b"].between(-3.2, -1.5).all()
    assert near["loss"].item() < 0.01


def test_no_clipped_step_is_longer_than_the_threshold_times_the_learning_rate(picture):
    paths = picture["datasets"]["paths"]
    for power in POWERS:
        own = paths[paths["power"] == power].sort_values("step")
        lengths = np.hypot(own["a"].diff(), own["b"].diff()).dropna()
        assert (lengths <= LR * 10**power * (1 + 1e-6)).all()


def test_the_threshold_is_dragged_in_the_browser(picture):
    (slider,) = (p for p in picture["params"] if "bind" in p)
    assert (slider["value"], slider["bind"]["min"], slider["bind"]["max"]) == (-0.5, -1, 0)
    assert picture["description"]


def test_a_threshold_that_was_not_walked_is_named():
    walk = descend(SCENE, START, LR, 2)
    with pytest.raises(ValueError, match=r"power=3"):
        cliff_chart(SCENE, walk, {0.0: walk, 1.0: walk}, 3)


def test_the_arrows_have_their_own_sliders_and_equal_axes():
    spec = clip_geometry(4.0, 1.0, 2.0).to_dict()
    values = {p["name"]: p["value"] for p in spec["params"] if "bind" in p}
    assert values == {"first": 4.0, "second": 1.0, "limit": 2.0}
    (rows,) = (pd.DataFrame(data) for data in spec["datasets"].values() if "kind" in data[0])
    assert rows["kind"].tolist() == ["plain", "clip_norm", "clip_value"]
    assert spec["width"] == spec["height"]
    assert spec["description"]


@pytest.mark.parametrize("options", [{"first": 9.0}, {"threshold": 0.0}])
def test_the_picture_names_a_bad_value(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        clip_geometry(**options)


def test_a_gradient_of_exactly_zero_is_marked_at_the_foot_of_its_axis():
    rows = path_frame(descend(SCENE, START, LR, STEPS), "free")
    zero = rows[rows["zero"]]
    assert len(zero) > 1 and (zero["norm"] == rows["norm"].min()).all()
    assert zero["first"].tolist() == [True] + [False] * (len(zero) - 1)
    assert not rows.loc[rows["step"] < zero["step"].min(), "zero"].any()


def test_the_curves_tell_what_was_measured_and_not_where_the_axis_ends(picture):
    paths = picture["datasets"]["paths"]
    assert (paths.loc[paths["zero"], "measured_norm"] == 0).all()
    inside = paths[paths["loss"].between(1e-3, 10, inclusive="neither")]
    assert inside["measured_loss"].tolist() == inside["loss"].tolist()
    assert paths["measured_loss"].min() < 1e-3 == paths["loss"].min()
    fields = [
        [line["field"] for line in layer["encoding"]["tooltip"]]
        for view in picture["vconcat"][2:]
        for layer in view["layer"][0].get("layer", view["layer"])
        if isinstance(layer.get("encoding", {}).get("tooltip"), list)
    ]
    assert fields == [["path", "step", "measured_norm", "measured_loss"]] * 2


def test_the_paths_are_named_in_their_colors_beside_the_picture(picture):
    colors = [layer["mark"]["color"] for layer in picture["vconcat"][1]["layer"]]
    scales = [
        layer["encoding"]["color"]["scale"]["range"]
        for layer in picture["vconcat"][2]["layer"][0]["layer"]
    ]
    assert all(scale == colors for scale in scales)


@pytest.mark.parametrize(
    ("first", "second", "limit"), [(4.0, 1.0, 2.0), (-3.0, 2.0, 1.0), (-1.0, -4.0, 3.0)]
)
def test_the_words_say_by_how_much_each_arrow_turned(first, second, limit):
    spec = clip_geometry(first, second, limit).to_dict()
    tips = {
        "plain": (first, second),
        "clip_norm": np.array([first, second]) * min(1, limit / np.hypot(first, second)),
        "clip_value": np.clip([first, second], -limit, limit),
    }
    lines = [layer for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    assert len(lines) == 3
    for (kind, (x, y)), line in zip(tips.items(), lines, strict=True):
        words = next(step["calculate"] for step in line["transform"] if step.get("as") == "words")
        if kind == "plain":
            assert "atan2" not in words
            continue
        angle = words[words.index("abs(atan2") : words.index(" < 0.5")]
        names = {"abs": abs, "atan2": np.arctan2, "PI": np.pi, "first": first, "second": second}
        turned = eval(
            angle.replace("datum.x", "x").replace("datum.y", "y"), names | {"x": x, "y": y}
        )
        across, along = x * second - y * first, x * first + y * second
        expected = abs(np.arctan2(across, along))
        assert turned == pytest.approx(np.degrees(expected), abs=1e-4)
        assert (turned < 0.5) == (kind == "clip_norm")
