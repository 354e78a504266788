"""A run plays once by itself, stops for the reader, is scrubbed by its step, and plays again."""

import re

import pytest
from browser import Visitor, chromium, chromium_path, fresh_server

SLIDER = "input[name=replay_step]"
PAGE = "depth?lang={}&figure=training&depth=4"


@pytest.fixture(scope="module")
def server():
    chromium_path()
    with fresh_server() as found:
        yield found


def remember_steps(visitor):
    """Let the page note every step that the first replay slider is set to, from its first sight."""
    visitor.page.evaluate(
        """(selector) => {
          window.seen = [];
          document.addEventListener("input", (event) => {
            if (event.target.matches(selector)) window.seen.push(Number(event.target.value));
          }, true);
        }""",
        SLIDER,
    )


def seen(visitor):
    return visitor.page.evaluate("() => window.seen")


def ended_run(visitor, address, language="en", train="Train it live", finished="Finished"):
    """Open the lesson's race and train it, or find it trained."""
    visitor.open(f"{address}/{PAGE.format(language)}")
    remember_steps(visitor)
    visitor.page.get_by_role("button", name=train, exact=True).first.click()
    visitor.page.get_by_text(finished).first.wait_for(timeout=90_000)
    slider = visitor.page.locator(SLIDER).first
    slider.wait_for()
    slider.scroll_into_view_if_needed()
    return slider


def show(visitor, quantity, title):
    """Choose what the picture shows, which draws it anew; wait longer than Play would."""
    visitor.page.locator(".st-key-quantity input").click()
    visitor.page.get_by_role("option", name=quantity).click()
    visitor.page.locator("svg").get_by_text(title).first.wait_for()
    visitor.page.wait_for_timeout(1500)


def wait_for_end(visitor):
    visitor.page.get_by_role("button", name="Play the run").first.wait_for()


def test_a_run_plays_once_by_itself_and_again_when_asked(server):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser, motion=True)
        slider = ended_run(visitor, address)
        last = int(slider.get_attribute("max"))
        assert int(slider.input_value()) <= last == 300
        visitor.page.get_by_role("button", name="Pause").first.wait_for()
        sent = len(visitor.sent)
        wait_for_end(visitor)
        steps = seen(visitor)
        assert steps == sorted(steps) and steps[0] <= 20 and steps[-1] == last
        assert 20 < len(steps) <= 90  # at most 20 a second, for about 4 seconds
        assert len(visitor.sent) == sent

        # The page is drawn anew, and does not play the run again.
        visitor.page.evaluate("() => {window.seen.length = 0}")
        show(visitor, "weight gradient", "Weight gradient")
        assert seen(visitor) == []
        show(visitor, "signal", "Signal")
        assert seen(visitor) == []
        slider = visitor.page.locator(SLIDER).first

        # The reader scrubs: the number beside the slider and on the rule is the training step.
        slider.focus()
        slider.press("Home")
        slider.press("ArrowRight")
        assert slider.input_value() == slider.get_attribute("step") == "5"
        picture = visitor.page.locator("[data-testid=stVegaLiteChart]").filter(visible=True).first
        picture.locator("svg").get_by_text("5", exact=True).first.wait_for()
        picture.get_by_text("theory, at the start").wait_for()
        filled = slider.evaluate("input => input.style.getPropertyValue('--vega-range-progress')")
        assert float(filled[:-1]) == pytest.approx(100 * 5 / last)

        # Play goes on from there, and stops at once when the reader takes the slider.
        visitor.page.get_by_role("button", name="Play the run").first.click()
        visitor.page.get_by_role("button", name="Pause").first.wait_for()
        visitor.page.wait_for_timeout(500)
        slider.press("ArrowRight")
        stopped = slider.input_value()
        visitor.page.wait_for_timeout(500)
        assert slider.input_value() == stopped and 5 < int(stopped) < last
        assert visitor.complaints == []


def test_the_fill_of_a_slider_follows_what_the_picture_sets(server):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser, motion=True)
        visitor.open(f"{address}/update_rule?lang=en&figure=plateau")
        slider = visitor.page.locator("input[name=start_w]")
        slider.wait_for()
        visitor.settle()
        before = slider.input_value()
        picture = visitor.page.locator("[data-testid=stVegaLiteChart]").filter(visible=True).first
        box = picture.bounding_box()
        visitor.page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.3 * box["height"])
        visitor.page.wait_for_timeout(500)
        low, high, now = (
            float(slider.get_attribute("min")),
            float(slider.get_attribute("max")),
            float(slider.input_value()),
        )
        assert now != float(before)
        filled = slider.evaluate("input => input.style.getPropertyValue('--vega-range-progress')")
        assert float(filled[:-1]) == pytest.approx(100 * (now - low) / (high - low))


def test_nothing_moves_by_itself_for_who_wants_no_motion(server):
    address, log = server
    with chromium() as browser:
        visitor = Visitor(browser, motion=True)
        visitor.page.emulate_media(reduced_motion="reduce")
        slider = ended_run(visitor, address, "zh", "现场训练", "训练完成")
        play = visitor.page.get_by_role("button", name="播放训练过程").first
        play.wait_for()
        visitor.page.wait_for_timeout(1500)
        assert seen(visitor) == []
        assert slider.input_value() == slider.get_attribute("max")
        play.click()
        visitor.page.get_by_role("button", name="暂停").first.wait_for()
        assert visitor.complaints == []
    assert not re.search(r"Traceback|Error|Warning", log())
