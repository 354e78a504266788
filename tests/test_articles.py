"""The two languages of a lesson say the same, in short passages, and ask for the same figures."""

import re

import pytest

from gradviz.language import LANGUAGES
from gradviz.ui import catalog
from gradviz.ui.lesson import article, slots

BUILT = [entry.name for entry in catalog.LESSONS if entry.built]
LONGEST_PASSAGE = 120  # words


def path(name, language):
    return catalog.ROOT / "pages" / language / f"{name}.md"


def figures_declared(name):
    source = (catalog.ROOT / "pages" / f"{name}.py").read_text(encoding="utf-8")
    return re.findall(r"^@lesson\.figure\([^@]*?^def (\w+)\(", source, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", BUILT)
def test_every_language_has_the_same_slots_and_the_page_fills_them(name):
    wanted = {language: slots(article(name, language)) for language in LANGUAGES}
    assert all(path(name, language).exists() for language in LANGUAGES)
    assert wanted["en"] == wanted["zh"]
    assert sorted(wanted["en"]) == sorted(figures_declared(name))


@pytest.mark.parametrize("name", BUILT)
def test_passages_are_short(name):
    for passage in re.split(r"\n\s*\n", article(name, "en")):
        assert len(passage.split()) <= LONGEST_PASSAGE, passage[:60]


@pytest.mark.parametrize("name", BUILT)
def test_formulas_are_closed_and_both_languages_quote_the_same_numbers(name):
    numbers = {}
    for language in LANGUAGES:
        text = article(name, language)
        assert text.count("$") % 2 == 0
        numbers[language] = sorted(set(re.findall(r"\d+\.\d+", text)))
    assert numbers["en"] == numbers["zh"]


def test_the_chinese_articles_are_chinese():
    for name in BUILT:
        text = article(name, "zh")
        assert len(re.findall(r"[\u4e00-\u9fff]", text)) > 200, name


def test_every_page_is_in_the_catalog_and_every_title_is_translated():
    pages = {page.stem for page in (catalog.ROOT / "pages").glob("*.py")}
    assert pages == set(BUILT)
    for entry in catalog.LESSONS:
        for en, zh in (entry.title, entry.summary):
            assert en and re.search(r"[\u4e00-\u9fff]", zh)
