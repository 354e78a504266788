import logging
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from gradviz import runs
from gradviz.recipe import Recipe, replace

PATIENCE = 20


@dataclass(frozen=True)
class Frame:
    step: int
    steps: int
    arm: str = "a"
    values: np.ndarray = field(default_factory=lambda: np.zeros(1))


def frames(count, values=1):
    return [Frame(step, count, values=np.zeros(values)) for step in range(1, count + 1)]


class Gate:
    """A job that yields a frame whenever the test lets it, and says when it has started."""

    def __init__(self, steps=3):
        self.steps = steps
        self.started = threading.Event()
        self.allowed = threading.Semaphore(0)

    def __call__(self):
        self.started.set()
        for step in range(1, self.steps + 1):
            assert self.allowed.acquire(timeout=PATIENCE)
            yield Frame(step, self.steps)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    for _ in range(gate.steps):
        gate.allowed.release()


def wait_for(condition):
    tick = threading.Event()
    for _ in range(PATIENCE * 100):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it did not happen in time")


def test_identical_requests_share_one_run_and_its_frames():
    pool = runs.Pool()
    calls = []

    def make():
        calls.append(1)
        return frames(5)

    first = pool.start_job("key", make)
    assert first.wait(PATIENCE)
    second = pool.start_job("key", make)
    assert second is first and calls == [1]
    assert [frame.step for frame in first.frames] == [1, 2, 3, 4, 5]
    assert (first.state, first.progress, first.error) == ("finished", 1.0, "")
    assert pool.start_job("other", make) is not first


def test_a_run_shows_what_it_has_while_it_goes_on(gate):
    run = runs.Pool().start_job("key", gate, total=2)
    assert gate.started.wait(PATIENCE)
    assert (run.state, run.progress, run.frames) == ("running", 0.0, [])
    gate.allowed.release()
    wait_for(lambda: run.frames)
    snapshot = run.frames
    # One of three steps of one of two arms.
    assert run.progress == pytest.approx(1 / 6)
    gate.allowed.release(2)
    assert run.wait(PATIENCE)
    assert len(snapshot) == 1 and len(run.frames) == 3


def test_no_more_workers_than_allowed_and_everyone_knows_the_place_in_the_queue(gate):
    pool = runs.Pool(workers=1)
    pool.start_job("busy", gate)
    assert gate.started.wait(PATIENCE)
    waiting = [pool.start_job(n, lambda: frames(1)) for n in range(3)]
    assert [run.ahead() for run in waiting] == [0, 1, 2]
    assert {run.state for run in waiting} == {"queued"}
    assert not waiting[0].wait(0)
    waiting[0].cancel()
    assert [run.ahead() for run in waiting[1:]] == [0, 1]
    gate.allowed.release(3)
    assert all(run.wait(PATIENCE) for run in waiting)
    assert [run.state for run in waiting] == ["cancelled", "finished", "finished"]


def test_what_most_people_wait_for_comes_first(gate):
    pool = runs.Pool(workers=1)
    pool.start_job("busy", gate)
    assert gate.started.wait(PATIENCE)
    own, common = pool.start_job("own", lambda: frames(1), 1, "ann"), None
    for name in ("bob", "eve", "joe"):
        common = pool.start_job("common", lambda: frames(1), 1, name)
    assert (common.ahead(), own.ahead()) == (0, 1)
    common.cancel("eve"), common.cancel("joe")
    assert (own.ahead(), common.ahead()) == (0, 1)
    gate.allowed.release(3)
    assert own.wait(PATIENCE) and common.wait(PATIENCE)


