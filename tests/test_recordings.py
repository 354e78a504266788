"""What ships is what the pages look for, and what the engine computes; no figure needs PyTorch."""

import functools
import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from gradviz import record, store, thumbnails
from gradviz.snapshots import Moment, PretrainSnapshot, Snapshot
from gradviz.ui import catalog, shipped
from gradviz.ui.live import JOBS

pytestmark = [pytest.mark.usefixtures("one_core"), pytest.mark.xdist_group("recordings")]

LESSONS = [entry.name for entry in catalog.LESSONS if entry.built]
# See `assert_alike`.
ROUNDING, CHAOS = 0.3, 3.0


@pytest.fixture(scope="module")
def keys():
    """By lesson what its page looks for in all its states."""
    return {name: record.wanted(name) for name in LESSONS}


def recorded():
    return {path.name for path in store.SHIPPED.glob("*.npz")}


def test_every_state_that_a_page_offers_is_recorded_and_nothing_is_stale(keys):
    wanted = {file for own in keys.values() for file in own}
    missing = {name: sorted(own.keys() - recorded()) for name, own in keys.items()}
    assert not any(missing.values()), f"run python -m gradviz.record: {missing}"
    assert not recorded() - wanted, "asked for by no page: run python -m gradviz.record"


def test_the_cards_of_home_show_what_is_recorded(keys):
    shown = {name: thumbnails.of_lesson(name, own.values()) for name, own in keys.items()}
    assert thumbnails.read() == shown, "run python -m gradviz.record"


@functools.cache
def drawn(name):
    """The pictures with which a page opens, drawn now."""
    return record.pictures(name)


def test_the_recordings_are_small():
    assert sum(path.stat().st_size for path in store.SHIPPED.rglob("*.npz")) < 10e6


@pytest.mark.parametrize("name", ["home", *LESSONS])
def test_the_pictures_that_ship_are_those_that_the_page_draws(name):
    for key, picture in drawn(name).items():
        assert record.alike(shipped.read(key), picture), f"run python -m gradviz.record: {key}"


def test_no_picture_ships_that_no_page_opens_with():
    keys = [key for name in ["home", *LESSONS] for key in drawn(name)]
    ships = {path.name for path in shipped.FOLDER.glob("*.npz")}
    assert ships == {store.file_name(key) for key in keys}, "run python -m gradviz.record"


@pytest.mark.parametrize("name", LESSONS)
def test_the_first_steps_computed_again_agree(keys, name):
    for key in keys[name].values():
        recorded = store.find(key).content
        if key[0] == "measured":
            assert_alike(recorded, record.computed(key), key[1])
            continue
        length = 2 * JOBS[key].total
        for snapshot in itertools.islice(JOBS[key].make_frames(), length):
            assert_first_alike(recorded, snapshot)


def assert_first_alike(recorded, snapshot):
    """The same network at its first step; what comes after pre-training is another matter."""
    twins = [
        own
        for own in recorded
        if (own.arm, own.step, own.phase) == (snapshot.arm, snapshot.step, snapshot.phase)
    ]
    match snapshot:
        case Snapshot(step=0) if not any(isinstance(own, PretrainSnapshot) for own in recorded):
            (twin,) = twins
            for quantity, values in snapshot.layers.items():
                if quantity in ("delta", "weight_norm", "saturation"):
                    assert_alike(twin.layers[quantity], values, (snapshot.arm, quantity))
            assert_alike(twin.loss, snapshot.loss, snapshot.arm)
        case PretrainSnapshot(epoch=1) if twins:
            assert_alike(twins[0].error, snapshot.error, snapshot.arm)
        case Moment() if twins and len(snapshot.table):
            assert_alike(twins[0].table, snapshot.table, snapshot.arm)


def assert_alike(was, now, what):
    """Half of the numbers agree, and all but the smallest to a factor.

    A deep network multiplies the rounding in which processors differ: 56 or 80 layers with
    BatchNorm, before their first step, by enough to move single values of δ by half.
    """
    if isinstance(now, pd.DataFrame):
        was, now = (table.select_dtypes("number").to_numpy() for table in (was, now))
    was, now = np.asarray(was, dtype=float), np.asarray(now, dtype=float)
    np.testing.assert_array_equal(np.isfinite(was), np.isfinite(now), err_msg=str(what))
    known = np.isfinite(now)
    was, now = was[known], now[known]
    far = np.abs(was - now) / np.maximum(np.abs(now), 1e-30)
    assert np.median(far) < ROUNDING, what
    near_the_largest = np.abs(now) > 1e-3 * np.abs(now).max(initial=0)
    ratio = (was / np.where(now == 0, 1, now))[near_the_largest]
    assert ((ratio > 1 / CHAOS) & (ratio < CHAOS)).all(), what


CODE = """
import sys
from streamlit.testing.v1 import AppTest
from gradviz.ui import catalog, shipped
for page in ["app.py", *(entry.page for entry in catalog.LESSONS if entry.built)]:
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    app.query_params["lang"] = "zh"
    app.switch_page(page).run()
    bad = [*app.exception, *app.error, *app.warning]
    assert not bad and app.get("vega_lite_chart"), (page, bad)
    assert not {"torch", "sklearn"} & sys.modules.keys(), page
"""


def test_every_figure_opens_without_pytorch():
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=catalog.ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
