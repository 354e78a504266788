"""The pictures of clipping: two paths on the cliff, and arrows in the plane."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import vl_convert
from pictures import VEGA_LITE, words_in
from PIL import Image

from gradviz.charts.clipping.cliff import cliff_chart, cut_frame, jump_frame, path_frame
from gradviz.charts.clipping.clip_geometry import KINDS, REACH, clip_geometry
from gradviz.charts.clipping.relief import DEPTH, SHEAR, TOP, ground_frame, project, relief_frame
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.raster import png_url
from gradviz.theory.landscape import cliff, clip_gradient, descend

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
    assert near["measured_loss"].item() < 0.01


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


def image_of(url):
    """The pixels of a data URL [rows, columns, 4], as another reader of PNG sees them."""
    kind, data = url.split(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))


def test_an_image_is_read_as_it_was_written():
    random = np.random.default_rng(0)
    colors = random.integers(0, 256, (200, 4))
    places = random.integers(0, 200, (17, 23))
    assert (image_of(png_url(places, colors)) == colors[places]).all()


@pytest.mark.parametrize(("most", "count"), [(300, 300), (7, 7)])
def test_an_image_names_what_it_cannot_hold(most, count):
    with pytest.raises(ValueError, match=str(count) if most > 256 else str(count - 1)):
        png_url(np.full((2, 2), most), np.zeros((count, 4)))


def pixel(a, b):
    """The tone of the surface at weights a and b, from 0 to 255, and whether there is any."""
    row = relief_frame(SCENE).iloc[0]
    image = image_of(row["image"])
    place = project(SCENE, np.array([a]), np.array([b]), SCENE.evaluate(a, b)[0].reshape(1))
    across = (place["x"].item() - row["left"]) / (row["right"] - row["left"])
    down = 1 - (place["y"].item() - row["bottom"]) / (row["top"] - row["bottom"])
    at = image[round(down * (image.shape[0] - 1)), round(across * (image.shape[1] - 1))]
    return at[:3].mean(), at[3]


def test_the_landscape_has_a_dark_wall_between_a_high_and_a_low_plain():
    high, low = pixel(4.8, -3.0), pixel(6.2, -1.8)
    # The wall at w = 5, half-way up.
    b = np.linspace(-3.2, -1.5, 20_001)
    loss = SCENE.evaluate(np.full_like(b, 5.0), b)[0]
    wall = pixel(5.0, b[np.abs(np.diff(loss)).argmax()])
    assert high[1] == low[1] == wall[1] == 255
    assert wall[0] < high[0] - 25 and wall[0] < low[0] - 80 and high[0] < low[0]
    image = image_of(relief_frame(SCENE)["image"][0])
    assert (image[0, -1] == 0).all(), "there is nothing over the low plain"
    assert len(relief_frame(SCENE)["image"][0]) < 80_000


def test_a_point_stands_as_high_as_its_loss_and_as_far_back_as_its_b():
    a, b, loss = np.array([4.0, 4.0, 7.0]), np.array([-1.5, -3.2, -1.5]), np.array([0, TOP, 0.1])
    places = project(SCENE, a, b, loss)
    assert places["x"].tolist() == pytest.approx([4.0, 4.0 + 3 * SHEAR, 7.0])
    assert places["y"].tolist() == pytest.approx([0.0, 1.0, (1 - DEPTH) * 0.2])


def test_a_press_meets_the_surface_that_is_seen_there():
    ground = ground_frame(SCENE)
    assert ground["a"].agg(["min", "max"]).tolist() == [4, 7]
    assert ground["b"].agg(["min", "max"]).tolist() == [-3.2, -1.5]
    assert (ground["b"].diff().fillna(0) > -1e-9).all(), "what is in front is drawn last"
    row = ground.query("abs(a - 5.2) < 1e-6 and abs(b + 2.5) < 1e-6").iloc[0]
    point = project(SCENE, *(np.array([v]) for v in (5.2, -2.5, SCENE.evaluate(5.2, -2.5)[0])))
    assert row["left"] < point["x"].item() < row["right"]
    assert min(row["bottom"], row["top"]) <= point["y"].item() <= max(row["bottom"], row["top"])


def test_the_cut_is_the_loss_along_the_line_where_the_longest_step_begins(picture):
    walk = descend(SCENE, START, LR, STEPS)
    jump, cut = picture["datasets"]["jump"].iloc[0], picture["datasets"]["cut"]
    lengths = np.linalg.norm(np.diff(walk.points, axis=0), axis=1)
    assert jump["step"] == lengths.argmax() == 21
    assert jump["length"] == lengths.max() > 100
    assert (jump["a"], jump["b"]) == tuple(walk.points[21]) and jump["to"] == walk.points[22, 0]
    assert cut["loss"].to_numpy() == pytest.approx(SCENE.evaluate(cut["a"], jump["b"])[0])
    # The wall is upright: it falls by most of its height within a hundredth of w.
    steep = cut[cut["a"].between(jump["a"] - 0.005, jump["a"] + 0.005)]["loss"]
    assert steep.max() - steep.min() > 0.25 and len(steep) > 20


def test_a_walk_that_left_the_picture_is_cut_at_its_edge():
    assert cut_frame(SCENE, 9.0)["loss"].to_numpy() == pytest.approx(cut_frame(SCENE, -1.5)["loss"])


@pytest.mark.parametrize("kind", ["norm", "value"])
@pytest.mark.parametrize("power", [-1.0, 0.0])
def test_the_words_on_the_cut_say_how_long_the_step_is_either_way(kind, power):
    free = descend(SCENE, START, LR, STEPS)
    walks = {p: descend(SCENE, START, LR, STEPS, clip=kind, clip_at=10**p) for p in POWERS}
    spec = cliff_chart(SCENE, free, walks, power, kind, LR)
    shown = spec | {"datasets": {k: pd.DataFrame(v) for k, v in spec["datasets"].items()}}
    words = words_in(shown)
    jump = jump_frame(SCENE, free, kind, LR).iloc[0]
    gradient = np.array([jump["by_a"], jump["by_b"]])
    length = LR * np.linalg.norm(clip_gradient(gradient, kind, 10**power))
    (clipped,) = (text for text in words if text.startswith("clipped: "))
    assert float(clipped.split()[1]) == pytest.approx(length, rel=0.01)
    assert "one step: 196 long, to w = 108" in words
    assert f"dashed: threshold {10**power:g}" in words


def ranges_of(spec):
    """Where each slider of a picture opens, by the name of its input."""
    found = {}
    for param in spec["params"]:
        bind, value = param.get("bind", {}), param.get("value")
        if bind.get("input") == "range":
            found[param["name"]] = value
        for field, slider in bind.items() if "select" in param else ():
            assert slider["input"] == "range"
            found[f"{param['name']}_{field}"] = value[0][field]
    return found


def test_the_arrow_is_dragged_and_has_sliders_too():
    spec = clip_geometry(4.0, 1.0, 2.0).to_dict()
    assert ranges_of(spec) == {"pull_first": 4.0, "pull_second": 1.0, "limit": 2.0}
    (pull,) = (param for param in spec["params"] if param["name"] == "pull")
    assert "[pointerdown, window:pointerup] > pointermove" in pull["select"]["on"]
    (cells,) = (pd.DataFrame(d) for d in spec["datasets"].values() if "first" in d[0])
    # Both planes are covered with places to which the arrow can be dragged.
    for _, plane in cells.groupby("side"):
        assert len(plane) == 33**2 and plane["first"].max() == plane["second"].max() == REACH
    assert spec["description"]


@pytest.mark.parametrize(("width", "planes"), [(320, 1), (600, 2)])
def test_the_circle_is_round_and_has_a_plane_of_its_own_where_there_is_room(width, planes):
    spec = clip_geometry().properties(width=width).to_dict()
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    (circle,) = re.findall(rf'd="([^"]*)" fill="{COLORS["clip_norm"]}" fill-opacity', svg)
    (square,) = re.findall(rf'd="([^"]*)" fill="{COLORS["clip_value"]}" fill-opacity', svg)
    ends = np.array(re.findall(r"(-?[0-9.]+),(-?[0-9.]+)", circle), dtype=float)
    across, upward = np.ptp(ends, axis=0)
    assert across == pytest.approx(upward, rel=0.01) and across > 60
    left, _, side = map(float, re.match(r"M([0-9.]+),([0-9.]+)h([0-9.]+)", square).groups())
    assert side == pytest.approx(across, rel=0.01)
    if planes == 1:
        assert left == pytest.approx(ends[:, 0].min(), abs=0.5)
    else:
        assert left > ends[:, 0].max() + 60


@pytest.mark.parametrize("options", [{"first": 9.0}, {"threshold": 0.0}])
def test_the_picture_names_a_bad_value(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        clip_geometry(**options)


def test_a_gradient_of_exactly_zero_is_marked_at_the_foot_of_its_axis():
    rows = path_frame(SCENE, descend(SCENE, START, LR, STEPS), "free")
    zero = rows[rows["zero"]]
    assert len(zero) > 1 and (zero["norm"] == rows["norm"].min()).all()
    assert zero["first"].tolist() == [True] + [False] * (len(zero) - 1)
    assert not rows.loc[rows["step"] < zero["step"].min(), "zero"].any()


def test_the_curves_tell_what_was_measured_and_not_where_the_axis_ends(picture):
    paths = picture["datasets"]["paths"]
    assert (paths.loc[paths["zero"], "measured_norm"] == 0).all()
    assert paths["norm"].min() == 1e-4 > paths["measured_norm"].min()
    fields = [
        [line["field"] for line in layer["encoding"]["tooltip"]]
        for layer in picture["vconcat"][3]["layer"]
        if isinstance(layer["encoding"].get("tooltip"), list)
    ]
    assert fields == [["path", "step", "measured_norm", "measured_loss"]]


def test_the_paths_are_named_in_their_colors_beside_the_picture(picture):
    colors = [layer["mark"]["color"] for layer in picture["vconcat"][1]["layer"]]
    assert colors == [COLORS["explode"], COLORS["clip_norm"]]
    (scale,) = {
        tuple(layer["encoding"]["color"]["scale"]["range"])
        for layer in picture["vconcat"][3]["layer"]
        if "scale" in layer["encoding"].get("color", {})
    }
    assert list(scale) == colors


@pytest.mark.parametrize(
    ("first", "second", "limit"), [(4.0, 1.0, 2.0), (-3.0, 2.0, 1.0), (-1.0, -4.0, 3.0)]
)
def test_the_words_say_what_became_of_each_arrow_and_by_how_much_it_turned(first, second, limit):
    gradient = np.array([first, second])
    words = words_in(clip_geometry(first, second, limit), revealed=1)
    for kind, name in (("norm", "by norm"), ("value", "by value")):
        x, y = clip_gradient(gradient, kind, limit)
        turned = abs(np.degrees(np.arctan2(y, x) - np.arctan2(second, first)))
        angle = f"turned by {turned:.0f}°" if turned > 0.5 else "same direction"
        assert kind == "value" or angle == "same direction"
        tip = ", ".join(f"{value:.2f}".rstrip("0").rstrip(".") for value in (x, y))
        assert f"● {name} ({tip}), {angle}".replace("-", "−") in words


def test_before_the_answer_only_the_gradient_and_its_direction_are_seen():
    spec = clip_geometry().to_dict()
    known = {"filter": "(datum.kind == 'plain' || toNumber(revealed) > 0)"}
    kinds = [
        layer
        for layer in spec["layer"]
        if layer["encoding"].get("color", {}).get("field") == "kind"
        or "stop" in str(layer["encoding"])
    ]
    assert [layer["mark"]["type"] for layer in kinds] == ["rule", "point"]
    assert all(layer["transform"][0] == known for layer in kinds)
    words = words_in(clip_geometry())
    assert [text for text in words if text.startswith("●")] == ["● gradient (3.5, 1.5)"]


def test_the_clipped_arrows_come_from_the_gradient_to_where_they_are():
    spec = clip_geometry(4.0, 1.5, 2.0).to_dict()
    arrow = next(layer for layer in spec["layer"] if "start" in str(layer["encoding"]))
    tips = {step["as"]: step["calculate"] for step in arrow["transform"] if "as" in step}
    for component, (start, end) in {"x": (4.0, 2.0), "y": (1.5, 1.5)}.items():
        for revealed in (0.0, 0.5, 1.0):
            tip = _by_value(tips[component], revealed)
            assert tip == pytest.approx(start + revealed * (end - start))


def _by_value(expression, revealed):
    """The tip of the arrow clipped by value, with the gradient (4, 1.5) and the threshold 2."""
    clamped = re.search(r"clamp\((\w+), -limit, limit\)", expression)
    start, way, _ = expression.partition(" + toNumber(revealed) * (")
    assert way and clamped and clamped[1] == start
    value = {"pull_first": 4.0, "pull_second": 1.5}[start]
    return value + revealed * (np.clip(value, -2.0, 2.0) - value)


def test_the_guess_is_named_in_the_color_of_its_arrow():
    spec = clip_geometry().to_dict()
    for place, kind in enumerate(KINDS):
        (line,) = (
            layer
            for layer in spec["layer"]
            if {"filter": f"(datum.kind === '{kind}')"} in layer.get("transform", [])
            and "field" in layer["encoding"].get("text", {})
        )
        words = next(step["calculate"] for step in line["transform"] if step.get("as") == "words")
        assert f"toNumber(guess) == {place}) ? ' ← your guess'" in words
        assert line["mark"]["color"] == COLORS[kind]
