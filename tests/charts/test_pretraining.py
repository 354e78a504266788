"""The picture of pre-training: what is drawn of its frames, and what the reader can scrub."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from gradviz.charts.layer_factors import layer_factors
from gradviz.charts.pretraining.layer_by_layer import digits, errors, filters, pretraining

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
        filters=np.tile([[1.0, -2.0, 0.5, 0.0]], (40, 1)),
    )


def run(steps):
    return [frame(step, 1 + (step - 1) // EPOCHS, 1 + (step - 1) % EPOCHS) for step in steps]


def chart(frames):
    return pretraining(frames, DEPTH, EPOCHS, SIDE)


def values(pixels):
    """What the browser makes of the pixels of an image."""
    return np.frombuffer(bytes.fromhex(pixels), np.uint8) / 255


def test_errors_have_their_mean_and_range_over_the_seeds():
    (row,) = errors([frame(1)]).to_dict("records")
    level = {"middle": 0.2, "low": 0.1, "high": 0.3}
    assert row == pytest.approx({"step": 1, "layer": 1, "epoch": 1, **level})


def test_digits_stand_above_their_reconstructions_pixel_by_pixel():
    images = digits([frame(1)])
    assert images["number"].tolist() == [*range(8)] * 2
    above, below = images[images["below"] == 0], images[images["below"] == 1]
    shown = np.concatenate([values(pixels) for pixels in above["pixels"]])
    np.testing.assert_allclose(shown, np.linspace(0, 1, 40)[:32], atol=1 / 255)
    assert all(values(pixels) == pytest.approx(0.5, abs=1 / 255) for pixels in below["pixels"])
    view = chart(run(range(1, 31)))["vconcat"][1]["layer"][0]
    (expression,) = (step["calculate"] for step in view["transform"] if step.get("as") == "value")
    assert "substring(datum.pixels, 2 * datum.pixel, 2 * datum.pixel + 2), 16" in expression
    across, down = (view["encoding"][axis]["value"]["expr"] for axis in "xy")
    assert "datum.pixel % 2 / 2" in across and "floor(datum.pixel / 2) / 2" in down


def test_weights_are_scaled_to_the_largest_of_their_unit():
    images = filters([frame(1)])
    assert len(images) == 32
    np.testing.assert_allclose(values(images["pixels"][0]), [0.75, 0, 0.625, 0.5], atol=1 / 255)
    blank = frame(1)
    blank.filters = np.zeros((2, 4))
    assert values(filters([blank])["pixels"][1]) == pytest.approx(0.5, abs=1 / 255)


def test_while_layers_learn_the_latest_epoch_is_shown():
    spec = chart(run(range(1, 13)))
    (now,) = spec["datasets"]["now"].to_dict("records")
    assert (now["layer"], now["epoch"], now["step"]) == (2, 2, 12)
    assert len(spec["datasets"]["errors"]) == 12
    assert "params" not in spec


def test_at_the_end_a_slider_scrubs_through_every_epoch_of_every_layer():
    spec = chart(run(range(1, 31)))
    slider, which = spec["params"]
    now = spec["datasets"]["now"]
    assert slider["value"] == slider["bind"]["max"] == 30 and which["value"]
    assert slider["bind"]["step"] == 1
    assert now[["step", "layer", "epoch"]].to_numpy().tolist() == [
        [step, 1 + (step - 1) // 10, 1 + (step - 1) % 10] for step in range(1, 31)
    ]
    assert (now["until"] - now["step"])[:-1].eq(1).all()


def test_no_curve_is_seen_before_the_slider_has_come_to_it():
    curves = chart(run(range(1, 31)))["vconcat"][0]["layer"][:3]
    assert [layer["transform"] for layer in curves] == [
        [{"filter": "datum.step <= replay_step"}]
    ] * 3
    assert all(layer["data"]["name"] == "errors" for layer in curves)
    assert "transform" not in chart(run(range(1, 13)))["vconcat"][0]["layer"][1]


def test_images_that_stay_as_they_are_are_sent_once():
    frames = run(range(1, 31))
    for each in frames[:10]:
        each.filters = np.random.default_rng(each.step).normal(size=(40, 4))
    shown = chart(frames)["datasets"]["filters"]
    assert sorted(set(shown["step"])) == list(range(1, 12))
    last = shown[shown["step"] == 11]
    assert (last["until"] > 30).all() and len(last) == 32


def test_before_the_start_the_picture_is_there_and_empty():
    spec = chart([])
    assert len(spec["vconcat"]) == 2
    assert all(len(spec["datasets"][name]) == 0 for name in ("errors", "digits", "filters", "now"))


def test_the_picture_fits_the_page_and_its_images_stay_square():
    spec = chart([])
    assert spec["autosize"]["type"] == "fit-x"
    images = spec["vconcat"][1]["layer"][0]["encoding"]
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
    tables = pretraining(frames, DEPTH, EPOCHS, 8)["datasets"]
    tables_sent = ("errors", "digits", "filters", "now")
    sizes = [tables[name].memory_usage(index=False, deep=True).sum() for name in tables_sent]
    assert sum(sizes) < 5e5
