"""What the lesson on clipping says: the races, the geometry and the limit."""

import numpy as np
import pandas as pd
import pytest

from gradviz.charts.clip_geometry import clip_geometry
from gradviz.recipe import Recipe, replace
from gradviz.train import race

pytestmark = pytest.mark.usefixtures("one_core")

DIGITS = Recipe(activation="relu", gain=3.0, depth=6, lr=0.01, steps=200)
MOONS = Recipe(
    dataset="moons",
    activation="relu",
    depth=6,
    width=64,
    init="normal",
    std=1.0,
    lr=0.01,
    batch_size=64,
    steps=500,
)


def last(recipe, seeds=5):
    return list(race({"arm": recipe}, seeds, record_every=max(1, recipe.steps)))[-1]


@pytest.mark.parametrize(
    "options", [{"clip": "norm", "clip_at": 10.0}, {"clip": "value", "clip_at": 0.1}]
)
def test_the_default_race_is_won_by_clipping(options):
    assert not (last(DIGITS).accuracy > 0.4).any()
    clipped = last(replace(DIGITS, **options))
    assert (clipped.accuracy > 0.6).sum() >= 4
    assert (clipped.clipped > 0).all()


def test_moons_as_published_in_the_reference_numbers():
    assert np.isnan(last(MOONS, 3).accuracy).all()
    assert (last(replace(MOONS, clip="norm", clip_at=1.0), 3).accuracy >= 0.97).all()


def test_limit_a_vanished_gradient_stays_vanished():
    sick = Recipe(steps=150)
    plain, clipped = last(sick), last(replace(sick, clip="norm", clip_at=1.0))
    assert (clipped.clipped == 0).all()
    np.testing.assert_array_equal(plain.loss, clipped.loss)
    assert (clipped.accuracy < 0.2).all()


def test_the_picture_of_clipping_computes_what_the_engine_does():
    spec = clip_geometry(4.0, 1.0, 2.0).to_dict()
    values = {p["name"]: p["value"] for p in spec["params"] if "bind" in p}
    assert values == {"first": 4.0, "second": 1.0, "limit": 2.0}
    (rows,) = (pd.DataFrame(data) for data in spec["datasets"].values() if "kind" in data[0])
    assert rows["kind"].tolist() == ["plain", "clip_norm", "clip_value"]
    assert spec["description"]


@pytest.mark.parametrize("options", [{"first": 9.0}, {"threshold": 0.0}])
def test_the_picture_names_a_bad_value(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        clip_geometry(**options)
