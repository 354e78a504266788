import re
import tomllib
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert
from pictures import PICTURES, VEGA_LITE, spec_of

from gradviz import language
from gradviz.activations import ACTIVATIONS
from gradviz.charts.parts.palette import (
    BACKGROUNDS,
    COLORS,
    INK,
    TOGETHER,
    colors_of,
    contrast,
    readable,
    theme_css,
)
from gradviz.charts.parts.powers import decades, power_axis, power_of_ten, rounded_power
from gradviz.charts.parts.theme import READOUT, SMALL, themed

ROOT = Path(__file__).resolve().parents[2]


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_backgrounds_are_those_of_the_app():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    assert {name: theme[name]["backgroundColor"] for name in BACKGROUNDS} == BACKGROUNDS


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_words_of_every_color_can_be_read_in_both_themes(theme):
    background = BACKGROUNDS[theme]
    shades = {color: readable(color, background) for color in (INK, *COLORS.values())}
    faint = {color: s for color, s in shades.items() if contrast(s, background) < 4.5}
    assert not faint
    # A shade is still the color: each channel lies between it and black, or white.
    for color, shade in shades.items():
        pairs = zip(bytes.fromhex(color[1:]), bytes.fromhex(shade[1:]), strict=True)
        assert all((new <= old) if theme == "light" else (new >= old) for old, new in pairs)


def test_no_one_color_would_do_for_both_themes():
    grays = [f"#{value:02x}{value:02x}{value:02x}" for value in range(256)]
    assert max(min(contrast(gray, b) for b in BACKGROUNDS.values()) for gray in grays) < 4.5


def test_the_style_sheet_has_a_rule_for_words_of_every_color():
    css = theme_css()
    for color in {INK, *COLORS.values()}:
        light, dark = (readable(color, BACKGROUNDS[theme]) for theme in ("light", "dark"))
        assert f'text[fill="{color}" i] {{ fill: light-dark({light}, {dark}); }}' in css


def test_in_the_dark_marks_are_as_bright_as_the_words_that_name_them():
    css = theme_css()
    for color in set(COLORS.values()) - {INK}:
        dark = readable(color, BACKGROUNDS["dark"])
        for paint in ("fill", "stroke"):
            rule = f'[{paint}="{color}"] {{ {paint}: light-dark({color}, {dark}); }}'
            assert f"svg :is(path, line){rule}" in css
    ink = [readable(INK, background) for background in BACKGROUNDS.values()]
    assert f'[stroke="{INK}"] {{ stroke: light-dark({", ".join(ink)}); }}' in css


# How readers without one kind of cone see linear RGB (Machado, Oliveira and Fernandes 2009).
SIGHTS = {
    "trichromat": np.eye(3),
    "protanope": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranope": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def oklab(color, sight="trichromat"):
    """`color` as a reader sees it, in a space where distances are about as large as they look."""
    shares = np.array(list(bytes.fromhex(color[1:]))) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    opponents = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return opponents @ np.cbrt(cones @ np.clip(SIGHTS[sight] @ linear, 0, 1))


def apart(first, second, sight="trichromat"):
    return float(np.linalg.norm(oklab(first, sight) - oklab(second, sight)))


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("names", TOGETHER, ids=" ".join)
def test_what_is_shown_together_can_be_told_apart_by_every_reader(names, sight):
    pairs = combinations(names, 2)
    assert [(a, b) for a, b in pairs if apart(COLORS[a], COLORS[b], sight) < 0.055] == []


def test_no_other_color_could_be_taken_for_vanishing_healthy_or_exploding():
    states = ("vanish", "healthy", "explode")
    others = [name for name in COLORS if name not in states]
    near = [(n, s) for n in others for s in states if apart(COLORS[n], COLORS[s]) < 0.09]
    assert near == []


def test_arms_of_a_race_without_names_of_their_own_get_six_colors():
    colors = colors_of(f"arm {number}" for number in range(6))
    for first, second in combinations(colors.values(), 2):
        assert apart(first, second) > 0.09


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "beam"])  # a part of some
def test_every_picture_is_described_in_the_language_of_its_page(name):
    said = {}
    for code in ("en", "zh"):
        language.use(code)
        said[code] = spec_of(name)["description"]
    assert len(said["en"]) > 20 and not re.search("[\u4e00-\u9fff]", said["en"])
    assert re.search("[\u4e00-\u9fff]", said["zh"])


