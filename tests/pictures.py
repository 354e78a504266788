"""Every picture of `gradviz.charts`, drawn small: what tests of all of them go through.

All names that a page would give are said by `t`, so that a test can change every word.
"""

import functools
from types import SimpleNamespace
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pandas as pd
import vl_convert

from gradviz.activations import activation
from gradviz.charts.activation_curves import asked_tangent, tangent
from gradviz.charts.activations.best_product import best_product
from gradviz.charts.batchnorm.clouds import clouds
from gradviz.charts.batchnorm.moves import moves
from gradviz.charts.batchnorm.scale_invariance import scale_invariance
from gradviz.charts.beam import BeamLook, beam_frame, beam_layers
from gradviz.charts.chain_rule.backward_walk import backward_walk
from gradviz.charts.chain_rule.cloud import cloud
from gradviz.charts.chain_rule.factor_plane import factor_plane
from gradviz.charts.chain_rule.singular_values import singular_value_spread, spread_frame
from gradviz.charts.clipping.cliff import cliff_chart
from gradviz.charts.clipping.clip_geometry import clip_geometry
from gradviz.charts.depth.moved import moved
from gradviz.charts.depth.run_beam import run_beam
from gradviz.charts.exploding.scale_fan import scale_fan
from gradviz.charts.exploding.scale_map import scale_map
from gradviz.charts.histograms import histograms
from gradviz.charts.home.gradient_through_depth import gradient_through_depth
from gradviz.charts.lab.microscope import microscope
from gradviz.charts.lab.panels import panels
from gradviz.charts.lab.surfaces import View, surfaces
from gradviz.charts.landing import landing
from gradviz.charts.layer_factors import layer_factors
from gradviz.charts.layers import layer_profile, step_layer_map
from gradviz.charts.parts.spec import opened, written
from gradviz.charts.parts.theme import themed
from gradviz.charts.precision.number_window import number_window
from gradviz.charts.precision.rounding import rounding
from gradviz.charts.precision.training import training_curves
from gradviz.charts.pretraining.layer_by_layer import pretraining
from gradviz.charts.regularization.bowl import bowl
from gradviz.charts.regularization.loss_parts import loss_parts
from gradviz.charts.regularization.penalties import penalties
from gradviz.charts.relu_family.dead_units import dead_units
from gradviz.charts.relu_family.mean_slopes import AskedSlope, mean_slopes
from gradviz.charts.replay import AskedEnd, Extent, run_chart
from gradviz.charts.residual.path_sum import path_sum
from gradviz.charts.shattered.both_ways import both_ways
from gradviz.charts.shattered.correlations import correlations
from gradviz.charts.shattered.slopes import slopes as turning_slopes
from gradviz.charts.update_rule.composite import composite_curves
from gradviz.charts.update_rule.descent import descent_chart
from gradviz.charts.update_rule.plateau import plateau_chart
from gradviz.charts.watched import watched
from gradviz.charts.watched_times import watched_times
from gradviz.language import t
from gradviz.quantities import CURVES, INSIDE, QUANTITIES
from gradviz.snapshots import Specimen
from gradviz.theory.chain import ScalarNetwork, composite, matrix_products
from gradviz.theory.landscape import cliff, descend, fit, samples, unit_loss, unit_walks


def names():
    return {"deep": t("10 layers", "10 层"), "it's": t("1 layer", "1 层")}


def history(quantity, log=True, steps=(0, 10)):
    """Two arms, two seeds, three hidden layers and the output; with a zero and an overflow."""
    values = np.array([[1e-3, 0.0, 0.5, 1.0], [2e-3, 0.1, np.inf, 1.0]])
    values = values if log else values.clip(0, 1)
    seeds, layers = np.indices(values.shape)
    columns = {"seed": seeds.ravel(), "layer": layers.ravel() + 1, "value": values.ravel()}
    return pd.concat(
        pd.DataFrame({"arm": arm, "step": step, "quantity": quantity, **columns})
        for arm in ("deep", "it's")
        for step in steps
    )


def way_of_layers():
    rows = pd.concat([history("drift"), history("update_ratio")])
    return rows.replace({"arm": {"it's": "shallow"}})


