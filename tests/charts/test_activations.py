import numpy as np
import pandas as pd
import pytest
from pictures import words_in

from gradviz import language
from gradviz.charts.activation_curves import asked_tangent, tangent
from gradviz.charts.activations.best_product import best_product, layers_until
from gradviz.charts.landing import landing


@pytest.fixture(params=["en", "zh"], autouse=True)
def each_language(request):
    language.use(request.param)
    yield
    language.use("en")


@pytest.fixture
def factors():
    return pd.DataFrame(
        {"name": ["sigmoid", "relu"], "label": ["sigmoid", "ReLU"], "slope": [0.25, 1.0]}
    )


@pytest.fixture
def layers():
    z = np.random.default_rng(0).normal(size=(3, 500))
    quantiles = np.quantile(z, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1).T
    rows = pd.DataFrame(quantiles, columns=["q05", "q25", "q50", "q75", "q95"])
    return rows.assign(layer=[1, 2, 3], mean_slope=[0.2, 0.1, 0.05], rms_slope=[0.21, 0.12, 0.06])


def everything(spec):
    """Every layer of every view of a chart."""
    views = spec.get("vconcat") or spec.get("layer")
    return [leaf for view in views for leaf in everything(view)] if views else [spec]


def rows_of(spec, mark):
    """The data of each layer of that mark, from the datasets of the spec."""
    marks = [layer for layer in everything(spec) if layer["mark"]["type"] == mark]
    return [spec["datasets"][layer["data"]["name"]] for layer in marks if "data" in layer]


def test_tangent_ends_lie_on_a_line_of_the_true_slope():
    curves = pd.DataFrame(rows_of(tangent().to_dict(), "line")[0]).set_index(["name", "z"])
    at = curves.loc[("sigmoid", 0.0)]
    assert at["value"] == 0.5
    assert (at["stop"] - at["start"]) / (at["right"] - at["left"]) == pytest.approx(0.25)
    assert curves.loc[("tanh", 1.0), "slope"] == pytest.approx(1 - np.tanh(1) ** 2)


def test_largest_slopes_are_marked_at_zero():
    spec = tangent().to_dict()
    tops = {
        row["name"]: (row["z"], row["slope"])
        for rows in rows_of(spec, "text")
        for row in rows
        if len(rows) == 2
    }
    assert tops == {"sigmoid": (0, 0.25), "tanh": (0, 1)}


def test_the_tangent_starts_where_asked_and_every_position_has_a_handle():
    spec = tangent(z=-1.0).to_dict()
    (probe,) = spec["params"]
    assert probe["value"] == -1
    handles = [row["z"] for row in rows_of(spec, "rect")[0]]
    bound = probe["bind"]
    positions = round((bound["max"] - bound["min"]) / bound["step"]) + 1
    assert handles == pytest.approx(np.linspace(bound["min"], bound["max"], positions))


def test_both_curves_of_the_tangent_hear_the_pointer():
    strips = [s for s in everything(tangent().to_dict()) if s["mark"]["type"] == "rect"]
    assert len(strips) == 2
    assert all(strip["encoding"]["tooltip"] == {"value": ""} for strip in strips)


def test_until_the_answer_is_revealed_no_slope_is_told():
    chart = asked_tangent()
    truths = {"max 0.25", "slope of sigmoid: 0.197", "最大 0.25", "sigmoid 的斜率：0.197"}
    covered = words_in(chart, revealed=0, guess=0.5)
    assert not truths & set(covered) and [text for text in covered if text.endswith("0.5")]
    shown = words_in(chart, revealed=1, guess=0.5)
    assert len(truths & set(shown)) == 2 and set(covered) <= set(shown)
    assert set(words_in(tangent())) == set(words_in(chart, revealed=1))


def test_the_cover_is_laid_over_the_slopes_and_leaves_them_as_they_are():
    lines = [
        layer
        for layer in asked_tangent().to_dict()["vconcat"][1]["layer"]
        if layer["mark"]["type"] == "line"
    ]
    assert [line["encoding"]["y"]["field"] for line in lines] == ["seen"]
    assert [step["as"] for line in lines for step in line["transform"]] == ["seen"]


