"""The share menu in a browser: what it saves, shows and hides, by keyboard too, and offline."""

import re

import pytest
from browser import Visitor, chromium, chromium_path, fresh_server

from gradviz.ui import standalone

SLIDER = "input[name=replay_step]"


@pytest.fixture(scope="module")
def browser():
    chromium_path()
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server():
    chromium_path()
    with fresh_server() as found:
        yield found


def open_menu(visitor, figure):
    """Open the share menu by keyboard; returns its form."""
    button = visitor.page.locator(f".st-key-share_{figure} button:visible").first
    button.scroll_into_view_if_needed()
    button.focus()
    button.press("Enter")
    form = visitor.page.locator(f"form.gradviz-share[data-figure={figure}]")
    form.wait_for()
    visitor.settle()
    return form


def saved(visitor, button, path):
    """Press `button`; the file that it saves, under `path`."""
    button.focus()
    with visitor.page.expect_download(timeout=60_000) as download:
        button.press("Enter")
    file = path / download.value.suggested_filename
    download.value.save_as(file)
    return file


def scrub(figure, step):
    figure.locator(SLIDER).wait_for()
    figure.locator(SLIDER).evaluate(
        "(input, step) => { input.value = step;"
        " input.dispatchEvent(new Event('input', { bubbles: true })); }",
        step,
    )


def test_a_figure_is_saved_as_it_stands_and_works_offline(browser, server, tmp_path):
    address, _ = server
    visitor = Visitor(browser, color_scheme="dark")
    visitor.open(f"{address}/depth?lang=en&figure=drift")
    figure = visitor.figure("drift")
    scrub(figure, 120)
    form = open_menu(visitor, "drift")
    for target in form.locator("button, select, summary").all():
        assert target.bounding_box()["height"] >= 40

    svg = saved(visitor, form.locator("[data-kind=svg]"), tmp_path)
    drawn = svg.read_text(encoding="utf-8")
    assert svg.name == "gradviz-depth-drift.svg" and "<title>" in drawn
    assert 'fill="rgb(16, 20, 27)"' in drawn, "the paper of the dark theme"
    png = saved(visitor, form.locator("[data-kind=png]"), tmp_path).read_bytes()
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    picture = figure.locator("svg.marks").bounding_box()
    assert png.startswith(b"\x89PNG")
    assert abs(width - 2 * picture["width"]) <= 3 and abs(height - 2 * picture["height"]) <= 3
    shown = saved(visitor, form.locator("[data-kind=csv]"), tmp_path).read_text("utf-8-sig")
    assert shown.splitlines()[0] == "layer,distance from the start,length of the way"
    every = saved(visitor, visitor.page.locator(".st-key-csv_drift button").first, tmp_path)
    assert len(every.read_text("utf-8-sig").splitlines()) > 20 * len(shown.splitlines())

    if standalone.is_possible():
        page = saved(visitor, visitor.page.locator(".st-key-page_drift button").first, tmp_path)
        assert page.name == "gradviz-depth-drift.html"
        other = Visitor(browser, motion=True)
        other.context.set_offline(True)
        other.page.goto(page.as_uri())
        theirs = other.figure("drift")
        theirs.locator(SLIDER).wait_for()
        other.page.wait_for_function(
            "document.querySelector('input[name=replay_step]').value === '120'"
        )
        before = theirs.locator("svg.marks").screenshot()
        theirs.get_by_role("button", name="Play").click()
        other.page.wait_for_function(
            "document.querySelector('input[name=replay_step]').value === '300'"
        )
        assert theirs.locator("svg.marks").screenshot() != before
        assert other.complaints == []
    assert visitor.complaints == []


