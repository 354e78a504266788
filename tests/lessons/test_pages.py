"""Every page, in both languages, through Streamlit's own test bench: no server, no browser."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from gradviz.language import LANGUAGES
from gradviz.ui import catalog
from gradviz.ui.lesson import article, slots

BUILT = [entry for entry in catalog.LESSONS if entry.built]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
TIMEOUT = 60


def open_page(page, **query):
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=TIMEOUT)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(page)
    app.run()
    return app


def texts(app):
    """What a visitor reads: prose, labels, help, without code."""
    elements = [*app.markdown, *app.caption, *app.title, *app.warning, *app.info]
    widgets = [*app.button, *app.slider, *app.selectbox, *app.toggle, *app.select_slider]
    return [element.value for element in elements] + [widget.label for widget in widgets]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", ["app.py", *(entry.page for entry in BUILT)])
def test_page_opens_without_an_error(page, language):
    app = open_page(page, lang=language)
    assert not app.exception and not app.error and not app.warning
    assert app.title


@pytest.mark.parametrize("page", ["app.py", *(entry.page for entry in BUILT)])
def test_english_pages_hold_no_chinese_and_chinese_labels_are_chinese(page):
    english = texts(open_page(page, lang="en"))
    assert not [text for text in english if CHINESE.search(text)]
    chinese = open_page(page, lang="zh")
    assert CHINESE.search(chinese.title[0].value)
    for widget in (*chinese.slider, *chinese.selectbox, *chinese.toggle, *chinese.button):
        assert CHINESE.search(widget.label) or not re.search(r"[A-Za-z]{4}", widget.label), (
            widget.label
        )


@pytest.mark.parametrize("entry", BUILT, ids=lambda entry: entry.name)
def test_each_figure_can_be_shown_alone(entry):
    for figure in slots(article(entry.name, "en")):
        app = open_page(entry.page, lang="en", figure=figure)
        assert not app.exception and not app.error and not app.warning
        assert not app.title, "an embedded figure has no article around it"


@pytest.mark.parametrize("entry", BUILT, ids=lambda entry: entry.name)
def test_every_control_has_help(entry):
    app = open_page(entry.page, lang="en")
    for widget in (*app.slider, *app.selectbox, *app.toggle, *app.select_slider):
        assert widget.help, widget.label


def test_an_unknown_figure_is_named_with_the_known_ones():
    app = open_page(BUILT[0].page, lang="en", figure="nonsense")
    assert "nonsense" in app.warning[0].value
    assert slots(article(BUILT[0].name, "en"))[0] in app.warning[0].value


@pytest.mark.parametrize(
    ("page", "figure", "key", "allowed"),
    [
        ("batchnorm", "why", "lr", "0.05, 0.2, 1"),
        ("regularization", "why", "strength", "0.001, 0.003"),
        ("residual", "race", "depth", "20, 40, 56"),
        ("pretraining", "race", "depth", "5, 8"),
        ("clipping", "cliff", "w", "a number from 4 to 7"),
    ],
)
def test_a_value_that_a_link_cannot_set_is_named_once_and_the_figure_is_drawn(
    page, figure, key, allowed
):
    app = open_page(f"pages/{page}.py", lang="en", figure=figure, **{key: "nonsense"})
    assert not app.exception and not app.error
    (warning,) = app.warning
    assert f"{key}=nonsense" in warning.value and allowed in warning.value
    assert app.caption, "the figure says what to see"
