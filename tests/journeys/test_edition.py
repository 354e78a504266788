"""The static edition, opened from its files with the network off: every figure of every page."""

import pytest
from browser import chromium
from edition import edition

from gradviz.language import LANGUAGES
from gradviz.ui import catalog

PAGES = ["index", *(entry.name for entry in catalog.LESSONS if entry.built)]
USABLE = 5_000  # milliseconds, on a busy machine; alone it takes less than one second
# What of a picture is drawn a moment later: Vega draws after the event.
LOOK = """async slider => {
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
  return slider.closest("[data-picture]").querySelector("svg.marks").innerHTML;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return edition(tmp_path_factory)


@pytest.fixture(scope="module")
def browser(folder):
    with chromium() as found:
        yield found


@pytest.fixture
def reader(browser, request):
    opened = Reader(browser, **getattr(request, "param", {}))
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
        self.page.locator("[data-drawn]").first.wait_for(state="attached", timeout=USABLE)

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
            looks.append(slider.evaluate(LOOK))
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


@pytest.mark.parametrize("reader", [{"width": 400}], indirect=True, ids=["phone"])
@pytest.mark.parametrize("name", PAGES)
def test_every_figure_stands_alone_in_a_narrow_frame(folder, reader, name):
    page = "home" if name == "index" else name
    for place, file in enumerate(sorted((folder / "en" / "figure" / page).glob("*.html"))):
        # Each in one language and theme, both in turn.
        language, theme = list(LANGUAGES)[place % 2], ("light", "dark")[place // 2 % 2]
        other = folder / language / "figure" / page / file.name
        reader.open(other, f"?theme={theme}")
        (figure,) = reader.figures()
        assert figure.locator("h5").is_visible()
        widths = "[document.documentElement.scrollWidth, innerWidth]"
        wide, window = reader.page.evaluate(widths)
        assert wide <= window, file.name
        scheme = "getComputedStyle(document.documentElement).colorScheme"
        assert reader.page.evaluate(scheme) == theme


def test_a_figure_alone_opens_in_the_state_that_its_address_says(folder, reader):
    file = folder / "zh" / "figure" / "depth" / "training.html"
    reader.open(file, "?preset=3")
    lit = reader.page.locator("[class*=st-key-presets_] [data-testid=stBaseButton-primary]")
    lit.get_by_text("3 · 健康").wait_for()
    reader.open(file, "?activation=relu&init=large&depth=30&training_step=120")
    lit.get_by_text("4 · 爆炸").wait_for()
    reader.wait("() => document.querySelector('[name=replay_step]')?.value === '120'")


def test_a_figure_alone_hides_what_its_address_hides(folder, reader):
    file = folder / "en" / "figure" / "depth" / "training.html"
    reader.open(file, "?depth=10&training_step=120&beam_step=7&hide=depth,training_step")
    figure = reader.page.locator(".st-key-figure_training")
    slider = figure.locator("[name=replay_step]").first
    reader.wait("() => document.querySelector('[name=replay_step]')?.value === '120'")
    assert not slider.is_visible() and not figure.locator(".st-key-depth").is_visible()
    assert figure.locator(".st-key-activation").is_visible()
    # Those presets that would move the depth are gone, too.
    buttons = figure.locator("[class*=st-key-presets_] button")
    shown = [button.inner_text() for button in buttons.all() if button.is_visible()]
    assert 0 < len(shown) < buttons.count()
    assert figure.locator(".gradviz-note").count() == 0


def test_a_figure_alone_says_that_a_state_was_not_recorded(folder, reader):
    reader.open(folder / "en" / "figure" / "depth" / "training.html", "?depth=37")
    note = reader.page.locator(".gradviz-note")
    note.get_by_text("not among the recorded ones").wait_for()
    assert "depth=37" in note.locator("a").get_attribute("href")


def test_figures_that_share_controls_follow_each_other(folder, reader):
    reader.open(folder / "en" / "depth.html")
    drift = reader.page.locator(".st-key-figure_drift")
    words = {figure.get_attribute("data-figure"): figure for figure in reader.figures()}
    assert "depth/drift" in words
    for press in (".st-key-training_presets_2 button", ".st-key-activation button"):
        before = drift.inner_text()
        reader.page.locator(press).first.click()
        reader.wait(
            "before => document.querySelector('.st-key-figure_drift').innerText !== before", before
        )
        reader.drawn(drift)
    lit = reader.page.locator(".st-key-activation [aria-checked=true]")
    assert lit.inner_text() == "sigmoid"


def test_a_mark_that_needs_the_app_says_so(folder, reader):
    reader.open(folder / "en" / "exploding.html")
    figure = reader.page.locator(".st-key-figure_plane")
    figure.scroll_into_view_if_needed()
    reader.drawn(figure)
    figure.locator("svg .mark-rect path").first.click(force=True)
    note = figure.locator(".gradviz-note")
    assert "the app computes it" in note.inner_text()
    assert "map_depth=" in note.locator("a").get_attribute("href")


HOST = """<!doctype html><meta charset="utf-8"><body style="margin: 0 auto; max-width: 44rem">
<gradviz-figure figure="depth/beam" lang="zh" theme="dark"></gradviz-figure>
<gradviz-figure figure="depth/training" preset="4" live="http://127.0.0.1:9"></gradviz-figure>
<script src="{script}"></script>"""


def test_one_line_embeds_a_figure_that_fits_its_frame_and_never_dies(folder, browser, tmp_path):
    host = tmp_path / "course.html"
    host.write_text(HOST.format(script=(folder / "embed.js").as_uri()))
    context = browser.new_context(viewport={"width": 900, "height": 1600})
    page = context.new_page()
    page.goto(host.as_uri())
    for figure in page.locator("gradviz-figure").all():
        frame = figure.locator("iframe").content_frame
        frame.locator("[data-drawn]").wait_for()
        page.wait_for_function(
            "figure => { const frame = figure.shadowRoot.querySelector('iframe');"
            " return frame.offsetHeight !== 640 && frame.offsetHeight < 1000; }",
            arg=figure.element_handle(),
        )
        inside = frame.locator("main").evaluate("main => [main.offsetHeight, innerHeight]")
        assert abs(inside[0] - inside[1]) <= 1
    assert frame.get_by_text("4 · Explode").is_visible()
    # Nothing answers there: the recording stays, with a word.
    figure.get_by_role("button", name="Train it live").click()
    figure.get_by_text("The app does not answer").wait_for()
    assert frame.get_by_text("4 · Explode").is_visible()
    link = figure.get_by_role("link", name="Open the app").get_attribute("href")
    assert link.startswith("http://127.0.0.1:9/depth?") and "depth=30" in link
    context.close()
