import numpy as np
import pandas as pd
import pytest

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


def domain(view):
    line = next(layer for layer in view["layer"] if layer["mark"]["type"] == "line")
    return line["encoding"]["y"]["scale"]["domain"]


def test_a_slider_in_the_browser_chooses_the_layers():
    (slider,) = composite_curves(curves(), "sigmoid", 3)["params"]
    assert (slider["name"], slider["value"], slider["bind"]["max"]) == ("layers", 3, 12)
    with pytest.raises(ValueError, match=r"layers=13 .* 1 to 12"):
        composite_curves(curves(), "sigmoid", 13)


def test_the_words_tell_spread_and_slope_of_each_number_of_layers():
    words = composite_curves(curves(), "sigmoid")["datasets"]["summary"].set_index("layer")
    assert words.loc[10, "spread"] == pytest.approx(1.5e-6, rel=0.02)
    assert "1.5·10⁻⁶" in words.loc[10, "words"] and "3.9·10⁻⁷" in words.loc[10, "words"]


def test_the_axes_stay_when_the_weights_change():
    weak, strong = (composite_curves(curves("relu", weight), "relu") for weight in (1.0, 2.0))
    assert [domain(view) for view in weak["vconcat"][1:]] == [
        domain(view) for view in strong["vconcat"][1:]
    ]
    assert strong["datasets"]["curves"]["value"].max() > 1e4 > domain(strong["vconcat"][1])[1]


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
