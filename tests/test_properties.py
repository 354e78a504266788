"""Whatever anybody types, or puts into a link: a valid state, or a short and plain complaint.

The examples are the same in every run. What pages make of such links is tried in
tests/lessons/test_hostile_links.py.
"""

import dataclasses
import math
import re
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gradviz import bench, exercise, spelled
from gradviz.bench import MOST_SEEDS, NAMES, Bench
from gradviz.exercise import FIELDS, GOALS, LONGEST_QUESTION, MOST_CHANGES, Exercise
from gradviz.recipe import CHOICES, RANGES, REZERO, Recipe
from gradviz.ui import address, controls

settings.register_profile(
    "gradviz",
    derandomize=True,
    deadline=None,
    max_examples=150,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("gradviz")

NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(repr),
    st.from_regex(r"[+-]?[0-9_.eE]{1,12}", fullmatch=True),
    st.text("0123456789²³½٣１𝟕", min_size=1, max_size=8),
    st.integers(1, 6000).map("9".__mul__),
)
MARKUP = st.sampled_from(
    [
        "`",
        "``$x^2$",
        ":red[x]",
        "![](https://example.org/x.png)",
        "<b>x</b>",
        "# x",
        "\x00",
        "\u202e",
    ]
)
TEXT = st.one_of(st.text(), NUMBERS, MARKUP, st.text(min_size=1, max_size=3).map("".join))
# Surrogates too: a URL may hold half a character.
FOREIGN = TEXT | st.text(st.characters(), max_size=60) | TEXT.map(lambda text: 5000 * text)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.integers()),
    st.complex_numbers(),
    st.integers(0, 20_000).map(lambda power: 10**power),
)


def recipes():
    """Valid recipes, with a value drawn for every field."""
    values = {name: st.sampled_from(options) for name, options in CHOICES.items()}
    for name, (low, high) in RANGES.items():
        if isinstance(getattr(Recipe(), name), int):
            values[name] = st.integers(int(low), int(high))
        else:
            values[name] = st.floats(low, high)
    values["gain"] |= st.none()
    values["residual_scale"] |= st.none() | st.just(REZERO)
    return st.builds(Recipe, residual=st.booleans(), **values)


@given(field=st.sampled_from([field.name for field in dataclasses.fields(Recipe)]), value=ANYTHING)
@example(field="depth", value=10**400)
@example(field="lr", value=10**6000)
@example(field="seed", value=-(10**6000))
@example(field="gain", value=math.nan)
def test_a_recipe_is_valid_or_says_which_field_is_wrong(field, value):
    try:
        recipe = Recipe(**{field: value})
    except ValueError as error:
        said = str(error)
        assert said.startswith(f"{field}=") and len(said) < 400
        assert re.search(r"is not (one of|a (whole )?number from) ", said)
        if field in RANGES:
            assert said.endswith(f"from {RANGES[field][0]:g} to {RANGES[field][1]:g}")
    else:
        kept = getattr(recipe, field)
        assert kept is None or isinstance(kept, (bool, str)) or math.isfinite(kept)
        hash(recipe)


@given(FOREIGN)
def test_a_number_is_read_as_python_writes_it_or_not_at_all(raw):
    whole, decimal = spelled.whole_number(raw), spelled.decimal_number(raw)
    assert whole is None or (whole == int(raw) and abs(whole) < 10**15)
    assert decimal is None or (decimal == float(raw) and math.isfinite(decimal))
    assert whole is None or decimal == whole


@given(FOREIGN)
def test_foreign_text_is_one_short_code_span(raw):
    shown = address.plain(raw)
    assert re.fullmatch(r"`[^`]*`", shown) and shown.isprintable()
    assert len(shown) <= address.LONGEST + 3


@pytest.fixture
def apart(monkeypatch):
    """Controls that stand on no page: what they read does not depend on it."""
    monkeypatch.setattr(controls.Control, "__post_init__", lambda self: None)