def curves(steps=(0, 10)):
    rows = [
        {"arm": arm, "step": step, "seed": seed, "quantity": name, "value": 0.5 / (1 + step)}
        for arm in ("deep", "it's")
        for step in steps
        for seed in (0, 1)
        for name in CURVES
    ]
    return pd.DataFrame(rows)


def theory():
    return pd.DataFrame({"arm": "deep", "layer": [1, 2, 3], "value": [1e-3, 1e-2, 0.1]})


def run(quantity, ended=True, asked=None):
    measured = QUANTITIES[quantity]
    return run_chart(
        history(quantity, measured.axis.log),
        curves(),
        measured,
        names(),
        Extent(10, depth=4, values=(1e-5,)),
        theory() if quantity == "delta" else None,
        ended,
        below=dict.fromkeys(CURVES) | {"gradient_norm": 0.3},
        asked=asked,
    )


def of_a_record():
    rows = pd.concat(
        pd.DataFrame(
            {"step": step, "layer": ["it's", "out"], "quantity": name, "value": [0.0, 2.0]}
        )
        for step in (0, 10)
        for name in ("delta", "update_ratio")
    )
    expected = pd.DataFrame({"layer": ["it's", "out"], "delta": [0.1, 1.0], "chi": [0.5, 0.5]})
    return watched(rows, ["it's", "out"], ["delta", "update_ratio"], expected)


def by_time():
    rows = pd.DataFrame({"step": [0, 0, 10, 10], "time": [1, 2, 1, 2], "value": [0.0, 1, 2, 3]})
    return watched_times(rows.assign(layer="it's"))


def specimens(arms=2):
    """Arms of two layers and three units, one of which is dead, with a zero and an overflow."""
    rng = np.random.default_rng(0)
    found = []
    for place, step in ((place, step) for place in range(arms) for step in (0, 10)):
        counts = {name: rng.integers(0, 9, (2, own.bins)) for name, own in INSIDE.items()}
        none = {name: np.zeros(2, int) for name in INSIDE}
        some = {name: np.full(2, 3 * place) for name in INSIDE}
        saturated = np.array([[0.0, 0.5, 1.0], [np.nan] * 3])
        dead = np.array([[False, False, True], [False] * 3])
        empty = np.zeros(0)
        arm = list(names())[place]
        values = (counts, some, none, saturated, dead, empty, empty)
        found.append(Specimen(arm, step, 10, 400, *values))
    return found


def a_layer(ended=True):
    called = {
        arm: f"{letter} · {name}" for letter, (arm, name) in zip("AB", names().items(), strict=True)
    }
    return microscope(specimens(), called, 1, (-3.0, 3.0), ended)


def planes(ended=True):
    x = np.linspace(0, 1, 6)
    views = [
        View(arm, step, np.tile(x, (6, 1)), np.tile(x, (6, 1)).T * (1 + step))
        for arm in names()
        for step in (0, 10)
    ]
    examples = pd.DataFrame({"x": [0.2, 0.8], "y": [0.5, 0.5], "label": [0, 1]})
    return surfaces(views, examples, (0.0, 1.0), names(), t("unit 1", "第 1 个"), ended)


def all_panels(ended=True):
    quantities = list(QUANTITIES.values())
    rows = pd.concat(history(own.name, own.axis.log) for own in quantities)
    return panels(rows, quantities, names(), 4, ended)


def spreads():
    bins = {"low": [-1.0, 0.0], "high": [0.0, 1.0], "value": [0.25, 0.75]}
    return pd.concat(
        pd.DataFrame({"arm": arm, "step": step, "layer": layer, **bins})
        for arm in ("deep", "it's")
        for step in (0, 10)
        for layer in (1, 2)
    )


def histogram_chart(ended=True):
    title = t("Entries of W", "W 的元素")
    return histograms(spreads(), title, names(), [1, 2], (-1.0, 1.0), ended)


def presets():
    return pd.DataFrame(
        {"name": [t("healthy", "健康")], "color": ["#000000"], "w": [4.0], "z": [0.0]}
    )


