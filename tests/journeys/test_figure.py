"""A figure from its question to its link: guess, reveal, play, train, stop, scrub, share."""

import re

import pytest
from browser import Visitor, chromium, chromium_path, fresh_server

SLIDER = "input[name=replay_step]"


@pytest.fixture(scope="module")
def server():
    chromium_path()
    with fresh_server() as found:
        yield found


def value_of(figure, name):
    return figure.locator(f".vega-bind input[name={name}]").first.input_value()


def wait_for_value(visitor, figure, name, value):
    """Wait until the picture's input called `name`, seen or unseen, says `value`."""
    visitor.page.wait_for_function(
        "([figure, name, value]) => document.querySelector("
        "`.st-key-figure_${figure} input[name=${name}]`)?.value === value",
        arg=[figure, name, value],
    )


def step_of(figure):
    return int(figure.locator(SLIDER).input_value())


def wait_for_step(visitor, figure, step, timeout=15_000):
    figure.locator(SLIDER).wait_for()
    visitor.page.wait_for_function(
        "([input, step]) => Number(input.value) === step",
        arg=[figure.locator(SLIDER).element_handle(), step],
        timeout=timeout,
    )


def drawn_marks(figure):
    """How high the marks of the profile stand, as the browser has drawn them, in pixels."""
    return figure.locator("svg .mark-symbol path").evaluate_all(
        "marks => marks.map(mark => Math.round(mark.transform.baseVal[0].matrix.f))"
    )


def test_a_reader_guesses_sees_the_answer_trains_stops_scrubs_and_shares(server):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser, height=1000, motion=True)
        visitor.open(f"{address}/depth?lang=en")
        figure = visitor.figure("training")
        question = figure.locator(".gradviz-question")
        question.scroll_into_view_if_needed()
        figure.locator(SLIDER).wait_for()
        visitor.settle()

        # The run waits at its start, and words do not give the answer away.
        wait_for_step(visitor, figure, 0)
        assert value_of(figure, "revealed") == "0"
        assert not figure.get_by_text("Marks are measured").is_visible()
        assert not question.get_by_text("Measured:").first.is_visible()

        # The guess is drawn while it is made, without the server.
        sent, before = len(visitor.sent), drawn_marks(figure)
        scale = question.locator("input[type=range]")
        scale.focus()
        for _ in range(3):
            scale.press("ArrowRight")
        visitor.page.wait_for_timeout(300)
        assert value_of(figure, "guess") == "-3"
        guessed = drawn_marks(figure)
        assert guessed != before

        # Then the answer: the marks move from the guess to what was measured, and the run plays.
        question.get_by_role("button", name="This is my prediction").click()
        reply = question.locator("p[data-for='3']")
        reply.wait_for()
        assert "You said 10³×" in reply.inner_text() and "too little" in reply.inner_text()
        wait_for_step(visitor, figure, 300)
        assert drawn_marks(figure) != guessed and value_of(figure, "revealed") == "1"
        assert len(visitor.sent) == sent

        # It stays answered when the page is opened again, and can be asked again.
        visitor.page.reload()
        visitor.settle()
        reply.wait_for()
        wait_for_value(visitor, "training", "revealed", "1")
        assert value_of(figure, "guess") == "-3"
        question.get_by_role("button", name="Predict again").click()
        assert not reply.is_visible()
        wait_for_value(visitor, "training", "revealed", "0")
        question.get_by_role("button", name="Just show me").click()
        question.locator("p[data-for=skipped]").wait_for()

        # Training live replaces the recording; after Stop the partial run can be scrubbed.
        figure.get_by_text("Recorded on").wait_for()
        figure.get_by_role("button", name="New seed").click()
        figure.get_by_role("button", name="Stop").click()
        figure.get_by_text("Stopped at").wait_for()
        assert figure.get_by_text("Recorded on").count() == 0
        figure.get_by_role("button", name="Train it live").click()
        figure.get_by_text("Finished").wait_for(timeout=60_000)
        visitor.settle()
        slider = figure.locator(SLIDER)
        slider.focus()
        slider.press("Home")
        for _ in range(5):
            slider.press("ArrowRight")
        scrubbed = step_of(figure)
        assert 0 < scrubbed < 300

        # The link to the figure holds what only the browser knew.
        visitor.page.locator(".st-key-share_training button").first.click()
        field = visitor.page.locator(".gradviz-link")
        field.wait_for()
        visitor.page.wait_for_timeout(300)
        link = field.input_value()
        assert f"training_step={scrubbed}" in link and "seed=3" in link and "depth=10" in link
        embed = visitor.page.locator(".gradviz-embed").input_value()
        assert f"training_step={scrubbed}&amp;" in embed and "<gradviz-figure " in embed

        other = Visitor(browser, height=1000)
        other.open(link)
        theirs = other.figure("training")
        theirs.get_by_role("button", name="Train it live").click()
        theirs.get_by_text("Finished").wait_for(timeout=60_000)
        other.settle()
        assert step_of(theirs) == scrubbed
        assert drawn_marks(theirs) == drawn_marks(figure)
        assert visitor.complaints == [] and other.complaints == []


def test_the_question_speaks_the_visitors_language_and_works_by_touch(server):
    address, log = server
    with chromium() as browser:
        visitor = Visitor(browser, width=390, height=844, locale="zh-CN", color_scheme="dark")
        visitor.open(f"{address}/depth?figure=training")
        figure = visitor.figure("training")
        figure.get_by_text("先预测").wait_for()
        figure.locator(".gradviz-question input[type=range]").fill("6")
        assert figure.locator(".gradviz-question output").inner_text() == "10⁶×"
        figure.get_by_role("button", name="这就是我的预测").click()
        figure.locator("p[data-for='6'] strong", has_text="正确。").wait_for()
        width = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390 and visitor.complaints == []
    assert not re.search(r"Traceback|Error|Warning", log())