@pytest.mark.parametrize("z", [-6, 5.5])
def test_a_tangent_outside_the_picture_is_refused(z):
    with pytest.raises(ValueError, match="z="):
        tangent(z=z)


@pytest.mark.parametrize(("slope", "threshold"), [(0.25, 1e-6), (0.1, 1e-3), (0.6815, 1e-12)])
def test_the_layers_until_the_threshold_are_the_least(slope, threshold):
    n = layers_until(slope, threshold)
    assert slope**n < threshold * (1 - 1e-9)
    assert slope ** (n - 1) >= threshold * (1 - 1e-9)


def test_ten_sigmoid_layers_fall_under_a_millionth_and_slope_one_never_does():
    assert layers_until(0.25, 1e-6) == 10
    assert layers_until(1.0, 1e-6) is None


def test_products_and_crossings_of_the_picture(factors):
    spec = best_product(factors, threshold=1e-6, layers=30).to_dict()
    products = pd.DataFrame(rows_of(spec, "line")[0]).set_index(["name", "layers"])["product"]
    assert products["sigmoid", 10] == pytest.approx(9.54e-7, rel=1e-3)
    assert (products["relu"] == 1).all()
    at_threshold = [row for rows in rows_of(spec, "text") for row in rows if row.get("e") == -6]
    assert [row["layers"] for row in at_threshold] == [10, None]
    assert "10⁻⁶" in at_threshold[0]["words"]
    assert spec["params"][0]["value"] == -6


def test_a_crossing_beyond_the_picture_is_said_but_not_drawn(factors):
    spec = best_product(factors, layers=5).to_dict()
    crossings = [row for rows in rows_of(spec, "text") for row in rows if row.get("e") == -6]
    assert crossings[0]["layers"] is None
    assert "10" in crossings[0]["words"]


def test_impossible_thresholds_and_slopes_are_named(factors):
    with pytest.raises(ValueError, match="threshold=3e-06"):
        best_product(factors, threshold=3e-6)
    with pytest.raises(ValueError, match="threshold=0"):
        best_product(factors, threshold=0.0)
    with pytest.raises(ValueError, match="slope="):
        best_product(factors.assign(slope=[0.25, 1.2]))


def test_landing_shows_bands_region_and_both_slopes(layers):
    spec = landing(layers, (-4.4, 4.4), 0.25, "sigmoid").to_dict()
    bands, slopes = spec["vconcat"]
    ranges = {
        (layer["encoding"]["y"]["field"], layer["encoding"]["y2"]["field"])
        for layer in bands["layer"]
        if "y2" in layer["encoding"]
    }
    assert ranges == {("low", "high"), ("q05", "q95"), ("q25", "q75")}
    marks = pd.DataFrame(rows_of(slopes | {"datasets": spec["datasets"]}, "point")[0])
    assert sorted(marks["slope"]) == [0.05, 0.06, 0.1, 0.12, 0.2, 0.21]
    assert slopes["layer"][0]["mark"]["type"] == "rule"


def test_landing_makes_room_for_large_pre_activations(layers):
    wide = layers.assign(q95=40.0)
    spec = landing(wide, (-4.4, 4.4), 0.25, "sigmoid").to_dict()
    assert spec["vconcat"][0]["layer"][0]["encoding"]["y"]["scale"]["domain"][1] > 40


def test_an_axis_that_is_given_stays(layers):
    for wide in (layers, layers.assign(q95=40.0)):
        spec = landing(wide, (-4.4, 4.4), 0.25, "sigmoid", reach=14.0).to_dict()
        bands = spec["vconcat"][0]["layer"]
        assert bands[0]["encoding"]["y"]["scale"]["domain"] == [-14, 14]
        clipped = [layer["mark"].get("clip") for layer in bands if layer["mark"]["type"] == "rule"]
        assert clipped == [True, True]
