"""The finished pictures with which the pages open: they ship beside the recordings.

To draw a picture takes Altair 0.1 s, and a page has up to six, so that the first visitor of a
server that has just started would wait for them. `python -m gradviz.record` writes them; the tests
draw each of them anew and compare.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
from collections.abc import Callable, Hashable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from gradviz import store
from gradviz.charts.parts.spec import Spec
from gradviz.language import current
from gradviz.places import PACKAGE
from gradviz.ui import catalog

Result = TypeVar("Result")

FOLDER = store.SHIPPED / "pictures"
# Seconds by which a source may be newer than a picture: a checkout takes some to write its files.
_SLACK = 60

_noted: dict[Hashable, Spec] | None = None  # what `drawn_anew` collects


def find_or_draw(
    function: Callable[..., object], settings: tuple[Hashable, ...], draw: Callable[[], Result]
) -> Result:
    """The picture that ships of `function` and its `settings`, or what `draw` makes of them.

    What is no picture does not ship. While the page or the package have been edited since, the
    picture is drawn anew.
    """
    page = Path(function.__code__.co_filename)
    key = ("picture", page.stem, function.__qualname__, current(), _told(settings))
    if _noted is None:
        return cast("Result", _find(key, page)) or draw()
    made = draw()
    if _is_picture(made):
        _noted[key] = cast("Spec", made)
    return made


@contextlib.contextmanager
def drawn_anew() -> Iterator[dict[Hashable, Spec]]:
    """While it lasts nothing that ships is used, and all pictures that are drawn are collected."""
    global _noted
    _noted = {}
    try:
        yield _noted
    finally:
        _noted = None


def read(key: Hashable) -> Spec | None:
    """The picture that ships under `key`, or None."""
    content = store.read(FOLDER / store.file_name(key))
    if content is None:
        return None
    sets = {name: data.tobytes() for name, data in content["datasets"].items()}
    return {**json.loads(content["spec"]), "datasets": sets}


def write(key: Hashable, picture: Spec) -> Path:
    """Ship `picture` under `key`, and return its file."""
    sets = {name: np.frombuffer(data, np.uint8) for name, data in picture["datasets"].items()}
    spec = {part: own for part, own in picture.items() if part != "datasets"}
    content = {"spec": json.dumps(spec, ensure_ascii=False), "datasets": sets}
    return store.write(FOLDER, key, content)


def _is_picture(made: object) -> bool:
    """Whether it is a picture as it is sent, all of whose data are Arrow's bytes."""
    if not isinstance(made, dict) or "datasets" not in made:
        return False
    return all(isinstance(data, bytes) for data in made["datasets"].values())


def _find(key: Hashable, page: Path) -> Spec | None:
    try:
        written = (FOLDER / store.file_name(key)).stat().st_mtime
    except (OSError, TypeError):
        # There is none, or the settings hold what no key can tell.
        return None
    edited = max(_package_edited(), page.stat().st_mtime)
    return None if edited > written + _SLACK else read(key)


@functools.cache
def _package_edited() -> float:
    """When the newest source of the package was written; a server keeps what it has imported."""
    sources = [*PACKAGE.rglob("*.py"), *(catalog.ROOT / "pages").rglob("strings.json")]
    return max(source.stat().st_mtime for source in sources)


def _told(setting: Any) -> Hashable:  # noqa: ANN401 — whatever is an argument of a picture
    """`setting` as what the store takes for a key."""
    if isinstance(setting, tuple):
        return tuple(_told(part) for part in setting)
    if isinstance(setting, date):
        return setting.isoformat()
    identity = getattr(setting, "identity", None)  # of frames: see `ui.Frames`
    if callable(identity):
        return _told(identity())
    if dataclasses.is_dataclass(setting):
        fields = [(f.name, getattr(setting, f.name)) for f in dataclasses.fields(setting)]
        return _told((type(setting).__name__, *fields))
    return setting
