"""The script and the style sheet of every page."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from gradviz.charts.parts.handles import GUESS, REPLAY, REVEALED, RUN
from gradviz.ui.browser import PAGE, PARTS, SHEETS, script, style

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "".join((PAGE / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)
STYLE = "".join((PAGE / f"{sheet}.css").read_text(encoding="utf-8") for sheet in SHEETS)


def test_nothing_in_the_script_looks_like_a_tag():
    """Streamlit's sanitizer drops such a script without a word."""
    assert not re.search(r"<[/\w!]", SCRIPT)


def test_no_two_parts_of_the_script_declare_the_same_name():
    """They are one script, which then would not run at all."""
    names = re.findall(r"^(?:const|let|function|async function|class) (\w+)", SCRIPT, re.MULTILINE)
    assert len(names) > 50 and len(names) == len(set(names))


def test_script_and_style_sheet_know_the_names_of_the_charts():
    for name, said in {REPLAY: "REPLAY", RUN: "RUN", GUESS: "GUESS", REVEALED: "REVEALED"}.items():
        assert f'{said} = "{name}"' in SCRIPT
        assert f'input[name="{name}"]' in STYLE


def test_no_name_that_streamlit_generates_is_used():
    assert "emotion-cache" not in SCRIPT + STYLE


def test_all_of_it_is_loaded():
    parts = {f"{name}.js" for name in PARTS} | {f"{name}.css" for name in SHEETS}
    assert {path.name for path in PAGE.iterdir()} == parts


def test_what_every_page_is_sent_is_bare():
    """Comments and indentation would be sent, hashed and compressed for every page."""
    assert "\n" not in style() and "/*" not in style()
    lines = script().splitlines()
    assert lines == [line.strip() for line in lines if line and not line.startswith("//")]
    # A text over several lines would lose its indentation.
    assert all(line.count("`") % 2 == 0 for line in SCRIPT.splitlines())
    assert len(script()) < 0.85 * len(SCRIPT)


@pytest.mark.parametrize(("language", "word"), [("en", "Play the run"), ("zh", "播放训练过程")])
def test_a_page_has_the_script_in_its_language(language, word):
    app = AppTest.from_file(str(ROOT / "pages" / "update_rule.py"), default_timeout=60)
    app.query_params["lang"] = language
    app.run()
    bodies = [element.proto.body for element in app.get("html")]
    (script,) = [body for body in bodies if body.startswith("<script>")]
    assert word.encode("unicode_escape").decode() in script or word in script
    assert any("light-dark(" in body for body in bodies)
