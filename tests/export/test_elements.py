"""What the app shows, as HTML."""

import functools
import re
from types import SimpleNamespace

import pytest

from gradviz import language
from gradviz.export.elements import Writer
from gradviz.export.harvest import harvest
from gradviz.export.pictures import Pictures


@functools.cache
def page(name, code="en"):
    language.use(code)
    return harvest(name, code)


def card(name, figure, place=0, live=None):
    of = page(name)
    state = of.states[place]
    writer = Writer(of, state, Pictures(), str, live, figure=figure)
    return writer.card(state.figure(figure))


def settings(written):
    """What the controls stand at that only a server moves."""
    found = re.findall(r'class="gradviz-setting[^"]*">(.*?) <b>(.*?)</b>', written)
    return {re.sub("<.*?>", "", label): value for label, value in found}


def test_a_control_of_the_server_is_written_as_what_it_stands_at():
    descent = settings(card("update_rule", "descent"))
    assert descent == {r"Learning rate \alpha": "0.5", "Start w_1": "0.60", "Start w_2": "-1.60"}
    assert settings(card("depth", "training"))["Hidden layers"] == "10"
    assert settings(card("depth", "training"))["Show"] == "signal δ"


def test_the_preset_of_the_state_is_lit_and_each_leads_to_its_own():
    of = page("depth")
    for place in range(4):
        target = of.target(f"training_presets_{place}", of.states[0])
        written = card("depth", "training", target)
        assert f'data-testid="stBaseButton-primary" data-goes="{target}"' in written
        assert written.count('aria-pressed="true"') == 1


def test_an_option_can_be_pressed_where_its_state_was_harvested():
    def options(written):
        return re.findall(r'role="radio" aria-checked="(\w+)" (data-goes|disabled)', written)

    assert options(card("depth", "training")) == [
        ("true", "data-goes"),
        ("false", "data-goes"),
        ("false", "data-goes"),
    ]


def test_what_a_server_does_is_offered_where_there_is_one():
    written = card("depth", "training", live=lambda figure: f"https://gradviz.example/{figure}")
    assert 'href="https://gradviz.example/training"' in written and "Train it live" in written
    alone = card("depth", "training")
    assert "href" not in alone and "live" not in alone and "New seed" not in alone


def test_a_form_that_only_a_server_answers_is_named():
    written = card("lab", "task")
    assert "the work of a server" in written and "<input" not in written


def test_an_element_that_it_does_not_know_stops_the_export():
    writer = Writer(page("depth"), page("depth").states[0], Pictures(), str)
    with pytest.raises(NotImplementedError, match="metric"):
        writer.write(SimpleNamespace(type="metric", key=None))
