"""Every page under axe-core in both themes; what pictures say of themselves; keyboard; phones."""

from pathlib import Path

import axe_playwright_python
import pytest
from browser import Visitor, chromium, chromium_path, fresh_server

from gradviz.language import LANGUAGES
from gradviz.ui import catalog

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
LESSONS = [entry.name for entry in catalog.LESSONS if entry.built]
# Home, each lesson and the lab, and one figure alone, as it stands in a course page.
PAGES = ["?", *(f"{name}?" for name in LESSONS), "depth?figure=training&embed=true&"]
# The languages take turns over the pages; what is wrong in one is, but for words, in the other.
VISITS = [(page, list(LANGUAGES)[place % len(LANGUAGES)]) for place, page in enumerate(PAGES)]

DRAWN = """() => {
  const figures = [...document.querySelectorAll("[class*=st-key-figure_]")];
  const pictures = figures.flatMap((each) =>
    [...each.querySelectorAll("[data-testid=stVegaLiteChart]")]);
  return pictures.length && pictures.every((each) => each.querySelector("svg.marks[aria-label]"));
}"""
# All that is hidden behind a press: "More", the code, the terms; and a question that was answered.
OPEN = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  for (const each of main.querySelectorAll("details:not([open]) summary")) each.click();
  main.querySelector(".gradviz-skip")?.click();
}"""
IN_THE_DARK = """() => {
  const { backgroundColor } = getComputedStyle(document.querySelector("[data-testid=stApp]"));
  return backgroundColor === "rgb(16, 20, 27)"; // see .streamlit/config.toml
}"""
# The parts of a picture are one image to whoever does not see it; their colors are tested in
# tests/charts/test_style.py.
RUN = """async (rules) => {
  const context = { exclude: ["svg.marks > g"] };
  const only = rules && { runOnly: { type: "rule", values: rules } };
  const found = await axe.run(context, { resultTypes: ["violations"], ...only });
  return found.violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, failureSummary }) => [id, impact, target.join(" "), failureSummary]));
}"""


@pytest.fixture(scope="module")
def server():
    chromium_path()
    with fresh_server() as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser():
    chromium_path()
    with chromium() as found:
        yield found


def read(visitor, address):
    visitor.open(address)
    visitor.page.wait_for_function(DRAWN)


def test_no_page_has_a_violation_in_either_theme(server, browser):
    visitor, found = Visitor(browser), []
    for page, language in VISITS:
        visitor.page.emulate_media(color_scheme="light")
        read(visitor, f"{server}/{page}lang={language}")
        visitor.page.evaluate(OPEN)
        visitor.page.wait_for_timeout(500)
        visitor.page.evaluate(AXE)
        light = visitor.page.evaluate(RUN, None)
        # A theme changes nothing but colors.
        visitor.page.emulate_media(color_scheme="dark")
        visitor.page.wait_for_function(IN_THE_DARK)
        visitor.page.wait_for_timeout(500)
        dark = visitor.page.evaluate(RUN, ["color-contrast"])
        found += [f"{page}{language} light: {each}" for each in light]
        found += [f"{page}{language} dark: {each}" for each in dark]
    assert not found, "\n".join(found)
    assert visitor.complaints == []


SAID = """(figure) => figure.querySelector("svg.marks").getAttribute("aria-label")"""


def said_by(visitor, figure, *words):
    """What is read aloud of the picture of `figure`, once it holds these words."""
    visitor.page.wait_for_function(
        """([figure, words]) => {
          const image = document.querySelector(`.st-key-figure_${figure} svg.marks`);
          const said = image?.getAttribute("aria-label") ?? "";
          return words.every((word) => said.includes(word));
        }""",
        arg=[figure, list(words)],
    )
    return visitor.figure(figure).evaluate(SAID)


def test_a_picture_says_what_it_shows_now(server, browser):
    visitor = Visitor(browser)
    read(visitor, f"{server}/?lang=en")
    assert visitor.page.evaluate("document.documentElement.lang") == "en"
    factor = visitor.figure("story").get_by_role("slider", name="Factor per layer")
    before = said_by(visitor, "story", "Factor per layer 0.8", "Layer 1 receives 0.80⁵⁹")
    factor.focus()
    factor.press("ArrowRight")
    after = said_by(visitor, "story", "Factor per layer 0.81", "Layer 1 receives 0.81⁵⁹")
    assert before != after and factor.get_attribute("aria-valuetext") == "0.81"

    # Presets and replays too, in the language of the page.
    read(visitor, f"{server}/chain_rule?lang=zh")
    assert visitor.page.evaluate("document.documentElement.lang") == "zh-Hans"
    opening = said_by(visitor, "walk", "1 · 消失", "往回走 4")
    visitor.figure("walk").get_by_role("button", name="3 · 爆炸").press("Enter")
    exploding = said_by(visitor, "walk", "3 · 爆炸")
    assert opening.split("当前")[0] == exploding.split("当前")[0]
    assert "Rule mark" not in visitor.figure("walk").aria_snapshot()
    assert visitor.complaints == []


def test_a_question_is_answered_by_keyboard_and_not_given_away(server, browser):
    visitor = Visitor(browser)
    read(visitor, f"{server}/depth?figure=training&lang=en")
    figure = visitor.figure("training")
    image = figure.locator("svg.marks")
    said_by(visitor, "training", "Step 0", "your guess")
    assert image.get_attribute("aria-describedby") is None, "the words would answer"
    commit = figure.get_by_role("button", name="This is my prediction")
    assert commit.is_disabled(), "there is nothing to commit yet"
    scale = figure.locator(".gradviz-question input[type=range]")
    scale.focus()
    scale.press("ArrowRight")
    assert scale.get_attribute("aria-valuetext") == "10×"
    visitor.page.keyboard.press("Tab")
    assert commit.evaluate("(button) => button === document.activeElement")
    visitor.page.keyboard.press("Enter")
    again = figure.get_by_role("button", name="Predict again")
    again.wait_for()
    assert again.evaluate("(button) => button === document.activeElement")
    visitor.page.wait_for_selector(".st-key-figure_training svg.marks[aria-describedby]")
    sentence = image.get_attribute("aria-describedby")
    assert "Marks are measured" in visitor.page.locator(f"#{sentence}").inner_text()
    assert visitor.complaints == []


# What is reached by keyboard: its name, and whether one sees that it is reached.
REACHED = """() => {
  const here = document.activeElement;
  const thumb = here.closest("[data-testid=stSlider] div:has(> [data-testid=stSliderThumbValue])");
  const shown = [here, thumb, here.nextElementSibling];
  const field = here.closest("[data-testid=stSelectbox]");
  if (field) shown.push(...field.querySelectorAll("div"));
  const looks = () => shown.filter(Boolean).map((each) => {
    const { outline, boxShadow, borderColor } = getComputedStyle(each);
    return [outline, boxShadow, borderColor].join();
  }).join();
  const name = here.ariaLabel || here.labels?.[0]?.textContent || here.textContent;
  const focused = looks();
  here.blur();
  const seen = focused !== looks();
  here.focus({ preventScroll: true });
  return [here.localName, here.getAttribute("role") ?? here.type ?? "", name.trim(), seen];
}"""


def test_all_of_a_lesson_is_reached_by_keyboard_and_seen_to_be(server, browser):
    visitor = Visitor(browser)
    read(visitor, f"{server}/chain_rule?lang=en")
    stops = []
    for _ in range(110):
        visitor.page.keyboard.press("Tab")
        visitor.page.wait_for_timeout(30)
        stop = visitor.page.evaluate(REACHED)
        if stop[0] == "body":
            break
        stops.append(stop)
    assert not [stop for stop in stops if not stop[2]], "all have names"
    unseen = [stop for stop in stops if not stop[3] and stop[0] not in ("main", "section")]
    assert not unseen, unseen
    names = [stop[2] for stop in stops]
    for name in (
        "English",  # the language switch
        "factor",  # a term
        "one factor",  # words that drive a picture
        "∣w∣=4",
        "Play the run",
        "Steps back",  # sliders in pictures
        "Weight w",
        "1 · Vanish",  # presets
        "sigmoid",
        "Weights w",
        "Just show me",
        "Share or embed this figure",
    ):
        assert name in names, name


# Our own controls that are smaller than a finger. Words in the prose are as high as their lines, a
# card of home is a link as a whole, the arrow of a menu is part of its field, the navigation is a
# drawer that is closed here.
SMALL = """() => {
  const ours = `[class*=st-key-figure_] :is(button, summary, input[type=range]),
    .gradviz-options span, [data-testid=stButtonGroup] button, [data-testid=stPageLink] a,
    [data-testid=stHeader] button`;
  const parts = `[data-testid=stSelectbox], [data-testid=stMultiSelect], [data-testid=stSlider],
    [data-testid=stSidebar], [class*=st-key-card_]`;
  const large = (box) => Math.round(box.width) >= 40 && Math.round(box.height) >= 40;
  const thumb = "[data-testid=stSlider] div:has(> [data-testid=stSliderThumbValue])";
  const help = "[data-testid=stTooltipHoverTarget]";
  const around = (element) => {
    const { width, height } = getComputedStyle(element, "::after");
    return { width: parseFloat(width), height: parseFloat(height) };
  };
  const said = (element) => `${element.localName} ${element.ariaLabel ?? element.textContent}`;
  const shown = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 0;
  const plain = [...document.querySelectorAll(ours)].filter(
    (each) => !each.closest(parts) &&
      (!each.parentElement.matches(help) || each.dataset.testid === "stPopoverButton"));
  const more = [...document.querySelectorAll(`${thumb}, ${help}`)].filter(
    (each) => !each.querySelector("[data-testid=stPopoverButton], [data-testid^=stBaseButton]"));
  return [
    ...plain.filter((each) => shown(each) && !large(each.getBoundingClientRect())),
    ...more.filter((each) => shown(each) && !large(around(each))),
  ].map(said);
}"""
WIDTH = """Math.max(document.documentElement.scrollWidth,
  document.querySelector("[data-testid=stMain]").scrollWidth)"""


def test_every_page_fits_a_phone_and_a_finger(server, browser):
    visitor, found = Visitor(browser, width=360, height=780, touch=True), []
    for page, language in VISITS:
        read(visitor, f"{server}/{page}lang={language}")
        visitor.page.evaluate(OPEN)
        visitor.page.wait_for_timeout(300)
        wide = visitor.page.evaluate(WIDTH)
        if wide > 360:
            found.append(f"{page}{language}: {wide} pixels wide")
        found += [f"{page}{language}: {each} is small" for each in visitor.page.evaluate(SMALL)]
    assert not found, "\n".join(found)
    assert visitor.complaints == []
