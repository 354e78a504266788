"""What was computed comes back as it was, or is named as missing; a broken file is no fault."""

import dataclasses
import datetime
import errno
import io
import json
import multiprocessing
import os

import numpy as np
import pandas as pd
import pytest

from gradviz import store
from gradviz.engine.history import curves_frame, history_frame
from gradviz.engine.moments import fine_tuning_start
from gradviz.engine.train import race
from gradviz.recipe import Recipe, replace

TINY = Recipe(depth=3, width=4, steps=6, batch_size=16)
ARMS = {"plain": TINY, "deep": replace(TINY, depth=5, pretrain="rbm", pretrain_epochs=2)}
DAY = datetime.date(2026, 11, 25)
EXACT = 2.0**-11


def round_trip(content):
    back, day = store.decoded(store.encoded(("key", TINY), content, DAY))
    assert day == DAY
    return back


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(store.FOLDER, str(tmp_path))
    return tmp_path


def test_a_run_comes_back_with_the_same_pictures():
    snapshots = list(race(ARMS, 2, show_pretraining=True))
    back = round_trip(snapshots)
    assert [(s.arm, s.phase, s.step, s.status) for s in back] == [
        (s.arm, s.phase, s.step, s.status) for s in snapshots
    ]
    training = [[s for s in run if s.phase == "training"] for run in (snapshots, back)]
    for frame in (history_frame, curves_frame):
        was, now = (frame(run) for run in training)
        pd.testing.assert_frame_equal(was, now, rtol=EXACT)
    first, first_back = snapshots[0], back[0]
    np.testing.assert_allclose(first_back.originals, first.originals, rtol=EXACT)


def test_zeros_infinities_and_events_survive():
    wild = replace(
        TINY,
        activation="leaky_relu",
        negative_slope=0.5,
        init="normal",
        std=100.0,
        depth=30,
        steps=4,
    )
    snapshots = list(race({"wild": wild}, 2))
    back = round_trip(snapshots)
    assert any(s.events for s in snapshots)
    assert [s.events for s in back] == [s.events for s in snapshots]
    was, now = (history_frame(run)["value"].to_numpy() for run in (snapshots, back))
    assert not np.isfinite(was).all()
    np.testing.assert_array_equal(np.isnan(was), np.isnan(now))
    np.testing.assert_array_equal(was == 0, now == 0)
    numbers = np.array([0.0, 5e-324, 1e-310, 1.5e300, np.inf, -np.inf, np.nan, 1.0])
    np.testing.assert_allclose(round_trip(numbers), numbers, rtol=EXACT, atol=1e-323)


@pytest.mark.parametrize(
    "content",
    [
        [1.5, "text", None, (1, 2)],
        {"a": [1, 2], "b": {"c": "d"}},
        (0.25, 3),
        [(1.0, 2.0), (3.0, 4.0)],
        [],
    ],
)
def test_plain_values_come_back(content):
    assert round_trip(content) == content


def test_tables_and_moments_come_back():
    table = pd.DataFrame({"arm": ["a", "b"], "layer": [1, 2], "value": [0.5, 0.25]})
    pd.testing.assert_frame_equal(round_trip(table), table)
    moments = list(fine_tuning_start({"plain": TINY}, 1))
    pd.testing.assert_frame_equal(
        round_trip(moments)[-1].table, moments[-1].table, rtol=EXACT, check_dtype=False
    )


def test_keys_hold_everything_that_decides():
    names = {
        store.file_name(key)
        for key in [
            ((("a", TINY),), 3),
            ((("b", TINY),), 3),
            ((("a", replace(TINY, lr=0.06)),), 3),
            ((("a", TINY),), 4),
            ((("a", TINY),), (0, 1, 2)),
        ]
    }
    assert len(names) == 5
    for field in dataclasses.fields(Recipe):
        assert f'"{field.name}"' in store.described(TINY)
    with pytest.raises(TypeError, match="cannot be part of a key"):
        store.described((np.zeros(2),))


def test_another_version_of_the_numbers_finds_nothing(folder, monkeypatch):
    store.keep("key", [1, 2])
    assert store.find("key").content == [1, 2] and not store.find("key").shipped
    monkeypatch.setattr(store, "ENGINE", store.ENGINE + 1)
    assert store.find("key") is None


def test_without_a_folder_nothing_is_written(monkeypatch):
    monkeypatch.delenv(store.FOLDER, raising=False)
    store.keep("nowhere", [1])
    assert store.find("nowhere") is None


def packed(tree):
    """A file that is an NPZ, but holds something else."""
    buffer = io.BytesIO()
    np.savez(buffer, json=np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8))
    return buffer.getvalue()


FOREIGN = [
    packed([1, 2]),
    packed({"content": {"array": 3}, "day": "2026-11-25"}),
    packed({"content": {"dict": [1]}, "day": "2026-11-25"}),
    packed({"content": {"value": 1}, "day": "today"}),
]


@pytest.mark.parametrize("broken", [b"", b"PK\x03\x04 truncated", b"foreign", "half", *FOREIGN])
def test_a_broken_file_is_as_if_it_were_not_there(folder, broken):
    path = store.write(folder, "key", [1, 2])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if broken == "half" else broken)
    assert store.find("key") is None
    store.keep("key", [3])
    assert store.find("key").content == [3]


def test_a_full_or_forbidden_disk_is_no_fault(tmp_path, monkeypatch):
    monkeypatch.setenv(store.FOLDER, str(tmp_path / "file"))
    (tmp_path / "file").write_text("not a folder")
    store.keep("key", [1])
    assert store.find("key") is None


def test_a_disk_that_is_full_is_said_once_and_leaves_no_part_behind(folder, monkeypatch, caplog):
    def write_half(key, content, day):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store.keep("before", [1])
    monkeypatch.setattr(store, "encoded", write_half)
    for number in range(3):
        store.keep(("key", number), [number])
    assert [path.suffix for path in folder.iterdir()] == [".npz"]
    (record,) = caplog.records
    assert os.strerror(errno.ENOSPC) in record.getMessage() and record.exc_info is None
    assert store.find("before").content == [1] and store.find(("key", 1)) is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_what_a_folder_without_permission_holds_is_found(folder):
    store.keep("before", [1])
    folder.chmod(0o500)
    store.keep("after", [2])
    folder.chmod(0o700)
    assert store.find("before").content == [1] and store.find("after") is None


def _keep(number):
    store.keep("shared", [number] * 1000)


def test_processes_that_write_at_once_leave_one_whole_file(folder):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(_keep, range(8))
    content = store.find("shared").content
    assert content == [content[0]] * 1000
    assert not [path for path in folder.iterdir() if path.suffix != ".npz"]
