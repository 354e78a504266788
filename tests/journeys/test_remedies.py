"""In the lessons on the remedies, pictures answer without the server and runs hear Stop."""

import re

from browser import Visitor, chromium, chromium_path, fresh_server


def drag(visitor, name, value):
    """Set a slider of a picture, as its own events do; whether the picture changed."""
    slider = visitor.page.locator(f"input[name={name}]")
    picture = slider.locator("xpath=ancestor::*[@data-testid='stVegaLiteChart']/*[1]")
    before = picture.first.screenshot()
    slider.evaluate(
        "(input, value) => {input.value = value; input.dispatchEvent(new Event('input'))}", value
    )
    visitor.page.wait_for_timeout(300)
    return picture.first.screenshot() != before


def pull(visitor, figure, start, end):
    """Drag the pointer over the first picture of a figure, from and to shares of its size."""
    picture = visitor.figure(figure).locator("svg.marks").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    visitor.page.mouse.move(*places[0])
    visitor.page.mouse.down()
    visitor.page.mouse.move(*places[1], steps=6)
    visitor.page.mouse.up()
    visitor.page.wait_for_timeout(300)


def press(visitor, figure, button):
    visitor.figure(figure).locator("button:visible", has_text=button).first.click()


def test_remedies_answer_to_the_hand_and_can_be_stopped():
    chromium_path()
    with fresh_server() as (address, log), chromium() as browser:
        visitor = Visitor(browser, height=1600)
        for lesson, slider, value in (
            ("clipping", "threshold_power", 1),
            ("clipping", "pull_first", -3),
            ("batchnorm", "a_shown", 0.5),
            ("regularization", "shrink", 0.3),
        ):
            visitor.open(f"{address}/{lesson}?lang=en")
            visitor.page.locator(f"input[name={slider}]").wait_for()
            sent = len(visitor.sent)
            assert drag(visitor, slider, value), (lesson, slider)
            assert len(visitor.sent) == sent, (lesson, slider)

        # The gradient is dragged in either plane, and the start is pressed on the landscape.
        visitor.open(f"{address}/clipping?lang=en")
        components = [visitor.page.locator(f"input[name=pull_{n}]") for n in ("first", "second")]
        components[0].wait_for()
        sent = len(visitor.sent)
        for x in (0.1, 0.9):
            pull(visitor, "geometry", (x, 0.5), (x, 0.25))
            first, second = (float(slider.input_value()) for slider in components)
            assert (first < 0) == (x < 0.5) and second > 0.5, (first, second)
        assert len(visitor.sent) == sent
        pull(visitor, "cliff", (0.8, 0.25), (0.8, 0.25))
        visitor.settle()
        assert 6 < float(re.search(r"[?&]w=([0-9.]+)", visitor.page.url).group(1)) < 7

        # Figures that show the same run follow the controls of the one that starts it.
        visitor.open(f"{address}/batchnorm?lang=en")
        for button in ("Just show me", "Large steps", "Just show me"):
            press(visitor, "race", button)
            visitor.settle()
        visitor.figure("spread_over_time").get_by_text("they are apart at the start").wait_for()

        visitor.open(f"{address}/regularization?lang=en")
        # What one figure has trained, the figures below it show.
        press(visitor, "race", "Train")
        visitor.figure("race").get_by_text("Training:").wait_for()
        visitor.page.wait_for_timeout(700)
        captions = visitor.figure("race").locator(
            "[data-testid=stCaptionContainer]:visible:not([class*=st-key-sentence_] *)"
        )
        assert captions.count() <= 1, "nothing is left over from before the start"
        visitor.figure("race").get_by_text("Finished").wait_for(timeout=60_000)
        assert visitor.figure("why").locator("canvas, svg.marks").count() >= 1
        assert visitor.figure("why").get_by_role("button", name="Train it live").count() == 0

        visitor.open(f"{address}/pretraining?lang=en&figure=race")
        press(visitor, "race", "Train")
        visitor.figure("race").get_by_text("Pre-training:").wait_for(timeout=20_000)
        press(visitor, "race", "Stop")
        visitor.figure("race").get_by_text("Stopped at").wait_for(timeout=5_000)

        assert visitor.complaints == []
        assert not re.search(r"Traceback|Error|Warning", log())
