"""Background jobs for tests of the process that trains: it knows them as `tests.jobs.…`."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class Frame:
    phase: ClassVar[str] = "training"

    step: int
    steps: int
    arm: str = "a"
    events: tuple = ()


def count(steps):
    for step in range(1, steps + 1):
        yield Frame(step, steps)


def fail_after(steps):
    yield from count(steps)
    raise ZeroDivisionError("nothing is left")


def die():
    yield Frame(1, 2)
    os._exit(1)


def print_much():
    print("this is no answer")
    yield Frame(1, 1)


def tick(path):
    """Frames without end; each touches the file, so that a test sees whether they still come."""
    step = 0
    while True:
        step += 1
        Path(path).write_text(str(step), encoding="utf-8")
        time.sleep(0.01)
        yield Frame(step, 1_000_000)


def unsendable():
    yield lambda: None
