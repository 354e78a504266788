"""The terms and their definitions: the same in every language, and each as its article marks it."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from gradviz.language import LANGUAGES
from gradviz.ui import catalog, glossary
from gradviz.ui.lesson import article

BUILT = [entry.name for entry in catalog.LESSONS if entry.built]


def test_every_language_defines_the_same_terms_in_the_same_order():
    wanted = list(glossary.definitions("en"))
    assert len(wanted) >= 15
    for language in LANGUAGES:
        text = glossary.text(language)
        assert list(glossary.definitions(language)) == wanted
        assert len(wanted) == len(text.splitlines()), "one line for each term"
        for title, definition in glossary.definitions(language).values():
            assert (title + definition).count("$") % 2 == 0
            assert len(definition) < 320


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_that_is_marked_has_its_definition(language):
    for name in BUILT:
        missing = set(glossary.terms_of(article(name, language))) - set(
            glossary.definitions(language)
        )
        assert not missing, name


# What has its definition at hand wherever it appears: in an article, at its first appearance.
SYMBOLS = {
    "delta": r"\\delta",
    "slope": r"\\varphi'",
    "sigma-w": r"\\sigma_w",
    "chi": r"\\chi",
    "drift": r"\bdrift\b|漂移",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", BUILT)
def test_a_symbol_is_marked_where_it_first_appears(name, language):
    for term, symbol in SYMBOLS.items():
        passages = re.split(r"\n(?:> )?\n", article(name, language).replace(":\n\n$$", ": $$"))
        for passage in passages:
            if f"(#term-{term})" in passage:
                break
            assert not re.search(symbol, passage), f"{term} appears unmarked: {passage[:80]}"


@pytest.mark.parametrize("name", BUILT)
def test_both_languages_mark_the_same_terms(name):
    marked = [set(glossary.terms_of(article(name, language))) for language in LANGUAGES]
    assert marked[0] == marked[1]


def test_the_formulas_of_a_definition_are_the_same_in_both_languages():
    english, chinese = (glossary.definitions(language) for language in ("en", "zh"))
    for name, (_, definition) in english.items():
        long = {formula for formula in re.findall(r"\$(.+?)\$", definition) if len(formula) > 30}
        assert long <= set(re.findall(r"\$(.+?)\$", chinese[name][1])), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_stands_at_the_foot_of_a_lesson_and_not_beside_a_single_figure(language):
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    app.query_params["lang"] = language
    app.switch_page("pages/update_rule.py").run()
    assert glossary.text(language) in [markdown.value for markdown in app.markdown]
    app.query_params["figure"] = "plateau"
    app.run()
    assert glossary.text(language) not in [markdown.value for markdown in app.markdown]
