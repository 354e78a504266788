"""The picture of pre-training: what is drawn of its frames, and what the reader can scrub."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from gradviz.charts.layer_factors import layer_factors
from gradviz.charts.pretraining.layer_by_layer import SLIDES, digits, errors, filters, pretraining

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


def test_errors_have_their_mean_and_range_over_the_seeds():
    (row,) = errors([frame(1)]).to_dict("records")
    assert row == pytest.approx({"layer": 1, "epoch": 1, "middle": 0.2, "low": 0.1, "high": 0.3})


def test_digits_stand_above_their_reconstructions_pixel_by_pixel():
    pixels = digits(frame(1))
    assert len(pixels) == 2 * 8 * 4
    above, below = pixels[pixels["row"] < 1.1], pixels[pixels["row"] > 1.1]
    np.testing.assert_allclose(above["value"], np.linspace(0, 1, 40)[:32], rtol=1e-6)
    assert (below["value"] == 0.5).all()
    assert pixels[["row", "column"]].iloc[:4].to_numpy().tolist() == [
        [0, 0],
        [0, 0.5],
        [0.5, 0],
        [0.5, 0.5],
    ]


def test_weights_are_scaled_to_the_largest_of_their_unit():
    pixels = filters(frame(1))
    assert len(pixels) == 32 * 4
    np.testing.assert_allclose(pixels["value"].iloc[:4], [0.5, -1, 0.25, 0])
    blank = frame(1)
    blank.filters = np.zeros((2, 4))
    assert (filters(blank)["value"] == 0).all()


def test_while_layers_learn_the_latest_epoch_is_shown():
    spec = chart(run(range(1, 13)))
    (now,) = spec["datasets"]["now"].to_dict("records")
    assert (now["layer"], now["epoch"], now["step"]) == (2, 2, 12)
    assert len(spec["datasets"]["errors"]) == 12
    assert "params" not in spec


def test_at_the_end_a_slider_scrubs_through_a_few_epochs_of_every_layer():
    spec = chart(run(range(1, 31)))
    slider, which = spec["params"]
    now = spec["datasets"]["now"]
    assert slider["value"] == slider["bind"]["max"] == 30 and which["value"]
    assert set(now["layer"]) == {1, 2, 3}
    assert now.iloc[-1].to_dict() == {"layer": 3, "epoch": 10, "step": 30, "until": 31}
    assert len(now) == SLIDES
    assert set(spec["datasets"]["digits"]["step"]) == set(now["step"])


def test_before_the_start_the_picture_is_there_and_empty():
    spec = chart([])
    assert len(spec["vconcat"]) == 3
    assert all(len(spec["datasets"][name]) == 0 for name in ("errors", "digits", "filters", "now"))


def test_the_picture_fits_the_page_and_its_images_stay_square():
    spec = chart([])
    assert spec["autosize"]["type"] == "fit-x"
    images = spec["vconcat"][1]
    assert "width" in images["encoding"]["x"]["scale"]["domain"][1]["expr"]
    assert "width" not in images


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
    for each in frames:
        each.originals = each.reconstructions = np.zeros((10, 64))
        each.filters = np.zeros((64, 64))
    tables = pretraining(frames, DEPTH, EPOCHS, 8)["datasets"]
    assert sum(t.memory_usage(index=False).sum() for t in tables.values() if len(t)) < 1e6
