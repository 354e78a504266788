"""Journeys of real visitors, in headless Chromium, each on a freshly started server."""

import re

import pytest
from browser import Visitor, chromium, chromium_path, fresh_server


@pytest.fixture(scope="module")
def browser():
    chromium_path()
    with chromium() as browser:
        yield browser


@pytest.fixture
def server():
    with fresh_server() as (address, log):
        yield address, log


def sliders_of(visitor, figure):
    return visitor.figure(figure).locator(".vega-bind input[type=range]")


def drag_slider(visitor, slider, value):
    """Move a slider of a picture as a finger would, in a few small moves."""
    slider.scroll_into_view_if_needed()
    low, high = (float(slider.get_attribute(name)) for name in ("min", "max"))
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    x = box["x"] + box["width"] * (value - low) / (high - low)
    mouse = visitor.page.mouse
    mouse.move(box["x"] + box["width"] / 2, y)
    mouse.down()
    mouse.move(x, y, steps=8)
    mouse.up()
    visitor.page.wait_for_timeout(300)


def picture_of(visitor, figure):
    return visitor.figure(figure).locator("[data-testid=stVegaLiteChart]").first.screenshot()


def assert_nothing_went_wrong(visitor, log):
    assert visitor.complaints == []
    lines = log().splitlines()
    assert not [line for line in lines if re.search(r"Traceback|Error|Warning", line)], lines


def test_a_learner_reads_drags_trains_stops_and_scrubs(browser, server):
    address, log = server
    visitor = Visitor(browser)
    visitor.open(address)
    assert "Why gradients vanish and explode" in visitor.text()

    # Dragging the home picture changes it, and asks nothing of the server.
    before, sent = picture_of(visitor, "story"), len(visitor.sent)
    drag_slider(visitor, sliders_of(visitor, "story").first, 1.3)
    assert picture_of(visitor, "story") != before
    assert len(visitor.sent) == sent

    # The language changes everything, and follows to the next page.
    visitor.page.get_by_text("中文", exact=True).click()
    visitor.wait_for_text("梯度为何会消失")
    visitor.page.locator("[data-testid=stMain]").get_by_text("sigmoid 与 tanh").first.click()
    visitor.page.wait_for_url("**/activations?lang=zh")
    visitor.wait_for_text("函数、切线与导数")

    # The tangent follows the pointer, in the browser alone.
    chart = visitor.figure("tangent").locator("[data-testid=stVegaLiteChart]")
    chart.scroll_into_view_if_needed()
    visitor.settle()
    before, sent = picture_of(visitor, "tangent"), len(visitor.sent)
    box = chart.bounding_box()
    visitor.page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"], steps=5)
    visitor.page.wait_for_timeout(300)
    assert picture_of(visitor, "tangent") != before
    assert len(visitor.sent) == sent

    # Going back keeps the language.
    visitor.page.go_back()
    visitor.wait_for_text("梯度为何会消失")
    assert_nothing_went_wrong(visitor, log)


def test_a_run_is_started_stopped_finished_and_scrubbed(browser, server):
    address, log = server
    visitor = Visitor(browser, height=1800)
    # The run that lasts longest.
    visitor.open(f"{address}/pretraining?lang=en&figure=race")
    figure = visitor.figure("race")
    figure.locator("button:visible", has_text="Train").first.click()
    figure.get_by_text("raining:").wait_for()
    figure.locator("button:visible", has_text="Stop").first.click()
    figure.get_by_text("Stopped at").wait_for()

    figure = visitor.figure("training")
    visitor.open(f"{address}/depth?lang=en&depth=4")
    figure.locator("button:visible", has_text="Train").first.click()
    figure.get_by_text("Finished").wait_for(timeout=60_000)
    visitor.settle()
    sent, before = len(visitor.sent), picture_of(visitor, "training")
    drag_slider(visitor, sliders_of(visitor, "training").first, 1)
    assert picture_of(visitor, "training") != before
    assert len(visitor.sent) == sent

    # A second visitor's identical run is there at once.
    other = Visitor(browser, height=1800)
    other.open(f"{address}/depth?lang=en&depth=4")
    other.figure("training").locator("button:visible", has_text="Train").first.click()
    other.figure("training").get_by_text("Finished").wait_for(timeout=5_000)
    assert_nothing_went_wrong(visitor, log)


@pytest.mark.parametrize("embedded", ["", "&embed=true"])
def test_a_deep_link_opens_its_state_on_a_fresh_server(browser, server, embedded):
    address, log = server
    visitor = Visitor(browser, width=390, height=844, locale="en-US", color_scheme="dark")
    visitor.page.goto(f"{address}/depth?lang=zh&depth=7&init=pytorch&quantity=drift{embedded}")
    visitor.page.wait_for_selector(".st-key-figure_training")
    assert "Layers at work" not in visitor.text()
    visitor.wait_for_text("各层的学习")
    assert visitor.page.locator("[role=dialog]").count() == 0
    assert visitor.page.locator(".st-key-depth input").input_value() == "7"
    assert visitor.page.locator(".st-key-init input").input_value() == "PyTorch 默认"
    width = visitor.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "nothing runs off the phone"
    visitor.page.reload()
    visitor.wait_for_text("各层的学习")
    assert_nothing_went_wrong(visitor, log)


def test_one_figure_can_be_embedded_alone(browser, server):
    address, log = server
    visitor = Visitor(browser)
    visitor.open(
        f"{address}/activations?lang=en&figure=landing&activation=tanh&hide=weight_scale&embed=true"
    )
    assert "Where the layers land" in visitor.text()
    assert "Backpropagation multiplies" not in visitor.text()
    assert "Weight scale" not in visitor.text()
    assert visitor.page.locator("[data-testid=stSidebar] a").count() == 0
    assert_nothing_went_wrong(visitor, log)
