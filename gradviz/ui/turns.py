"""Pages are drawn a few at a time: those that come at once take turns.

An interpreter runs one thread at a time. Twenty pages that are drawn at once are all finished at
the end; drawn one after the other they are finished, on average, in half that time, and what sends
them to the browsers has to wait for fewer others.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_AT_ONCE = 3  # one that measures something, for seconds, does not stop the others
# Seconds after which a page no longer waits: those before it may do what takes long.
_LONGEST = 4.0

_turns = threading.Semaphore(_AT_ONCE)


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Draw a page within this."""
    mine = _turns.acquire(timeout=_LONGEST)
    try:
        yield
    finally:
        if mine:
            _turns.release()