def test_the_numbers_stand_in_a_table_but_not_before_the_question_is_answered(browser, server):
    address, _ = server
    visitor = Visitor(browser, width=390, height=844)
    visitor.open(f"{address}/depth?lang=zh&figure=training")
    figure = visitor.figure("training")
    form = open_menu(visitor, "training")
    form.locator(".gradviz-table").press("Enter")
    dialog = visitor.page.get_by_role("dialog").filter(has=visitor.page.locator(".gradviz-tables"))
    dialog.get_by_text("请先回答此图的问题").wait_for()
    visitor.page.keyboard.press("Escape")
    visitor.page.locator(".gradviz-data").wait_for(state="detached")

    visitor.page.keyboard.press("Escape")
    figure.locator(".gradviz-skip").click()
    visitor.page.wait_for_timeout(500)
    scrub(figure, 150)
    open_menu(visitor, "training").locator(".gradviz-table").press("Enter")
    table = dialog.get_by_role("table").first
    heads = table.get_by_role("columnheader").all_inner_texts()
    assert heads == ["网络", "层", "步", "各种子的均值"]
    steps = {
        row.get_by_role("cell").nth(2).inner_text() for row in table.get_by_role("row").all()[1:]
    }
    assert steps == {"150"}, "what the picture shows now"
    box = visitor.page.locator(".gradviz-data").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    dialog.get_by_role("button", name="关闭").press("Enter")
    visitor.page.locator(".gradviz-data").wait_for(state="detached")
    assert visitor.complaints == []


def test_a_teacher_hides_controls_and_students_cannot_reach_them(browser, server):
    address, _ = server
    teacher = Visitor(browser, height=1000)
    teacher.open(f"{address}/depth?lang=en&figure=drift&activation=tanh")
    scrub(teacher.figure("drift"), 60)
    form = open_menu(teacher, "drift")
    form.locator("summary").last.press("Enter")
    for name in ("drift_step", "seed", "share"):
        form.locator(f".gradviz-hide[value={name}]").press("Space")
    form.locator(".gradviz-language").select_option("zh")
    form.locator(".gradviz-theme").select_option("dark")
    link = form.locator(".gradviz-link").input_value()
    form.locator(".gradviz-plain summary").press("Enter")
    teacher.page.wait_for_function(
        "document.querySelector('.gradviz-iframe').value.includes('height=')"
    )
    embed = form.locator(".gradviz-embed").input_value()
    assert 'figure="depth/drift" lang="zh" theme="dark"' in embed
    assert "&amp;hide=drift_step%2Cseed%2Cshare" in embed
    frame = form.locator(".gradviz-iframe").input_value()
    source = re.search(r'src="([^"]+)"', frame)[1].replace("&amp;", "&")
    assert "hide=drift_step%2Cseed%2Cshare" in link and "drift_step=60" in link
    assert source == f"{link}&embed=true&embed_options=dark_theme"

    student = Visitor(browser, height=1000)
    student.open(source)
    figure = student.figure("drift")
    figure.get_by_role("button", name="现场训练").wait_for()
    assert student.page.get_by_role("button", name="换个种子").count() == 0
    assert student.page.locator(".st-key-share_drift").count() == 0
    assert figure.locator("input[type=range]").count() == 0
    assert figure.locator(SLIDER).input_value() == "60"
    reached = set()
    for _ in range(30):
        student.page.keyboard.press("Tab")
        reached.add(student.page.evaluate("document.activeElement.textContent"))
    assert not [said for said in reached if "种子" in said]
    paper = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    assert student.page.evaluate(paper) == "rgb(16, 20, 27)"
    assert teacher.complaints == [] and student.complaints == []


def test_text_of_a_link_is_shown_and_does_nothing(browser, server):
    address, _ = server
    visitor = Visitor(browser)
    asked = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    hostile = "`![x](https://example.org/x.png) $x^2$ :red[y] <img src=https://example.org/y.png>"
    for key in ("figure", "depth", "hide", "lang"):
        visitor.page.goto(f"{address}/depth")
        visitor.page.evaluate(
            "([key, text]) => { location.search = new URLSearchParams({ [key]: text }); }",
            [key, hostile],
        )
        warning = visitor.page.locator("[data-testid=stAlert]").first
        warning.get_by_text("![x](https").wait_for()
        inside = warning.locator("img, a, .katex, [style*=color]")
        assert inside.count() == 0, key
    assert not [url for url in asked if url.startswith("https://example.org")]
