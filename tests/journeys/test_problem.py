"""In the lessons on the update rule and the chain rule, pictures answer without the server."""

import re

from browser import Visitor, chromium, chromium_path, fresh_server


def slider(visitor, name):
    return visitor.page.locator(f"input[name={name}]")


def move(visitor, name, value):
    """Set a slider of a picture, as its own events do."""
    slider(visitor, name).evaluate(
        "(input, value) => {input.value = value; input.dispatchEvent(new Event('input'))}", value
    )
    visitor.page.wait_for_timeout(300)


def drag(visitor, figure, start, stop):
    """Drag in the picture of `figure` between two points, as shares of its width and height."""
    picture = visitor.figure(figure).locator("[data-testid=stVegaLiteChart]").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, stop)]
    visitor.page.mouse.move(*points[0])
    visitor.page.mouse.down()
    visitor.page.mouse.move(*points[1], steps=8)
    visitor.page.mouse.up()
    visitor.page.wait_for_timeout(300)


def test_dragging_asks_nothing_of_the_server_and_a_press_sets_the_start():
    chromium_path()
    with fresh_server() as (address, log), chromium() as browser:
        visitor = Visitor(browser)

        visitor.open(f"{address}/update_rule")
        sent = len(visitor.sent)
        move(visitor, "layers", 7)
        drag(visitor, "plateau", (0.9, 0.3), (0.5, 0.3))
        assert float(slider(visitor, "start_w").input_value()) < 6
        assert len(visitor.sent) == sent
        drag(visitor, "descent", (0.7, 0.3), (0.7, 0.3))
        visitor.page.wait_for_function("() => location.search.includes('w1=')")
        assert re.search(r"w1=\d", visitor.page.url)
        assert len(visitor.sent) > sent

        visitor.open(f"{address}/chain_rule")
        sent = len(visitor.sent)
        drag(visitor, "walk", (0.95, 0.1), (0.5, 0.1))
        assert visitor.figure("walk").locator("input[name=replay_step]").input_value() == "3"
        drag(visitor, "scalar", (0.3, 0.3), (0.9, 0.25))
        assert float(slider(visitor, "cell_w").input_value()) > 4
        assert len(visitor.sent) == sent

        assert visitor.complaints == []
        assert not re.search(r"Traceback|Error|Warning", log())


def test_a_slider_stays_and_the_picture_is_shown_when_its_question_is_left_unanswered():
    chromium_path()
    with fresh_server() as (address, log), chromium() as browser:
        visitor = Visitor(browser)
        visitor.open(f"{address}/update_rule?lang=en")
        figure = visitor.figure("composite")
        revealed = figure.locator("input[name=revealed]")
        assert revealed.input_value() == "0"
        move(visitor, "layers", 3)
        figure.get_by_text("tanh", exact=True).click()
        visitor.wait_for_text("At ten layers")
        assert slider(visitor, "layers").input_value() == "3"
        assert revealed.input_value() == "1"

        # Its question comes back with the network that it is about.
        figure.get_by_text("sigmoid", exact=True).first.click()
        figure.locator(".gradviz-skip").wait_for()
        visitor.settle()
        assert revealed.input_value() == "0"
        figure.locator(".gradviz-skip").click()
        visitor.page.wait_for_function(
            "name => document.querySelector(name).value === '1'",
            arg=".st-key-figure_composite input[name=revealed]",
        )
        assert slider(visitor, "layers").input_value() == "3"
        assert visitor.complaints == []
        assert not re.search(r"Traceback|Error|Warning", log())


def test_a_preset_goes_out_when_its_slider_is_moved_inside_the_picture():
    chromium_path()
    with fresh_server() as (address, log), chromium() as browser:
        visitor = Visitor(browser)
        visitor.open(f"{address}/chain_rule?lang=en")
        walk = visitor.figure("walk")
        lit = walk.locator(".st-key-presets_walk [data-testid=stBaseButton-primary]")
        paper = lit.evaluate("lit => getComputedStyle(lit).backgroundColor")
        assert walk.get_attribute("data-left") is None
        sent = len(visitor.sent)
        for _ in range(2):
            walk.locator("input[name=replay_step]").press("ArrowLeft")
        visitor.page.wait_for_function(
            "name => document.querySelector(name).hasAttribute('data-left')",
            arg=".st-key-figure_walk",
        )
        assert lit.evaluate("lit => getComputedStyle(lit).backgroundColor") != paper
        assert len(visitor.sent) == sent
        # The picture of another preset begins at its end.
        walk.get_by_text("Explode").click()
        visitor.page.wait_for_function(
            "name => !document.querySelector(name).hasAttribute('data-left')",
            arg=".st-key-figure_walk",
        )
        assert visitor.complaints == []
        assert not re.search(r"Traceback|Error|Warning", log())
