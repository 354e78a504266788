"""Every parameter of every page takes any text: no traceback, no markup, a state that is possible.

Each page is opened with a hostile text in every one of its parameters at once, the texts taking
turns, so that a few runs try them all. tests/test_properties.py tries many more on what reads them.
"""

import functools
import logging
import re

import pytest
from streamlit.testing.v1 import AppTest

from gradviz import bench
from gradviz.ui import address, catalog

PAGES = ["app.py", *(entry.page for entry in catalog.LESSONS if entry.built)]
RUNS = 4  # of each page
HOSTILE = [
    "`$x^2$ ![](https://example.org/x.png)",
    "``:red[x] [link](https://example.org)",
    "<img src=x onerror=alert(1)>",
    "# heading\n\n- item\x00\u202e",
    "9" * 100_000,
    "²",
    "1_0",
    "nan",
    "1e999",
    "-1e30",
    "１２",
    "",
    "a~" * 400,
    ":material/delete: :smile: \\(x\\)",
    "true\u200b",
]
# Of the lab, beside its controls; what an exercise is set with.
OTHERS = {"pages/lab.py": ["goal", "from", "low", "high", "changes", "fixed", "hidden", "ask"]}
# An arm and its version are read part by part, and say so in their own way.
IN_PARTS = {*bench.NAMES, "from", "fixed", "hidden", "ask", "v"}


def opened(page, **query):
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **query}.items():
        app.query_params[key] = value
    app.switch_page(page)
    return app.run()


@functools.cache
def parameters(page):
    """The names of a page's controls."""
    return tuple(opened(page).session_state["controls_declared"])


def assert_unharmed(app, caplog):
    """No traceback, in the page or the log, and nothing of a link that could be markup."""
    assert not app.exception and not app.error
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    for warning in app.warning:
        assert len(warning.value) < 600, warning.value
        assert re.fullmatch(r"[^`$<]*(`[^`]*`[^`$<]*)?", warning.value), warning.value
        assert all(character.isprintable() for character in warning.value)
    controls = app.session_state["controls_declared"]
    for key, control in controls.items():
        assert control.accepts(app.session_state[key]), key


@pytest.mark.parametrize("turn", range(RUNS))
@pytest.mark.parametrize("page", PAGES)
def test_a_page_takes_any_text_in_all_of_its_parameters(page, turn, caplog):
    own = parameters(page)
    every = [*own, *OTHERS.get(page, [])]
    texts = {
        key: HOSTILE[(place + turn * len(HOSTILE) // RUNS) % len(HOSTILE)]
        for place, key in enumerate(every)
    }
    if turn % 2 and page in OTHERS:
        texts["goal"] = "kept"  # an exercise, with all else of it hostile
    app = opened(page, **texts)
    assert_unharmed(app, caplog)
    assert app.title, "the page is there"
    said = "\n".join(warning.value for warning in app.warning)
    for key in own:
        if key in IN_PARTS:
            continue
        named = address.plain(f"{key}={texts[key]}", len(key) + 1 + address.LONGEST)
        assert said.count(named) == 1, key


@pytest.mark.parametrize("raw", HOSTILE)
@pytest.mark.parametrize("page", ["app.py", "pages/depth.py"])
@pytest.mark.parametrize("key", ["figure", "hide", "lang"])
def test_what_every_page_takes_is_named_too(page, key, raw, caplog):
    app = opened(page, **{key: raw})
    assert_unharmed(app, caplog)
    meant_as_nothing = key == "hide" and not raw
    assert len(app.warning) == (0 if meant_as_nothing else 1)


@pytest.mark.parametrize("page", ["pages/depth.py", "pages/lab.py"])
def test_of_a_parameter_that_stands_twice_one_counts(page, caplog):
    key = parameters(page)[0]
    control = opened(page).session_state["controls_declared"][key]
    good = control.text(control.default)
    app = opened(page, **{key: ["nonsense", good]})
    assert_unharmed(app, caplog)
    assert not app.warning


@pytest.mark.parametrize("page", PAGES)
def test_a_link_says_every_value_that_a_control_can_have(page):
    for control in opened(page).session_state["controls_declared"].values():
        for value in getattr(control, "options", (control.default,)):
            assert control.read(control.text(value)) == value, (control.key, value)
