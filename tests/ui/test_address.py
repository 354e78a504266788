"""Values of a link are read strictly, and shown as plain text only."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from gradviz.ui import address, catalog

HOSTILE = [
    "`$x^2$",
    "``:red[x]",
    "`![](https://example.org/x.png)",
    "[link](https://example.org)",
    "<b>bold</b>",
    "# heading",
    "\x00\n\n# heading",
    "9" * 100_000,
    "9" * 400,
    "²",
    "1_0",
    "20.0",
    "nan",
    "inf",
    "1e999",
    "１２",
    "",
    " 7",
    "𝟕",
]


@pytest.mark.parametrize("raw", HOSTILE)
def test_foreign_text_is_one_short_code_span(raw):
    shown = address.plain(raw)
    assert re.fullmatch(r"`[^`]*`", shown)
    assert shown.isprintable()
    assert len(shown) <= address.LONGEST + 3


def one_of_each_kind():
    from gradviz import ui
    from gradviz.ui import controls

    controls.start_page("test")
    ui.choice("choice", "Choice", ["a", "b"], default="a", help="help").draw()
    ui.number("whole", "Whole", low=1, high=9, default=3, step=1, help="help").draw()
    ui.number("decimal", "Decimal", low=0.5, high=9.5, default=3.5, step=0.5, help="help").draw()
    ui.steps("steps", "Steps", [0.1, 1.0], default=0.1, help="help").draw()
    ui.switch("switch", "Switch", default=False, help="help").draw()


def assert_one_short_plain_warning(app):
    assert not app.exception and not app.error
    (warning,) = app.warning
    assert len(warning.value) < 300
    assert re.fullmatch(r"[^`$<]*`[^`]*`[^`$<]*", warning.value, re.DOTALL)


@pytest.mark.parametrize("raw", HOSTILE)
@pytest.mark.parametrize("key", ["choice", "whole", "decimal", "steps", "switch"])
def test_no_control_takes_hostile_text(key, raw):
    app = AppTest.from_function(one_of_each_kind)
    app.query_params["lang"] = "en"
    app.query_params[key] = raw
    app.run()
    if (key, raw) == ("decimal", "20.0"):
        assert "20.0" in app.warning[0].value, "a number, but out of range"
    assert_one_short_plain_warning(app)


@pytest.mark.parametrize("raw", ["`$x^2$ ![](https://example.org/x.png)", "9" * 400, "²"])
@pytest.mark.parametrize(
    ("page", "figure", "key"),
    [
        ("depth", "drift", "depth"),
        ("depth", "drift", "seed"),
        ("exploding", "plane", "map_sigma"),
        ("chain_rule", "scalar", "layers"),
        ("depth", None, "figure"),
    ],
)
def test_a_hostile_link_opens_its_page_with_one_short_warning(page, figure, key, raw):
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    for name, value in {"lang": "en", "figure": figure, key: raw}.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py").run()
    assert_one_short_plain_warning(app)


@pytest.mark.parametrize("query", [{"hide": "depth", "depth": "150"}, {"figure": "drift"}])
def test_what_a_control_would_refuse_is_refused_where_it_is_not_drawn(query):
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    for name, value in {"lang": "en", "depth": "200", **query}.items():
        app.query_params[name] = value
    app.switch_page("pages/depth.py").run()
    assert_one_short_plain_warning(app)
    assert app.session_state["depth"] == 10
