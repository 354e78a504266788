"""A reader follows a lesson by its words alone: by mouse, by touch and by keyboard."""

import pytest
from browser import Visitor, chromium, chromium_path, fresh_server

from gradviz.ui import catalog
from gradviz.ui.lesson import article
from gradviz.ui.words import words_of

PHONE = {"width": 390, "height": 844, "touch": True}
# Each way of pressing a word, once in each language.
READERS = [
    ("update_rule", "en", "mouse", {}),
    ("depth", "zh", "keyboard", {}),
    ("activations", "en", "touch", PHONE),
    ("exploding", "zh", "mouse", {}),
    ("chain_rule", "en", "mouse", {}),
    ("chain_rule", "zh", "mouse", {"motion": True}),
    ("chain_rule", "zh", "touch", PHONE),
    ("chain_rule", "en", "touch", PHONE),
    ("chain_rule", "en", "keyboard", {}),
    ("chain_rule", "zh", "keyboard", {}),
]
# Whether the figure stands where a word says: its sliders, and what the server has drawn it for.
STANDS = """([figure, settings]) => {
  const drawn = document.querySelector(`.st-key-figure_${figure}`);
  const { sliders, state } = JSON.parse(drawn.querySelector(".gradviz-driven").dataset.known);
  return Object.entries(settings).every(([key, text]) =>
    key in sliders
      ? Number(drawn.querySelector(`input[name="${sliders[key]}"]`)?.value) === Number(text)
      : state[key] === text);
}"""
# A word that sets only sliders needs no server.
ONLY_SLIDERS = """([figure, keys]) => {
  const drawn = document.querySelector(`.st-key-figure_${figure} .gradviz-driven`);
  const { sliders } = JSON.parse(drawn.dataset.known);
  return keys.every((key) => key in sliders);
}"""
DRAWN = """() => {
  const inFigures = "[class*=st-key-figure_] [data-testid=stVegaLiteChart]";
  const pictures = [...document.querySelectorAll(inFigures)];
  return document.querySelector('[role=button][href*="?"]') &&
    pictures.every((picture) => picture.querySelector("svg"));
}"""
IN_VIEW = """(picture) => {
  const { top, bottom, height } = picture.getBoundingClientRect();
  const seen = Math.min(bottom, innerHeight) - Math.max(top, 0);
  return seen > 0.9 * Math.min(height, innerHeight - 90);
}"""


@pytest.fixture(scope="module")
def server():
    chromium_path()
    with fresh_server() as found:
        yield found


def read(visitor, address):
    """Open a lesson and wait until all of it is drawn, however busy the machine is."""
    visitor.open(address)
    visitor.page.wait_for_function(DRAWN)
    visitor.settle()


def press(link, how, place):
    link.scroll_into_view_if_needed()
    if how == "mouse":
        link.click()
    elif how == "touch":
        link.tap()
    else:
        link.focus()
        link.press(("Enter", " ")[place % 2])


@pytest.mark.parametrize(("lesson", "language", "how", "window"), READERS)
def test_a_reader_follows_a_lesson_by_its_words_alone(server, lesson, language, how, window):
    address, _ = server
    words = words_of(article(lesson, language))
    with chromium() as browser:
        visitor = Visitor(browser, **window)
        read(visitor, f"{address}/{lesson}?lang={language}")
        links = visitor.page.locator('[data-testid=stMain] a[href^="#"][href*="?"]')
        assert links.count() == len(words)
        visitor.page.evaluate("window.neverLoadedAnew = true")
        for place, word in enumerate(words):
            settings = dict(word.settings)
            link = links.nth(place)
            assert link.get_attribute("href") == f"#{word.target}"
            assert link.get_attribute("role") == "button"
            sent, before = len(visitor.sent), visitor.page.url
            press(link, how, place)
            visitor.page.wait_for_function(STANDS, arg=[word.figure, settings])
            if visitor.page.evaluate(ONLY_SLIDERS, [word.figure, list(settings)]):
                assert len(visitor.sent) == sent and visitor.page.url == before
            visitor.settle()
            picture = visitor.figure(word.figure).locator("[data-testid=stVegaLiteChart]").first
            visitor.page.wait_for_function(IN_VIEW, arg=picture.element_handle())
            assert visitor.page.evaluate("window.neverLoadedAnew")
            assert "#" not in visitor.page.url
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert visitor.complaints == []


