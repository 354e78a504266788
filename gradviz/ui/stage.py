"""Which figure is being drawn, and the places that it offers beside its picture."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from streamlit.delta_generator import DeltaGenerator

from gradviz.charts.parts.spec import Spec


@dataclass
class Stage:
    """The figure called `name`, with a place for its `question` above the picture, and one beside
    it, if there is room, for the `actions` that start and stop its run. `pictures` are those that
    it shows now, by their keys, as they were sent; `can_change_seed` says whether it has a run of
    which the reader can take another seed.
    """

    name: str
    question: DeltaGenerator | None = None
    actions: DeltaGenerator | None = None
    pictures: dict[str, Spec] = field(default_factory=dict)
    can_change_seed: bool = False


_current: ContextVar[Stage | None] = ContextVar("stage", default=None)


@contextlib.contextmanager
def on(stage: Stage | None) -> Iterator[None]:
    """While it lasts, what is drawn belongs to `stage`."""
    token = _current.set(stage)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Stage | None:
    """The figure that is being drawn, or None between figures."""
    return _current.get()
