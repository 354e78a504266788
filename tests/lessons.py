"""The runs that a reader can start on a page, so that tests run those and no others."""

from unittest import mock

from streamlit.testing.v1 import AppTest

from gradviz import ui
from gradviz.engine.train import race
from gradviz.ui import catalog


def arms_on_page(lesson, figure, **query):
    """The arms of the race that `figure` of `lesson` starts, with the controls as in `query`."""
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", "figure": figure, **query}.items():
        app.query_params[key] = str(value)
    app.switch_page(f"pages/{lesson}.py")
    with mock.patch.object(ui, "race", return_value=[]) as started:
        app.run()
    assert not app.exception and not app.error and not app.warning
    _, arms, *_ = started.call_args.args
    return arms


def last_frame(recipe, seeds=5):
    """The last frame of a run of `recipe`: what it comes to."""
    return list(race({"arm": recipe}, seeds, record_every=max(1, recipe.steps)))[-1]
