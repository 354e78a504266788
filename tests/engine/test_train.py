import time

import numpy as np
import plain
import pytest
import torch

from gradviz.activations import ACTIVATIONS
from gradviz.data import load
from gradviz.engine import measure
from gradviz.engine.history import curves_frame, history_frame
from gradviz.engine.network import build, export
from gradviz.engine.train import batches, race, train
from gradviz.quantities import CURVES, QUANTITIES
from gradviz.recipe import INITIALIZATIONS, Recipe, replace

pytestmark = pytest.mark.usefixtures("one_core")

SMALL = Recipe(depth=3, width=8, activation="tanh", batch_size=16, steps=20)

VARIANTS = [
    *({"activation": name} for name in ACTIVATIONS),
    {"activation": "leaky_relu", "negative_slope": 0.3},
    {"activation": "elu", "alpha": 0.5},
    *({"init": name, "std": 0.3, "bias_std": 0.1} for name in INITIALIZATIONS),
    {"momentum": 0.0},
    {"weight_decay": 0.01},
    {"optimizer": "adam", "lr": 0.01},
    {"optimizer": "adam", "lr": 0.01, "weight_decay": 0.1},
    {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1},
    {"norm": "batch"},
    {"norm": "layer"},
    {"residual": True},
    {"residual": True, "norm": "batch", "dataset": "moons"},
    {"residual": True, "residual_scale": 0.5, "width": 64},
    {"residual": True, "residual_scale": "rezero"},
    {"residual": True, "residual_scale": "rezero", "optimizer": "adamw", "weight_decay": 0.1},
    {"clip": "norm", "clip_at": 0.5},
    {"clip": "value", "clip_at": 0.02},
    {"l1": 0.001},
    {"l2": 0.01},
    {"batch_size": 4000, "dataset": "circles"},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_training_is_that_of_plain_pytorch(changes):
    recipe = replace(SMALL, **changes)
    oracle = plain.train(recipe, seed=5)
    frames = list(race({"arm": recipe}, seeds=[4, 5], record_every=1))
    assert len(frames) == len(oracle) == 21
    for frame, (loss, accuracy, norm, gradients, weights) in zip(frames, oracle, strict=True):
        assert frame.loss[1] + frame.penalty[1] == pytest.approx(loss, rel=1e-4)
        assert frame.accuracy[1] == pytest.approx(accuracy, abs=0.005)
        assert frame.gradient_norm[1] == pytest.approx(norm, rel=1e-4)
        np.testing.assert_allclose(frame.layers["weight_gradient"][1], gradients, rtol=2e-4)
        np.testing.assert_allclose(frame.layers["weight_norm"][1], weights, rtol=1e-4)


def test_a_run_can_be_repeated_and_a_replica_is_a_run_of_its_own():
    recipe = replace(SMALL, seed=7)
    first, again, alone = (
        list(race({"arm": recipe}, seeds, record_every=5)) for seeds in (3, [7, 8, 9], [8])
    )
    for one, same, single in zip(first, again, alone, strict=True):
        assert one.seeds == (7, 8, 9) and single.seeds == (8,)
        np.testing.assert_array_equal(one.loss, same.loss)
        np.testing.assert_allclose(one.loss[1], single.loss[0], rtol=1e-4)
        assert np.ptp(one.loss) > 1e-3
        for name in QUANTITIES:
            np.testing.assert_array_equal(one.layers[name], same.layers[name])
            np.testing.assert_allclose(
                one.layers[name][1], single.layers[name][0], rtol=1e-3, atol=1e-12
            )


def test_batches_depend_on_the_seed_alone_and_go_through_all_examples():
    data = load("moons", 0)
    together, alone = batches(data, 250, [0, 1]), batches(data, 250, [1])
    seen = []
    for _ in range(3):
        (x, y), (x_alone, y_alone) = next(together), next(alone)
        assert x.shape == (2, 250, 2) and y.shape == (2, 250)
        assert torch.equal(x[1], x_alone[0]) and torch.equal(y[1], y_alone[0])
        assert not torch.equal(x[0], x[1])
        seen.append(x_alone[0])
    np.testing.assert_array_equal(
        np.sort(torch.cat(seen).numpy(), axis=0), np.sort(data.x_train, axis=0)
    )


def test_arms_share_initial_weights_and_batches():
    base = replace(SMALL, steps=0, width=64)
    arms = {
        "plain": base,
        "norm": replace(base, norm="batch"),
        "residual": replace(base, residual=True),
        "shallow": replace(base, depth=1),
    }
    weights = {name: build(recipe, 2).parameters for name, recipe in arms.items()}
    assert torch.equal(weights["plain"]["W", 2], weights["norm"]["W", 2])
    assert torch.equal(weights["plain"]["W", 3], weights["residual"]["W", 3])
    assert torch.equal(weights["plain"]["W", 1], weights["shallow"]["W", 1])
    twins = {"one": base, "other": replace(base, lr=0.9, optimizer="adam", clip="norm")}
    one, other = race(twins, seeds=2)
    np.testing.assert_array_equal(one.loss, other.loss)


def test_nothing_is_computed_before_it_is_asked_for(monkeypatch):
    endless = replace(SMALL, steps=100_000)
    load(endless.dataset, endless.seed)
    began = time.perf_counter()
    frames = race({"a": endless, "b": endless}, seeds=2)
    first, second = next(frames), next(frames)
    assert time.perf_counter() - began < 2
    assert (first.arm, first.step, second.arm, second.step) == ("a", 0, "b", 0)
    assert first.steps == 100_000 and first.status == "running"

    def unexpected(*_):
        raise AssertionError("a race that nobody watches was begun")

    monkeypatch.setattr("gradviz.engine.train.build", unexpected)
    race({"a": SMALL})


def test_arms_advance_together_and_a_shorter_one_ends_first():
    arms = {"long": replace(SMALL, steps=4), "short": replace(SMALL, steps=2)}
    order = [(frame.arm, frame.step, frame.status) for frame in race(arms, record_every=1)]
    assert [(arm, step) for arm, step, _ in order] == [
        *((arm, step) for step in range(3) for arm in ("long", "short")),
        ("long", 3),
        ("long", 4),
    ]
    assert [entry for entry in order if entry[2] != "running"] == [
        ("short", 2, "finished"),
        ("long", 4, "finished"),
    ]


def test_about_sixty_frames_with_the_first_and_the_last_step():
    steps = [frame.step for frame in race({"arm": replace(SMALL, steps=301)})]
    assert 55 <= len(steps) <= 65 and steps[0] == 0 and steps[-1] == 301
    assert [frame.step for frame in race({"arm": replace(SMALL, steps=0)})] == [0]


def test_update_ratio_and_drift_are_of_the_steps_really_taken():
    recipe = replace(SMALL, steps=1, optimizer="sgd", momentum=0.0, lr=0.1)
    first, last = race({"arm": recipe}, record_every=1)
    layers = first.layers
    expected = 0.1 * layers["weight_gradient"] / layers["weight_norm"]
    np.testing.assert_allclose(layers["update_ratio"], expected, rtol=1e-4)
    assert (layers["drift"] == 0).all()
    np.testing.assert_allclose(last.layers["drift"], layers["update_ratio"], rtol=1e-6)


def test_clipping_is_counted_per_seed_and_since_the_last_frame():
    recipe = replace(SMALL, clip="norm")
    always = list(race({"arm": replace(recipe, clip_at=1e-6)}, 2, record_every=4))
    assert all((frame.clipped == 1).all() for frame in always)
    never = list(race({"arm": replace(recipe, clip_at=1e6)}, 2, record_every=4))
    assert all((frame.clipped == 0).all() for frame in never)
    norms = [frame.gradient_norm for frame in race({"arm": SMALL}, 2, record_every=1)]
    between = (norms[0].min() + norms[0].max()) / 2
    first = next(race({"arm": replace(recipe, clip_at=between)}, 2))
    assert sorted(first.clipped) == [0, 1]


def test_the_share_of_clipped_steps_begins_anew_at_each_frame():
    norms = [frame.gradient_norm[0] for frame in race({"arm": SMALL}, 1, record_every=1)]
    recipe = replace(SMALL, lr=0.0, clip="norm", clip_at=float(np.median(norms)))
    every = [frame.clipped[0] for frame in race({"arm": recipe}, 1, record_every=1)]
    fourth = [frame.clipped[0] for frame in race({"arm": recipe}, 1, record_every=4)]
    assert 0 < sum(every) < len(every)
    assert fourth == [every[0], *np.reshape(every[1:], (5, 4)).mean(axis=1)]


def test_an_event_is_told_once():
    recipe = Recipe(depth=80, width=8, init="pytorch", steps=5, batch_size=8)
    frames = list(race({"arm": recipe}, seeds=2, record_every=1))
    assert {event.kind for event in frames[0].events} == {"underflow", "rounded"}
    assert not [event for frame in frames[1:] for event in frame.events]


def test_an_overflow_is_named_and_the_other_arm_goes_on():
    wild = Recipe("moons", 6, 16, "relu", init="normal", std=1.0, lr=1.0, steps=60, batch_size=32)
    arms = {"wild": wild, "calm": replace(wild, init="kaiming_normal", lr=0.01)}
    last, events = {}, {"wild": [], "calm": []}
    for frame in race(arms, seeds=2):
        last[frame.arm] = frame
        events[frame.arm] += frame.events
    assert last["calm"].status == "finished" and last["calm"].step == 60
    assert not [event for event in events["calm"] if event.kind == "overflow"]
    assert last["wild"].status == "diverged" and last["wild"].step < 60
    assert not np.isfinite(last["wild"].loss).any()
    overflows = {event.seed: event for event in events["wild"] if event.kind == "overflow"}
    assert sorted(overflows) == [0, 1]
    for event in overflows.values():
        assert 1 <= event.layer <= 7 and 0 <= event.step <= last["wild"].step
        assert event.sentence() == f"layer {event.layer} overflowed at step {event.step}"


def test_the_layer_of_an_overflow_is_the_one_where_the_numbers_leave_float32():
    # Each ReLU layer multiplies by about 100·√(8/2), so some 17 of them pass 3.4e38.
    recipe = replace(SMALL, depth=40, activation="relu", init="normal", std=100.0)
    frame = next(race({"arm": recipe}, seeds=1))
    [event] = [event for event in frame.events if event.kind == "overflow"]
    network = build(recipe, 1)
    x, _ = next(batches(load("digits", 0), recipe.batch_size, [0]))
    finite = [bool(z.isfinite().all()) for z in network.forward(x).z]
    assert event.quantity == "pre_activation" and event.layer == finite.index(False) + 1
    assert 12 < event.layer < 25 and frame.status == "diverged"


def test_one_diverging_seed_does_not_touch_the_others():
    recipe = replace(SMALL, activation="linear", init="normal", std=0.5, lr=0.05, steps=40)
    everyone = list(race({"arm": recipe}, seeds=8))
    lost = ~np.isfinite(everyone[-1].loss)
    assert 0 < lost.sum() < 8 and everyone[-1].status == "finished"
    survivor = int(np.flatnonzero(~lost)[0])
    alone = list(race({"arm": recipe}, seeds=[survivor]))
    assert np.isfinite(alone[-1].loss).all() and alone[-1].status == "finished"
    overflowed = [event.seed for frame in everyone for event in frame.events]
    assert sorted(overflowed) == np.flatnonzero(lost).tolist()


def test_clipping_by_value_survives_what_ends_the_unclipped_arm():
    wild = replace(SMALL, activation="relu", depth=6, init="normal", std=10.0, lr=0.1)
    arms = {"none": wild, "value": replace(wild, clip="value", clip_at=0.01)}
    last = {frame.arm: frame.status for frame in race(arms, seeds=2)}
    assert last == {"none": "diverged", "value": "finished"}


def test_an_underflow_is_named_with_the_layer_where_it_begins():
    recipe = Recipe(depth=80, width=16, init="pytorch", steps=0, batch_size=16)
    [frame] = race({"deep": recipe}, seeds=2)
    delta = frame.layers["delta"]
    for index, seed in enumerate(frame.seeds):
        zeros = np.flatnonzero(delta[index] == 0)
        assert zeros.size and (zeros == np.arange(zeros.size)).all()
        [event] = [e for e in frame.events if e.quantity == "delta" and e.seed == seed]
        assert (event.kind, event.layer, event.step) == ("underflow", zeros.size, 0)
        assert event.sentence() == f"layer {zeros.size} underflowed to 0 at step 0"


def test_the_depth_lesson_on_digits():
    recipe = Recipe(depth=10, width=32, init="xavier_normal")
    arms = {
        "10": recipe,
        "40": replace(recipe, depth=40),
        "residual": replace(recipe, depth=40, residual=True),
        "batch": replace(recipe, depth=40, norm="batch", init="kaiming_normal"),
    }
    last, events = {}, {name: [] for name in arms}
    for frame in race(arms, seeds=1, record_every=150):
        last[frame.arm] = frame
        events[frame.arm] += frame.events
    assert last["10"].accuracy < 0.15 and last["40"].accuracy < 0.15
    drift = last["10"].layers["drift"][0]
    assert 1e-6 < drift[0] < 1e-4 and 0.03 < drift[-2] < 0.3
    # The gradient is some 1e-26 there, and not one weight has changed by it.
    assert (last["40"].layers["drift"][0, :10] == 0).all()
    assert [event.kind for event in events["40"]] == ["rounded"]
    assert "stood still at step 0" in events["40"][0].sentence()
    assert last["residual"].accuracy > 0.94
    assert last["batch"].accuracy > 0.85


def test_tidy_frames_hold_every_number_once():
    arms = {"a": SMALL, "b": replace(SMALL, depth=1)}
    frames = list(race(arms, seeds=2, record_every=10))
    history, curves = history_frame(frames), curves_frame(frames)
    assert list(history) == ["arm", "step", "seed", "layer", "quantity", "value"]
    assert list(curves) == ["arm", "step", "seed", "quantity", "value"]
    assert len(history) == 3 * 2 * len(QUANTITIES) * (4 + 2) and not history.isna().any().any()
    assert len(curves) == 3 * 2 * len(CURVES) * 2
    for frame in frames:
        at = history[(history.arm == frame.arm) & (history.step == frame.step)]
        for name in QUANTITIES:
            table = at[at.quantity == name].pivot(index="seed", columns="layer", values="value")
            np.testing.assert_array_equal(table.to_numpy(), frame.layers[name])
            assert list(table.index) == [0, 1]
        at = curves[(curves.arm == frame.arm) & (curves.step == frame.step)]
        for name in CURVES:
            np.testing.assert_array_equal(at[at.quantity == name].value, getattr(frame, name))


def test_tidy_frames_are_fast_enough_to_be_drawn_live():
    [frame] = race({"arm": replace(SMALL, depth=40, steps=0)}, seeds=3)
    began = time.perf_counter()
    history_frame([frame] * 60)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arms": {}}, "arms={}"),
        ({"arms": {"a": SMALL}, "seeds": 0}, "seeds=0 is not a whole number from 1 to 100"),
        ({"arms": {"a": SMALL}, "seeds": [-1]}, r"seeds=\[-1\]"),
        ({"arms": {"a": SMALL}, "seeds": []}, r"seeds=\[\]"),
        ({"arms": {"a": SMALL}, "record_every": 0}, "record_every=0"),
        ({"arms": {"a": replace(SMALL, norm="batch", batch_size=1)}}, "batch_size=1"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        race(**arguments)


TRAINED = [
    {},
    {"norm": "batch"},
    {"l2": 0.01, "optimizer": "adam"},
    {"activation": "sigmoid", "pretrain": "rbm", "pretrain_epochs": 1},
    {"init": "normal", "std": 100.0, "activation": "relu", "lr": 10.0, "depth": 20},
]


@pytest.mark.parametrize("changes", TRAINED, ids=str)
def test_the_trained_network_is_that_of_the_last_snapshot(changes):
    recipe = replace(SMALL, **changes)
    network, snapshots = train(recipe, 2, record_every=7)
    raced = list(race({"arm": recipe}, 2, record_every=7))
    for own, same in zip(snapshots, raced, strict=True):
        assert (own.step, own.status) == (same.step, same.status)
        np.testing.assert_array_equal(own.loss, same.loss)
    last, data = snapshots[-1], load(recipe.dataset, recipe.seed)
    assert last.status == ("diverged" if "std" in changes else "finished")
    found = measure.accuracy(network, torch.tensor(data.x_test), torch.tensor(data.y_test))
    np.testing.assert_array_equal(found, last.accuracy)
    for layer, weight in enumerate(network.weights(network.vector)):
        norms = torch.linalg.vector_norm(weight, dim=(1, 2), dtype=torch.float64)
        np.testing.assert_allclose(norms, last.layers["weight_norm"][:, layer], rtol=1e-12)
    if last.status == "finished":
        module = export(network, 1).eval()
        correct = module(torch.tensor(data.x_test)).argmax(1) == torch.tensor(data.y_test)
        assert correct.double().mean().item() == pytest.approx(last.accuracy[1], abs=0.005)


def test_training_refuses_what_a_race_refuses():
    with pytest.raises(ValueError, match="seeds=0"):
        train(SMALL, 0)
    with pytest.raises(ValueError, match="batch_size=1"):
        train(replace(SMALL, norm="batch", batch_size=1))


def test_the_penalty_is_in_the_gradient_norm_and_not_in_the_weight_gradients():
    base = replace(SMALL, depth=12, activation="sigmoid", steps=0)
    [plain_loss], [penalized] = (
        list(race({"arm": recipe}, 2)) for recipe in (base, replace(base, l2=0.1))
    )
    for name in ("delta", "weight_gradient"):
        np.testing.assert_array_equal(plain_loss.layers[name], penalized.layers[name])
    assert (penalized.layers["weight_gradient"][:, 0] < 1e-6).all()
    assert (penalized.layers["update_ratio"] > 0.009).all()
    # ∂(l2·ΣW²)/∂W = 2·l2·W, at all layers.
    pull = 0.2 * np.linalg.norm(penalized.layers["weight_norm"], axis=1)
    assert penalized.gradient_norm == pytest.approx(pull, rel=0.1)
    assert (plain_loss.gradient_norm < 0.5 * pull).all()


def test_a_seed_decides_weights_and_batches_and_the_recipes_seed_the_data_too():
    fourth = next(race({"arm": replace(SMALL, dataset="moons")}, [3]))
    alone = next(race({"arm": replace(SMALL, dataset="moons", seed=3)}, 1))
    five = next(race({"arm": replace(SMALL, dataset="moons")}, 5))
    assert fourth.seeds == alone.seeds == (3,)
    np.testing.assert_array_equal(fourth.layers["weight_norm"][0], alone.layers["weight_norm"][0])
    assert five.loss[3] == pytest.approx(fourth.loss[0], rel=1e-5)
    assert abs(alone.loss[0] - fourth.loss[0]) > 1e-3
