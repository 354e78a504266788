"""Markdown as HTML."""

import pytest

from gradviz.export import markup


def test_formulas_are_left_to_the_browser():
    assert markup.inline(r"at $w < 7$ it") == "at <span data-tex>w &lt; 7</span> it"
    assert '<span data-tex="display">x^2</span>' in markup.block("$$\nx^2\n$$")
    assert markup.inline("costs 5 dollars") == "costs 5 dollars"


def test_a_program_can_be_scrolled_by_keys():
    written = markup.block("```python\na < b\n```")
    assert '<pre tabindex="0"><code>a &lt; b</code></pre>' in written


def test_html_in_a_text_is_shown_and_does_nothing():
    assert "<script>" not in markup.block("<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("**小结。** 如此", "<strong>小结。</strong> 如此"),
        ("[ten layers](#scalar?layers=10)", '<a href="#scalar?layers=10">ten layers</a>'),
        ("a ~~b~~", "a <s>b</s>"),
        (":material/history: Recorded", "Recorded"),
    ],
)
def test_the_marks_of_the_articles(text, written):
    assert markup.inline(text) == written


def test_an_icon_is_a_letter_that_is_not_read_aloud():
    assert markup.icon(":material/arrow_back:") == '<span class="icon" aria-hidden="true">←</span> '
    assert markup.icon("") == markup.icon(":material/casino:") == ""
