"""The states in which pages are harvested, and what leads to them."""

import functools

import pytest

from gradviz import language
from gradviz.export.harvest import harvest
from gradviz.ui import catalog


@functools.cache
def depth():
    return harvest("depth", "en")


def test_a_preset_and_a_word_lead_to_the_state_that_they_name():
    page = depth()
    first = page.states[0]
    assert page.target("training_presets_0", first) == 0
    reached = page.states[page.target("training_presets_2", first)]
    assert reached.settings["activation"] == "tanh" and reached.settings["depth"] == "10"
    words = [button for button in page.settings_of if button.startswith("word_training?")]
    assert words
    for word in words:
        settings = page.states[page.target(word, first)].settings
        assert page.settings_of[word].items() <= settings.items()


def test_what_is_not_set_stays_as_it_is_where_that_was_harvested():
    page = depth()
    first = page.states[0]
    relu = page.find(first, {"activation": "relu"})
    assert page.states[relu].settings == {**first.settings, "activation": "relu"}
    deep = page.states[page.target("training_presets_3", first)]
    assert page.find(deep, {"activation": "sigmoid"}) is None
    assert page.target("training_train", first) is None


def test_no_harvested_figure_waits_for_a_run():
    for state in depth().states:
        for name in depth().figures:
            assert "progress" not in kinds(state.figure(name))


def kinds(node):
    return {child.type for child in node.children.values()}.union(
        *(kinds(child) for child in node.children.values() if hasattr(child, "children"))
    )


def test_home_has_one_state_and_its_story():
    page = harvest("home", "zh")
    assert len(page.states) == 1 and list(page.figures) == ["story"]
    assert page.title == "梯度为何会消失，又为何会爆炸"
    assert ".st-key-page_script" in page.style and "window.gradviz.speak" in page.script


def test_a_page_that_complains_is_not_harvested(monkeypatch):
    language.use("en")
    monkeypatch.setattr(catalog, "find", lambda name: catalog.LESSONS[0])
    from gradviz.export import harvest as module

    with pytest.raises(RuntimeError, match="complains"):
        module._opened("update_rule", {"lang": "en", "lr": "many"})
