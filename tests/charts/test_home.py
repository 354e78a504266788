import warnings

import numpy as np
import pytest

from gradviz import language
from gradviz.charts.beam import BeamScale
from gradviz.charts.home import gradient_through_depth as home


def views(chart):
    return chart.to_dict()["vconcat"]


def parameters(chart):
    return {param["name"]: param for param in chart.to_dict()["params"]}


@pytest.mark.parametrize("code", ["en", "zh"])
def test_the_picture_compiles_without_warnings(code):
    language.use(code)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chart = home.gradient_through_depth()
    assert len(views(chart)) == 2
    assert chart.to_dict()["description"]
    language.use("en")


def test_slider_and_depth_start_at_the_arguments():
    params = parameters(home.gradient_through_depth(factor=0.25, depth=12))
    assert params["chain"]["value"] == 0.25
    assert params["chain"]["bind"]["input"] == "range"
    assert params["chain"]["select"]["fields"] == ["factor"]
    assert params["depth"]["value"] == 12


def calculated(view):
    return {step["as"]: step["calculate"] for step in view["transform"] if "calculate" in step}


def test_the_signal_is_the_factor_to_the_number_of_layers_passed():
    _, beam = views(home.gradient_through_depth())
    formulas = calculated(beam["layer"][1])
    assert formulas["relative"] == "pow(chain_factor, max(0, depth - datum.layer))"
    assert formulas["nearer"] == "pow(chain_factor, max(0, depth - datum.layer - 1))"


def test_presets_and_wedges_can_set_the_factor():
    presets, beam = home.gradient_through_depth().vconcat
    assert list(presets.data["factor"]) == [0.5, 0.8, 1.0, 1.25]
    # Without a tooltip, Vega-Lite would make the presets deaf to the pointer.
    assert presets.layer[0].to_dict()["encoding"]["tooltip"]["field"] == "factor"
    handles = beam.layer[0]
    assert handles.to_dict()["mark"]["tooltip"] is None
    assert list(handles.data["factor"]) == list(home.handle_frame(BeamScale())["factor"])


def test_wedges_leave_no_gap_and_hold_their_own_factor():
    wedges = home.handle_frame(BeamScale())
    assert wedges["factor"].iloc[[0, -1]].tolist() == list(home.FACTORS)
    assert list(wedges["upper"][:-1]) == list(wedges["lower"][1:])
    slopes = np.log10(wedges["factor"]) / 12
    assert ((wedges["lower"] < slopes) & (slopes < wedges["upper"])).all()


@pytest.mark.parametrize(
    "setting", [{"factor": 0.0}, {"factor": 2.0}, {"depth": 1}, {"depth": 101}]
)
def test_impossible_settings_are_named(setting):
    (name,) = setting
    with pytest.raises(ValueError, match=name):
        home.gradient_through_depth(**setting)
