"""The path between pages, walked in a browser: Next, the sidebar, Back, Forward, reload, language.

After every step all figures of the page are there, and drawn.
"""

import random
import re

import pytest
from browser import Visitor, chromium, chromium_path, fresh_server

from gradviz.ui import catalog
from gradviz.ui.lesson import article, slots

BUILT = [entry for entry in catalog.LESSONS if entry.built]
PAGES = ["", *(entry.name for entry in BUILT)]  # in the order of the sidebar
FIGURES = {entry.name: slots(article(entry.name, "en")) for entry in BUILT} | {"": ["story"]}
TITLES = {entry.name: entry.title for entry in BUILT} | {
    "": ("Why gradients vanish and explode", "梯度为何会消失，又为何会爆炸")
}
LABELS = ("English", "中文")
WALKS, ACTS = 20, 5


@pytest.fixture(scope="module")
def server():
    chromium_path()
    with fresh_server() as (address, log), chromium() as browser:
        yield address, browser
        assert not re.search(r"Traceback|Error|Warning", log())


class Reader:
    """Someone who walks through the app, and what they must find after each act."""

    def __init__(self, browser, address, page="", locale="en-US"):
        self.visitor = Visitor(browser, locale=locale)
        self.visitor.open(f"{address}/{page}")
        self.language = 1 if locale.startswith("zh") else 0
        self.history, self.now = [page], 0
        self.trail = [page]

    @property
    def page(self):
        return self.history[self.now]

    def _arrive(self, page):
        self.history = [*self.history[: self.now + 1], page]
        self.now += 1

    def jump(self, page):
        """A press on the sidebar."""
        self.visitor.page.locator("[data-testid=stSidebar] a").nth(PAGES.index(page)).click()
        self._arrive(page)
        self.check(f"jump to {page}")

    def next(self):
        """A press on the last link of the page, or on home's first."""
        links = self.visitor.page.locator("[data-testid=stMain] [data-testid=stPageLink] a")
        (links.last if self.page else links.first).click()
        self._arrive(PAGES[PAGES.index(self.page) + 1])
        self.check(f"next to {self.page}")

    def back(self):
        self.now -= 1
        self.visitor.page.go_back()
        self.check("back")

    def forward(self):
        self.now += 1
        self.visitor.page.go_forward()
        self.check("forward")

    def reload(self):
        self.visitor.page.reload()
        self.check("reload")

    def switch_language(self):
        self.language = 1 - self.language
        main = self.visitor.page.locator("[data-testid=stMain]")
        main.get_by_text(LABELS[self.language], exact=True).first.click()
        self._arrive(self.page)
        self.check("language")

    def random_act(self, rng):
        acts = [self.reload, self.switch_language]
        acts += [lambda: self.jump(rng.choice([page for page in PAGES if page != self.page]))] * 2
        acts += [self.back] * (self.now > 0)
        acts += [self.forward] * (self.now < len(self.history) - 1)
        rng.choice(acts)()

    def check(self, act):
        """The right page in the right language, with all its figures drawn."""
        self.trail.append(act)
        title = TITLES[self.page][self.language]
        self.visitor.page.locator("h1", has_text=title).first.wait_for()
        self.visitor.settle()
        for figure in FIGURES[self.page]:
            box = self.visitor.figure(figure)
            box.wait_for()
            assert box.locator("[data-testid=stAlert]").count() == 0, (self.trail, figure)
        pictures = self.visitor.page.locator("[data-testid=stVegaLiteChart]").filter(visible=True)
        pictures.first.wait_for()
        for picture in pictures.all():
            picture.locator("canvas, svg").first.wait_for()
        assert self.visitor.complaints == [], self.trail


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_next_next_next_then_jumps_with_back_and_forward(server, locale):
    address, browser = server
    reader = Reader(browser, address, locale=locale)
    reader.check("home")
    for _ in BUILT:
        reader.next()
    rng = random.Random(locale)
    for _ in range(10):
        reader.jump(rng.choice([page for page in PAGES if page != reader.page]))
        reader.back()
        reader.forward()
    reader.visitor.close()


@pytest.mark.parametrize("seed", range(WALKS))
def test_a_random_walk(server, seed):
    address, browser = server
    rng = random.Random(seed)
    reader = Reader(browser, address, rng.choice(PAGES), rng.choice(["en-US", "zh-CN"]))
    for _ in range(ACTS):
        reader.random_act(rng)
    reader.visitor.close()


def test_back_undoes_one_act_whole_and_a_lesson_comes_back_as_it_was(server):
    address, browser = server
    visitor = Visitor(browser, height=1200)
    visitor.open(f"{address}/depth?lang=en&activation=tanh&depth=14")
    depth = visitor.page.locator(".st-key-depth input")
    visitor.figure("training").get_by_text("2 · Underflow", exact=True).click()
    visitor.page.wait_for_url("**init=small**")
    visitor.settle()
    assert depth.first.input_value() == "40"
    visitor.page.go_back()
    visitor.page.wait_for_url("**depth=14**")
    visitor.settle()
    assert depth.first.input_value() == "14"
    visitor.page.locator("[data-testid=stSidebar] a", has_text="Exploding:").click()
    visitor.page.wait_for_url("**/exploding**")
    visitor.settle()
    visitor.page.go_back()
    visitor.page.wait_for_url("**/depth**")
    visitor.wait_for_text("Layers at work")
    assert depth.first.input_value() == "14"
    assert "activation=tanh" in visitor.page.url

    # A press on the surface sets two controls; Back takes both back.
    visitor.open(f"{address}/update_rule?lang=en")
    picture = visitor.figure("descent").locator("[data-testid=stVegaLiteChart]").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    entries = visitor.page.evaluate("history.length")
    visitor.page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    visitor.page.wait_for_url("**w1=**")
    assert "w2=" in visitor.page.url
    assert visitor.page.evaluate("history.length") == entries + 1
    visitor.page.go_back()
    visitor.page.wait_for_url("**/update_rule?lang=en")
    assert visitor.complaints == []
    visitor.close()


def test_the_drawer_of_a_phone_closes_after_a_choice(server):
    address, browser = server
    visitor = Visitor(browser, width=390, height=844)
    visitor.open(f"{address}/depth?lang=en")
    for title in ("Exploding:", "Batch normalization"):
        visitor.page.locator("[data-testid=stExpandSidebarButton]").click()
        link = visitor.page.locator("[data-testid=stSidebar] a", has_text=title)
        link.click()
        visitor.wait_for_text(title)
        visitor.page.wait_for_function(
            "() => document.querySelector('[data-testid=stSidebar]')"
            ".getBoundingClientRect().right <= 0"
        )
    visitor.close()
