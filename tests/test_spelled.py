"""Numbers are read strictly, wherever their text comes from."""

import pytest

from gradviz import spelled


@pytest.mark.parametrize("raw", ["0", "7", "-3", "+12"])
def test_whole_numbers_are_plain_digits(raw):
    assert spelled.whole_number(raw) == int(raw)


@pytest.mark.parametrize("raw", ["0.05", "1e-3", "-2", ".5", "3."])
def test_decimal_numbers_are_plain_digits(raw):
    assert spelled.decimal_number(raw) == float(raw)


@pytest.mark.parametrize(
    "raw", ["²", "1_0", "nan", "inf", "1e999", "１２", "9" * 400, " 7", "", "-"]
)
def test_nothing_else_is_a_number(raw):
    assert spelled.whole_number(raw) is None
    assert spelled.decimal_number(raw) is None


@pytest.mark.parametrize("number", [0.1 + 0.2, 1e-05, 1 / 3, 123456.789, 5e-10])
def test_what_python_writes_is_read_back(number):
    assert spelled.decimal_number(repr(number)) == number
