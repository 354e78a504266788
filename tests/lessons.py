"""The runs that a reader can start on a page, so that tests run those and no others."""

import os
from unittest import mock

from streamlit.testing.v1 import AppTest

from gradviz import ui
from gradviz.engine.train import race
from gradviz.ui import catalog
from gradviz.ui.live import Frames

# Claims must hold for seeds that nobody has looked at, too: see tests/arithmetics.py.
FIRST_SEED = int(os.environ.get("GRADVIZ_FIRST_SEED", "0"))


def seeds(count=5):
    """The seeds of which claims are tested, as `race` takes them."""
    return list(range(FIRST_SEED, FIRST_SEED + count))


def open_page(lesson, **query):
    """Open the page of `lesson` in English, with its controls as in `query`."""
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **query}.items():
        app.query_params[key] = str(value)
    app.switch_page(f"pages/{lesson}.py").run()
    assert not app.exception and not app.error and not app.warning


def arms_on_page(lesson, figure, **query):
    """The arms of the race that `figure` of `lesson` starts, with the controls as in `query`."""
    with mock.patch.object(ui, "race", return_value=Frames()) as started:
        open_page(lesson, figure=figure, **query)
    _, arms, *_ = started.call_args.args
    return arms


def first_and_last_frame(recipe, count=5):
    """The frames of a run of `recipe` before its first step and at its end, of `count` seeds."""
    first, *_, last = race({"arm": recipe}, seeds(count), record_every=recipe.steps)
    return first, last


def last_frame(recipe, count=5):
    """The last frame of a run of `recipe`, of `count` seeds: what it comes to."""
    return list(race({"arm": recipe}, seeds(count), record_every=max(1, recipe.steps)))[-1]
