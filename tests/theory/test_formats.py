"""The number formats in closed form are those that PyTorch computes in."""

import numpy as np
import pytest
import torch

from gradviz.engine.precision import DTYPES
from gradviz.theory.formats import FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_ends_and_spacing_are_pytorchs(name):
    form, info = FORMATS[name], torch.finfo(DTYPES[name])
    assert form.largest == info.max
    assert form.smallest_normal == info.smallest_normal
    assert form.spacing == info.eps
    assert 1 + form.exponent_bits + form.fraction_bits == info.bits


def rounded(value, name):
    return torch.tensor(value, dtype=torch.float64).to(DTYPES[name]).double().item()


@pytest.mark.parametrize("name", FORMATS)
def test_below_the_smallest_number_there_is_zero_and_beyond_the_largest_infinity(name):
    form = FORMATS[name]
    assert rounded(form.smallest, name) == form.smallest
    assert rounded(form.smallest * 0.49, name) == 0
    assert rounded(form.largest * (1 + form.spacing), name) == np.inf


@pytest.mark.parametrize("name", FORMATS)
def test_an_update_of_the_weight_1_is_lost_up_to_half_a_step(name):
    lost = FORMATS[name].lost
    assert rounded(1 + lost, name) == 1
    assert rounded(1 + lost * 1.01, name) == 1 + FORMATS[name].spacing
    assert rounded(1 - lost / 2, name) == 1
    assert rounded(1 - lost / 1.9, name) == 1 - lost


def test_the_article_quotes_them():
    assert FORMATS["bfloat16"].lost == 2**-8 and FORMATS["float16"].lost == 2**-11
    quoted = {"float32": "1.4e-45", "bfloat16": "9.2e-41", "float16": "6.0e-08"}
    assert {name: f"{form.smallest:.1e}" for name, form in FORMATS.items()} == quoted
    assert f"{FORMATS['bfloat16'].largest:.1e}" == f"{FORMATS['float32'].largest:.1e}" == "3.4e+38"
    assert FORMATS["float16"].largest == 65504
    assert f"{FORMATS['float16'].smallest_normal:.1e}" == "6.1e-05"


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_the_numbers_between_two_ends_are_all_of_the_format(name):
    numbers = FORMATS[name].numbers(0.99, 1.02)
    every = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(DTYPES[name]).double()
    inside = every[(every >= 0.99) & (every <= 1.02)].sort().values.numpy()
    np.testing.assert_array_equal(numbers, inside)
    with pytest.raises(ValueError, match="low="):
        FORMATS[name].numbers(0.4, 1)