def test_a_word_of_the_server_is_undone_by_back_and_lights_its_preset(server):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser)
        read(visitor, f"{address}/chain_rule?lang=en")
        figure = visitor.figure("matrix")
        visitor.page.locator('a[href^="#matrix?kind=orthogonal&gain=1&"]').click()
        lit = figure.locator("[data-testid=stBaseButton-primary]", has_text="2 · Orthogonal")
        lit.wait_for()
        assert "kind=orthogonal" in visitor.page.url
        visitor.page.go_back()
        figure.locator("[data-testid=stBaseButton-primary]", has_text="1 · Gaussian").wait_for()
        assert "kind" not in visitor.page.url
        assert visitor.complaints == []


def test_only_a_word_below_a_figure_uncovers_its_answer(server):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser)
        for lesson, word, figure, uncovered in (
            ("regularization", "#bowl?bowl_strength=2.8", "bowl", True),
            ("clipping", "#geometry?arrow_first=1&", "geometry", False),  # stands above it
        ):
            read(visitor, f"{address}/{lesson}?lang=en")
            question = visitor.figure(figure).locator("form.gradviz-question")
            assert question.get_attribute("data-answered") is None
            visitor.page.locator(f'a[href^="{word}"]').click()
            visitor.settle()
            assert (question.get_attribute("data-answered") is not None) == uncovered
        assert visitor.complaints == []


def test_a_word_moves_the_picture_and_says_so_to_who_cannot_see_it(server):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser, motion=True)
        read(visitor, f"{address}/chain_rule?lang=en")
        figure = visitor.figure("scalar")
        passed = visitor.page.evaluate_handle(
            """() => {
              const seen = [];
              document.querySelector("input[name=cell_w]")
                .addEventListener("input", (event) => seen.push(Number(event.target.value)));
              return seen;
            }"""
        )
        visitor.page.locator('a[href="#scalar?w=7&z=0"]').click()
        visitor.page.wait_for_timeout(900)
        # It glides: through places between where it was, 2, and where it ends.
        places = passed.json_value()
        assert places[-1] == 7 and any(2 < place < 7 for place in places)
        assert figure.locator("svg").get_by_text("1.75").first.is_visible()
        said = visitor.page.locator("[role=status].gradviz-unseen").inner_text()
        assert "One factor, many layers" in said
        assert visitor.complaints == []


@pytest.mark.parametrize(("language", "window"), [("en", {}), ("zh", PHONE | {"width": 360})])
def test_a_term_shows_its_definition_where_it_is_pointed_at(server, language, window):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser, **window)
        read(visitor, f"{address}/chain_rule?lang={language}")
        term = visitor.page.locator('[class*=st-key-prose_] a[href^="#term-"]').first
        card = visitor.page.locator("[role=tooltip].gradviz-term")
        term.scroll_into_view_if_needed()
        term.tap() if window else term.hover()
        card.wait_for()
        box = card.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= visitor.page.viewport_size["width"]
        visitor.page.keyboard.press("Escape")
        card.wait_for(state="hidden")
        term.focus()
        described = term.get_attribute("aria-describedby")
        assert visitor.page.locator(f"#{described}").text_content()
        assert visitor.complaints == []


@pytest.mark.parametrize(
    ("language", "said", "read"),
    [("en", "1 of {all} lessons read", "Read"), ("zh", "已读 1 课，共 {all} 课", "已读")],
)
def test_home_shows_which_lessons_were_read_to_their_end(server, language, said, read):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser)
        page = visitor.page
        progress, ticks = page.locator(".gradviz-progress"), page.locator(".gradviz-tick")
        visitor.open(f"{address}/?lang={language}")
        assert not progress.is_visible() and not ticks.filter(visible=True).count()
        visitor.open(f"{address}/update_rule?lang={language}")
        visitor.open(f"{address}/?lang={language}")
        assert not progress.is_visible(), "a lesson that was only opened has not been read"
        read_to_the_end(visitor, f"{address}/activations?lang={language}")
        visitor.open(f"{address}/?lang={language}")
        built = sum(entry.built for entry in catalog.LESSONS)
        progress.filter(has_text=said.format(all=built)).wait_for()
        (tick,) = ticks.filter(visible=True).all()
        assert tick.get_attribute("aria-label") == read
        assert tick.get_attribute("data-lesson") == "activations"
        assert visitor.complaints == []


def read_to_the_end(visitor, address):
    read(visitor, address)
    visitor.page.locator("[class*=st-key-ending_]").scroll_into_view_if_needed()
    visitor.page.wait_for_function("() => localStorage.getItem('gradviz read')")