def pre_training(ended=True):
    frames = [
        SimpleNamespace(
            step=step,
            steps=4,
            layer=1 + (step - 1) // 2,
            epoch=1 + (step - 1) % 2,
            status="finished" if ended and step == 4 else "running",
            error=np.array([0.1, 0.3]),
            originals=np.linspace(0, 1, 32).reshape(8, 4),
            reconstructions=np.full((8, 4), 0.5),
            filters=np.tile([[1.0, -2.0, 0.5, 0.0]], (32, 1)),
        )
        for step in (1, 2, 3, 4)
    ]
    return pretraining(frames, "autoencoder", 2, 2, 2)


def composite_picture():
    x = np.linspace(-5, 5, 41)
    values, slopes = composite(x, np.ones(3), np.zeros(3), activation("relu"))
    table = {"layer": np.repeat([1, 2, 3], len(x)), "x": np.tile(x, 3)}
    table |= {"value": values[1:].ravel(), "slope": slopes[1:].ravel()}
    return composite_curves(pd.DataFrame(table), "relu", 2)


def plateau():
    weights = np.round(np.arange(-20, 91) / 10, 1)
    loss, gradient = unit_loss(weights)
    curve = pd.DataFrame({"w": weights, "loss": loss, "gradient": gradient})
    curve["output"] = activation("sigmoid").function(weights)
    walks = pd.DataFrame(unit_walks(weights, 1.0, 5), columns=weights)
    rows = walks.rename_axis(index="step", columns="w").stack().rename("at").reset_index()
    return plateau_chart(curve, rows.assign(loss=unit_loss(rows["at"])[0]), presets(), 8.0)


def cliff_picture():
    scene, start = cliff(), (5.2, -2.5)
    clipped = {
        p: descend(scene, start, 0.5, 6, clip="norm", clip_at=10**p) for p in (-1.0, -0.5, 0.0)
    }
    return cliff_chart(scene, descend(scene, start, 0.5, 6), clipped, -0.5)


def descent():
    scene = fit(*samples())
    places = pd.DataFrame({"a": [0.0], "b": [0.0], "name": [t("saddle", "鞍点")]})
    return descent_chart(scene, descend(scene, (0.6, -1.6), 0.5, 6), 0.5, places)


def landing_picture():
    quantiles = {"q05": -3.0, "q25": -1.0, "q50": 0.0, "q75": 1.0, "q95": 3.0}
    slopes = {"mean_slope": 0.2, "rms_slope": 0.21}
    rows = pd.DataFrame({"layer": [1, 2, 3], **quantiles, **slopes})
    return landing(rows, (-4.4, 4.4), 0.25, "sigmoid")


def products():
    slopes = {"name": ["sigmoid", "relu"], "slope": [0.25, 1.0]}
    labels = [t("sigmoid", "sigmoid"), t("rectifier", "线性整流")]
    return best_product(pd.DataFrame({**slopes, "label": labels}))


def invariance():
    a = np.array([0.5, 1.0, 1.5, 2.0])
    return scale_invariance(pd.DataFrame({"a": a, "before": a, "after": 1.0, "gradient": 1 / a}))


def scales():
    cells = {"sigma": [0.5, 1.0, 2.0] * 2, "depth": [5] * 3 + [10] * 3}
    return scale_map(pd.DataFrame({**cells, "ratio": [0.1, 1, 8, 0, 1, np.inf]}), 1.0, (2.0, 5))


def fan(asked=False):
    layers = np.arange(1, 6)
    lines = [
        pd.DataFrame({"sigma": sigma, "layer": layers, "value": factor ** (5.0 - layers)})
        for sigma, factor in ((0.5, 0.1), (1.0, 0.9), (4.0, 10.0))
    ]
    table = pd.concat(lines, ignore_index=True)
    return scale_fan(table, table, 4.0, asked)


def singular_values(asked=False):
    values = matrix_products("gaussian", width=8, depth=10, draws=2)
    return singular_value_spread(spread_frame(values, np.ones(10)), asked)


def walk():
    network = ScalarNetwork((8.0,) * 4, (-3.0,) * 4, 0.5, 0.0, activation("sigmoid"))
    return backward_walk(network, step=3)


def plane():
    return factor_plane(activation("sigmoid"), presets(), 4.0, 0.0, 6)


