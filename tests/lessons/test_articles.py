"""The two languages of a lesson say the same, in short passages, and ask for the same figures."""

import re

import pytest

from gradviz.language import LANGUAGES, t, use
from gradviz.ui import catalog
from gradviz.ui.lesson import ENDINGS, article, slots, split_ending
from gradviz.ui.remedy import PARTS, with_headings

BUILT = [entry.name for entry in catalog.LESSONS if entry.built]
REMEDIES = [entry.name for entry in catalog.LESSONS if entry.section.startswith("§3")]
REMEDIES = [name for name in REMEDIES if name in BUILT]
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


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lesson_ends_with_what_the_reader_now_knows(name, language):
    rest, known = split_ending(article(name, language))
    assert known.startswith(f"> **{ENDINGS[language]}** ")
    assert not any(title in rest for title in ENDINGS.values())
    assert "\n\n" not in known.strip(), "one passage, and nothing after it"
    assert 20 <= len(known.split()) <= 70 if language == "en" else 40 <= len(known) <= 140


@pytest.mark.parametrize("name", REMEDIES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_remedies_share_their_spine_and_each_part_has_its_figure(name, language):
    text = article(name, language)
    assert "ui.remedy(" in (catalog.ROOT / "pages" / f"{name}.py").read_text(encoding="utf-8")
    use(language)
    for heading in PARTS.values():
        assert f"#### {t(*heading)}\n" in with_headings(text)
    use("en")
    parts = re.split(r"^#### (\w+)$", text, flags=re.MULTILINE)
    figures = {part: slots(content) for part, content in zip(parts[1::2], parts[2::2], strict=True)}
    assert figures["idea"] and figures["why"]
    assert "race" in figures["race"] and "limit" in figures["limit"]
    assert "```python" in parts[-1]


def test_an_article_without_the_spine_is_refused():
    with pytest.raises(ValueError, match="idea"):
        with_headings("#### idea\n\n#### why\n")


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
