"""What is made once is shared by all visitors, by its settings and the language."""

import threading

import altair as alt
import pandas as pd

from gradviz import language
from gradviz.ui import Frames
from gradviz.ui.made_once import Shelf, made_once


def test_a_picture_is_made_once_for_each_setting_and_language_and_is_ready_to_be_sent():
    made = []

    @made_once
    def picture(size):
        made.append(size)
        return alt.Chart(pd.DataFrame({"x": [size]})).mark_point().encode(x="x:Q")

    first = picture(1)
    assert picture(1) is first and isinstance(first["datasets"]["frame_0"], bytes)
    picture(2)
    language.use("zh")
    assert picture(1) is not first
    assert made == [1, 2, 1]


def test_frames_are_known_by_their_run_and_their_number():
    made = []

    @made_once
    def count(frames):
        made.append(len(frames))
        return sum(frames)

    run = [Frames([1, 2, 3][:n], "a run") for n in (2, 3, 3)]
    assert [count(frames) for frames in run] == [3, 6, 6]
    assert count(Frames([1, 2, 3], "a run", complete=True)) == 6
    assert made == [2, 3, 3]
    assert Frames([1], "a run") != Frames([1], "another run")


def test_who_comes_while_it_is_being_made_waits_for_it():
    shelf, made, started = Shelf(1), [], threading.Event()

    def make():
        started.set()
        made.append(1)
        threading.Event().wait(0.1)
        return len(made)

    first = threading.Thread(target=shelf.find_or_make, args=("key", make))
    first.start()
    started.wait(5)
    assert shelf.find_or_make("key", make) == 1
    first.join()
    assert made == [1]


def test_what_could_not_be_made_is_tried_again():
    shelf = Shelf(1)
    for _ in range(2):
        try:
            shelf.find_or_make("key", lambda: 1 / 0)
        except ZeroDivisionError:
            continue
        raise AssertionError("it was kept")
    assert shelf.find_or_make("key", lambda: 7) == 7


def test_the_shelf_forgets_what_was_asked_for_least_recently():
    shelf, made = Shelf(megabytes=0.1), []

    def thing(name):
        return shelf.find_or_make(name, lambda: made.append(name) or name)

    for name in "abacaba":
        thing(name)
    # There is room for two: c takes the place of b, and b that of c.
    assert "".join(made) == "abcb"
