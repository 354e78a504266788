"""Record what the figures open with: `python -m gradviz.record [LESSON …]`.

Every page is opened as it stands, in each of its presets, and with each option of its small
choices. What it looks for in the store and does not find is computed and written to
gradviz/recordings/; what no page asks for any more is removed. What the cards on home show of it
stands in beams.json there, and the pictures with which each page opens, finished, in pictures/.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

import pandas as pd
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from gradviz import store, thumbnails
from gradviz.charts.parts.spec import Spec
from gradviz.language import LANGUAGES
from gradviz.recipe import Recipe
from gradviz.snapshots import Snapshot
from gradviz.ui import catalog, shipped
from gradviz.ui.controls import Choice, Switch
from gradviz.ui.lesson import Lesson, shown_lessons
from gradviz.ui.live import JOBS
from gradviz.ui.made_once import forget
from gradviz.ui.measured import FUNCTIONS

# A choice with more options than these is for exploring; its other values are computed live.
_FEW = 3
_PATIENCE = 300  # seconds that a page may take


def states(name: str) -> Iterator[dict[str, str]]:
    """The parameters of the links that open the lesson `name` in each state that is recorded."""
    yield {}
    for figure in _opened(name).figures.values():
        for preset in figure.presets:
            yield {control.key: control.text(value) for control, value in preset.values.items()}
        declared = figure.controls() if callable(figure.controls) else figure.controls
        for control in declared:
            options: tuple = control.options if isinstance(control, Choice) else ()
            options = (True, False) if isinstance(control, Switch) else options
            if len(options) <= _FEW:
                yield from ({control.key: control.text(option)} for option in options)


def wanted(name: str) -> dict[str, Hashable]:
    """What the lesson `name` looks for in all its states: keys by the names of their files."""
    forget()  # what is still at hand would not be looked for
    with store.noting() as noted, shipped.drawn_anew():
        for query in states(name):
            _opened(name, query)
    return noted


def pictures(name: str) -> dict[Hashable, Spec]:
    """The pictures with which the page `name` opens, home or a lesson, in all languages."""
    drawn: dict[Hashable, Spec] = {}
    for language in LANGUAGES:
        forget()
        with shipped.drawn_anew() as noted:
            _run(name, {"lang": language})
        drawn |= noted
    return drawn


def computed(key: Hashable) -> object:
    """What `key` stands for, computed now: the snapshots of a job, or a measurement."""
    match key:
        case ("measured", str(function), *settings):
            return FUNCTIONS[function](*settings)
        case _ if _is_race(key):
            frames = JOBS[key].make_frames()
            # Of a race, no figure draws steps of pre-training.
            return [frame for frame in frames if isinstance(frame, Snapshot)]
        case _:
            return list(JOBS[key].make_frames())


def _is_race(key: Hashable) -> bool:
    return isinstance(key, tuple) and isinstance(key[0], tuple)


def main(argv: Sequence[str] | None = None) -> None:
    """Record what is missing for the lessons that the command line names, or for all."""
    # Streamlit says of every page that it was not opened by a server: here that is meant.
    logging.disable(logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__)
    names = [entry.name for entry in catalog.LESSONS if entry.built]
    parser.add_argument("lessons", nargs="*", help="their names; all if none is given")
    chosen = parser.parse_args(argv).lessons or names
    kept: set[str] = set()
    beams = {} if set(chosen) == set(names) else thumbnails.read()
    for name in chosen:
        keys = _recorded(name)
        kept |= keys.keys()
        beams[name] = thumbnails.of_lesson(name, keys.values())
    thumbnails.write(beams)
    drawn: dict[Hashable, Spec] = {}
    for name in ["home", *chosen]:
        drawn |= pictures(name)
    for key, picture in drawn.items():
        if not alike(shipped.read(key), picture):
            print(f"  drawn: {shipped.write(key, picture).name} {_in_short(key)}", flush=True)
    if set(chosen) == set(names):
        _remove_all_but(kept, store.SHIPPED)
        _remove_all_but({store.file_name(key) for key in drawn}, shipped.FOLDER)
    total = sum(path.stat().st_size for path in store.SHIPPED.rglob("*.npz"))
    print(f"{total / 1e6:.2f} MB in all")


def _recorded(name: str) -> dict[str, Hashable]:
    """What the lesson `name` looks for, see `wanted`, all of it recorded now.

    What a page asks of a run it can ask only once that is there: so it is opened until nothing is
    missing any more.
    """
    while True:
        keys = wanted(name)
        missing = {file: key for file, key in keys.items() if not (store.SHIPPED / file).exists()}
        print(f"{name}: {len(keys)} wanted, {len(missing)} missing", flush=True)
        if not missing:
            return keys
        for key in missing.values():
            begun = time.monotonic()
            path = store.write(store.SHIPPED, key, computed(key))
            size, seconds = path.stat().st_size / 1000, time.monotonic() - begun
            print(f"  {path.name} {size:6.0f} kB {seconds:5.1f} s  {_in_short(key)}", flush=True)


def alike(was: Spec | None, now: Spec) -> bool:
    """Whether two pictures are the same but for rounding, which processors do differently."""
    if was is None:
        return False
    same_look = _without_data(was) == _without_data(now)
    return (
        same_look
        and was["datasets"].keys() == now["datasets"].keys()
        and all(_same_table(was["datasets"][name], data) for name, data in now["datasets"].items())
    )


def _without_data(picture: Spec) -> object:
    spec = {part: own for part, own in picture.items() if part != "datasets"}
    # As it is read back: its tuples are lists, and its numbers have so many digits.
    return json.loads(json.dumps(spec), parse_float=lambda digits: f"{float(digits):.6g}")


def _same_table(was: bytes, now: bytes) -> bool:
    before, after = map(convert_arrow_bytes_to_pandas_df, (was, now))
    try:
        pd.testing.assert_frame_equal(before, after, rtol=1e-6, atol=1e-12)
    except AssertionError:
        return False
    return True


def _remove_all_but(kept: set[str], folder: Path) -> None:
    for path in sorted(folder.glob("*.npz")):
        if path.name not in kept:
            print(f"  {path.name} is asked for by no page: removed")
            path.unlink()


def _opened(name: str, query: dict[str, str] | None = None) -> Lesson:
    """The lesson as its page declares it."""
    with shown_lessons() as shown:
        _run(name, {"lang": "en", **(query or {})})
    return shown[-1]


def _run(name: str, query: dict[str, str]) -> None:
    """Open home or a lesson. Raises `RuntimeError` if the page complains."""
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=_PATIENCE)
    for key, value in query.items():
        app.query_params[key] = value
    (app if name == "home" else app.switch_page(catalog.find(name).page)).run()
    if app.exception or app.error or app.warning:
        raise RuntimeError(f"the page of {name} with {query} complains")


def _in_short(key: Hashable) -> str:
    """Of a key what tells it from others at a glance."""
    match key:
        case ("measured", str(function), *settings):
            return f"{function} {[s for s in settings if not isinstance(s, Recipe)]}"
        case ("picture", str(page), str(function), str(language), *_):
            return f"picture of {page}: {function}, {language}"
        case (str(kind), *_):
            return kind
        case (tuple(arms), seeds, *_):
            return f"race of {', '.join(name for name, _ in arms)}, seeds {seeds}"
        case _:
            return str(key)


if __name__ == "__main__":
    main()
