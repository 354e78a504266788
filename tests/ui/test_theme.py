"""The look of the page in numbers: what is written in it can be read, on whatever it is written."""

import re
import tomllib
from pathlib import Path

import pytest

from gradviz.charts.parts.palette import BACKGROUNDS, COLORS, contrast, theme_css

ROOT = Path(__file__).resolve().parents[2]
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
STYLE = (ROOT / "gradviz" / "ui" / "page" / "page.css").read_text(encoding="utf-8")
READABLE = 4.5  # WCAG 2.2, 1.4.3

WORDS = ("textColor", "grayTextColor", "linkColor", "primaryColor")


def surfaces(theme):
    """What words stand on: the page, what is tinted in it, the navigation and its open entry."""
    page, sidebar = THEME[theme], THEME[theme]["sidebar"]
    names = ("backgroundColor", "secondaryBackgroundColor")
    return {place[name] for place in (page, sidebar) for name in names}


def variable(name, theme):
    """A variable of the style sheet in a theme."""
    found = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", STYLE)
    assert found, name
    return found[1 if theme == "light" else 2]


@pytest.mark.parametrize("theme", BACKGROUNDS)
@pytest.mark.parametrize("words", WORDS)
def test_words_can_be_read_on_every_surface(theme, words):
    color = THEME[theme][words]
    faint = {s: contrast(color, s) for s in surfaces(theme) if contrast(color, s) < READABLE}
    assert not faint


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_words_on_a_button_can_be_read(theme):
    button = contrast(variable("paper", theme), THEME[theme]["primaryColor"])
    assert button >= READABLE


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_the_fine_print_can_be_read(theme):
    rule = re.search(r"blockquote \{[^}]*?color: light-dark\((#\w+), (#\w+)\)", STYLE)
    assert rule
    color = rule[1 if theme == "light" else 2]
    assert contrast(color, variable("tint", theme)) >= READABLE


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_the_style_sheet_and_the_theme_have_the_same_colors(theme):
    same = {
        "ink": "primaryColor",
        "paper": "backgroundColor",
        "tint": "secondaryBackgroundColor",
        "muted": "grayTextColor",
        "hairline": "borderColor",
    }
    for name, option in same.items():
        assert variable(name, theme) == THEME[theme][option], name


def test_the_beam_runs_from_vanishing_over_healthy_to_exploding():
    beams = re.findall(r"--beam[\w-]*: linear-gradient\(([^;]*)\);", STYLE)
    assert len(beams) == 2
    for beam in beams:
        assert re.findall(r"#\w{6}", beam) == [COLORS[n] for n in ("vanish", "healthy", "explode")]


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_the_interface_has_no_hue_of_its_own(theme):
    """Color means something; the theme's surfaces and controls are ink on paper."""
    for name in (*WORDS, "backgroundColor", "secondaryBackgroundColor", "borderColor"):
        channels = bytes.fromhex(THEME[theme][name][1:])
        assert max(channels) - min(channels) <= 30, name


def test_a_symbol_of_a_formula_has_a_color_of_the_palette_and_its_shade_in_each_theme():
    style = theme_css()
    said = {
        color
        for article in (ROOT / "pages").glob("*/*.md")
        for color in re.findall(r"textcolor\{(.*?)\}", article.read_text(encoding="utf-8"))
    }
    assert said, "the weight of the walk at least"
    for color in said:
        assert color in COLORS.values()
        channels = ", ".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))
        shades = rf"rgb\({channels}\)[^{{]*{{ color: light-dark\((.*?), (.*?)\)"
        rule = re.search(rf"\.katex :is\(.*?{shades}", style)
        assert rule, color
        for shade, theme in zip(rule.groups(), BACKGROUNDS, strict=True):
            assert contrast(shade, BACKGROUNDS[theme]) >= READABLE
