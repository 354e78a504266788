"""The diagnosis: every known illness by its name, and words and changes that go with it."""

import math

import numpy as np
import pandas as pd
import pytest
from illnesses import CASES, SIGMOID
from lessons import seeds

from gradviz import language
from gradviz.diagnosis import (
    ILLNESSES,
    Change,
    Facts,
    Finding,
    Measurements,
    by_seed,
    diagnose,
    of_snapshots,
)
from gradviz.engine.train import race
from gradviz.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_core")

UNSEEN = 1000  # the rules and their thresholds were chosen with lower seeds


def findings(recipe, count=3):
    unseen = [UNSEEN + seed for seed in seeds(count)]
    snapshots = list(race({"arm": recipe}, unseen, max(1, recipe.steps // 10)))
    with np.errstate(over="ignore", invalid="ignore"):
        return diagnose(of_snapshots(snapshots, recipe)), snapshots


@pytest.mark.claim
@pytest.mark.parametrize("name", CASES)
def test_what_is_known_to_ail_a_network_is_found(name):
    recipe, illness = CASES[name]
    found, _ = findings(recipe)
    assert found[0].illness == illness, [str(finding) for finding in found]


def test_the_cases_are_many_and_of_every_kind():
    assert len(CASES) >= 30
    assert {illness for _, illness in CASES.values()} == {*ILLNESSES} - {
        "unknown",
        "vanishing_time",  # no recipe has time steps: see below
    }


@pytest.mark.claim
@pytest.mark.parametrize(
    "name",
    [
        "depth: ten sigmoid layers",
        "depth: small weights, tanh",
        "exploding: weight scale 3",
        "relu_family: gain 1",
        "relu_family: rate far too high",
        "residual: unscaled",
        "batchnorm: layernorm, sigmoid",
        "saturated tanh",
        "updates a millionth",
        "updates too large",
    ],
)
def test_the_change_most_likely_to_help_does(name):
    recipe, _ = CASES[name]
    change = findings(recipe)[0][0].change
    cured = change.applied(Recipe(**{**recipe.__dict__, "steps": 150}))
    found, snapshots = findings(cured)
    assert found[0].illness == "healthy", [str(finding) for finding in found]
    assert snapshots[-1].loss.mean() < 0.75 * snapshots[0].loss.mean()


def test_findings_tell_the_layer_the_step_and_the_numbers():
    found, snapshots = findings(SIGMOID)
    delta = np.median(snapshots[0].layers["delta"], axis=0)
    (name, ratio), *_ = found[0].numbers
    assert name == "ratio"
    np.testing.assert_allclose(ratio, delta[0] / delta[-2])
    beyond = [layer for layer in range(1, 11) if delta[layer - 1] / delta[9] <= 1e-2]
    assert found[0].layer == max(beyond) and found[0].step == 0
    assert 0.03 < found[0].chi < 0.07  # σ_w² E[φ′²] ≈ 1/16 at the most


def table_of(values, quantity="delta", step=0):
    return pd.DataFrame(
        {
            "step": step,
            "layer": [f"layer {k}" for k in range(len(values))],
            "quantity": quantity,
            "value": values,
        }
    )


def measured(*tables, **others):
    table = pd.concat(tables, ignore_index=True)
    return Measurements(table, tuple(dict.fromkeys(table.layer)), **others)


def test_a_network_of_which_nothing_is_known_has_no_diagnosis():
    assert [f.illness for f in diagnose(measured(table_of([])))] == ["unknown"]


def test_the_output_layer_is_not_compared():
    assert diagnose(measured(table_of([1.0, 1.0, 1.0, 1e-9])))[0].illness == "healthy"
    found = diagnose(measured(table_of([1e-3, 5e-3, 1.0, 1.0])))
    assert found[0].illness == "vanishing" and found[0].layer == "layer 1"


def test_where_inf_or_nan_began_is_named_and_only_if_it_lasts():
    deltas = [table_of([1.0, math.inf, 2.0], step=3), table_of([1.0, 1.0, 2.0], step=0)]
    assert diagnose(measured(*deltas))[0] == Finding(
        "diverged", "layer 1", 3, change=Change("rate", rate=0.1)
    )
    recovered = table_of([1.0, 1.0, 2.0], step=4)
    assert diagnose(measured(*deltas, recovered))[0].illness == "healthy"
    forward = table_of([1.0, math.nan, math.nan], "output", step=3)
    last = table_of([math.nan] * 3, step=3)
    found = diagnose(measured(deltas[1], last, forward))
    assert found[0].layer == "layer 1"  # forward it is the first that is lost, not the last


def test_signals_that_are_zero_because_all_is_learned_are_no_illness():
    tables = [table_of([1.0, 1.0, 1.0]), table_of([0.0, 0.0, 0.0], step=10)]
    assert diagnose(measured(*tables))[0].illness == "healthy"


def test_only_layers_alike_are_compared():
    deltas = table_of([1e-4, 2e-4, 1e-8, 1.0, 1.0])
    kinds = dict(zip(["layer 0", "layer 1", "layer 2", "layer 3"], "aabc", strict=True))
    (found,) = diagnose(measured(deltas, kinds=kinds))
    assert found.illness == "healthy" and dict(found.numbers) == {}
    names = {f"layer {k}": "tanh" for k in (1, 2, 3)}
    names["layer 0"] = "relu"
    table = table_of([1e-9, 1e-3, 1e-2, 1.0, 1.0])
    (found,) = diagnose(measured(table, activations=names))
    assert dict(found.numbers) == {"ratio": 1e-3} and found.layer == "layer 2"


def test_half_of_the_seeds_decide():
    table = pd.concat([table_of([value, 1.0, 1.0]) for value in (math.nan, 1.0, 2.0)])
    layers = tuple(dict.fromkeys(table.layer))
    assert Facts(Measurements(table, layers)).ratios[0] == 2.0
    assert diagnose(Measurements(table, layers))[0].illness == "healthy"


def test_relu_layers_are_never_called_saturated():
    shares = table_of([0.9, 0.9], "saturation")
    for activation, illness in (("relu", "healthy"), ("tanh", "saturated")):
        names = dict.fromkeys(("layer 0", "layer 1"), activation)
        found = diagnose(measured(table_of([1.0, 1.0, 1.0]), shares, activations=names))
        assert found[0].illness == illness


def test_one_step_says_nothing_of_updates():
    still = [table_of([0.0, 0.0, 0.0], "update_ratio", step) for step in (0, 1)]
    assert diagnose(measured(still[0]))[0].illness == "healthy"
    assert diagnose(measured(*still))[0].illness == "updates_small"


def test_a_rate_is_changed_by_a_power_of_ten_and_fields_are_set():
    recipe = Recipe(lr=3e-7, gain=2.0)
    assert Change("rate", rate=1e3).applied(recipe).lr == 3e-4
    assert Change("init", (("gain", None),)).applied(recipe).gain is None


@pytest.mark.parametrize("code", language.LANGUAGES)
@pytest.mark.parametrize("illness", ILLNESSES)
def test_every_finding_has_words_in_both_languages(code, illness):
    language.use(code)
    numbers = dict.fromkeys(
        ("ratio", "factor", "update", "dead", "dead_units", "saturation"), 0.00123
    )
    finding = Finding(illness, 3, 40, tuple(numbers.items()), 0.05, Change("rate", rate=0.1))
    words = f"{finding.title()} {finding}"
    assert "{" not in words and "None" not in words
    assert ("第 3 层" in words or "layer 3" in words) or illness in ("healthy", "unknown")
    assert ("除以 10" if code == "zh" else "divide the learning rate by 10") in words


def times_of(values, layer="lstm.l0", step=0):
    columns = {"step": step, "layer": layer, "time": range(len(values)), "value": values}
    return pd.DataFrame(columns)


def of_times(*tables, **others):
    deltas = table_of([1.0, 1.0, 1.0])
    return diagnose(measured(deltas, times=pd.concat(tables), **others))[0]


def test_a_gradient_that_vanishes_through_time_is_found_with_its_factor():
    # The loss reads the last state directly: what counts begins before it.
    values = [*0.5 ** np.arange(10.0)[::-1], 100.0]
    found = of_times(times_of(values), recurrent={"lstm.l0": "LSTM"})
    assert (found.illness, found.layer, found.step) == ("vanishing_time", "lstm.l0", 0)
    assert dict(found.numbers) == {"ratio": pytest.approx(0.5**9), "factor": pytest.approx(0.5)}
    assert found.change == Change("forget")
    assert of_times(times_of(values), recurrent={"lstm.l0": "RNN"}).change == Change("gates")
    assert of_times(times_of(values)).change == Change("shorter")


def test_what_the_loss_does_not_depend_on_is_no_last_step():
    values = [*0.5 ** np.arange(10.0)[::-1], 100.0, 0.0, 0.0]
    assert dict(of_times(times_of(values)).numbers)["factor"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "values", [[1.0] * 9, 0.7 ** np.arange(9.0)[::-1], [1e-9, 1.0, 1.0], [0.0] * 9, [np.nan] * 9]
)
def test_a_slow_decay_and_what_cannot_be_told_are_no_illness(values):
    assert of_times(times_of(np.array(values))).illness == "healthy"


def test_a_layer_that_reads_backwards_vanishes_the_other_way():
    falling = 0.3 ** np.arange(9.0)
    assert of_times(times_of(falling)).illness == "healthy"
    assert of_times(times_of(falling, "gru.l0_reverse")).illness == "vanishing_time"


def test_what_recovers_through_time_is_no_illness_and_what_comes_is():
    gone, healthy = 0.1 ** np.arange(6.0)[::-1], np.ones(6)
    assert of_times(times_of(gone), times_of(healthy, step=9)).illness == "healthy"
    found = of_times(times_of(healthy), times_of(gone, step=9))
    assert (found.illness, found.step) == ("vanishing_time", 9)


def test_each_seed_is_measured_as_if_it_were_alone():
    recipe = Recipe(depth=4, width=8, steps=6, activation="relu", gain=60.0, lr=1.0)
    snapshots = list(race({"arm": recipe}, [3, 5], 2))
    for seed, own in by_seed(snapshots, recipe).items():
        alone = of_snapshots(list(race({"arm": recipe}, [seed], 2)), recipe)
        assert own.overflow == alone.overflow and own.chi == alone.chi
        assert [f.illness for f in diagnose(own)] == [f.illness for f in diagnose(alone)]
    assert list(by_seed(snapshots, recipe)) == [3, 5]
