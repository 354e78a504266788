import dataclasses
import re
import subprocess
import sys

import pytest

import gradviz
from gradviz.recipe import CHOICES, RANGES, Recipe, replace


def test_the_standard_recipe_is_valid_hashable_and_immutable():
    recipe = Recipe()
    assert recipe == Recipe() and len({recipe, Recipe()}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.depth = 3


def test_a_remedy_is_one_visible_difference():
    base = Recipe()
    cured = replace(base, norm="batch")
    different = [
        field.name
        for field in dataclasses.fields(Recipe)
        if getattr(base, field.name) != getattr(cured, field.name)
    ]
    assert different == ["norm"]


def test_every_field_is_checked():
    fields = {field.name for field in dataclasses.fields(Recipe)}
    assert fields == {*CHOICES, *RANGES, "residual"}


@pytest.mark.parametrize("field", CHOICES)
def test_choices(field):
    for value in CHOICES[field]:
        assert getattr(Recipe(**{field: value}), field) == value
    with pytest.raises(ValueError, match=f"{field}='other' is not one of {CHOICES[field][0]}"):
        Recipe(**{field: "other"})


@pytest.mark.parametrize("field", RANGES)
def test_ranges(field):
    low, high = RANGES[field]
    for value in (low, high):
        assert getattr(Recipe(**{field: value}), field) == value
    for bad in (low - 1, high + 1, float("nan"), float("inf"), "1", True):
        message = f"^{field}=.* number from {re.escape(f'{low:g} to {high:g}')}$"
        with pytest.raises(ValueError, match=message):
            Recipe(**{field: bad})


@pytest.mark.parametrize("field", ["depth", "width", "batch_size", "steps", "seed"])
def test_whole_numbers(field):
    with pytest.raises(ValueError, match=f"{field}=2.5 is not a whole number from"):
        Recipe(**{field: 2.5})


@pytest.mark.parametrize("field", RANGES)
def test_only_what_has_a_standard_may_be_left_open(field):
    if field in ("gain", "residual_scale"):
        assert getattr(Recipe(**{field: None}), field) is None
    else:
        with pytest.raises(ValueError, match=f"{field}=None"):
            Recipe(**{field: None})


def test_the_scale_of_a_branch_may_be_trained():
    assert Recipe(residual=True, residual_scale="rezero").residual_scale == "rezero"
    with pytest.raises(ValueError, match="gain='rezero' is not a number"):
        Recipe(gain="rezero")


def test_residual_is_a_truth_value():
    with pytest.raises(ValueError, match="residual=1 is not one of True, False"):
        Recipe(residual=1)


def test_every_public_name_can_be_imported():
    assert {"Recipe", "replace", "race", "train", "Snapshot"} <= set(gradviz.__all__)
    assert {"build", "history_frame", "profile"} <= set(gradviz.__all__)
    for name in gradviz.__all__:
        assert getattr(gradviz, name).__class__ is not None and name in dir(gradviz)
    assert gradviz.Recipe is Recipe
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gradviz.nothing  # noqa: B018


def test_neither_torch_nor_sklearn_is_loaded_before_something_trains():
    code = (
        "import sys, gradviz.activations, gradviz.theory.mean_field, gradviz.engine.history\n"
        "from gradviz import Recipe, replace\n"
        "assert not {'torch', 'sklearn', 'streamlit'} & set(sys.modules)\n"
        "from gradviz import race\n"
        "assert 'torch' in sys.modules and 'streamlit' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
