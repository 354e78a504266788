"""The words of the articles that drive pictures: each sets what it says, in both languages."""

import re

import pytest
from presets import undrawn
from streamlit.testing.v1 import AppTest

from gradviz.language import LANGUAGES
from gradviz.ui import catalog
from gradviz.ui.lesson import article, slots
from gradviz.ui.words import Word, words_of

BUILT = [entry.name for entry in catalog.LESSONS if entry.built]
# The lessons on the problem are told by their words.
TOLD = ("update_rule", "chain_rule", "depth", "activations", "exploding")
DECLARED = "controls_declared"  # see gradviz/ui/controls.py


def targets(name, language):
    return [word.target for word in words_of(article(name, language))]


def test_a_word_is_read_from_its_link():
    text = (
        "after [$n=10$ layers](#scalar?w=-6.5&phi=relu) see [δ](#term-delta), [docs](https://a.b)"
    )
    (word,) = words_of(text)
    assert word == Word("scalar", (("w", "-6.5"), ("phi", "relu")))
    assert word.target == "scalar?w=-6.5&phi=relu"


@pytest.mark.parametrize("name", BUILT)
def test_both_languages_have_the_same_words_in_the_same_order(name):
    assert targets(name, "en") == targets(name, "zh")


@pytest.mark.parametrize("name", BUILT)
def test_every_word_names_a_figure_of_its_lesson_and_is_read_in_full(name):
    for language in LANGUAGES:
        text = article(name, language)
        for word in words_of(text):
            assert word.figure in slots(text), f"#{word.target}: no figure of {name}"
        links = re.findall(r"\]\(#(?!term-)(.*?)\)", text)
        assert links == targets(name, language), "a link into the page is a word or a term"


@pytest.mark.parametrize("name", TOLD)
def test_a_lesson_on_the_problem_has_words(name):
    assert 4 <= len(targets(name, "en")) <= 12


@pytest.mark.parametrize("name", BUILT)
def test_a_word_that_is_pressed_ends_with_the_controls_where_it_says(name):
    words = list(dict.fromkeys(words_of(article(name, "en"))))
    if not words:
        return
    with undrawn():
        app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
        app.query_params["lang"] = "en"
        app.switch_page(f"pages/{name}.py").run()
        for word in words:
            word.values(app.session_state[DECLARED])  # says what is wrong with it
            app.button(key=word.button).click().run()
            assert not app.exception and not app.error and not app.warning
            known = app.session_state[DECLARED]
            for control, value in word.values(known).items():
                assert app.session_state[control.key] == value, f"#{word.target}: {control.key}"


@pytest.mark.parametrize("name", BUILT)
def test_the_script_can_tell_the_words_of_a_lesson_apart(name):
    keys = {word.button for word in words_of(article(name, "en"))}
    assert len({re.sub(r"[^a-zA-Z0-9_-]", "-", key) for key in keys}) == len(keys)


def test_a_word_says_what_is_wrong_with_it():
    with undrawn():
        app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
        app.switch_page("pages/chain_rule.py").run()
    known = app.session_state[DECLARED]
    for settings, said in {
        ("nothing", "1"): "nothing is none of",
        ("omega", "1.0"): "omega=1.0 is none of a number from -8 to 8",
        ("omega", "9"): "omega=9 is none of a number from -8 to 8",
        ("walk_phi", "gelu"): "walk_phi=gelu is none of sigmoid, tanh, relu",
    }.items():
        with pytest.raises(ValueError, match=said):
            Word("walk", (settings,)).values(known)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_home_set_its_picture(language):
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    app.query_params["lang"] = language
    app.run()
    words = [word for markdown in app.markdown for word in words_of(markdown.value)]
    assert [dict(word.settings)["factor"] for word in words] == ["0.8", "1", "1.25"]
    for word in words:
        app.button(key=word.button).click().run()
        for control, value in word.values(app.session_state[DECLARED]).items():
            assert app.session_state[control.key] == value


def test_a_figure_alone_has_no_words():
    with undrawn():
        app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
        app.query_params["figure"] = "scalar"
        app.switch_page("pages/chain_rule.py").run()
    assert not [button.key for button in app.button if button.key.startswith("word_")]
