"""The presets that the pages offer, and the mark of the test that checks one.

A test under `@ends("depth", "training", "Vanish")` is given that `Preset`, with what it sets on its
page: that the figure then comes to what the preset is called is for the test to say.
"""

import contextlib
import functools
from dataclasses import dataclass
from unittest import mock

import pyarrow as pa
import pytest
from lessons import arms_on_page, open_page

from gradviz import ui
from gradviz.charts.home.gradient_through_depth import gradient_through_depth
from gradviz.ui.lesson import shown_lessons
from gradviz.ui.live import Frames

CHECKED = set()  # by the tests that were imported


@dataclass(frozen=True)
class Preset:
    """A button that sets controls; `label` is what it is called in English."""

    lesson: str
    figure: str
    label: str

    def __str__(self):
        return f"{self.lesson}.{self.figure}: {self.label}"

    @property
    def values(self):
        """What it sets, by the controls' keys, or by the columns of buttons in a picture."""
        return offered(self.lesson)[self]

    @property
    def query(self):
        """The link that opens its figure as it does."""
        figure = lesson_of(self.lesson).figures[self.figure]
        (values,) = [preset.values for preset in figure.presets if preset.name == self.label]
        return {control.key: control.text(value) for control, value in values.items()}

    def arms(self):
        """The arms of the race that its figure then starts."""
        return arms_on_page(self.lesson, self.figure, **self.query)


def ends(lesson, figure, *labels):
    """Decorate a test that checks these presets; it is run for each, as its `preset`."""
    presets = [Preset(lesson, figure, label) for label in labels]
    CHECKED.update(presets)
    return pytest.mark.parametrize("preset", presets, ids=labels)


@functools.cache
def lesson_of(name):
    """The lesson as its page declares it."""
    with shown_lessons() as shown, undrawn():
        open_page(name)
    return shown[-1]


@functools.cache
def offered(lesson):
    """What each preset of the lesson sets; of "home", those of its picture."""
    if lesson == "home":
        return in_picture("home", "story", gradient_through_depth().vconcat[0].data)
    found = {}
    for figure in lesson_of(lesson).figures.values():
        for offer in figure.presets:
            preset = Preset(lesson, figure.name, offer.name)
            found[preset] = {control.key: value for control, value in offer.values.items()}
    for figure, buttons in buttons_in_pictures(lesson).items():
        found |= in_picture(lesson, figure, buttons)
    return found


@functools.cache
def buttons_in_pictures(lesson, **query):
    """The tables of the buttons that stand in the lesson's pictures, by figure."""
    with undrawn() as picture:
        open_page(lesson, **query)
    drawn = {call.kwargs.get("key") or call.args[1]: call.args[0] for call in picture.mock_calls}
    return {
        name.removesuffix("_chart"): as_frame(chart["datasets"]["presets"])
        for name, chart in drawn.items()
        if isinstance(chart, dict) and "presets" in chart["datasets"]
    }


def as_frame(data):
    """A picture's table, also where it is already in the format in which it is sent."""
    return pa.ipc.open_stream(data).read_pandas() if isinstance(data, bytes) else data


@contextlib.contextmanager
def undrawn():
    """While it lasts, pages open quickly: no picture is drawn, and no race."""
    with (
        mock.patch.object(ui, "picture") as picture,
        mock.patch.object(ui, "race", return_value=Frames()),
    ):
        yield picture


def in_picture(lesson, figure, buttons):
    rows = buttons.drop(columns="color").to_dict("records")
    return {Preset(lesson, figure, row.pop("name")): row for row in rows}
