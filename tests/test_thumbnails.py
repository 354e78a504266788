"""What home's cards show is what was recorded, or exact."""

import numpy as np
import pytest

from gradviz import store, thumbnails
from gradviz.recipe import Recipe
from gradviz.snapshots import Snapshot
from gradviz.ui import catalog


def snapshot(arm, step, delta):
    numbers = np.zeros(len(delta))
    layers = {"delta": np.array(delta, dtype=float)}
    seeds = tuple(range(len(delta)))
    fields = dict.fromkeys(("loss", "accuracy", "gradient_norm", "clipped", "penalty"), numbers)
    return Snapshot(
        arm=arm, step=step, steps=4, seeds=seeds, layers=layers, histograms={}, events=(),
        status="running", **fields,
    )  # fmt: skip


@pytest.fixture
def race(tmp_path, monkeypatch):
    """A recorded race of two arms: its key."""
    key = ((("plain", Recipe()), ("l2", Recipe(l2=0.1))), 3)
    content = [
        snapshot("plain", 0, [[1, 1, 1, 9]] * 3),
        snapshot("l2", 0, [[1, 1, 1, 9]] * 3),
        snapshot("plain", 4, [[1, 0, np.nan, 9], [4, 0, 1, 9], [2, 0, 1, 9]]),
        snapshot("l2", 4, [[0.125, 0.25, 0.5, 9]] * 3),
    ]
    monkeypatch.setenv(store.FOLDER, str(tmp_path))
    store.keep(key, content)
    return key


def test_of_a_race_it_is_the_signal_of_the_hidden_layers_at_the_telling_step(race):
    other = ((("plain", Recipe()),), 3)
    beams = thumbnails.of_race("regularization", [("measured", "f"), other, race])
    assert beams == {"plain": [2.0, 0.0, None], "l2": [0.125, 0.25, 0.5]}


def test_a_lesson_without_its_race_is_named(race):
    with pytest.raises(LookupError, match="residual"):
        thumbnails.of_race("residual", [race])


def test_exact_beams_are_products_of_factors():
    sigmoid = thumbnails.exact("activations")["sigmoid"]
    assert sigmoid == pytest.approx([0.25 ** (9 - layer) for layer in range(10)], rel=0.01)
    assert thumbnails.exact("update_rule")["tanh"] == [1.0] * 10
    walk = thumbnails.exact("chain_rule")["sigmoid"]
    assert len(walk) == 4
    assert walk == sorted(walk)


def test_of_the_lesson_on_precision_the_beam_is_gone_in_float16():
    beams = thumbnails.exact("precision")
    assert beams["float16"][0] == 0 < beams["float32"][0]
    assert beams["float16"][-8:] == pytest.approx(beams["float32"][-8:], rel=0.01)


def test_exact_beams_in_the_file_are_those_of_today():
    for lesson in ("update_rule", "chain_rule", "activations", "precision"):
        assert thumbnails.read()[lesson] == thumbnails.exact(lesson)


def test_every_lesson_has_its_beams():
    built = {entry.name for entry in catalog.LESSONS if entry.built}
    assert set(thumbnails.read()) == built


def test_what_is_written_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(thumbnails, "FILE", tmp_path / "beams.json")
    assert thumbnails.read() == {}
    beams = {"depth": {"deep": [0.0, None, 1e-8]}}
    thumbnails.write(beams)
    assert thumbnails.read() == beams
