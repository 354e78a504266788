"""Shared background runs: a bounded pool, one run per request however many people ask.

`start(arms, seeds)` trains in the background what `train.race` would train in the foreground;
`start_job` does the same for anything else that yields frames. Both return at once with a `Run`,
and an identical request, from whichever visitor, gets the same `Run`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gradviz import store
from gradviz.recipe import Recipe, replace
from gradviz.tidy import freeze
from gradviz.trainer import TRAINER, Call, TrainerError

if TYPE_CHECKING:
    from gradviz.snapshots import PretrainSnapshot, Snapshot

log = logging.getLogger(__name__)

# Seconds after which somebody who no longer watches a run has gone. A server that a class keeps
# busy lets some pass before it hears of them again, and so does a browser that shows another tab.
_GONE = 15.0
# Seconds after which a run that nobody watches any more is stopped.
_ABANDONED = 60.0

ENDED = ("finished", "cancelled", "failed")


class Step(Protocol):
    """What a background job yields: who it is about, and how far along that one is."""

    @property
    def arm(self) -> str:
        """Who it is about."""
        ...

    @property
    def step(self) -> int:
        """How far along that one is."""
        ...

    @property
    def steps(self) -> int:
        """How far it goes."""
        ...


@dataclass(frozen=True)
class Job:
    """Work for the background: whatever yields frames with `arm`, `step` and `steps`.

    `key` is everything that decides its outcome, so that identical requests share one run;
    `make_frames` is called in the worker, or in a process of its own if it is a `Call`; `total`
    is the number of arms it reports on (an arm that reports on two phases, see `Run.phase`, counts
    twice).
    """

    key: Hashable
    make_frames: Callable[[], Iterable[Step]]
    total: int = 1


class Run:
    """One background job: what it has measured so far and how it is doing.

    `state` is "queued", "running", "finished", "cancelled" or "failed"; `error` says why it
    failed, or why it was cut short, and is empty otherwise. `day` is when it was computed, for a
    run that was recorded. Everything may be read from any thread at any time.
    """

    day: datetime.date | None = None

    def __init__(
        self, key: Hashable, make_frames: Callable[[], Iterable[Step]], total: int, pool: Pool
    ) -> None:
        self.key = key
        self.state = "queued"
        self.error = ""
        self.bytes = 0
        self._make_frames = make_frames
        self._total = total
        self._pool = pool
        self._frames: list[Step] = []
        self._latest: dict[tuple[str, str], float] = {}
        self._phase = ""
        self._visitors: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ended = threading.Event()

    @property
    def frames(self) -> list[Any]:
        """The frames so far, oldest first: a copy, which later frames do not change."""
        with self._lock:
            return list(self._frames)

    @property
    def progress(self) -> float:
        """The share of all arms' steps that are done, 0 to 1; 1 once the run is finished."""
        if self.state == "finished":
            return 1.0
        with self._lock:
            return min(sum(self._latest.values()) / self._total, 1.0)

    @property
    def phase(self) -> str:
        """What the latest frame belongs to, "training" or "pretraining"; empty before any."""
        return self._phase

    def ahead(self) -> int:
        """How many runs wait before this one; 0 once it runs."""
        return self._pool.ahead(self)

    def seen_by(self, visitor: str) -> None:
        """Say that `visitor` still watches: who has not for a while no longer keeps a run going."""
        self._visitors[visitor] = time.monotonic()

    def is_watched(self) -> bool:
        """Whether anybody who has asked for this run is still there."""
        return self.count_watchers() > 0

    def count_watchers(self, gone: float = _GONE) -> int:
        """How many of those who have asked for this run were there within `gone` seconds."""
        now = time.monotonic()
        # A caller without a name does not say when it goes.
        return sum(name == "" or now - seen < gone for name, seen in list(self._visitors.items()))

    def as_left(self) -> Run:
        """This run as it is now, for somebody who has left it while it goes on for others."""
        left = Run(self.key, self._make_frames, self._total, self._pool)
        left.state, left.error, left._frames = "cancelled", self.error, self.frames
        left._latest, left._phase = dict(self._latest), self._phase
        return left

    def cancel(self, visitor: str = "") -> bool:
        """Take `visitor` off this run, and stop it if nobody else has asked for it.

        True if the run stops (between two frames, at the latest when the next one is due), False
        if it goes on for the others: for this visitor it is over either way.
        """
        return self._pool.cancel(self, visitor)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended, at most `timeout` seconds. True if it has."""
        return self._ended.wait(timeout)

    def _fill(self, record: store.Record) -> None:
        """Be the finished run that was recorded."""
        self._frames, self.day, self.state = record.content, record.day, "finished"
        self._ended.set()

    def _collect(self, deadline: float) -> str:
        """Draw the frames one by one and return the state in which that ended."""
        for frame in self._make_frames():
            if self._stop.is_set():
                return "cancelled"
            with self._lock:
                self._frames.append(frame)
                self._phase = getattr(frame, "phase", "training")
                done = frame.step / frame.steps if frame.steps else 1.0
                self._latest[frame.arm, self._phase] = done
                self.bytes += _size(frame)
            if not self.count_watchers(_ABANDONED):
                return "cancelled"
            if time.monotonic() > deadline:
                self.error = "stopped: it took longer than the server allows"
                return "cancelled"
        return "finished"


class Pool:
    """A fixed number of worker threads, a bounded queue and a bounded memory of finished runs.

    `workers` threads; at most `waiting` queued runs, further ones fail at once as "busy"; a run
    is cut short after `seconds`. The finished runs that were asked for least recently are
    forgotten when there are more than `runs` of them or they hold more than `megabytes`.
    """

    def __init__(
        self,
        workers: int = 2,
        waiting: int = 50,
        runs: int = 64,
        megabytes: float = 256,
        seconds: float = 300,
    ) -> None:
        self._max_workers, self._max_waiting = workers, waiting
        self._max_runs, self._max_bytes, self._seconds = runs, megabytes * 1e6, seconds
        self._waiting: list[Run] = []
        self._known: OrderedDict[Hashable, Run] = OrderedDict()
        self._workers: list[threading.Thread] = []
        self._changed = threading.Condition()

    def start_job(
        self,
        key: Hashable,
        make_frames: Callable[[], Iterable[Step]],
        total: int = 1,
        visitor: str = "",
    ) -> Run:
        """The run called `key`; if there is none, or it was cancelled or failed, a new one.

        `make_frames` is called in the worker; `total` is the number of arms it reports on.
        """
        with self._changed:
            run = self._known.get(key)
            if run is None or run.state in ("cancelled", "failed") or run._stop.is_set():
                run = Run(key, make_frames, total, self)
                if (added := store.find_added(key)) is not None:
                    self._known[key] = run
                    run._fill(added)
                    run.bytes = sum(map(_size, added.content))
                else:
                    self._enqueue(run, visitor)
            elif run.state == "finished":
                self._known.move_to_end(key)
            run.seen_by(visitor)
            return run

    def known(self, key: Hashable) -> Run | None:
        """The run that `start_job(key, ...)` would join: one that goes on or is finished."""
        with self._changed:
            run = self._known.get(key)
            return run if run is not None and not run._stop.is_set() else None

    def recorded(self, key: Hashable) -> Run | None:
        """The run that is kept in the store under `key`, finished."""
        found = store.find(key)
        if found is None:
            return None
        run = Run(key, list, 1, self)
        run._fill(found)
        return run

    def watchers(self) -> int:
        """How many people watch a run that has not ended, all runs together."""
        with self._changed:
            open_runs = [run for run in self._known.values() if run.state not in ENDED]
        return sum(run.count_watchers() for run in open_runs)

    def ahead(self, run: Run) -> int:
        """How many runs wait before `run`."""
        with self._changed:
            return self._in_turn().index(run) if run in self._waiting else 0

    def _in_turn(self) -> list[Run]:
        """The runs that wait, in the order in which they will be computed.

        What most people wait for comes first, so that a class that trains one run does not wait
        for all who try something of their own; then who came first.
        """
        return sorted(self._waiting, key=Run.count_watchers, reverse=True)

    def cancel(self, run: Run, visitor: str) -> bool:
        """See `Run.cancel`."""
        with self._changed:
            run._visitors.pop(visitor, None)
            if run.is_watched() or run.state in ENDED:
                return False
            run._stop.set()
            if run in self._waiting:
                self._waiting.remove(run)
                self._end(run, "cancelled")
            return True

    def _enqueue(self, run: Run, visitor: str) -> None:
        run.seen_by(visitor)
        if len(self._waiting) >= self._max_waiting:
            run.error = f"the server is busy: {len(self._waiting)} runs are waiting"
            self._end(run, "failed")
            return
        self._known[run.key] = run
        self._waiting.append(run)
        self._changed.notify()
        if len(self._workers) < self._max_workers:
            # Daemons, so that a server that is told to stop does not finish its queue first.
            worker = threading.Thread(target=self._work, daemon=True, name="gradviz-run")
            self._workers.append(worker)
            worker.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                run = self._in_turn()[0]
                self._waiting.remove(run)
                if not run.is_watched():
                    self._end(run, "cancelled")
                    continue
                run.state = "running"
            try:
                state = run._collect(time.monotonic() + self._seconds)
            except (Exception, SystemExit) as error:
                log.exception("run %r failed", run.key)
                told = isinstance(error, TrainerError)
                run.error = str(error) if told else f"{type(error).__name__}: {error}"
                state = "failed"
            with self._changed:
                self._end(run, state)
            if state == "finished":
                _keep(run)
            # A worker that waits must not keep the last run in memory.
            del run

    def _end(self, run: Run, state: str) -> None:
        run.state = state
        run._ended.set()
        # A run that was restarted meanwhile is no longer the one known by its key.
        if self._known.get(run.key) is run:
            del self._known[run.key]
            if state == "finished":
                self._known[run.key] = run  # at the end: the most recently used
        self._forget()

    def _forget(self) -> None:
        """Drop finished runs, least recently used first, until the bounds hold; keep the last."""
        finished = [run for run in self._known.values() if run.state == "finished"]
        total = sum(run.bytes for run in finished)
        while len(finished) > 1 and (len(finished) > self._max_runs or total > self._max_bytes):
            oldest = finished.pop(0)
            total -= oldest.bytes
            del self._known[oldest.key]


_POOL = Pool()


def race_job(
    arms: Mapping[str, Recipe], seeds: int | Sequence[int], histograms: bool = False
) -> Job:
    """The job that trains `arms` as `engine.train.race(arms, seeds)` does.

    The frames of pre-training, if there is any, come before those of the race; they have histograms
    if `histograms` asks for them. Jobs are identical when arm names, their order, recipes, seeds
    and this are; so name arms by words that are not translated.
    """
    arms = dict(arms)
    seeds = seeds if isinstance(seeds, int) else tuple(seeds)
    key = (tuple(arms.items()), seeds, *(["histograms"] if histograms else []))
    work = Call("gradviz.runs.race_frames", (arms, seeds, histograms))
    return Job(key, work, count_phases(arms))


def count_phases(arms: Mapping[str, Recipe]) -> int:
    """How often the training of `arms` reports on an arm from its beginning: see `Job`."""
    return len(arms) + sum(recipe.pretrain != "none" for recipe in arms.values())


def start(
    arms: Mapping[str, Recipe],
    seeds: int | Sequence[int],
    visitor: str = "",
    pool: Pool = _POOL,
) -> Run:
    """Train `arms` in the background, see `race_job`; returns at once."""
    return start_job(race_job(arms, seeds), visitor, pool)


def start_job(job: Job, visitor: str = "", pool: Pool = _POOL) -> Run:
    """Run `job` in the background; returns at once with its `Run`, a shared one if it is known.

    `visitor` is any name for who is asking: see `Run.cancel`.
    """
    work = job.make_frames
    return pool.start_job(job.key, lambda: _at_its_place(work), job.total, visitor)


def known(job: Job, pool: Pool = _POOL) -> Run | None:
    """The run of `job` that goes on or is finished, if there is one: starting it costs nothing."""
    return pool.known(job.key)


def found(job: Job, pool: Pool = _POOL) -> Run | None:
    """The run of `job` as far as it is known, or else as it was recorded; None if neither."""
    return known(job, pool) or recorded(job, pool)


def recorded(job: Job, pool: Pool = _POOL) -> Run | None:
    """The finished run of `job` that ships with the package, or was kept, if there is one."""
    return pool.recorded(job.key)


def watchers(pool: Pool = _POOL) -> int:
    """How many people watch a run that has not ended, all runs together."""
    return pool.watchers()


def warm_up() -> None:
    """Start what trains, in the background, so that the first click finds it ready."""
    with contextlib.suppress(OSError):
        TRAINER.start()


def train_a_little() -> None:
    """Load all that training needs; what the libraries have made stays."""
    tiny = Recipe(depth=2, width=4, steps=2)
    try:
        for optimizer in ("sgd", "adam"):
            for _ in race_frames({"warm-up": replace(tiny, optimizer=optimizer)}, 1):
                pass
    except Exception:
        log.debug("the warm-up failed", exc_info=True)
    freeze()


def race_frames(
    arms: Mapping[str, Recipe], seeds: int | Sequence[int], histograms: bool = False
) -> Iterable[Snapshot | PretrainSnapshot]:
    """What a race and its pre-training yield: see `engine.train.race`."""
    from gradviz.engine.train import race

    return race(arms, seeds, show_pretraining=True, histograms=histograms)


def _keep(run: Run) -> None:
    """Write it into the store. Whatever is wrong with that, the worker has other runs to do."""
    try:
        store.keep(run.key, run.frames)
    except Exception:
        log.exception("run %r was not kept", run.key)


def _at_its_place(make_frames: Callable[[], Iterable[Step]]) -> Iterable[Step]:
    """The frames from the process that trains, if there can be one and it can be told the work."""
    if isinstance(make_frames, Call):
        try:
            TRAINER.start()
            return TRAINER.frames(make_frames)
        except OSError:
            log.warning("no process to train in: the server trains itself", exc_info=True)
    return _on_one_core(make_frames)


def _on_one_core(make_frames: Callable[[], Iterable[Step]]) -> Iterable[Step]:
    import torch

    # Per thread, in PyTorch; without it every worker would take all cores of a shared server.
    torch.set_num_threads(1)
    for frame in make_frames():
        freeze()  # PyTorch loads some of its parts when they are first used
        yield frame


def _size(value: object) -> int:
    """The bytes held by a frame: its arrays, through dataclasses, mappings and sequences."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if dataclasses.is_dataclass(value):
        return sum(_size(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return sum(map(_size, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return sys.getsizeof(value)
