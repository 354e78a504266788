"""A link says a bench completely, for good, and nothing that it says can do harm."""

import dataclasses
import random
from urllib.parse import urlencode

import pytest

from gradviz import bench, store
from gradviz.bench import LATEST, NAMES, STANDARDS, Bench, differing, read_arm, version_of, written
from gradviz.recipe import CHOICES, RANGES, Recipe, replace

TANH = Recipe(activation="tanh", depth=20)


def read(link):
    """The arms of a link, and all that in it is not possible."""
    arms, complaints = [], version_of(link.get("v"))[1]
    for name in NAMES:
        recipe, wrong = read_arm(link, name)
        arms += [] if recipe is None else [recipe]
        complaints = complaints + wrong
    return tuple(arms), complaints


def anything(seed):
    """A recipe with a random value in every field."""
    draw = random.Random(seed)
    values = {name: draw.choice(options) for name, options in CHOICES.items()}
    for name, (low, high) in RANGES.items():
        whole = isinstance(getattr(Recipe(), name), int)
        values[name] = draw.randint(int(low), int(high)) if whole else draw.uniform(low, high)
    for name in ("gain", "residual_scale"):
        values[name] = draw.choice([None, values[name]])
    return Recipe(**values, residual=draw.random() < 0.5)


@pytest.mark.parametrize("seed", range(20))
def test_a_link_gives_the_bench_back(seed):
    own = Bench(tuple(anything(10 * seed + place) for place in range(1 + seed % 4)), 1 + seed % 5)
    found, complaints = read(written(own))
    assert found == own.arms and not complaints


def test_a_link_is_short_and_readable():
    link = written(Bench((TANH, replace(TANH, norm="batch")), 3))
    assert urlencode(link) == (
        "a=depth-20~activation-tanh&b=depth-20~activation-tanh~norm-batch"
        f"&seeds=3&v={store.ENGINE}.{LATEST}"
    )
    assert written(Bench((Recipe(),)))["a"] == "standard"


def test_the_longest_link_is_not_too_long():
    longest = max(
        len(text) for seed in range(50) for text in written(Bench((anything(seed),)))["a"].split()
    )
    assert longest < bench.LONGEST_LINK


def test_the_standards_say_every_field_and_the_latest_is_the_recipe_of_today():
    assert dict(STANDARDS[LATEST]) == dataclasses.asdict(Recipe()), "add an entry to STANDARDS"


def test_an_old_link_stays_what_it_was(monkeypatch):
    newer = {**STANDARDS[1], "depth": 99}
    monkeypatch.setattr(bench, "STANDARDS", {1: STANDARDS[1], 2: newer})
    monkeypatch.setattr(bench, "LATEST", 2)
    assert read({"a": "standard", "v": "2.1"})[0][0].depth == STANDARDS[1]["depth"]
    assert read({"a": "standard", "v": "2.2"})[0][0].depth == 99


def test_only_arms_after_the_first_can_be_missing():
    assert read({}) == ((), [])
    assert read({"a": "standard", "b": "none", "c": "depth-3"})[0] == (Recipe(), Recipe(depth=3))
    found, (complaint,) = read({"a": "none"})
    assert found == (Recipe(),) and complaint.raw == "none"


@pytest.mark.parametrize(
    ("text", "name", "raw"),
    [
        ("depth-0", "a: depth", "0"),
        ("depth-²", "a: depth", "²"),
        ("depth-2.5", "a: depth", "2.5"),
        ("lr-nan", "a: lr", "nan"),
        ("lr-" + "9" * 400, "a: lr", "9" * 400),
        ("gain-minus", "a: gain", "minus"),
        ("activation-<b>", "a: activation", "<b>"),
        ("residual-yes", "a: residual", "yes"),
        ("nonsense-1", "a", "nonsense-1"),
        ("", "a", ""),
    ],
)
def test_a_wrong_value_is_named_and_the_others_stay(text, name, raw):
    found, complaints = read({"a": f"{text}~width-64", "v": "2.1"})
    assert found == (Recipe(width=64),)
    ((complaint),) = complaints
    assert (complaint.name, complaint.raw) == (name, raw) and complaint.allowed


def test_what_is_allowed_is_said():
    _, (complaint,) = read({"a": "norm-groups"})
    assert complaint.allowed == "none, batch, layer"
    assert bench.allowed("gain") == "0–100, auto" and bench.allowed("residual") == "true, false"


@pytest.mark.parametrize("v", ["", "2", "2.99", "x.1", "2.1.1", "²"])
def test_an_unknown_version_is_named(v):
    found, (complaint,) = read({"a": "standard", "v": v})
    assert found == (Recipe(),) and complaint.raw == v


def test_an_endless_arm_is_not_read():
    found, (complaint,) = read({"a": "depth-20~" * 10_000})
    assert found == (Recipe(),) and complaint.name == "a"


def test_hostile_text_always_gives_arms():
    draw = random.Random(0)
    characters = "~-=.0123456789eabdepthlrnorm²１\0<>`$[]()\n😀"
    for _ in range(2000):
        link = {
            name: "".join(draw.choices(characters, k=draw.randint(0, 60)))
            for name in draw.sample([*NAMES, "v"], 3)
        }
        found, _ = read(link)
        assert len(found) == len(link.keys() - {"v"})


def test_what_differs():
    assert differing((TANH, replace(TANH, norm="batch"), replace(TANH, depth=5))) == [
        "depth",
        "norm",
    ]
    assert differing((TANH,)) == []


@pytest.mark.parametrize("arms", [(), (Recipe(),) * 5])
def test_too_few_or_too_many_arms(arms):
    with pytest.raises(ValueError, match="arms are not 1 to 4"):
        Bench(arms)


def test_the_cost_grows_with_what_there_is_to_compute():
    one = bench.layer_steps(Bench((Recipe(),), 1))
    assert bench.layer_steps(Bench((Recipe(),), 5)) == pytest.approx(5 * one)
    assert bench.layer_steps(Bench((Recipe(), Recipe()), 1)) == pytest.approx(2 * one)
    assert bench.layer_steps(Bench((Recipe(width=128),), 1)) == pytest.approx(16 * one)
    assert bench.layer_steps(Bench((Recipe(depth=21),), 1)) == pytest.approx(2 * one)