def beam():
    rows = pd.DataFrame({"layer": [1, 2, 3, 4], "value": [np.inf, 0.0, 1e-3, 1.0]})
    return themed(beam_layers(alt.Chart(beam_frame(rows)), BeamLook(4)))


def profile():
    title = QUANTITIES["delta"].title()
    return layer_profile(history("delta", steps=(0,)), "delta", title, names(), theory(), 0.01)


def part_of_factor():
    title = t("slope", "斜率")
    return layer_factors(history("slope", steps=(0,)), names(), theory(), "slope", title)


def slopes(asked=None):
    called = {"relu": t("rectifier", "线性整流"), "tanh": "tanh"}
    return mean_slopes({"relu": 0.5, "tanh": 0.46}, called, asked)


def named_tangent():
    return tangent(1.0, ("sigmoid", "relu"), {"relu": t("rectifier", "线性整流")})


def slopes_of_turning(asked=None):
    curve = pd.DataFrame({"degrees": [0.0, 90.0, 180.0], "value": [0.5, -4.0, 0.2]})
    called = {"plain": t("plain", "普通"), "batchnorm": "BatchNorm"}
    return turning_slopes(dict.fromkeys(called, curve), called, asked)


def correlated():
    rows = pd.DataFrame({"arm": "it's", "depth": [1, 2, 4], "value": [0.5, 0.3, -0.01]})
    return correlations(pd.concat([rows.assign(seed=0), rows.assign(seed=1)]), rows, names())


def forward_and_back():
    parts = [history(name, steps=(0,)) for name in ("growth", "signal")]
    return both_ways(pd.concat(parts).query("value > 0"), names())


def examples_at_units(layers=2, units=2, spread=0.01):
    """Six examples at the units of a few layers, as `engine.units.cloud` has them."""
    shape = (layers, units, 6)
    layer, unit, example = (axis.ravel() + 1 for axis in np.indices(shape))
    before = 1.5 + spread * example * unit
    return pd.DataFrame(
        {
            "layer": layer,
            "unit": unit,
            "example": example,
            "label": example % 5,
            "before": before,
            "after": before,
            "spread": spread * unit,
            "gamma": 1.0,
            "beta": 0.0,
        }
    )


def cloud_picture():
    arms = {"plain": examples_at_units(), "batchnorm": examples_at_units(spread=1.0)}
    return clouds(arms, {"plain": t("plain", "普通网络"), "batchnorm": "BatchNorm"}, 2)


def unit_states():
    """Two layers of two units, looked at four times: one comes back, one dies, a layer is lost."""
    died, lost = np.zeros((2, 4, 2, 2), dtype=np.int8)
    died[1, 0, 0] = 1
    died[1:, 0, 1] = 1
    lost[2:, 1] = 2
    return {"relu": died, "leaky_relu": lost}


def dying(step=None):
    called = {"relu": t("rectifier", "线性整流"), "leaky_relu": t("leaky", "带泄漏")}
    return dead_units(unit_states(), called, 5, step)


def formats():
    return {name: t(name, f"格式 {name}") for name in ("float32", "bfloat16", "float16")}


def window_of_numbers():
    rows = [
        (form, exponent, seed, layer, 0.0 if form == "float16" and layer == 1 else 0.01**layer)
        for form in formats()
        for exponent in (0, 1)
        for seed in (0, 1)
        for layer in (1, 2, 3)
    ]
    table = pd.DataFrame(rows, columns=["format", "exponent", "seed", "layer", "value"])
    table.loc[(table["exponent"] == 1) & (table["format"] == "float16"), "value"] = np.nan
    return number_window(table, formats(), 2, 1)


def updates(asked=False):
    rows = [
        (form, power, n, 0.0 if form == "bfloat16" else n * 10**power)
        for form in formats()
        for power in (-3.0, -2.75)
        for n in (0, 1, 2)
    ]
    table = pd.DataFrame(rows, columns=["format", "power", "n", "moved"])
    return rounding(table, formats(), 2, -3.0, 0.25, asked)


def training_in_formats():
    rows = [
        (arm, step, quantity, 0.1 * step)
        for arm in ("deep", "it's")
        for step in (0, 1)
        for quantity in ("accuracy", "still")
    ]
    table = pd.DataFrame(rows, columns=["arm", "step", "quantity", "value"])
    return training_curves(table, names(), 1, copy="deep")


VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def beam_of_a_run():
    rows = history("delta")
    return run_beam(rows[rows["arm"] == "deep"], 3, ended=True)


PICTURES = {
    "watched": of_a_record,
    "watched by time": by_time,
    "panels": all_panels,
    "panels of a run that goes on": lambda: all_panels(ended=False),
    "microscope": a_layer,
    "microscope of a run that goes on": lambda: a_layer(ended=False),
    "surfaces": planes,
    "surfaces of a run that goes on": lambda: planes(ended=False),
    "home": gradient_through_depth,
    "beam of a run": beam_of_a_run,
    "beam": beam,
    "tangent": named_tangent,
    "tangent beside the identity": lambda: tangent(names=("sigmoid", "elu"), identity=True),
    "clouds": cloud_picture,
    "moves": lambda: moves(examples_at_units(1, 1), 0.5, -1.0),
    "dead_units": dying,
    "best_product": products,
    "landing": landing_picture,
    "scale_invariance": invariance,
    "backward_walk": walk,
    "moved": lambda: moved(
        way_of_layers(), {"deep": "10 layers", "shallow": "1 layer"}, ended=True
    ),
    "cloud": functools.partial(cloud, 12, 12),
    "factor_plane": plane,
    "singular_values": singular_values,
    "cliff": cliff_picture,
    "clip_geometry": clip_geometry,
    "scale_map": scales,
    "scale_fan": fan,
    "scale_fan with a question": lambda: fan(asked=True),
    "singular_values with a question": lambda: singular_values(asked=True),
    "tangent with a question": asked_tangent,
    "layer_factors": part_of_factor,
    "layer_profile": profile,
    "step_layer_map": lambda: step_layer_map(
        history("delta").query("arm == 'deep'"), "delta", QUANTITIES["delta"].title()
    ),
    **{f"run of {name}": lambda name=name: run(name) for name in QUANTITIES},
    "run that goes on": lambda: run("delta", ended=False),
    "run whose end is asked for": lambda: run("delta", asked=AskedEnd((t("deep", "深"), "10"))),
    "histograms": histogram_chart,
    "histograms of a run that goes on": lambda: histogram_chart(ended=False),
    "pretraining": pre_training,
    "pretraining that goes on": lambda: pre_training(ended=False),
    "loss_parts": lambda: loss_parts(curves(), names(), 10),
    "bowl": bowl,
    "penalties": penalties,
    "mean_slopes": slopes,
    "mean_slopes that are asked for": lambda: slopes(AskedSlope("relu", ("tanh",), 0.2)),
    "path_sum": lambda: path_sum(5),
    "slopes of turning": slopes_of_turning,
    "slopes of turning with a question": lambda: slopes_of_turning("batchnorm"),
    "correlations": correlated,
    "both_ways": forward_and_back,
    "number_window": window_of_numbers,
    "rounding": updates,
    "rounding that is asked for": lambda: updates(asked=True),
    "training in formats": training_in_formats,
    "composite": composite_picture,
    "descent": descent,
    "plateau": plateau,
}


def words_in(chart, **values):
    """All words in a picture, once its parameters of these names are at these values."""
    spec = written(chart) if isinstance(chart, alt.TopLevelMixin) else chart
    svg = vl_convert.vegalite_to_svg(with_records(opened(spec, values)), vl_version=VEGA_LITE)
    texts = [node.text for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("}text")]
    return [text for text in texts if text]


def spec_of(name):
    """The picture as a Vega-Lite spec whose data are lists of records."""
    chart = PICTURES[name]()
    return with_records(chart.to_dict() if isinstance(chart, alt.TopLevelMixin) else chart)


def with_records(spec):
    tables = {key: records(table) for key, table in spec.get("datasets", {}).items()}
    return {**spec, "datasets": tables}


def records(table):
    """A table as Altair would send it: what is not finite becomes null."""
    if not isinstance(table, pd.DataFrame):
        return table
    return alt.to_values(alt.utils.sanitize_pandas_dataframe(table))["values"]