@pytest.mark.parametrize("name", PICTURES)
def test_words_in_pictures_are_large_enough_and_of_a_color_that_can_be_read(name):
    known = {INK, *COLORS.values(), "#ffffff", "white", "black", "#000000"}
    spec = spec_of(name)
    # As wide as in an article; on a phone long lines of words are smaller.
    view = {"view": {"continuousWidth": 640, "discreteWidth": 640}}
    spec = {**spec, "config": {**spec["config"], **view}}
    svg = ElementTree.fromstring(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))
    texts = [
        (node.text, int(node.get("font-size", "0px")[:-2]), node.get("fill"), "role-mark" in group)
        for parent in svg.iter()
        if "mark-text" in (group := parent.get("class", ""))
        for node in parent.iter()
        if node.tag.endswith("}text") and node.text
    ]
    assert texts
    assert [text for text in texts if text[1] < (READOUT if text[3] else SMALL)] == []
    # A title is left without a color of its own: Streamlit gives it the theme's.
    drawn = [text for text in texts if text[3] or text[2] != "#000"]
    assert [text for text in drawn if text[2].lower() not in known] == []


@pytest.mark.parametrize("background", BACKGROUNDS.values())
def test_every_color_is_visible_on_both_backgrounds(background):
    colors = COLORS | {"ink": INK}
    faint = {name: c for name, c in colors.items() if contrast(c, background) < 3}
    assert not faint


def test_every_activation_has_its_color():
    assert set(ACTIVATIONS) <= set(COLORS)


def test_arms_without_a_color_of_their_own_get_different_ones():
    colors = colors_of(["sigmoid", "first", "second", "first"])
    assert colors["sigmoid"] == COLORS["sigmoid"]
    assert len(set(colors.values())) == 3


@pytest.mark.parametrize(
    ("exponent", "text"), [(-6, "10⁻⁶"), (0, "1"), (1, "10"), (12, "10¹²"), (-30, "10⁻³⁰")]
)
def test_powers_are_written_with_superscripts(exponent, text):
    assert power_of_ten(exponent) == text


def test_decades_are_thinned_evenly_and_keep_one():
    assert decades(1e-3, 1e2) == [-3, -2, -1, 0, 1, 2]
    many = decades(1e-40, 1e10)
    assert len(many) <= 7
    assert 0 in many
    assert len({b - a for a, b in pairwise(many)}) == 1


def test_an_axis_is_labeled_at_whole_decades_only():
    axis = power_axis(3e-4, 50, "δ").to_dict()
    assert axis["values"] == pytest.approx([1e-3, 1e-2, 1e-1, 1, 10])
    assert "'-3': '10⁻³'" in axis["labelExpr"]


def test_columns_of_pictures_fit_the_page():
    picture = alt.layer(alt.Chart(pd.DataFrame({"x": [1.0]})).mark_point().encode(x="x:Q"))
    assert themed(alt.vconcat(picture, picture)).to_dict()["autosize"]["type"] == "fit-x"
    assert "autosize" not in themed(picture).to_dict()


def test_words_of_every_picture_are_within_reach_of_the_style_sheet():
    """Streamlit would draw one with thousands of cells on a canvas."""
    cells = alt.Chart(pd.DataFrame({"x": range(5000)})).mark_rect().encode(x="x:O")
    assert themed(cells).to_dict()["usermeta"]["embedOptions"]["renderer"] == "svg"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (640000, "6·10⁵"),
        (0.25, "0.25"),
        (9.7e-6, "1·10⁻⁵"),
        (3e-27, "3·10⁻²⁷"),
        (37, "37"),
        (640, "640"),
    ],
)
def test_numbers_in_sentences_are_powers_of_ten(value, text):
    assert rounded_power(value) == text


def test_powers_in_words_with_more_digits():
    assert rounded_power(1.54e-6, 2) == "1.5·10⁻⁶"
    assert rounded_power(9.99e-6, 2) == "1.0·10⁻⁵"
    assert rounded_power(0.0) == "0"
