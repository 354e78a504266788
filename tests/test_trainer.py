"""The process that trains: the same frames, faults that stay there, and an end when it may rest."""

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from gradviz import runs, trainer
from gradviz.recipe import Recipe, replace
from gradviz.trainer import Call, Trainer, TrainerError

TINY = Recipe(dataset="moons", depth=2, width=4, steps=3, batch_size=256)
PATIENCE = 20


@pytest.fixture(scope="module")
def other():
    process = Trainer()
    yield process
    process.stop()


@pytest.fixture
def pool(other, monkeypatch):
    monkeypatch.setattr(runs, "TRAINER", other)
    return runs.Pool(workers=2)


def job(name, *arguments):
    return runs.Job((name, *arguments), Call(f"tests.jobs.{name}", arguments))


def steps(other, name, *arguments):
    return [frame.step for frame in other.frames(Call(f"tests.jobs.{name}", arguments))]


def until(condition):
    for _ in range(PATIENCE * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def gone(pid):
    return not Path(f"/proc/{pid}/cmdline").exists() if sys.platform == "linux" else True


def test_the_frames_are_those_that_are_computed_here(other):
    arms = {"plain": TINY, "batch": replace(TINY, norm="batch")}
    there = list(other.frames(Call("gradviz.runs.race_frames", (arms, 2))))
    here = list(runs.race_frames(arms, 2))
    assert len(there) == len(here) > 4
    for one, same in zip(there, here, strict=True):
        assert (one.arm, one.step, one.status) == (same.arm, same.step, same.status)
        np.testing.assert_array_equal(one.loss, same.loss)
        np.testing.assert_array_equal(one.layers["delta"], same.layers["delta"])


def test_whoever_asks_for_training_need_not_import_pytorch():
    code = (
        "import sys; from gradviz import runs; from gradviz.recipe import Recipe\n"
        "run = runs.start({'a': Recipe(depth=2, width=4, steps=2)}, 1)\n"
        "assert run.wait(60) and run.state == 'finished', run.error\n"
        "assert not {'torch', 'sklearn', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_jobs_take_turns(other, tmp_path):
    endless = other.frames(Call("tests.jobs.tick", (str(tmp_path / "ticks"),)))
    assert next(endless).step == 1
    assert steps(other, "count", 3) == [1, 2, 3]
    assert next(endless).step == 2
    endless.close()


def test_who_closes_the_frames_stops_the_job(other, tmp_path):
    ticks = tmp_path / "ticks"
    frames = other.frames(Call("tests.jobs.tick", (str(ticks),)))
    next(frames)
    frames.close()
    steps(other, "count", 1)  # a later order than to stop
    before = ticks.read_text(encoding="utf-8")
    time.sleep(0.1)
    assert ticks.read_text(encoding="utf-8") == before


def test_a_run_that_raises_is_told_and_logged_once_and_the_next_one_works(pool, caplog):
    with caplog.at_level(logging.ERROR):
        run = runs.start_job(job("fail_after", 2), pool=pool)
        assert run.wait(PATIENCE)
    assert (run.state, run.error) == ("failed", "ZeroDivisionError: nothing is left")
    assert len(run.frames) == 2
    (record,) = caplog.records
    # The log names the place in the other process.
    assert "in fail_after" in logging.Formatter().formatException(record.exc_info)
    after = runs.start_job(job("count", 3), pool=pool)
    assert after.wait(PATIENCE) and after.state == "finished"


def test_a_process_that_dies_fails_its_runs_and_the_next_run_has_another(pool, other, tmp_path):
    bystander = runs.start_job(job("tick", str(tmp_path / "ticks")), pool=pool)
    until(lambda: bystander.frames)
    before = other.pid
    run = runs.start_job(job("die"), pool=pool)
    assert run.wait(PATIENCE) and bystander.wait(PATIENCE)
    assert run.error == bystander.error == "the process that trains has ended"
    after = runs.start_job(job("count", 3), pool=pool)
    assert after.wait(PATIENCE) and after.state == "finished"
    assert other.pid not in (None, before)


def test_what_a_job_prints_or_cannot_send_disturbs_no_other(other):
    assert steps(other, "print_much") == [1]
    with pytest.raises(TrainerError, match=r"Can.t pickle"):
        list(other.frames(Call("tests.jobs.unsendable")))
    with pytest.raises(TrainerError, match="no attribute"):
        list(other.frames(Call("tests.jobs.nothing")))
    assert steps(other, "count", 2) == [1, 2]


def test_without_a_process_the_server_trains_itself(monkeypatch, caplog):
    def refused(*_, **__):
        raise OSError("no more processes")

    monkeypatch.setattr(trainer.subprocess, "Popen", refused)
    monkeypatch.setattr(runs, "TRAINER", Trainer())
    run = runs.start_job(job("count", 3), pool=runs.Pool())
    assert run.wait(PATIENCE) and run.state == "finished"
    runs.warm_up()
    assert "the server trains itself" in caplog.text


@pytest.mark.parametrize("needed", [True, False])
def test_the_process_ends_when_nobody_needs_it(monkeypatch, needed):
    monkeypatch.setattr(trainer, "_warm_up", lambda: None)
    other = Trainer(idle=0.6 if needed else 1e6, abandoned=0.3)
    other.is_needed = lambda: needed
    steps(other, "count", 1)
    pid = other.pid
    assert pid is not None
    until(lambda: other.pid is None and gone(pid))
    assert steps(other, "count", 1) == [1]
    other.stop()


def test_a_run_keeps_the_process(tmp_path):
    other = Trainer(idle=0.2, abandoned=0.2)
    other.is_needed = lambda: False
    frames = other.frames(Call("tests.jobs.tick", (str(tmp_path / "ticks"),)))
    next(frames)
    pid = other.pid
    time.sleep(0.6)
    assert next(frames).step and other.pid == pid
    frames.close()
    until(lambda: other.pid is None)


def test_it_ends_with_the_server():
    code = (
        "from gradviz.trainer import TRAINER, Call; import os\n"
        "next(TRAINER.frames(Call('tests.jobs.count', (5,))))\n"
        "print(TRAINER.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    until(lambda: gone(int(done.stdout)))


def test_many_at_once_get_their_own(other):
    got = {}

    def ask(count):
        got[count] = len(steps(other, "count", count))

    threads = [threading.Thread(target=ask, args=(count,)) for count in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert got == {count: count for count in range(1, 9)}
    assert other._answers == {} and os.getpid() != other.pid