def test_a_run_that_everybody_has_left_is_stopped(gate, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(runs.time, "monotonic", lambda: clock[0])
    run = runs.Pool(seconds=1e6).start_job("key", gate, visitor="ann")
    assert gate.started.wait(PATIENCE)
    gate.allowed.release()
    wait_for(lambda: run.frames)
    clock[0] += runs._ABANDONED + 1
    gate.allowed.release()
    assert run.wait(PATIENCE) and run.state == "cancelled"


def test_train_and_stop_twenty_times_leaves_nothing_behind():
    pool = runs.Pool(workers=2)
    long = replace(TINY, steps=100_000)
    for turn in range(20):
        run = runs.start({"long": replace(long, seed=turn % 2)}, 1, "ann", pool)
        assert run.cancel("ann")
    assert run.wait(PATIENCE) and not pool._waiting and not pool._known
    last = runs.start({"last": TINY}, 1, "ann", pool)
    assert last.wait(PATIENCE) and last.state == "finished"


def test_a_full_queue_says_busy_instead_of_growing(gate):
    pool = runs.Pool(workers=1, waiting=1)
    pool.start_job("busy", gate)
    assert gate.started.wait(PATIENCE)
    pool.start_job("waiting", lambda: frames(1))
    refused = pool.start_job("refused", lambda: frames(1))
    assert refused.state == "failed" and "busy" in refused.error and refused.wait(0)


def test_cancel_stops_between_frames_and_a_new_start_begins_again(gate):
    pool = runs.Pool()
    run = pool.start_job("key", gate)
    assert gate.started.wait(PATIENCE)
    gate.allowed.release()
    wait_for(lambda: run.frames)
    assert run.cancel()
    again = pool.start_job("key", lambda: frames(2))
    assert again is not run
    gate.allowed.release()
    assert run.wait(PATIENCE) and again.wait(PATIENCE)
    assert (run.state, len(run.frames)) == ("cancelled", 1)
    assert (again.state, len(again.frames)) == ("finished", 2)
    assert pool.start_job("key", list) is again


def test_cancel_by_one_visitor_leaves_the_run_to_the_others(gate):
    pool = runs.Pool()
    run = pool.start_job("key", gate, visitor="ann")
    pool.start_job("key", gate, visitor="bob")
    assert not run.cancel("ann")
    assert gate.started.wait(PATIENCE) and run.state == "running"
    assert run.cancel("bob")
    gate.allowed.release()
    assert run.wait(PATIENCE) and run.state == "cancelled"


def test_a_run_that_takes_too_long_is_cut_short():
    run = runs.Pool(seconds=0).start_job("key", lambda: iter(frames(1000)))
    assert run.wait(PATIENCE)
    assert run.state == "cancelled" and "longer" in run.error and len(run.frames) < 1000


def test_a_failure_is_named_logged_and_does_not_kill_the_worker(caplog):
    pool = runs.Pool(workers=1)

    def fail():
        yield Frame(1, 2)
        raise ValueError("depth=0 is not allowed")

    with caplog.at_level(logging.ERROR):
        run = pool.start_job("key", fail)
        assert run.wait(PATIENCE)
    assert (run.state, run.error) == ("failed", "ValueError: depth=0 is not allowed")
    assert len(run.frames) == 1
    assert "depth=0" in caplog.text
    again = pool.start_job("key", lambda: frames(1))
    assert again is not run and again.wait(PATIENCE) and again.state == "finished"


def finished(pool, key, values=1):
    run = pool.start_job(key, lambda: frames(1, values))
    assert run.wait(PATIENCE)
    return run


def test_the_least_recently_used_runs_are_forgotten_by_bytes():
    pool = runs.Pool(megabytes=2)
    first, second = finished(pool, 1, 100_000), finished(pool, 2, 100_000)
    assert 0.8e6 <= first.bytes < 0.81e6
    assert finished(pool, 1) is first
    finished(pool, 3, 100_000)
    assert finished(pool, 1) is first
    assert finished(pool, 2, 100_000) is not second
    huge = finished(pool, 4, 1_000_000)
    assert finished(pool, 4) is huge


def test_the_least_recently_used_runs_are_forgotten_by_count():
    pool = runs.Pool(runs=2)
    kept = [finished(pool, key) for key in range(3)]
    assert finished(pool, 2) is kept[2] and finished(pool, 1) is kept[1]
    assert finished(pool, 0) is not kept[0]


def test_running_runs_are_never_forgotten(gate):
    pool = runs.Pool(runs=1)
    run = pool.start_job("busy", gate)
    for key in range(3):
        finished(pool, key)
    assert pool.start_job("busy", list) is run


def test_many_visitors_at_once_get_one_run():
    pool, calls, got = runs.Pool(), [], []

    def make():
        calls.append(1)
        return frames(50)

    def visit(number):
        run = pool.start_job(number % 2, make)
        while not run.wait(0):
            steps = [frame.step for frame in run.frames]
            assert steps == list(range(1, len(steps) + 1)) and 0 <= run.progress <= 1
        got.append((number % 2, run))

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(got) == 16 and len(set(got)) == 2 and len(calls) == 2


def test_start_is_keyed_by_arms_and_seeds(monkeypatch):
    raced = []

    def race(arms, seeds, histograms):
        raced.append((dict(arms), seeds, histograms))
        return frames(1)

    monkeypatch.setattr(runs, "race_frames", race)
    monkeypatch.setattr(runs, "_at_its_place", lambda call: call())
    pool = runs.Pool()
    arms = {"plain": Recipe(), "batch": Recipe(norm="batch")}
    first = runs.start(arms, [0, 1], pool=pool)
    assert runs.start(dict(arms), (0, 1), pool=pool) is first
    assert runs.start(arms, [0, 2], pool=pool) is not first
    assert runs.start({**arms, "plain": Recipe(lr=0.1)}, [0, 1], pool=pool) is not first
    with_histograms = runs.start_job(runs.race_job(arms, [0, 1], histograms=True), pool=pool)
    assert with_histograms is not first and with_histograms.wait(PATIENCE)
    assert first.wait(PATIENCE)
    assert (arms, (0, 1), False) in raced and (arms, (0, 1), True) in raced


TINY = Recipe(dataset="moons", depth=2, width=4, steps=3, batch_size=256)


def test_pre_training_is_progress_too():
    epochs = {"pretrain": "rbm", "pretrain_epochs": 3}
    arms = {"plain": TINY, "deep": replace(TINY, **epochs)}
    run = runs.start(arms, 1, pool=runs.Pool())
    assert run.wait(PATIENCE) and run.state == "finished"
    phases = [(frame.phase, frame.arm) for frame in run.frames]
    # The random start, and three epochs of each layer.
    assert phases[:7] == [("pretraining", "deep")] * 7
    assert {phase for phase, _ in phases[7:]} == {"training"}
    assert (run.phase, run.progress) == ("training", 1.0)


def test_a_run_can_be_stopped_while_it_pre_trains():
    long = replace(TINY, pretrain="autoencoder", pretrain_epochs=1000)
    run = runs.start({"deep": long}, 1, pool=runs.Pool())
    wait_for(lambda: run.progress > 0)
    assert run.phase == "pretraining" and 0 < run.progress < 0.5
    assert run.cancel()
    assert run.wait(PATIENCE) and run.state == "cancelled"


def test_workers_use_one_core():
    import torch

    seen = []

    def make():
        seen.append(torch.get_num_threads())
        yield Frame(1, 1)

    assert runs.start_job(runs.Job("cores", make), pool=runs.Pool()).wait(PATIENCE)
    assert seen == [1]


def test_warm_up_never_raises(monkeypatch, capsys):
    def broken(arms, seeds):
        raise RuntimeError("no training here")

    monkeypatch.setattr(runs, "race_frames", broken)
    runs.train_a_little()
    assert capsys.readouterr() == ("", "")


def test_importing_runs_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, gradviz.runs; assert not {'torch', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
