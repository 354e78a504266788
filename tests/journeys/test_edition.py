"""The static edition, opened from its files with the network off: every figure of every page."""

import pytest
from browser import chromium
from edition import edition

from gradviz.language import LANGUAGES
from gradviz.ui import catalog

PAGES = ["index", *(entry.name for entry in catalog.LESSONS if entry.built)]
USABLE = 5_000  # milliseconds, on a busy machine; alone it takes less than one second


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return edition(tmp_path_factory)


@pytest.fixture(scope="module")
def browser(folder):
    with chromium() as found:
        yield found


@pytest.fixture
def reader(browser):
    opened = Reader(browser)
    yield opened
    opened.context.close()
    assert opened.complaints == []


class Reader:
    """A tab without a network, which remembers what its console complained of."""

    def __init__(self, browser, width=1280):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            offline=True,
            locale="en-US",
            reduced_motion="reduce",
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.complaints = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)

    def _listen(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _asked(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.complaints.append(f"asks for {request.url}")

    def open(self, file, query=""):
        self.page.goto(f"{file.as_uri()}{query}")
        self.page.locator("[data-drawn]").first.wait_for(timeout=USABLE)

    def wait(self, expression, argument=None):
        self.page.wait_for_function(expression, arg=argument)

    def figures(self):
        """Each figure of the page, drawn."""
        for place in range(self.page.locator("[data-figure]").count()):
            figure = self.page.locator("[data-figure]").nth(place)
            figure.scroll_into_view_if_needed()
            yield self.drawn(figure)

    def drawn(self, figure):
        self.wait("figure => figure.hasAttribute('data-drawn')", figure.element_handle())
        pictures, drawn = (
            figure.locator(f"[data-picture]{svg}").count() for svg in ("", " svg.marks")
        )
        assert pictures == drawn, figure.get_attribute("data-figure")
        return figure


def value(figure, name):
    return figure.locator(f".vega-bind input[name={name}]").first.input_value()


def asks_and_reveals(reader, figure):
    """The question of `figure`, if it asks one: nothing is told before the reader commits."""
    question = figure.locator("form.gradviz-question")
    if not question.count():
        return
    covered = figure.locator(".vega-bind input[name=revealed]").evaluate_all(
        "inputs => inputs.map(input => input.value)"
    )
    assert set(covered) <= {"0"}
    assert not figure.locator("[class*=st-key-words_]").is_visible()
    scale = question.locator("input[type=range]")
    if scale.count():
        scale.press("ArrowRight")
    else:
        question.locator("input[type=radio]").first.check(force=True)
    question.locator("button[type=submit]").click()
    assert question.locator("[data-for]:not([hidden])").inner_text()
    revealed = figure.locator(".vega-bind input[name=revealed]")
    assert set(revealed.evaluate_all("inputs => inputs.map(input => input.value)")) <= {"1"}
    question.locator(".gradviz-again").click()
    assert question.get_attribute("data-answered") is None
    question.locator(".gradviz-skip").click()
    assert question.locator("[data-for=skipped]").is_visible()


def slides(reader, figure):
    """Each slider inside a picture moves what is drawn."""
    sliders = figure.locator(".vega-bind input[type=range]").filter(visible=True)
    for place in range(sliders.count()):
        slider = sliders.nth(place)
        looks = []
        for key, end in (("Home", "min"), ("End", "max")):
            slider.press(key)
            assert float(slider.input_value()) == float(slider.get_attribute(end))
            # Vega draws after the event.
            reader.page.evaluate("() => new Promise(done => setTimeout(done, 60))")
            looks.append(slider.evaluate("it => it.closest('[data-picture]').innerHTML"))
        assert looks[0] != looks[1], slider.get_attribute("name")


def plays(reader, figure):
    """A recorded run plays from its start, and stops when asked."""
    for button in figure.locator(".gradviz-play").all():
        slider = button.locator("xpath=..").locator("input[type=range]")
        slider.press("Home")
        start = float(slider.input_value())
        button.click()
        reader.wait(
            "([slider, start]) => Number(slider.value) > start", [slider.element_handle(), start]
        )
        button.click()
        assert button.get_attribute("aria-label") == button.get_attribute("title")


def changes(reader, figure):
    """Each preset lights up, says what there is to see, and draws its state."""
    name = figure.get_attribute("data-figure").split("/")[1]
    presets = figure.locator("[class*=st-key-presets_] button")
    sentences = []
    for place in range(presets.count()):
        presets.nth(place).click()
        reader.wait(
            "([name, place]) => document.querySelectorAll("
            "`.st-key-figure_${name} [class*=st-key-presets_] button`)[place]"
            ".dataset.testid === 'stBaseButton-primary'",
            [name, place],
        )
        reader.drawn(figure)
        sentences.append(figure.locator("[class*=st-key-sentence_]").inner_text())
    assert all(sentences) and len(set(sentences)) == len(sentences)


def drives(reader):
    """Each word of the prose that drives a picture sets what it names."""
    for word in reader.page.locator("main a[href^='#'][href*='?']").all():
        word.click()
        reader.wait(
            """link => {
              const [figure, settings] = link.getAttribute("href").slice(1).split("?");
              const card = document.querySelector(`.st-key-figure_${figure}`);
              const driven = card.querySelector(".gradviz-driven");
              if (!card.hasAttribute("data-drawn") || !driven) return false;
              const { sliders, state } = JSON.parse(driven.dataset.known);
              return [...new URLSearchParams(settings)].every(([key, text]) => {
                const input = card.querySelector(`.vega-bind input[name="${sliders[key]}"]`);
                return input ? Math.abs(input.value - text) < 1e-6 : state[key] === text;
              });
            }""",
            word.element_handle(),
        )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_every_figure_asks_plays_slides_and_changes(folder, reader, name, language):
    reader.open(folder / language / f"{name}.html")
    for figure in reader.figures():
        asks_and_reveals(reader, figure)
        plays(reader, figure)
        slides(reader, figure)
        changes(reader, figure)
    drives(reader)
    assert reader.page.locator(".katex-error, [data-tex]:not([data-set])").count() == 0
