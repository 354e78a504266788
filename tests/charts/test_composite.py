import numpy as np
import pandas as pd
import pytest
from pictures import words_in

from gradviz.activations import activation
from gradviz.charts.update_rule.composite import composite_curves
from gradviz.theory.chain import composite

X = np.linspace(-5, 5, 41)


def curves(name="sigmoid", weight=1.0, layers=12):
    values, slopes = composite(X, np.full(layers, weight), np.zeros(layers), activation(name))
    return pd.DataFrame(
        {
            "layer": np.repeat(np.arange(1, layers + 1), len(X)),
            "x": np.tile(X, layers),
            "value": values[1:].ravel(),
            "slope": slopes[1:].ravel(),
        }
    )


def test_a_slider_in_the_browser_chooses_the_layers():
    slider, *_ = composite_curves(curves(), "sigmoid", 3)["params"]
    assert (slider["name"], slider["value"], slider["bind"]["max"]) == ("layers", 3, 12)
    with pytest.raises(ValueError, match=r"layers=13 .* 1 to 12"):
        composite_curves(curves(), "sigmoid", 13)


def test_the_words_tell_spread_and_slope_of_each_number_of_layers():
    words = composite_curves(curves(), "sigmoid")["datasets"]["summary"].set_index("layer")
    assert words.loc[10, "spread"] == pytest.approx(1.5e-6, rel=0.02)
    assert "1.5·10⁻⁶" in words.loc[10, "words"] and "3.9·10⁻⁷" in words.loc[10, "words"]


def test_the_picture_stays_whatever_network_it_is_of_so_that_its_slider_does():
    pictures = [
        composite_curves(curves(name, weight), name)
        for name, weight in (("relu", 1.0), ("relu", 2.0), ("sigmoid", 1.0))
    ]
    weak, strong, other = (
        {key: part for key, part in picture.items() if key != "datasets"} for picture in pictures
    )
    assert weak == strong == other
    ends = [picture["datasets"]["summary"][["low", "high"]].iloc[0] for picture in pictures]
    assert ends[0].equals(ends[1]) and (ends[2]["low"], ends[2]["high"]) == (-0.08, 1.08)
    assert pictures[1]["datasets"]["curves"]["value"].max() > 1e4 > ends[1]["high"]


def test_until_the_answer_is_revealed_one_layer_is_seen_and_then_as_many_as_are_asked_for():
    picture = composite_curves(curves(), "sigmoid", 10)
    covered = words_in(picture, revealed=0, guess=0.05)
    assert "1 layer: outputs differ by 0.99; largest slope 0.25" in covered
    assert "your guess: 0.05" in covered and "measured: 1.5·10⁻⁶" not in covered
    shown = words_in(picture, revealed=1, guess=0.05)
    assert "10 layers: outputs differ by 1.5·10⁻⁶; largest slope 3.9·10⁻⁷" in shown
    assert {"your guess: 0.05", "measured: 1.5·10⁻⁶"} <= set(shown)
    # Only the layers that are asked about are covered: the slider moves the picture all the same.
    assert [text for text in words_in(picture, revealed=0, layers=2) if text.startswith("2 layers")]
    # The guess is one of ten layers, and nobody need have guessed.
    for words in (words_in(picture, revealed=1), words_in(picture, revealed=1, guess=1, layers=9)):
        assert not [text for text in words if "guess" in text]


def test_slopes_below_the_axis_are_marked_and_not_dropped():
    slopes = composite_curves(curves("relu"), "relu")["vconcat"][2]
    line, marks = slopes["layer"][2], slopes["layer"][-1]
    shown, marked = line["transform"][-1]["filter"], marks["transform"][-1]["filter"]
    assert shown.split(" >= ")[1] == marked.split(" && ")[0].split(" < ")[1]
    assert marks["mark"]["shape"] == "triangle-down"
    summary = composite_curves(curves("relu"), "relu")["datasets"]["summary"]
    assert (summary["off_axis"] == (X <= 0).sum()).all()


def test_both_curves_tell_their_values_where_the_pointer_is():
    for view in composite_curves(curves(), "sigmoid")["vconcat"][1:]:
        hovered = [
            layer["encoding"]["tooltip"]
            for layer in view["layer"]
            if "tooltip" in layer["encoding"]
        ]
        assert hovered[0][0]["field"] == "x" and len(hovered[0]) == 2


def test_where_f_has_no_largest_value_its_axis_holds_the_curve_that_is_shown():
    x = np.linspace(-5, 5, 11)
    curves = pd.DataFrame(
        [
            {"layer": layer, "x": at, "value": max(at, 0) * 2.0**layer, "slope": 2.0**layer}
            for layer in range(1, 13)
            for at in x
        ]
    )
    summary = composite_curves(curves, "relu")["datasets"]["summary"].set_index("layer")
    assert (summary["high"] > summary["top"]).all()
    # It moves to the next of 10, 20, 50, 100, … and so only now and then.
    assert summary["high"].div(1.08).round(6).tolist()[:6] == [10, 20, 50, 100, 200, 500]
    assert summary.loc[10, "high"] == pytest.approx(10_000 * 1.08)
