"""Each preset sets all that it needs, and has a test of what it is called."""

import importlib.util
from pathlib import Path
from unittest import mock

import pytest
from lessons import open_page
from presets import CHECKED, Preset, ends, lesson_of, offered, undrawn

from gradviz.charts.beam import EXPLODED, VANISHED
from gradviz.charts.home import gradient_through_depth as home
from gradviz.ui import catalog
from gradviz.ui.controls import Control

LESSONS = [entry.name for entry in catalog.LESSONS if entry.built]


def import_the_tests_of_all_lessons():
    for path in Path(__file__).parent.glob("test_*.py"):
        spec = importlib.util.spec_from_file_location(f"presets_of_{path.stem}", path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_every_preset_has_a_test_that_checks_it():
    import_the_tests_of_all_lessons()
    known = {preset for name in ("home", *LESSONS) for preset in offered(name)}
    assert len(known) > 40
    assert not sorted(map(str, known - CHECKED)), "checked by no test: see presets.ends"
    assert not sorted(map(str, CHECKED - known)), "offered by no page"


@pytest.mark.parametrize("name", LESSONS)
def test_a_preset_sets_every_control_of_its_figure(name):
    for figure in lesson_of(name).figures.values():
        for preset in figure.presets:
            shown = controls_shown(Preset(name, figure.name, preset.name))
            left = shown - {control.key for control in preset.values}
            assert not left, (figure.name, preset.name)
            assert preset.sentence, (figure.name, preset.name)


def controls_shown(preset):
    """The keys of the controls that stand beside the figure once the preset is pressed."""
    with mock.patch.object(Control, "draw", autospec=True) as drawn, undrawn():
        open_page(preset.lesson, figure=preset.figure, **preset.query)
    return {call.args[0].key for call in drawn.call_args_list}


def layer_one(preset):
    """What the first layer receives in the picture of the home page as it opens."""
    params = home.gradient_through_depth().to_dict()["params"]
    (depth,) = (param["value"] for param in params if param["name"] == home.DEPTH)
    return preset.values["factor"] ** (depth - 1)


@ends("home", "story", "halving", "vanishing")
def test_home_vanishing_ends_in_the_zone_of_that_name(preset):
    assert layer_one(preset) < VANISHED / 3


@ends("home", "story", "healthy")
def test_home_healthy_hands_on_what_it_gets(preset):
    assert layer_one(preset) == 1


@ends("home", "story", "exploding")
def test_home_exploding_ends_in_the_zone_of_that_name(preset):
    assert layer_one(preset) > EXPLODED * 3
