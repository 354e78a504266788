"""What goes wrong in front of a class: nobody sees a traceback, and the next press works.

More of it: `test_trainer` (a run that raises, a process that dies), `test_runs` (who leaves, Stop
at once twenty times), `test_store` (a full disk, broken files, two processes that write).
"""

import asyncio
import logging

import pytest
from app_server import running_server
from streamlit.testing.v1 import AppTest
from visitors import Visitor

from gradviz import runs
from gradviz.trainer import Call

PATIENCE = 60
# A run that lasts while the test does something to it, and one that does not.
LONG, SHORT = {"figure": "race"}, {"depth": 2, "figure": "training"}


def page():
    import streamlit as st

    from gradviz import ui
    from gradviz.recipe import Recipe
    from gradviz.ui.speech import language_switch, use_visitors_language

    use_visitors_language()
    language_switch()
    arms = {"deep": Recipe(depth=3, width=4, steps=8, batch_size=16, dataset="moons")}
    ui.live_run("race", arms, 1, lambda frames: st.text(f"{len(frames)} frames"))


def opened(seed):
    """The page in a session of its own; each test has its own seed, and so its own run."""
    app = AppTest.from_function(page, default_timeout=PATIENCE)
    app.query_params["seed"] = str(seed)
    return app.run()


def train(app):
    app.button(key="race_train").click().run()
    return app.session_state["race_watched"][1]


def test_a_visitor_reads_what_failed_and_the_next_run_works(monkeypatch, caplog):
    app = opened(1)
    place = runs._at_its_place

    def failing(call):
        return place(Call("tests.jobs.fail_after", (2,)))

    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(runs, "_at_its_place", failing)
        run = train(app)
        assert run.wait(PATIENCE)
        app.run()
    assert [error.value for error in app.error] == [
        "The run failed: `ZeroDivisionError: nothing is left`"
    ]
    assert not app.exception and app.text[0].value == "2 frames"
    assert [record.name for record in caplog.records if record.levelname == "ERROR"] == [
        "gradviz.runs"
    ]
    run = train(app)
    assert run.wait(PATIENCE)
    app.run()
    assert run.state == "finished" and not app.error


def test_the_language_can_be_switched_while_a_run_lasts(monkeypatch, tmp_path):
    app = opened(2)
    place, endless = runs._at_its_place, Call("tests.jobs.tick", (str(tmp_path / "ticks"),))
    monkeypatch.setattr(runs, "_at_its_place", lambda call: place(endless))
    run = train(app)
    app.segmented_control(key="language_switch").set_value("zh").run()
    assert app.session_state["race_watched"][1] is run and run.state == "running"
    assert app.button(key="race_stop").label == "停止"
    app.button(key="race_stop").click().run()
    assert app.button(key="race_train") and not app.exception and not app.error
    assert run.wait(PATIENCE) and run.state == "cancelled"


@pytest.fixture(scope="module")
def server():
    with running_server() as server:
        yield server
        log = server.stop_and_read_log()
        assert "Traceback" not in log and "Error" not in log


async def until(condition):
    for _ in range(PATIENCE * 10):
        if condition():
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("it did not happen in time")


async def press(visitor, key):
    """Press a button as soon as it stands there: a run that starts draws the page again."""
    await until(lambda: visitor.offers(key))
    await visitor.press(key)


async def says(visitor, word):
    """Wait until the run on the page is said to be so."""
    await until(lambda: any(found.startswith(word) for found in visitor.progress))


def test_of_two_tabs_one_stops_and_the_other_goes_on(server):
    async def visit():
        async with Visitor(server.address) as one, Visitor(server.address) as other:
            for tab in (one, other):
                await tab.open("pretraining", lang="en", seed=60, **LONG)
                await press(tab, "race_train")
            await press(one, "race_stop")
            await says(one, "Stopped at")
            await says(other, "Finished")
            assert one.progress[0].startswith("Stopped at")
            assert one.errors == other.errors == []

    asyncio.run(visit())


def test_who_leaves_in_the_middle_is_not_missed(server):
    async def visit():
        async with Visitor(server.address) as leaves:
            await leaves.open("pretraining", lang="en", seed=70, **LONG)
            await press(leaves, "race_train")
        async with Visitor(server.address) as comes:
            await comes.open("depth", lang="en", seed=71, **SHORT)
            await press(comes, "training_train")
            await says(comes, "Finished")
            assert comes.errors == []

    asyncio.run(visit())


def test_stop_at_once_after_train_twenty_times(server):
    async def visit():
        async with Visitor(server.address) as visitor:
            await visitor.open("pretraining", lang="en", seed=80, **LONG)
            for _ in range(20):
                await press(visitor, "race_train")
                await press(visitor, "race_stop")
            await says(visitor, "Stopped at")
            await visitor.open("depth", lang="en", seed=81, **SHORT)
            await press(visitor, "training_train")
            await says(visitor, "Finished")
            assert visitor.errors == []

    asyncio.run(visit())
