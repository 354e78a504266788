"""The programs to take home find what the engine finds."""

import contextlib
import io
import json

import numpy as np
import pytest

from gradviz.data import load
from gradviz.engine.train import race
from gradviz.recipe import INITIALIZATIONS, Recipe, replace
from gradviz.take_home import notebook, script

pytestmark = pytest.mark.usefixtures("one_core")

SMALL = Recipe(depth=3, width=8, activation="tanh", batch_size=16, steps=20)
# Every remedy, and whatever else the programs write in another way.
VARIANTS = {
    "plain": {},
    # Of one epoch: what it samples turns, some time, on how a processor rounds.
    "pretraining by an RBM": {"activation": "sigmoid", "pretrain": "rbm", "pretrain_epochs": 1},
    "pretraining by an autoencoder": {"pretrain": "autoencoder", "pretrain_epochs": 2},
    "clipping by norm": {"clip": "norm", "clip_at": 0.5},
    "clipping by value": {"clip": "value", "clip_at": 0.02},
    "L1": {"l1": 0.001},
    "L1 and L2": {"l1": 0.001, "l2": 0.01, "residual": True},
    "weight decay": {"weight_decay": 0.01},
    "ReLU": {"activation": "relu"},
    "Leaky ReLU": {"activation": "leaky_relu", "negative_slope": 0.3},
    "ELU": {"activation": "elu", "alpha": 0.5},
    "SELU": {"activation": "selu"},
    "GELU": {"activation": "gelu"},
    "SiLU": {"activation": "silu"},
    "linear": {"activation": "linear"},
    "BatchNorm": {"norm": "batch"},
    "LayerNorm": {"norm": "layer"},
    "residual": {"residual": True},
    "residual, with BatchNorm": {"residual": True, "norm": "batch", "dataset": "moons"},
    "residual, its scale given": {"residual": True, "residual_scale": 0.5, "width": 64},
    "Adam": {"optimizer": "adam", "lr": 0.01, "weight_decay": 0.1},
    "AdamW": {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1, "dataset": "circles"},
    "spirals": {"dataset": "spirals", "seed": 3, "batch_size": 4000, "gain": 1.5},
    **{name: {"init": name, "std": 0.3, "bias_std": 0.1} for name in INITIALIZATIONS},
}


def run(program):
    """What the program leaves behind, and what it prints."""
    left: dict = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "take_home", "exec"), left)
    return left, printed.getvalue()


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_the_program_finds_the_numbers_of_the_engine(changes):
    recipe = replace(SMALL, **changes)
    left, printed = run(script(recipe, seed=5))
    frames = list(race({"arm": recipe}, seeds=[5]))
    history = left["history"]
    assert [row["step"] for row in history] == [frame.step for frame in frames]
    for row, frame in zip(history, frames, strict=True):
        assert row["loss"] == pytest.approx(frame.loss[0], rel=1e-4)
        assert row["accuracy"] == pytest.approx(frame.accuracy[0], abs=0.005)
        for quantity in ("delta", "weight_gradient", "update_ratio"):
            np.testing.assert_allclose(row[quantity], frame.layers[quantity][0], rtol=1e-3)
    assert len(printed.splitlines()) > 10


def test_a_program_needs_nothing_of_gradviz_and_writes_only_what_the_recipe_uses():
    plain = script(SMALL)
    assert "import gradviz" not in plain and "from gradviz" not in plain
    for word in ("BatchNorm", "clip_grad", "pretrain", "projection", "matrices"):
        assert word not in plain


def test_without_a_seed_it_is_the_recipe_s_own():
    assert script(replace(SMALL, seed=7)) == script(replace(SMALL, seed=7), seed=7)
    assert "SEED = 7" in script(replace(SMALL, seed=7))


def test_the_notebook_is_the_same_program():
    recipe = replace(SMALL, norm="batch", steps=5)
    cells = json.loads(notebook(recipe))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert run(code)[0]["history"] == run(script(recipe))[0]["history"]
    assert len({cell["id"] for cell in cells}) == len(cells)


def test_what_it_says_of_itself():
    first = script(replace(SMALL, norm="batch")).splitlines()[0]
    assert "norm='batch'" in first and "depth=3" in first and "dataset" not in first


def test_the_data_are_those_of_the_engine():
    left, _ = run(script(replace(SMALL, dataset="spirals", steps=0, seed=2)))
    np.testing.assert_array_equal(left["x_train"].numpy(), load("spirals", 2).x_train)
