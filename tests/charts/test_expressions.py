"""Words inside Vega expressions: no quote, backslash or apostrophe of any language breaks one."""

from pathlib import Path
from xml.etree import ElementTree

import altair as alt
import pictures
import pytest
import vl_convert
from pictures import PICTURES, spec_of

from gradviz import language
from gradviz.charts.parts.expressions import in_words, lookup, quoted, tooltip_line

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "'\"\\"
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


class Hostile(dict):
    """The translations of a language in which each text ends with all that could end a quote."""

    def get(self, english, default=None):
        return english + HOSTILE


@pytest.fixture
def hostile_language(monkeypatch):
    monkeypatch.setitem(language.LANGUAGES, "hostile", "hostile")
    monkeypatch.setattr(language, "_strings", lambda code: Hostile())
    language.use("hostile")


def drawn(spec):
    """All texts that Vega draws, as it would on the page; an expression that is wrong raises."""
    svg = ElementTree.fromstring(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))
    return [text for node in svg.iter() if node.tag.endswith("}text") for text in node.itertext()]


def evaluated(expression, **columns):
    """What Vega makes of an expression, for a row with these columns."""
    return drawn(
        {
            "data": {"values": [columns]},
            "transform": [{"calculate": expression, "as": "words"}],
            "mark": "text",
            "encoding": {"text": {"field": "words", "type": "nominal"}},
        }
    )


def test_every_module_of_charts_is_among_the_pictures():
    charts = ROOT / "gradviz" / "charts"
    modules = {
        ".".join(("gradviz", "charts", *path.relative_to(charts).with_suffix("").parts))
        for path in charts.rglob("*.py")
        if path.stem != "__init__" and "parts" not in path.parts
    }
    used = {getattr(value, "__module__", None) for value in vars(pictures).values()}
    # The grounds on which pictures stand, the colors of digits, and a picture of a race alone.
    grounds = {"surface", "clipping.relief", "batchnorm.digits", "notebook"}
    assert modules - used == {f"gradviz.charts.{name}" for name in grounds}


@pytest.mark.usefixtures("hostile_language")
@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_drawn_with_quotes_and_backslashes_in_every_text(name):
    texts = [text for text in drawn(spec_of(name)) if "\\" in text]
    assert texts
    # No other backslash is drawn, so each must stand at the end of a whole HOSTILE.
    assert [text for text in texts if text.count("\\") != text.count(HOSTILE)] == []


@pytest.mark.parametrize("text", ["L'entrée", 'say "z"', "a\\", "\\'", "{x}", "", "深度 🙂"])
def test_vega_reads_a_quoted_text_as_it_was(text):
    assert "".join(evaluated(f"{quoted(text)} + '|'")) == f"{text}|"


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\u2029", "\0"])
def test_no_line_end_ends_a_quoted_text(end):
    assert evaluated(f"length({quoted(f'a{end}b')})") == ["3"]


def test_values_of_the_browser_stand_in_the_sentence_where_the_language_wants_them():
    values = {"n": "datum.layer", "m": "datum.epoch"}
    assert evaluated(in_words("couche {n}, l'époque {m}", **values), layer=3, epoch=7) == [
        "couche 3, l'époque 7"
    ]
    assert evaluated(in_words("{m}{n}", **values), layer=3, epoch=7) == ["73"]
    with pytest.raises(KeyError, match="missing"):
        in_words("{missing}")


def test_names_are_looked_up_whatever_they_contain():
    names = {"it's": 'the "first"', "\\": "the second"}
    assert evaluated(lookup(names, "datum.key"), key="it's") == ['the "first"']
    assert evaluated(lookup(names, "datum.key"), key="\\") == ["the second"]


def test_the_title_of_a_tooltip_survives_vega_lite():
    spec = alt.Chart({"values": [{"x": 1}]}).mark_point()
    assert drawn(spec.encode(tooltip=[tooltip_line("x:Q", HOSTILE, ".2f")]).to_dict()) == []


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_painted_by_the_address_of_the_page(name):
    """Such paint, a gradient's, is gone when a control writes itself into the address."""
    svg = vl_convert.vegalite_to_svg(spec_of(name), vl_version=VEGA_LITE)
    assert "<svg" in svg and 'fill="url(' not in svg
