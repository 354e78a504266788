"""Pictures and sentences are made once for all visitors, by what decides them and the language.

Altair takes 0.1 to 1 s to build a picture and pandas some milliseconds to sum up a run, for the
same page, again for every visitor: so a page draws through functions under `made_once`, whose
arguments are all that decides the result. What the pages open with is not even made once: it ships
finished, see `shipped`.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode
from streamlit.dataframe_util import convert_pandas_df_to_arrow_bytes

from gradviz.charts.parts.spec import Spec, written
from gradviz.language import current
from gradviz.ui import shipped

Settings = ParamSpec("Settings")
Result = TypeVar("Result")


@dataclass
class _Place:
    """Where one thing is kept; the lock is held by who makes it, so that nobody else does."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    made: bool = False
    thing: Any = None
    size: int = 0


class Shelf:
    """Things by their keys, up to `megabytes`; what was asked for least recently goes first."""

    def __init__(self, megabytes: float) -> None:
        self._most = megabytes * 1e6
        self._places: OrderedDict[Hashable, _Place] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def find_or_make(self, key: Hashable, make: Callable[[], Result]) -> Result:
        """What is kept under `key`, made now if there is nothing; who comes meanwhile waits."""
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
        with place.lock:
            if not place.made:
                place.thing = make()
                place.made, place.size = True, _size(place.thing)
                self._make_room(place.size)
        return place.thing

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._places.clear()
            self._size = 0

    def _make_room(self, added: int) -> None:
        with self._lock:
            self._size += added
            for key, place in list(self._places.items())[:-1]:
                if self._size <= self._most:
                    return
                if place.made:
                    self._size -= place.size
                    del self._places[key]


# What is drawn of a run that goes on is soon of no use to anybody.
_FINISHED, _RUNNING = Shelf(megabytes=64), Shelf(megabytes=16)


def made_once(make: Callable[Settings, Result]) -> Callable[Settings, Result]:
    """Decorate `make`, a function of hashable settings: its result is kept for all visitors.

    A chart is kept as what the browser receives, ready for `ui.picture`. What `make` returns may
    depend on its arguments and the language only, and nobody may change it. Where an argument is
    not `complete`, as the frames of a run that goes on, it is kept for a short time.
    """
    path = Path(make.__code__.co_filename)
    name = f"{path}:{make.__qualname__}"

    @functools.wraps(make)
    def find_or_make(*settings: Settings.args, **named: Settings.kwargs) -> Result:
        def made() -> Result:
            return _made(lambda: make(*settings, **named))

        every = (*settings, *sorted(named.items()))
        # A page that was edited is another page.
        key = (name, path.stat().st_mtime_ns, current(), _without_frames(every))
        if not all(getattr(setting, "complete", True) for setting in settings):
            return _RUNNING.find_or_make(key, made)
        return _FINISHED.find_or_make(key, lambda: shipped.find_or_draw(make, every, made))

    return find_or_make


def _without_frames(setting: Any) -> Hashable:  # noqa: ANN401 — whatever is an argument
    """`setting` with what identifies frames in their place: a key must not keep a run in memory."""
    if isinstance(setting, tuple):
        return tuple(map(_without_frames, setting))
    identity = getattr(setting, "identity", None)  # of frames: see `ui.Frames`
    return identity() if callable(identity) else setting


def _made(make: Callable[[], Any]) -> Any:  # noqa: ANN401 — whatever a page makes
    # Altair checks each part of a picture as it is made, which takes as long as the making; the
    # tests compile every picture.
    with debug_mode(False):
        return _as_sent(make())


def forget() -> None:
    """Let everything be made anew, as on a server that has just started."""
    for shelf in (_FINISHED, _RUNNING):
        shelf.clear()


def _as_sent(thing: Any) -> Any:  # noqa: ANN401 — whatever a page makes
    """Charts as specs whose data are already in the format in which Streamlit sends them."""
    if isinstance(thing, alt.TopLevelMixin):
        return as_sent(written(thing))
    return as_sent(thing) if isinstance(thing, dict) and "datasets" in thing else thing


def as_sent(spec: Spec) -> Spec:
    """`spec` with its data frames as Arrow's bytes, which Streamlit sends as they are."""
    sets = {
        name: convert_pandas_df_to_arrow_bytes(data) if isinstance(data, pd.DataFrame) else data
        for name, data in spec["datasets"].items()
    }
    return {**spec, "datasets": sets}


def _size(thing: object) -> int:
    """The bytes of a thing, roughly: the data of a spec, and a little for all else."""
    sets = thing.get("datasets", {}) if isinstance(thing, dict) else {}
    return 40_000 + sum(len(data) for data in sets.values() if isinstance(data, bytes))
