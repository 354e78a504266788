"""Figures on a page of another site: drawn without the app, live with it, each in its height."""

import contextlib
import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from app_server import free_port, running_server
from browser import Visitor, chromium
from edition import edition

import gradviz
from gradviz import Recipe, race

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A course</title>
<link rel="icon" href="data:,"><body style="margin: 0">
<script>
const canvas = [];
addEventListener("message", ({{ data }}) => {{
  if (typeof data === "string" && data.startsWith("{{")) canvas.push(JSON.parse(data));
}});
</script>
{body}"""
# Two languages, two themes, one that can go live.
FIGURES = [
    ("depth/training", "en", "light", ' preset="3" live="{app}"'),
    ("depth/beam", "zh", "dark", ""),
    ("depth/drift", "zh", "light", ""),
    ("home/story", "en", "dark", ""),
    ("exploding/plane", "en", "light", ""),
    ("batchnorm/three_moves", "zh", "dark", ""),
]
FITS = """figure => {
  const frame = figure.shadowRoot.querySelector("iframe:not([hidden])");
  return frame && !frame.className && frame.offsetHeight !== 640;
}"""
INSIDE = """main => {
  const both = [main, document.documentElement];
  const high = Math.max(...both.map(({ scrollHeight }) => scrollHeight));
  const wide = Math.max(...both.map(({ scrollWidth }) => scrollWidth));
  return { high, wide, room: innerHeight, across: innerWidth };
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Files, as many a host serves them: open to modules of other sites."""

    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder):
    """The files of `folder` on a port of their own; yields their address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    with served(edition(tmp_path_factory)) as address:
        yield address


@pytest.fixture(scope="module")
def browser(recorded):
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def app():
    with running_server() as server:
        yield server.address


@pytest.fixture
def course(tmp_path):
    """Writes a course page; returns its address, on a port that nothing else has."""
    with served(tmp_path) as address:

        def write(body):
            (tmp_path / "course.html").write_text(PAGE.format(body=body), encoding="utf-8")
            return f"{address}/course.html"

        yield write


def opened(browser, address, width=900, height=1600):
    visitor = Visitor(browser, width=width, height=height)
    visitor.page.goto(address)
    return visitor


def wait_until_it_fits(page, figure):
    page.wait_for_function(FITS, arg=figure.element_handle())


def shown(figure):
    """The page inside the frame that is to be seen."""
    return figure.locator("iframe:visible").content_frame


def assert_no_scroll_bar(frame):
    inside = frame.locator("main, [data-testid=stMain]").first.evaluate(INSIDE)
    assert inside["high"] <= inside["room"] + 1, inside
    assert inside["wide"] <= inside["across"], inside


def test_six_figures_are_right_without_the_app_and_one_goes_live_with_it(browser, recorded, course):
    port = free_port()
    app = f"http://127.0.0.1:{port}"
    lines = [
        f'<gradviz-figure figure="{name}" lang="{lang}" theme="{theme}"{more.format(app=app)}>'
        "</gradviz-figure>"
        for name, lang, theme, more in FIGURES
    ]
    address = course(f'<script async src="{recorded}/embed.js"></script>' + "\n".join(lines))
    for width in (400, 900):
        visitor = opened(browser, address, width)
        for place, (name, lang, theme, _) in enumerate(FIGURES):
            figure = visitor.page.locator("gradviz-figure").nth(place)
            figure.scroll_into_view_if_needed()
            frame = shown(figure)
            frame.locator("[data-drawn] svg.marks").first.wait_for()
            wait_until_it_fits(visitor.page, figure)
            page = frame.locator(":root")
            assert page.get_attribute("lang")[:2] == lang, name
            assert page.evaluate("root => getComputedStyle(root).colorScheme") == theme, name
            assert frame.locator(f"[data-figure='{name}']").count() == 1
            assert_no_scroll_bar(frame)
        assert visitor.complaints == []
        if width == 400:
            visitor.close()

    live = visitor.page.locator("gradviz-figure").first
    assert shown(live).get_by_text("3 · Heal").is_visible()
    live.get_by_role("button", name="Train it live").click()
    live.get_by_text("The app does not answer").wait_for()
    link = live.get_by_role("link", name="Open the app").get_attribute("href")
    assert link.startswith(f"{app}/depth?") and "figure=training" in link
    assert shown(live).locator("[data-drawn] svg.marks").count()

    with running_server(port=port):
        live.get_by_role("button", name="Train it live").click()
        live.get_by_role("button", name="Back to the recording").wait_for()
        frame = shown(live)
        lit = frame.locator("[class*=st-key-presets_] [data-testid=stBaseButton-primary]")
        lit.get_by_text("3 · Heal").wait_for()
        assert_no_scroll_bar(frame)
        # It grows in the app, and its frame with it.
        before = live.locator("iframe:visible").bounding_box()["height"]
        frame.locator("[class*=st-key-figure_]").evaluate(
            "card => { card.style.paddingBottom ="
            " `${300 + parseFloat(getComputedStyle(card).paddingBottom)}px`; }"
        )
        visitor.page.wait_for_function(
            "before => document.querySelector('gradviz-figure').shadowRoot"
            ".querySelector('iframe:not([hidden])').offsetHeight === before + 300",
            arg=before,
        )
        assert_no_scroll_bar(frame)
        live.get_by_role("button", name="Back to the recording").click()
        assert shown(live).locator("[data-drawn] svg.marks").count()


def test_the_app_gives_the_script_and_its_own_figure_where_there_is_no_edition(
    browser, app, course
):
    dead = f"http://127.0.0.1:{free_port()}"
    visitor = opened(
        browser,
        course(
            f'<script async src="{app}/app/static/embed.js"></script>'
            '<gradviz-figure figure="depth/training" lang="zh" theme="dark" state="depth=20">'
            "</gradviz-figure>"
            f'<gradviz-figure figure="depth/beam" live="{dead}"></gradviz-figure>'
        ),
        width=400,
    )
    figures = visitor.page.locator("gradviz-figure")
    wait_until_it_fits(visitor.page, figures.first)
    frame = shown(figures.first)
    frame.get_by_text("各层的学习").first.wait_for()
    assert frame.locator(".st-key-depth").get_by_text("20", exact=True).count()
    assert_no_scroll_bar(frame)
    figures.last.get_by_text("The app does not answer").wait_for()
    assert figures.last.get_by_role("button", name="Try again").is_visible()
    assert not [said for said in visitor.complaints if dead not in said]


def test_where_the_script_does_not_come_there_is_a_link(browser, course):
    script = f"http://127.0.0.1:{free_port()}/embed.js"
    line = '<gradviz-figure figure="depth/beam"><a href="#there">The beam</a></gradviz-figure>'
    visitor = opened(browser, course(f'<script async src="{script}"></script>{line}'))
    assert visitor.page.get_by_role("link", name="The beam").is_visible()


def test_canvas_hears_how_high_a_plain_frame_has_to_be(browser, recorded, app, course):
    for source, main in (
        (f"{recorded}/en/figure/depth/beam.html", "main"),
        (f"{app}/depth?lang=en&figure=beam&embed=true", "[data-testid=stMainBlockContainer]"),
    ):
        frame = f'<iframe src="{source}" width="100%" height="2000"></iframe>'
        visitor = opened(browser, course(frame))
        inside = visitor.page.frame_locator("iframe").locator(main).first
        visitor.page.wait_for_function("canvas.length > 0")
        visitor.page.wait_for_timeout(1000)
        heard = visitor.page.evaluate("canvas.at(-1)")
        assert heard["subject"] == "lti.frameResize"
        assert abs(heard["height"] - inside.bounding_box()["height"]) <= 1


def test_the_lines_of_the_share_menu_do_what_they_say(browser, app, course):
    visitor = Visitor(browser, height=1400)
    visitor.open(f"{app}/depth?lang=en&figure=training&depth=20")
    visitor.page.locator(".st-key-share_training button:visible").first.click()
    form = visitor.page.locator("form.gradviz-share[data-figure=training]")
    form.wait_for()
    form.locator(".gradviz-theme").select_option("dark")
    form.locator(".gradviz-language").select_option("zh")
    form.locator(".gradviz-plain summary").click()
    visitor.page.wait_for_function(
        "document.querySelector('.gradviz-iframe').value.includes('height=')"
    )
    lines = [form.locator(f".gradviz-{name}").input_value() for name in ("embed", "iframe")]
    assert visitor.page.evaluate("sessionStorage.length") == 0, "its question is still open"
    assert visitor.page.locator(".gradviz-measuring").count() == 0
    assert visitor.complaints == []
    for width in (400, 900):
        reader = opened(browser, course("\n".join(lines)), width)
        fitted = reader.page.locator("gradviz-figure")
        wait_until_it_fits(reader.page, fitted)
        for frame in (shown(fitted), reader.page.frame_locator("body > iframe")):
            frame.locator("[class*=st-key-figure_] svg.marks").first.wait_for()
            assert frame.locator(".st-key-depth").get_by_text("20", exact=True).count()
            assert frame.locator(":root").get_attribute("lang").startswith("zh")
            paper = "app => getComputedStyle(app).backgroundColor"
            assert frame.locator("[data-testid=stApp]").evaluate(paper) == "rgb(16, 20, 27)"
            skip = frame.locator(".gradviz-skip")
            if skip.count():
                skip.click()
                reader.page.wait_for_timeout(300)
            assert_no_scroll_bar(frame)
        reader.close()


def test_the_module_does_what_anywidget_asks_of_one(browser, recorded, course):
    visitor = opened(
        browser,
        course(
            '<div id="cell"></div><script type="module">'
            f'import widget from "{recorded}/gradviz-figure.mjs";'
            'const said = {{ figure: "depth/beam", lang: "zh", theme: "dark" }};'
            # MyST's theme gives an element in a shadow root.
            'const el = document.querySelector("#cell").attachShadow({{ mode: "open" }});'
            "window.leave = widget.render({{ model: {{ get: name => said[name] }}, el }});"
            "</script>".replace("{{", "{").replace("}}", "}")
        ),
    )
    figure = visitor.page.locator("#cell gradviz-figure")
    frame = shown(figure)
    frame.locator("[data-drawn] svg.marks").first.wait_for()
    wait_until_it_fits(visitor.page, figure)
    assert frame.locator(":root").get_attribute("lang").startswith("zh")
    visitor.page.evaluate("leave()")
    assert figure.count() == 0
    assert visitor.complaints == []


def test_a_notebook_shows_a_run_without_a_network(browser, course):
    run = race({"one": Recipe(depth=3, width=4, steps=4)}, 1)
    visitor = opened(browser, course(gradviz.show(run)._repr_html_()))
    frame = visitor.page.frame_locator("iframe")
    frame.locator("svg.marks").wait_for()
    visitor.page.wait_for_function("document.querySelector('iframe').offsetHeight !== 480")
    inside = frame.locator("body").evaluate(INSIDE)
    assert inside["high"] <= inside["room"]
    assert not frame.get_by_text("replay_run").is_visible()
    assert visitor.complaints == []
