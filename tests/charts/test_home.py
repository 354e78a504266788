import warnings

import pytest

from gradviz import language
from gradviz.charts.home import gradient_through_depth as home


def views(chart):
    return chart.to_dict()["vconcat"]


def parameters(chart):
    return {param["name"]: param for param in chart.to_dict()["params"]}


def handles():
    """The wedges of the factors: their data by factor, at the default depth."""
    layer = home.gradient_through_depth().vconcat[2].layer[-1]
    return layer.data.set_index("factor")


@pytest.mark.parametrize("code", ["en", "zh"])
def test_the_picture_compiles_without_warnings(code):
    language.use(code)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chart = home.gradient_through_depth()
    assert len(views(chart)) == 3
    assert chart.to_dict()["description"]
    language.use("en")


def test_slider_and_depth_start_at_the_arguments():
    params = parameters(home.gradient_through_depth(factor=0.25, depth=12))
    assert params["chain"]["value"] == 0.25
    assert params["chain"]["bind"]["input"] == "range"
    assert params["chain"]["select"]["fields"] == ["factor"]
    assert params["depth"]["value"] == 12


def test_the_signal_is_the_factor_to_the_number_of_layers_passed():
    transforms = views(home.gradient_through_depth())[1]["transform"]
    formulas = {step["as"]: step["calculate"] for step in transforms if "calculate" in step}
    assert formulas["signal"] == "pow(chain_factor, depth - datum.layer)"


def test_presets_and_wedges_can_set_the_factor():
    presets, _, picture = home.gradient_through_depth().vconcat
    assert list(presets.data["factor"]) == [0.25, 0.8, 1.0, 1.25]
    # Without a tooltip, Vega-Lite would make the presets deaf to the pointer.
    assert presets.layer[0].to_dict()["encoding"]["tooltip"]["field"] == "factor"
    assert picture.layer[-1].to_dict()["mark"]["tooltip"] is None


def test_wedges_leave_no_gap_and_hold_their_own_factor():
    wedges = handles().drop(columns="at_tip").drop_duplicates()
    assert wedges.index[0] == home.FACTORS[0]
    assert wedges.index[-1] == home.FACTORS[1]
    assert list(wedges["upper"][:-1]) == pytest.approx(list(wedges["lower"][1:]))
    assert ((wedges["lower"] < wedges.index) & (wedges.index < wedges["upper"])).all()


@pytest.mark.parametrize("setting", [{"factor": 0.0}, {"factor": 2.0}, {"depth": 1}, {"depth": 61}])
def test_impossible_settings_are_named(setting):
    (name,) = setting
    with pytest.raises(ValueError, match=name):
        home.gradient_through_depth(**setting)
