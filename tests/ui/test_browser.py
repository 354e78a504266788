"""The script and the style sheet of every page."""

import re
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from gradviz.charts.parts.handles import REPLAY, RUN

ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "gradviz" / "ui"


def test_nothing_in_the_script_looks_like_a_tag():
    """Streamlit's sanitizer drops such a script without a word."""
    assert not re.search(r"<[/\w!]", (UI / "page.js").read_text(encoding="utf-8"))


def test_script_and_style_sheet_know_the_names_of_the_charts():
    script, style = ((UI / f"page.{end}").read_text(encoding="utf-8") for end in ("js", "css"))
    assert f'REPLAY = "{REPLAY}"' in script and f'RUN = "{RUN}"' in script
    assert f'input[name="{REPLAY}"]' in style and f'input[name="{RUN}"]' in style


def test_no_name_that_streamlit_generates_is_used():
    for end in ("js", "css"):
        assert "emotion-cache" not in (UI / f"page.{end}").read_text(encoding="utf-8")


def test_both_are_installed_with_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["package-data"]["gradviz"]
    assert {"ui/page.js", "ui/page.css"} <= set(listed)


@pytest.mark.parametrize(("language", "word"), [("en", "Play the run"), ("zh", "播放训练过程")])
def test_a_page_has_the_script_in_its_language(language, word):
    app = AppTest.from_file(str(ROOT / "pages" / "update_rule.py"), default_timeout=60)
    app.query_params["lang"] = language
    app.run()
    bodies = [element.proto.body for element in app.get("html")]
    (script,) = [body for body in bodies if body.startswith("<script>")]
    assert word.encode("unicode_escape").decode() in script or word in script
    assert any("light-dark(" in body for body in bodies)
