"""The picture of pre-training: what is drawn of its frames, and what the reader can scrub."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pictures import words_in

from gradviz.charts.layer_factors import layer_factors
from gradviz.charts.parts.palette import COLORS
from gradviz.charts.pretraining.layer_by_layer import (
    FULL_COLOR,
    UNITS,
    columns,
    digits,
    edges,
    errors,
    filters,
    pretraining,
)

DEPTH, EPOCHS, SIDE = 3, 10, 2


def frame(step, layer=1, epoch=1):
    return SimpleNamespace(
        step=step,
        steps=DEPTH * EPOCHS,
        layer=layer,
        epoch=epoch,
        status="finished" if step == DEPTH * EPOCHS else "running",
        error=np.array([0.1, 0.3]),
        originals=np.linspace(0, 1, 40).reshape(10, 4),
        reconstructions=np.full((10, 4), 0.5),
        filters=np.tile([[1.2, -2.4, 0.6, 0.0]], (40, 1)),
    )


def run(steps):
    at = {step: max(1, -(-step // EPOCHS)) for step in steps}
    return [frame(step, layer, step - (layer - 1) * EPOCHS) for step, layer in at.items()]


def chart(frames, kind="rbm"):
    return pretraining(frames, kind, DEPTH, EPOCHS, SIDE)


def values(pixels):
    """What the browser makes of the pixels of an image."""
    return np.frombuffer(bytes.fromhex(pixels), np.uint8) / 255


def test_errors_have_their_mean_and_range_over_the_seeds():
    (row,) = errors([frame(14, 2, 4)], EPOCHS).to_dict("records")
    level = {"middle": 0.2, "low": 0.1, "high": 0.3}
    # Under the weights that learn: 0.4 of the way from layer 1 to layer 2.
    assert row == pytest.approx({"step": 14, "layer": 2, "epoch": 4, **level, "x": 1.4})


def test_digits_stand_above_their_reconstructions_pixel_by_pixel():
    images = digits([frame(1)])
    assert images["number"].tolist() == [*range(8)] * 2
    above, below = images[images["below"] == 0], images[images["below"] == 1]
    shown = np.concatenate([values(pixels) for pixels in above["pixels"]])
    np.testing.assert_allclose(shown, np.linspace(0, 1, 40)[:32], atol=1 / 255)
    assert all(values(pixels) == pytest.approx(0.5, abs=1 / 255) for pixels in below["pixels"])
    view = chart(run(range(31)))["vconcat"][2]["layer"][0]
    (expression,) = (step["calculate"] for step in view["transform"] if step.get("as") == "value")
    assert "substring(datum.pixels, 2 * datum.pixel, 2 * datum.pixel + 2), 16" in expression
    across, down = (view["encoding"][axis]["value"]["expr"] for axis in "xy")
    assert "datum.pixel % 2 / 2" in across and "floor(datum.pixel / 2) / 2" in down


def test_weights_have_one_scale_of_color_over_all_units_and_epochs():
    images = filters([frame(1)])
    assert len(images) == 16
    np.testing.assert_allclose(values(images["pixels"][0]), [1, 0, 0.75, 0.5], atol=1 / 255)
    faint = frame(1)
    faint.filters = np.full((2, 4), FULL_COLOR / 10)
    assert values(filters([faint])["pixels"][1]) == pytest.approx(0.55, abs=1 / 255)


def test_a_line_stands_for_every_weight_up_to_the_last_hidden_layer():
    ends = edges(DEPTH, 2)
    assert len(ends) == 2 * DEPTH * UNITS**2
    pairs = ends.groupby(["layer", "number"])
    assert (pairs["x"].agg(["min", "max"]).diff(axis=1)["max"] == 1).all()
    links = pairs["unit"].agg(tuple).loc[3]
    assert len(set(links)) == UNITS**2
    assert columns(DEPTH, 2)["layer"].tolist() == [0, 1, 2, 3, 4]
    assert set(ends["learning"]) == {2}


@pytest.mark.parametrize(
    ("step", "frozen", "learning"),
    [(0, 0, 1), (1, 0, 1), (10, 0, 1), (11, 1, 2), (20, 1, 2), (21, 2, 3), (30, 2, 3)],
)
def test_one_layer_learns_and_those_below_are_frozen(step, frozen, learning):
    spec = chart(run(range(31)))
    words = words_in(as_records(spec), replay_step=step)
    assert (words.count("frozen"), words.count("learns")) == (frozen, 1)
    assert {"pixels", "1", "2", "3", "output"} <= set(words)
    (lines, *_) = spec["vconcat"][0]["layer"]
    steps = [each["calculate"] for each in lines["transform"] if "calculate" in each]
    assert steps == [f"max(1, ceil(replay_step / {EPOCHS}))"]
    assert max(1, -(-step // EPOCHS)) == learning
    assert lines["encoding"]["color"]["condition"][0]["value"] == COLORS["rbm"]


def as_records(spec):
    return {**spec, "datasets": {n: t.to_dict("records") for n, t in spec["datasets"].items()}}


@pytest.mark.parametrize("kind", ["rbm", "autoencoder"])
def test_what_learns_has_the_color_of_its_kind(kind):
    spec = chart(run(range(31)), kind)
    assert (
        spec["vconcat"][0]["layer"][0]["encoding"]["color"]["condition"][0]["value"] == COLORS[kind]
    )
    assert spec["vconcat"][1]["layer"][1]["mark"]["color"] == COLORS[kind]


def test_while_layers_learn_the_latest_epoch_is_shown():
    spec = chart(run(range(13)))
    (now,) = spec["datasets"]["now"].to_dict("records")
    assert (now["layer"], now["epoch"], now["step"]) == (2, 2, 12)
    assert len(spec["datasets"]["errors"]) == 13
    assert set(spec["datasets"]["columns"]["learning"]) == {2}
    assert words_in(as_records(spec)).count("frozen") == 1
    assert "params" not in spec


def test_at_the_end_a_slider_scrubs_through_every_epoch_of_every_layer():
    spec = chart(run(range(31)))
    slider, which = spec["params"]
    now = spec["datasets"]["now"]
    assert slider["value"] == slider["bind"]["max"] == 30 and which["value"]
    assert slider["bind"]["min"] == 0 and slider["bind"]["step"] == 1
    assert now[["step", "layer", "epoch"]].to_numpy().tolist() == [
        [0, 1, 0],
        *([step, 1 + (step - 1) // 10, 1 + (step - 1) % 10] for step in range(1, 31)),
    ]
    assert (now["until"] - now["step"])[:-1].eq(1).all()


def test_no_curve_is_seen_before_the_slider_has_come_to_it():
    curves = chart(run(range(31)))["vconcat"][1]["layer"][:3]
    assert [layer["transform"] for layer in curves] == [
        [{"filter": "datum.step <= replay_step"}]
    ] * 3
    assert all(layer["data"]["name"] == "errors" for layer in curves)
    assert "transform" not in chart(run(range(1, 13)))["vconcat"][1]["layer"][1]


def test_images_that_stay_as_they_are_are_sent_once():
    frames = run(range(1, 31))
    for each in frames[:10]:
        each.filters = np.random.default_rng(each.step).normal(size=(40, 4))
    shown = chart(frames)["datasets"]["filters"]
    assert sorted(set(shown["step"])) == list(range(1, 12))
    last = shown[shown["step"] == 11]
    assert (last["until"] > 30).all() and len(last) == 16


def test_before_the_start_the_picture_is_there_and_empty():
    spec = chart([])
    assert len(spec["vconcat"]) == 3
    assert all(len(spec["datasets"][name]) == 0 for name in ("errors", "digits", "filters", "now"))


def test_the_picture_fits_the_page_and_its_images_stay_square():
    spec = chart([])
    assert spec["autosize"]["type"] == "fit-x"
    images = spec["vconcat"][2]["layer"][0]["encoding"]
    lengths = [images[axis]["value"]["expr"].rpartition(" * ")[2] for axis in ("x", "y")]
    assert lengths[0] == lengths[1] and "width" in lengths[0]


def test_a_part_of_the_factors_is_drawn_before_anything_is_measured_and_after():
    theory = pd.DataFrame({"arm": "plain", "layer": [2, 3], "value": [0.2, 0.25]})
    row = {"arm": "plain", "step": 0, "seed": 0, "quantity": "slope", "value": 0.5}
    measured = pd.DataFrame([row | {"layer": layer} for layer in (2, 3, 4)])
    for history, layers in ((measured[:0], []), (measured, [2, 3])):
        spec = layer_factors(history, {"plain": "plain"}, theory, "slope", "slope").to_dict()
        tables = spec["datasets"].values()
        assert [row["layer"] for rows in tables for row in rows if "middle" in row] == layers
        assert "slope" in str(spec["layer"][3]["encoding"]["y"]["title"])


def test_the_data_of_a_whole_run_stay_small():
    frames = run(range(1, 31))
    random = np.random.default_rng(0)
    for each in frames:
        each.originals = np.zeros((10, 64))
        each.reconstructions = random.random((10, 64))
        each.filters = random.normal(size=(64, 64))
    tables = pretraining(frames, "rbm", DEPTH, EPOCHS, 8)["datasets"]
    tables_sent = ("errors", "digits", "filters", "now")
    sizes = [tables[name].memory_usage(index=False, deep=True).sum() for name in tables_sent]
    assert sum(sizes) < 5e5
