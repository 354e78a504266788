import base64
import math
import struct
import zlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pictures import words_in

from gradviz import language
from gradviz.charts.parts.handles import REPLAY, RUN
from gradviz.charts.surface import PIXELS, surface_frame, surface_image
from gradviz.charts.update_rule.descent import descent_chart
from gradviz.charts.update_rule.plateau import plateau_chart
from gradviz.theory.landscape import descend, fit, samples, unit_loss, unit_walks

SCENE = fit(*samples())
PLACES = pd.DataFrame({"a": [0.0], "b": [0.0], "name": ["saddle"]})


def chart(lr=0.5, steps=6):
    return descent_chart(SCENE, descend(SCENE, (0.6, -1.6), lr, steps), lr, PLACES)


def test_cells_lie_on_the_steps_of_the_start_sliders():
    cells = surface_frame(SCENE)
    assert np.allclose(cells["a"] / 0.2, (cells["a"] / 0.2).round())
    cell = cells.query("a == 0.6 and b == -1.6").iloc[0]
    assert 10 ** cell["decade"] == pytest.approx(SCENE.evaluate(0.6, -1.6)[0])
    assert cell["left"] == pytest.approx(0.5) and cell["bottom"] == pytest.approx(-1.7)


def test_the_map_is_smooth_and_each_of_its_pixels_is_the_loss_there():
    head, _, code = surface_image(SCENE).partition(",")
    assert head == "data:image/png;base64" and len(code) < 20_000
    data = base64.b64decode(code)
    chunks, at = {}, 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        chunks[data[at + 4 : at + 8]] = data[at + 8 : at + 8 + size]
        at += size + 12
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert (width, height) == PIXELS
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert set(rows[:, 0]) == {2}
    indices = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8)
    for row, column in ((0, 0), (50, 100), (120, 150), (199, 319)):
        a, b = -6 + (column + 0.5) * 12 / width, 6 - (row + 0.5) * 12 / height
        share = (np.log10(SCENE.evaluate(a, b)[0]) + 3) / 4
        assert indices[row, column] == pytest.approx(255 * np.clip(share, 0, 1), abs=1)
    # The colors are those of the cells' scale, which the legend explains.
    scale = chart()["vconcat"][0]["layer"][1]["encoding"]["color"]["scale"]
    palette = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(256, 3)
    ends = [list(bytes.fromhex(scale["range"][end][1:])) for end in (0, -1)]
    assert palette[[0, 255]].tolist() == ends
    assert scale["domain"] == pytest.approx([-3, -2, -1, 0, 1])


def test_the_loss_is_named_as_the_mean_that_it_is():
    x, y = samples()
    assert SCENE.evaluate(0.6, -1.6)[0] == pytest.approx(
        np.mean((np.tanh(-1.6 * np.tanh(0.6 * x)) - y) ** 2)
    )
    assert len(x) == 21 and "mean loss" in str(chart()["vconcat"][0])


def test_words_are_the_update_rule_with_the_numbers_of_the_step():
    words = chart()["datasets"]["words"].query("step == 0")
    _, by_a, by_b = SCENE.evaluate(0.6, -1.6)
    for text, start, gradient in zip(words["words"], (0.6, -1.6), (by_a, by_b), strict=True):
        left, after = text.replace("−", "-").split(" = ")
        assert f"{start:.3f} - 0.5 × ({gradient:.3f})" in left
        assert float(after) == pytest.approx(start - 0.5 * gradient, abs=6e-4)


def test_a_press_on_the_surface_selects_a_start():
    params = {param["name"]: param for param in chart()["params"]}
    assert params["start"]["select"]["fields"] == ["a", "b"]
    assert params[REPLAY]["bind"]["max"] == 6


def without_run(spec):
    """What is drawn, without the data and without the name by which the page knows the path."""
    params = [param for param in spec["params"] if param["name"] != RUN]
    return {**spec, "params": params, "datasets": None}


def test_only_the_data_change_with_the_path_and_titles_with_the_language():
    first, second = chart(), chart(lr=2.0)
    assert without_run(first) == without_run(second)
    assert not first["datasets"]["path"].equals(second["datasets"]["path"])
    language.use("zh")
    assert "损失曲面" in chart()["description"]
    language.use("en")


def test_each_path_is_a_run_of_its_own_to_the_page_that_plays_it_once():
    runs = [
        next(param["value"] for param in picture["params"] if param["name"] == RUN)
        for picture in (chart(), chart(), chart(lr=2.0))
    ]
    assert runs[0] == runs[1] != runs[2]


def test_points_that_are_not_finite_are_left_out_of_the_path_only():
    steep = replace(SCENE, evaluate=lambda a, b: (a**4 + b**4, 4 * a**3, 4 * b**3))
    walk = descend(steep, (3.0, 3.0), 1.0, 9)
    assert 0 < walk.lost_at < 9
    datasets = descent_chart(steep, walk, 1.0, PLACES)["datasets"]
    assert len(datasets["path"]) == walk.lost_at
    assert len(datasets["words"]) == 2 * 9


def plateau(start=8.0):
    weights = np.round(np.arange(-20, 91) / 10, 1)
    loss, gradient = unit_loss(weights)
    curve = pd.DataFrame({"w": weights, "loss": loss, "gradient": gradient})
    curve["output"] = 1 / (1 + np.exp(-weights))
    walks = pd.DataFrame(unit_walks(weights, 1.0, 5), columns=weights)
    rows = walks.rename_axis(index="step", columns="w").stack().rename("at").reset_index()
    presets = pd.DataFrame({"name": ["one"], "color": ["#000"], "w": [1.0]})
    return plateau_chart(curve, rows.assign(loss=unit_loss(rows["at"])[0]), presets, start)


def test_plateau_starts_where_it_is_told_and_tells_where_the_walk_ends():
    spec = plateau(2.0)
    assert {param["name"]: param["value"] for param in spec["params"]}["start"] == 2.0
    table = plateau()["datasets"]["ends"].set_index("w")
    slope = 2 / (1 + math.exp(-8)) * math.exp(-8) / (1 + math.exp(-8)) ** 2
    assert table.loc[8.0, "gradient"] == pytest.approx(slope)
    assert table.loc[8.0, "at"] == pytest.approx(8 - 5 * slope, rel=1e-4)
    assert "from 8.0 to 8.00" in table.loc[8.0, "told"]


def test_what_is_said_of_the_unit_is_said_of_the_start_that_the_ring_is_at():
    saturated, right = (words_in(plateau(w), revealed=1) for w in (8.0, -2.0))
    assert [text for text in saturated if "move w from 8.0" in text]
    assert "saturated: as wrong as can be, and it stays" in saturated
    assert [text for text in right if "move w from -2.0" in text]
    assert "nearly right from the start" in right


def test_until_the_answer_is_revealed_nothing_tells_how_steep_it_is_at_the_right():
    covered = words_in(plateau(), revealed=0, guess=2)
    assert "at w = 8.0 the unit says 0.9997, and should say 0" in covered
    assert {"your guess", "at w = 1: 0.29"} <= set(covered)
    assert not [text for text in covered if "∂L/∂w =" in text or "saturated:" in text]


def test_a_start_off_the_walks_is_named():
    with pytest.raises(ValueError, match="start=11"):
        plateau(11.0)
