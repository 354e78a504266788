"""What was computed is kept: finished runs and measurements, as files, by all that decides them.

A store has two layers. What ships with the package is read only: the recordings with which the
figures open, made by `python -m gradviz.record`. What visitors' runs add goes to a folder that
the environment variable GRADVIZ_STORE names; without it nothing is written. Several processes may
share that folder: a file appears whole or not at all, and one that cannot be read is as if it were
not there.

A file is an NPZ: the numbers as arrays, and a JSON text that says what they are.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import hashlib
import io
import json
import logging
import os
import sys
import tempfile
import zipfile
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from gradviz.quantities import Event
from gradviz.recipe import Recipe
from gradviz.snapshots import Moment, PretrainSnapshot, Snapshot, Specimen

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

# Raised whenever a change of the engine moves its numbers: then no older file is found any more.
ENGINE = 3

SHIPPED = Path(__file__).resolve().parent / "recordings"
FOLDER = "GRADVIZ_STORE"  # the environment variable

_TYPES = {kind.__name__: kind for kind in (Event, Snapshot, PretrainSnapshot, Moment, Specimen)}
# What `noting` collects; one command or test at a time.
_noted: dict[str, Hashable] | None = None

# Of a number's 52 binary digits; the picture needs fewer, and the zeros that remain take no room.
_DIGITS = 12


@dataclass(frozen=True)
class Record:
    """What was kept: its content, the day on which it was computed, and whether it ships."""

    content: Any
    day: datetime.date
    shipped: bool


def find(key: Hashable) -> Record | None:
    """What was kept under `key`, in what ships with the package or in the folder, or None."""
    name = file_name(key)
    if _noted is not None:
        _noted.setdefault(name, key)
    return _find(SHIPPED / name, shipped=True) or find_added(key)


@contextlib.contextmanager
def noting() -> Iterator[dict[str, Hashable]]:
    """While it lasts, the keys that are looked for are collected, by the names of their files."""
    global _noted
    _noted = {}
    try:
        yield _noted
    finally:
        _noted = None


def find_added(key: Hashable) -> Record | None:
    """What a visitor's run has added to the folder under `key`, or None."""
    folder = _folder()
    return _find(folder / file_name(key), shipped=False) if folder else None


def _find(path: Path, shipped: bool) -> Record | None:
    stamp = _stamp(path)
    found = _read(path, stamp) if stamp is not None else None
    return Record(*found, shipped) if found else None


def keep(key: Hashable, content: Any) -> None:  # noqa: ANN401 — see `encoded`
    """Write `content` under `key` into the folder, if there is one. A full disk is no fault."""
    folder = _folder()
    if folder is None:
        return
    try:
        write(folder, key, content)
    except OSError as error:
        _complain(folder, error.strerror or str(error))


@functools.lru_cache(maxsize=8)
def _complain(folder: Path, reason: str) -> None:
    """Say it once: a disk that is full is so for every run."""
    log.warning("what is computed is not kept in %s=%s: %s", FOLDER, folder, reason)


def write(folder: Path, key: Hashable, content: Any) -> Path:  # noqa: ANN401
    """Write `content` under `key` into `folder`, and return the file. It appears whole."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(key)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as part:
        try:
            part.write(encoded(key, content, datetime.datetime.now(datetime.UTC).date()))
            part.close()
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
    return path


def file_name(key: Hashable) -> str:
    """The name of the file that holds what `key` decides."""
    text = f"{ENGINE} {described(key)}"
    return f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.npz"


def described(key: Hashable) -> str:
    """`key` as a text that is the same in every process; recipes with all their fields.

    Raises `TypeError` for what is neither a recipe, a text, a number, None nor a tuple of such.
    """

    def plain(value: object) -> object:
        if isinstance(value, Recipe):
            return {"Recipe": dataclasses.asdict(value)}
        if isinstance(value, tuple):
            return [plain(part) for part in value]
        if value is None or isinstance(value, str | bool | int | float):
            return value
        raise TypeError(f"{value!r} cannot be part of a key")

    return json.dumps(plain(key), sort_keys=True, ensure_ascii=False)


def _folder() -> Path | None:
    name = os.environ.get(FOLDER)
    return Path(name) if name else None


def _stamp(path: Path) -> int | None:
    """When the file was written, so that a new one is read again; None if there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def read(path: Path) -> Any:  # noqa: ANN401 — see `encoded`
    """The content of the record in `path`, or None if there is none that can be read."""
    found = _decoded_file(path)
    return found[0] if found else None


@functools.lru_cache(maxsize=64)
def _read(path: Path, stamp: int) -> tuple[Any, datetime.date] | None:
    """`stamp` is part of the cache's key only."""
    return _decoded_file(path)


def _decoded_file(path: Path) -> tuple[Any, datetime.date] | None:
    try:
        return decoded(path.read_bytes())
    except Exception:
        # Whatever the bytes are that somebody has left there: they are as if they were not.
        log.warning("%s is not a record that can be read", path, exc_info=True)
        return None


def encoded(key: Hashable, content: Any, day: datetime.date) -> bytes:  # noqa: ANN401
    """A record as the bytes of an NPZ.

    `content` is a data frame, an array, or a list of snapshots; or a number, a text, None, or a
    tuple, list or dict of such.
    """
    arrays: list[np.ndarray] = []
    tree = {"key": described(key), "day": day.isoformat(), "content": _encode(content, arrays)}
    text = json.dumps(tree, ensure_ascii=False).encode()
    buffer = io.BytesIO()
    parts = {f"a{position}": array for position, array in enumerate(arrays)}
    parts["json"] = np.frombuffer(text, dtype=np.uint8)
    # A third smaller than what np.savez_compressed writes, and np.load reads it all the same.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as file:
        for name, part in parts.items():
            with file.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, part, allow_pickle=False)
    return buffer.getvalue()


