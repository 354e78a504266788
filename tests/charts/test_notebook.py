"""What a notebook shows without a network; the picture itself: test_without_streamlit.py."""

import html
import re
import sys

import altair as alt
import pytest

import gradviz
from gradviz import Recipe, race


class Watched:
    def plot(self):
        return alt.Chart({"values": [{"a": 1}]}).mark_point().encode(x="a:Q")


def page_of(shown):
    (page,) = re.findall(r'srcdoc="([^"]*)"', shown._repr_html_())
    return html.unescape(page)


@pytest.mark.parametrize("kind", ["record", "chart", "run"])
def test_it_shows_what_has_a_picture_and_asks_nothing_of_the_network(kind, tmp_path):
    run = race({"one": Recipe(depth=2, width=3, steps=2)}, 1)
    what = {"record": Watched(), "chart": Watched().plot(), "run": run}[kind]
    shown = gradviz.show(what)
    page = page_of(shown)
    assert page == shown.page and "vegaEmbed('#vis'" in page
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page)
    assert ('"replay_step"' in page) == (kind == "run")
    shown.save(tmp_path / "picture.html")
    assert (tmp_path / "picture.html").read_text(encoding="utf-8") == page


def test_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ImportError, match="pip install vl-convert-python"):
        gradviz.show(Watched())
