"""A picture that ships is taken as it is, unless what draws it has been edited since."""

import os

import altair as alt
import pandas as pd
import pytest

from gradviz import store
from gradviz.recipe import Recipe
from gradviz.ui import made_once, shipped
from gradviz.ui.live import Frames
from gradviz.ui.made_once import forget

drawn = []


@made_once
def drawing(height: int, recipe: Recipe | None = None, frames: Frames | None = None) -> alt.Chart:
    drawn.append(height)
    return alt.Chart(pd.DataFrame({"x": [1.5, 2.5]})).mark_point().properties(height=height)


@made_once
def sentence(word: str) -> str:
    drawn.append(word)
    return word


@pytest.fixture(autouse=True)
def fresh_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    drawn.clear()
    forget()
    yield
    forget()


def ship(*settings):
    """Draw with `settings` and ship what comes; the files."""
    with shipped.drawn_anew() as noted:
        drawing(*settings)
    drawn.clear()
    forget()
    return [shipped.write(key, picture) for key, picture in noted.items()]


def test_what_ships_is_shown_and_not_drawn():
    once = drawing(50)
    forget()
    ship(50)
    assert drawing(50) == once and not drawn


def test_other_settings_are_drawn():
    ship(50, Recipe(depth=3))
    drawing(50, Recipe(depth=4))
    assert drawn == [50]


def test_the_language_decides(monkeypatch):
    ship(50)
    monkeypatch.setattr(shipped, "current", lambda: "zh")
    drawing(50)
    assert drawn == [50]


def test_frames_are_told_by_their_run():
    def frames(seed, complete=True):
        return Frames([1, 2], key=((("a", Recipe(seed=seed)),), 3), complete=complete)

    ship(50, None, frames(1))
    drawing(50, None, frames(1))
    assert not drawn
    drawing(50, None, frames(2))
    drawing(50, None, frames(1, complete=False))
    assert drawn == [50, 50]


def test_after_an_edit_it_is_drawn_anew():
    (file,) = ship(50)
    os.utime(file, (0, 0))
    drawing(50)
    assert drawn == [50]


def test_a_broken_file_is_as_none(caplog):
    (file,) = ship(50)
    file.write_bytes(b"not a record")
    drawing(50)
    assert drawn == [50]


def test_sentences_do_not_ship():
    with shipped.drawn_anew() as noted:
        sentence("a word")
    assert drawn == ["a word"] and not noted


def test_what_ships_is_sent_byte_for_byte():
    once = drawing(50)
    forget()
    (file,) = ship(50)
    again = drawing(50)
    assert again["datasets"] == once["datasets"] and store.read(file)["datasets"].keys() == {
        "frame_0"
    }
