"""Memory of a process that serves for weeks: what stays is not looked at, what is free goes back.

Streamlit would collect all garbage after every picture that it sends, which takes longer the more
visitors there are, and gives nothing back to the machine. Here it is done once in a while, by a
thread of its own; `.streamlit/config.toml` tells Streamlit to leave it.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import sys
import threading
import time

# Seconds between two times, and seconds of processor since the last one that make it worth while.
_EVERY, _WORTH = 10.0, 0.5

_frozen_modules = 0  # how many were loaded when garbage collection last looked at them
_freezing = threading.Lock()


def freeze() -> None:
    """Take what libraries have made out of garbage collection, whenever some were loaded since.

    Walking through all of it takes longer than the rest; it stays anyway.
    """
    global _frozen_modules
    with _freezing:
        if len(sys.modules) == _frozen_modules:
            return
        _frozen_modules = len(sys.modules)
        gc.collect()
        gc.freeze()


def tidy_up() -> None:
    """Collect garbage, and give the machine back what is free."""
    gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)


@functools.cache
def keep_tidy() -> None:
    """From now on tidy up once in a while, as long as something happens."""
    threading.Thread(target=_tidy_for_ever, daemon=True, name="gradviz-tidy").start()


def _tidy_for_ever() -> None:
    used = 0.0
    while True:
        time.sleep(_EVERY)
        if time.process_time() - used > _WORTH:
            tidy_up()
            used = time.process_time()


@functools.cache
def _trim() -> ctypes._NamedFuncPointer | None:
    """glibc's `malloc_trim`; other C libraries have none, or need none."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        return ctypes.CDLL(None).malloc_trim
    return None
