from itertools import pairwise

import altair as alt
import pandas as pd
import pytest

from gradviz.activations import ACTIVATIONS
from gradviz.charts.parts.palette import COLORS, INK, colors_of
from gradviz.charts.parts.powers import decades, power_axis, power_of_ten, rounded_power
from gradviz.charts.parts.theme import themed


def luminance(color):
    """WCAG 2.2: relative luminance of an sRGB color."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first, second):
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("background", ["#ffffff", "#0e1117"])
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
