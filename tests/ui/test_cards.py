"""The cards of home: each lesson has its picture, and words for who cannot see it."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from gradviz import language, thumbnails
from gradviz.ui import cards, catalog


@pytest.fixture(params=language.LANGUAGES)
def pictures(request):
    """The cards' pictures on home, as HTML."""
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    app.query_params["lang"] = request.param
    app.run()
    assert not app.exception
    bodies = [element.proto.body for element in app.get("html")]
    return [body for body in bodies if body.startswith('<img class="gradviz-beam"')]


def test_every_lesson_has_a_picture_with_its_own_words(pictures):
    alts = [re.search('alt="([^"]+)"', picture)[1] for picture in pictures]
    assert len(alts) == len(thumbnails.read())
    assert len(set(alts)) == len(alts)


def test_all_pictures_together_are_light(pictures):
    assert sum(map(len, pictures)) < 60_000


def test_every_arm_has_a_name():
    arms = {arm for beams in thumbnails.read().values() for arm in beams}
    assert arms <= cards._ARMS.keys()


def test_the_words_are_the_numbers():
    picture = cards._picture((("plain", (1e-7, 1e-3, 1.0)), ("relu", (None, 1.0, 1.0))))
    assert "without the remedy: 1·10⁻⁷; ReLU: overflow" in picture