def one_of_each():
    return [
        controls.choice("c", "c", ["a", "b", "1e3"], default="a", help=""),
        controls.number("n", "n", low=1, high=40, default=3, step=1, help=""),
        controls.number("d", "d", low=-0.5, high=9.5, default=3.5, step=0.5, help=""),
        controls.steps("s", "s", [1e-3, 0.1, 1000.0], default=0.1, help=""),
        controls.switch("w", "w", default=False, help=""),
        controls.opening("o", "slider", low=0.0, high=2.0, default=1.0),
    ]


@given(raw=FOREIGN)
@pytest.mark.usefixtures("apart")
def test_every_control_reads_a_value_that_it_keeps_and_writes_back_or_none(raw):
    for control in one_of_each():
        found = control.read(raw)
        if found is not None:
            assert control.accepts(found)
            # A number is written with ten digits.
            again = control.read(control.text(found))
            assert again == (pytest.approx(found, rel=1e-9) if isinstance(found, float) else found)
            assert control.text(again) == control.text(found)
        assert control.accepts(control.default)


@given(value=ANYTHING)
@pytest.mark.usefixtures("apart")
def test_no_control_keeps_what_another_page_left_under_its_key(value):
    for control in one_of_each():
        if control.accepts(value):
            assert control.read(control.text(value)) is not None


@given(arms=st.lists(recipes(), min_size=1, max_size=4), seeds=st.integers(1, MOST_SEEDS))
def test_a_link_gives_the_bench_back_through_the_url(arms, seeds):
    link = dict(parse_qsl(urlencode(bench.written(Bench(tuple(arms), seeds)))))
    assert all(len(text) <= bench.LONGEST_LINK for text in link.values())
    assert link["seeds"] == str(seeds)
    missing: list[Recipe | None] = [None] * (len(NAMES) - len(arms))
    assert [bench.read_arm(link, name) for name in NAMES] == [(arm, []) for arm in arms + missing]


ARM = st.one_of(
    FOREIGN,
    st.lists(
        st.tuples(st.sampled_from([*FIELDS, "nosuch", ""]), FOREIGN).map("-".join), max_size=5
    ).map("~".join),
    st.just("~" * 5000),
)


def assert_short_and_plain(complaints):
    for complaint in complaints:
        name = f"{complaint.name}={complaint.raw}"
        assert len(address.plain(name, len(complaint.name) + 1 + address.LONGEST)) < 200
        assert len(complaint.allowed) < 400


@given(st.dictionaries(st.sampled_from([*NAMES, "seeds", "v"]), ARM))
def test_any_link_is_a_bench_and_what_is_wrong_in_it_is_named(link):
    for name in NAMES:
        found, complaints = bench.read_arm(link, name)
        assert {complaint.name.partition(":")[0] for complaint in complaints} <= set(link)
        assert_short_and_plain(complaints)
        if found is not None:
            assert bench.read_arm(bench.written(Bench((found,))), NAMES[0]) == (found, [])


@given(
    st.dictionaries(
        st.sampled_from(["goal", "from", "low", "high", "changes", "fixed", "hidden", "ask", "v"]),
        ARM,
    ),
    st.sampled_from([*GOALS, None]),
)
def test_any_link_sets_a_possible_exercise_or_none(link, goal):
    if goal is not None:
        link["goal"] = goal
    found, complaints = exercise.read(link)
    assert_short_and_plain(complaints)
    if found is not None:
        assert found.task() and len(found.question) <= LONGEST_QUESTION
        again, complaints = exercise.read(exercise.written(found))
        assert again == found and not complaints


@given(
    start=recipes(),
    goal=st.sampled_from(list(GOALS)),
    bounds=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(sorted),
    changes=st.integers(1, MOST_CHANGES),
    fields=st.lists(st.sampled_from(FIELDS), unique=True, max_size=4),
    question=st.text(max_size=LONGEST_QUESTION),
)
def test_a_link_gives_the_exercise_back(start, goal, bounds, changes, fields, question):
    own = Exercise(start, goal, *bounds, changes, tuple(fields[:2]), tuple(fields[2:]), question)
    assert exercise.read(exercise.written(own)) == (own, [])
