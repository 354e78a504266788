"""The same network in other number formats, against float32, float64 and rounding by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gradviz.data import load
from gradviz.engine.initialization import generator
from gradviz.engine.network import build, export
from gradviz.engine.precision import (
    DTYPES,
    _step,
    repeated_updates,
    signal_in_format,
    train_in_formats,
)
from gradviz.engine.start import at_start
from gradviz.recipe import Recipe
from gradviz.theory.formats import FORMATS

pytestmark = pytest.mark.usefixtures("one_core")

SMALL = Recipe(depth=6, width=16)


def by_layer(table):
    return table.set_index("layer")["value"].to_numpy()


def test_in_float32_it_is_what_the_engine_measures():
    start = at_start(SMALL, [3], 64)
    signals = [s.detach().double().square().mean().sqrt().item() for s in start.gradients.signals]
    found = by_layer(signal_in_format(SMALL, "float32", [0], [3], 64))
    np.testing.assert_allclose(found, signals, rtol=1e-4)


@pytest.mark.parametrize("form", ["bfloat16", "float16"])
def test_each_gradient_is_the_exact_one_rounded_layer_by_layer(form):
    """By hand, the backward pass in float64 with every result rounded to the format."""
    x, y = (torch.tensor(part[:64]) for part in (load("digits").x_train, load("digits").y_train))
    layers = export(build(SMALL, [0]))
    linear = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]

    def short(numbers):
        return numbers.to(DTYPES[form]).double()

    h, slopes = short(x), []
    for layer in linear:
        z = short(h @ short(layer.weight).T + short(layer.bias))
        h = short(torch.sigmoid(z))
        slopes.append(h * (1 - h))
    probabilities = torch.softmax(z, dim=1)
    delta = short((probabilities - F.one_hot(y, 10)) / 64)
    expected = [delta]
    for layer, slope in zip(linear[:0:-1], slopes[-2::-1], strict=True):
        delta = short(short(delta @ short(layer.weight)) * slope)
        expected.append(delta)
    sizes = [d.detach().square().mean().sqrt().item() for d in expected[::-1]]
    found = by_layer(signal_in_format(SMALL, form, [0], [0], 64))
    np.testing.assert_allclose(found, sizes, rtol=0.03)


def test_float16_loses_what_is_below_its_smallest_number_and_a_scale_brings_it_back():
    recipe = Recipe(depth=16)
    exact, half = (
        signal_in_format(recipe, form, [0, 16], [0]).pivot_table(
            index="exponent", columns="layer", values="value"
        )
        for form in ("float32", "float16")
    )
    floor = FORMATS["float16"].smallest
    assert (half.loc[0][exact.loc[0] < floor / 100] == 0).all()
    assert (half.loc[0] == 0).sum() >= 6
    kept = exact.loc[16] > 10 * floor / 2**16
    np.testing.assert_allclose(half.loc[16][kept], exact.loc[16][kept], rtol=0.05)
    assert kept.sum() > (half.loc[0] > 0).sum() + 4


def test_too_large_a_scale_leaves_no_layer_a_number_in_float16_alone():
    recipe = Recipe(depth=4)
    half, brain = (signal_in_format(recipe, form, [26], [0]) for form in ("float16", "bfloat16"))
    assert not np.isfinite(half["value"]).any()
    assert np.isfinite(brain["value"]).all()


@pytest.mark.parametrize("form", DTYPES)
def test_a_weight_that_is_updated_again_and_again_is_rounded_each_time(form):
    updates = [1e-4, 1e-3, 0.01]
    found = repeated_updates(form, updates, 20)
    assert found.shape == (3, 21)
    for row, update in zip(found, updates, strict=True):
        step = torch.tensor(update, dtype=DTYPES[form])
        w = torch.tensor(1.0, dtype=DTYPES[form])
        for value in row:
            assert value == w.double().item()
            w = w + step
    lost = np.array(updates) <= FORMATS[form].lost
    assert ((found == 1).all(axis=1) == lost).all()


def test_products_are_added_up_in_float32_and_then_rounded():
    for form in ("float16", "bfloat16"):
        small = torch.full((1, 1025), FORMATS[form].lost / 4, dtype=DTYPES[form])
        small[0, 0] = 1
        total = (small @ torch.ones(1025, 1, dtype=DTYPES[form])).item()
        # Added up in the format itself, every one of them would be lost.
        assert total == 1 + 1024 * FORMATS[form].lost / 4


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="form='float8' is not one of float32"):
        signal_in_format(SMALL, "float8")
    with pytest.raises(ValueError, match="float8"):
        repeated_updates("float8", [0.1], 1)


def test_training_in_float32_is_plain_gradient_descent():
    recipe = Recipe(depth=2, width=8, activation="relu", lr=0.05, steps=6, batch_size=32, seed=3)
    moments = list(train_in_formats(recipe, {"plain": ("float32", "float32")}, every=3))
    data, module = load("digits", 3), export(build(recipe, [3]))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    random = generator(3, "batches")
    for _ in range(6):
        rows = torch.randint(len(data.x_train), (32,), generator=random).numpy()
        logits = module(torch.tensor(data.x_train[rows]))
        optimizer.zero_grad()
        F.cross_entropy(logits, torch.tensor(data.y_train[rows])).backward()
        optimizer.step()
    right = module(torch.tensor(data.x_test)).argmax(1) == torch.tensor(data.y_test)
    assert [(m.arm, m.step, m.steps) for m in moments] == [("plain", s, 6) for s in (0, 3, 6)]
    last = moments[-1].table.set_index("quantity")["value"]
    assert last["accuracy"] == pytest.approx(right.double().mean().item())
    assert np.isnan(moments[0].table["value"]).tolist() == [False, True]


@pytest.mark.parametrize("form", ["bfloat16", "float16"])
def test_what_stands_still_is_counted_by_the_weights_that_did_not_change(form):
    module = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False)).to(DTYPES[form])
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    x, labels = np.array([[1.0, 1.0]], dtype=np.float32), np.array([0])
    # Both entries of a row get the gradient ±1/2: at 1 it is lost, at 0 it is not.
    lr = FORMATS[form].lost / 2
    assert _step(module, x, labels, DTYPES[form], lr) == 0.5
    np.testing.assert_allclose(module[0].weight[:, 1].detach().float(), [lr / 2, -lr / 2])