def decoded(data: bytes) -> tuple[Any, datetime.date]:
    """The content of a record and the day on which it was computed. Nothing in it is executed."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        tree = json.loads(file["json"].tobytes())
        arrays = [file[f"a{position}"] for position in range(len(file.files) - 1)]
    return _decode(tree["content"], arrays), datetime.date.fromisoformat(tree["day"])


def _encode(value: object, arrays: list[np.ndarray]) -> Any:  # noqa: ANN401 — what JSON takes
    """`value` as what JSON can hold, its numbers moved to `arrays`."""
    match value:
        case np.ndarray():
            arrays.append(_shortened(value))
            return {"array": len(arrays) - 1}
        case _ if _is_table(value):
            return {"table": {name: _encode_column(value[name], arrays) for name in value}}
        case dict():
            return {"dict": {name: _encode(part, arrays) for name, part in value.items()}}
        case tuple():
            return {"tuple": [_encode(part, arrays) for part in value]}
        case list() if _is_series(value):
            return {"series": _encode_series(value, arrays)}
        case list():
            return {"list": [_encode(part, arrays) for part in value]}
        case _ if type(value).__name__ in _TYPES:
            fields = {name: _encode(part, arrays) for name, part in vars(value).items()}
            return {"type": type(value).__name__, "fields": fields}
        case np.generic():
            return {"value": value.item()}
        case _:
            return {"value": value}


def _decode(tree: dict[str, Any], arrays: Sequence[np.ndarray]) -> Any:  # noqa: ANN401
    ((kind, part),) = ((kind, part) for kind, part in tree.items() if kind != "fields")
    match kind:
        case "array":
            return arrays[part]
        case "table":
            # Imported here: the process that trains reads no table, and pandas takes 50 MB.
            import pandas as pd

            return pd.DataFrame({name: _decode(column, arrays) for name, column in part.items()})
        case "dict":
            return {name: _decode(value, arrays) for name, value in part.items()}
        case "tuple":
            return tuple(_decode(value, arrays) for value in part)
        case "list":
            return [_decode(value, arrays) for value in part]
        case "series":
            return _decode_series(part, arrays)
        case "type":
            fields = {name: _decode(value, arrays) for name, value in tree["fields"].items()}
            return _TYPES[part](**fields)
        case _:
            return part


def _encode_column(column: pd.Series, arrays: list[np.ndarray]) -> Any:  # noqa: ANN401
    if column.dtype.kind in "biuf":
        return _encode(column.to_numpy(), arrays)
    return {"list": [{"value": value} for value in column]}


def _is_table(value: object) -> TypeGuard[pd.DataFrame]:
    """Whether it is a data frame: where pandas was never loaded, there is none."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _is_series(values: list[Any]) -> bool:
    """Whether these are arrays, or snapshots of one type, that can stand in one array."""
    kinds = {type(value) for value in values}
    return len(kinds) == 1 and (np.ndarray in kinds or kinds.pop().__name__ in _TYPES)


def _encode_series(values: Sequence[Any], arrays: list[np.ndarray]) -> Any:  # noqa: ANN401
    """Many values of one kind: arrays of one shape are stacked, snapshots go field by field."""
    first = values[0]
    if isinstance(first, np.ndarray) and len({(v.shape, v.dtype) for v in values}) == 1:
        return {"stack": _encode(np.stack(values), arrays)}
    if type(first).__name__ in _TYPES and type(first) is not Event:
        groups: dict[Any, list[int]] = {}
        for place, value in enumerate(values):
            groups.setdefault(_group(value), []).append(place)
        columns = [
            {
                "places": places,
                "fields": {
                    name: _encode_series([vars(values[place])[name] for place in places], arrays)
                    for name in vars(values[places[0]])
                },
            }
            for places in groups.values()
        ]
        return {"snapshots": type(first).__name__, "groups": columns}
    if isinstance(first, dict) and first and len({tuple(value) for value in values}) == 1:
        columns = {name: [value[name] for value in values] for name in first}
        return {"dicts": {name: _encode_series(own, arrays) for name, own in columns.items()}}
    return {"each": [_encode(value, arrays) for value in values]}


def _group(snapshot: Any) -> Hashable:  # noqa: ANN401
    """What has to be alike in snapshots whose arrays are stacked: the arm, and so the shapes."""
    return (snapshot.arm, snapshot.phase)


def _decode_series(tree: dict[str, Any], arrays: Sequence[np.ndarray]) -> list[Any]:
    if "stack" in tree:
        return list(_decode(tree["stack"], arrays))
    if "each" in tree:
        return [_decode(value, arrays) for value in tree["each"]]
    if "dicts" in tree:
        columns = {name: _decode_series(own, arrays) for name, own in tree["dicts"].items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    found: dict[int, Any] = {}
    for group in tree["groups"]:
        columns = {name: _decode_series(own, arrays) for name, own in group["fields"].items()}
        for place, row in zip(group["places"], zip(*columns.values(), strict=True), strict=True):
            found[place] = _TYPES[tree["snapshots"]](**dict(zip(columns, row, strict=True)))
    return [found[place] for place in sorted(found)]


def _shortened(numbers: np.ndarray) -> np.ndarray:
    """Floating-point numbers to `_DIGITS` binary digits, 0, inf and NaN as they are."""
    if numbers.dtype.kind != "f":
        return numbers
    mantissa, exponent = np.frexp(numbers.astype(float))
    short = np.ldexp(np.round(np.ldexp(mantissa, _DIGITS)), exponent - _DIGITS)
    return np.where(np.isfinite(numbers), short, numbers).astype(numbers.dtype)
