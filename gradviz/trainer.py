"""A process of its own that trains, so that pages are drawn by another interpreter.

An interpreter runs one thread at a time: whoever trains in the server's own makes every page wait,
and a class that opens pages stops the training. `TRAINER.frames(call)` does in the other process
what `call()` does here, and yields the same frames as they come. That process starts when it is
first needed, takes turns between all that it is asked for, and ends when it has not been needed for
a while: then all that PyTorch has taken goes back to the machine.

The two speak through pipes, in pickles: an order is `(number, call)`, or `(number, None)` to stop;
an answer is `(number, what, content)`. Neither listens to anybody else.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from gradviz.tidy import tidy_up

# Seconds without work after which the process ends: while somebody is there, and else.
_IDLE, _ABANDONED = 900.0, 20.0
_GLANCE = 5.0  # seconds between two looks at whether it is still needed

# How much milder the operating system treats it: pages come first.
_NICENESS = 5

# Without them the heap of the C library grows with every network that has other shapes.
_ALLOCATION = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "262144"}


@dataclass(frozen=True)
class Call:
    """A function of this package by its full name, with its arguments: imported when it is called.

    So whoever asks for it need not import PyTorch, and it can be called in another process.
    """

    function: str
    arguments: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self) -> Iterable[Any]:
        """Import the function, and call it."""
        module, _, name = self.function.rpartition(".")
        return getattr(importlib.import_module(module), name)(*self.arguments, **self.named)


class TrainerError(RuntimeError):
    """What went wrong in the other process: its text names the error there, a note holds where."""


class Trainer:
    """The other process, as the server sees it. May be used from any thread.

    `is_needed` says whether anybody is there who may soon train; the process ends `abandoned`
    seconds after the last run if nobody is, and `idle` seconds after it in any case.
    """

    def __init__(self, idle: float = _IDLE, abandoned: float = _ABANDONED) -> None:
        self.is_needed: Callable[[], bool] = lambda: True
        self._idle, self._abandoned = idle, abandoned
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: dict[int, queue.SimpleQueue[tuple[str, Any]]] = {}
        self._numbers = itertools.count()
        self._rests_since = time.monotonic()
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The number of the process while there is one."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the process, which imports PyTorch at once, unless it runs already."""
        with self._lock:
            self._running()

    def frames(self, call: Call) -> Iterator[Any]:
        """What `call()` yields, computed in the other process; closing the iterator stops it.

        Raises `TrainerError` with what was raised there, or if the process has ended.
        """
        answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        with self._lock:
            process, number = self._running(), next(self._numbers)
            self._answers[number] = answers
            self._order(process, number, call)
        try:
            while True:
                what, content = answers.get()
                if what == "end":
                    return
                if what == "error":
                    text, where = content
                    error = TrainerError(text)
                    error.add_note(where)
                    raise error
                yield content
        finally:
            with self._lock:
                self._rests_since = time.monotonic()
                if self._answers.pop(number, None) is not None:
                    self._order(process, number, None)

    def stop(self) -> None:
        """End the process; what it computes is lost. It starts again when it is needed."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            _end(process)

    def _running(self) -> subprocess.Popen[bytes]:
        """The process, started if there is none; call with the lock."""
        self._rests_since = time.monotonic()
        if self._process is None or self._process.poll() is not None:
            self._process = _start()
            reader = threading.Thread(
                target=self._listen, args=(self._process,), daemon=True, name="gradviz-trainer"
            )
            reader.start()
            threading.Thread(
                target=self._end_in_time, args=(self._process,), daemon=True, name="gradviz-rest"
            ).start()
        return self._process

    @staticmethod
    def _order(process: subprocess.Popen[bytes], number: int, call: Call | None) -> None:
        # Where the process has just ended, who listens to it says so.
        with contextlib.suppress(OSError, ValueError):
            orders = cast("BinaryIO", process.stdin)
            orders.write(_pickled((number, call)))
            orders.flush()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Give every answer to whoever waits for it, until the process ends."""
        stream = cast("BinaryIO", process.stdout)
        with contextlib.suppress(EOFError, OSError, ValueError, pickle.UnpicklingError):
            while True:
                number, what, content = pickle.load(stream)
                with self._lock:
                    waiting = self._answers.get(number)
                    if what != "frame":
                        self._answers.pop(number, None)
                if waiting is not None:
                    waiting.put((what, content))
        with self._lock:
            if self._process is process:
                self._process = None
            waiting, self._answers = self._answers, {}
        _end(process)
        for answers in waiting.values():
            answers.put(("error", ("the process that trains has ended", "")))

    def _end_in_time(self, process: subprocess.Popen[bytes]) -> None:
        """End the process once it has not been needed for long enough."""
        while process.poll() is None:
            time.sleep(min(_GLANCE, self._abandoned / 2))
            with self._lock:
                rests = 0.0 if self._answers else time.monotonic() - self._rests_since
            if rests > self._idle or (rests > self._abandoned and not self.is_needed()):
                with self._lock:
                    if self._answers or self._process is not process:
                        continue
                    self._process = None
                _end(process)


def _start() -> subprocess.Popen[bytes]:
    # The package need not be installed: it may be found only because the app stands beside it.
    places = (str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH"))
    return subprocess.Popen(
        [sys.executable, "-c", "from gradviz.trainer import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **_ALLOCATION, "PYTHONPATH": os.pathsep.join(filter(None, places))},
        # Ctrl-C is meant for the server, whose end ends this one too.
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError, ValueError):
            cast("BinaryIO", stream).close()
    process.kill()
    process.wait()


def _pickled(message: object) -> bytes:
    return pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)


# In the other process


def serve() -> None:
    """Do what standard input orders, write what comes of it to standard output; until it ends."""
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    orders: queue.SimpleQueue[tuple[int, Call | None]] = queue.SimpleQueue()
    threading.Thread(target=_hear, args=(sys.stdin.buffer, orders), daemon=True).start()
    _warm_up()
    with contextlib.suppress(BrokenPipeError):
        _take_turns(orders, answers)


def _hear(stream: BinaryIO, orders: queue.SimpleQueue[tuple[int, Call | None]]) -> None:
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            orders.put(pickle.load(stream))
    os._exit(0)  # the server has gone: nobody wants what is being computed


def _take_turns(orders: queue.SimpleQueue[tuple[int, Call | None]], answers: BinaryIO) -> None:
    """One frame of each job after another, in one thread: two would only take turns more often."""
    jobs: dict[int, Iterator[Any]] = {}
    while True:
        while not jobs or not orders.empty():
            number, call = orders.get()
            if call is None:
                jobs.pop(number, None)
            else:
                jobs[number] = iter(_lazily(call))
        for number in list(jobs):
            goes_on, answer = _answer(number, jobs[number])
            answers.write(answer)
            answers.flush()
            if not goes_on:
                del jobs[number]
                tidy_up()


def _lazily(call: Call) -> Iterator[Any]:
    yield from call()


def _answer(number: int, frames: Iterator[Any]) -> tuple[bool, bytes]:
    """The next answer of a job, and whether there are more to come."""
    try:
        return True, _pickled((number, "frame", next(frames)))
    except StopIteration:
        return False, _pickled((number, "end", None))
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        return False, _pickled((number, "error", (told, traceback.format_exc())))


def _warm_up() -> None:
    """Import what training needs, so that the first run finds it ready."""
    import torch

    from gradviz.runs import train_a_little

    torch.set_num_threads(1)
    train_a_little()


TRAINER = Trainer()
