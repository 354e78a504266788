"""How quickly the app answers in the browser: starts, page changes, controls, drags, runs, bytes.

    python tests/responsiveness.py [--times 20] [measure ...]

Server and Chromium share this machine, as they do for somebody who reads on their own. Each figure
is printed with its median, its 95th percentile and what was wanted. Returns how many limits are not
kept. Not a test: machines differ and are noisy.
"""

import argparse
import re
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent / "journeys"))

from app_server import running_server
from browser import Visitor, chromium
from costs import FIGURES, machine, verdict

from gradviz.ui import catalog

# What is wanted: seconds, but frames a second for a drag.
HOME_USABLE, PAGE_CHANGE, CONTROL, FIRST_FRAME, WHOLE_RUN, DRAG = 5.0, 0.7, 0.25, 0.5, 3.0, 50

PATH = ("update_rule", "chain_rule", "depth", "activations", "exploding", "residual", "batchnorm")
# Presets, which set controls that go through the server: page and figure.
PRESSED = (
    ("exploding", "scale"),
    ("activations", "landing"),
    ("residual", "limit"),
    ("depth", "training"),
)
# The figure of each lesson whose run is its main one.
RUNS = {
    "depth": "training",
    "exploding": "blow_up",
    "pretraining": "race",
    "clipping": "race",
    "regularization": "race",
    "relu_family": "race",
    "batchnorm": "race",
    "residual": "race",
}
# Sliders that move a picture without the server.
DRAGGED = (("clipping", "pull_first"), ("batchnorm", "a_shown"), ("regularization", "shrink"))

# In the page, from a press to the first change of a picture in a figure, in milliseconds.
UNTIL_REDRAWN = """
(figure) => new Promise((resolve) => {
  const place = document.querySelector(`.st-key-figure_${figure}`);
  const began = performance.now();
  const watch = new MutationObserver((changes) => {
    if (changes.some(({target}) => target.closest?.("[data-testid=stVegaLiteChart]"))) {
      watch.disconnect();
      requestAnimationFrame(() => resolve(performance.now() - began));
    }
  });
  watch.observe(place, {subtree: true, childList: true, attributes: true});
  setTimeout(() => resolve(null), 10000);
})
"""

# Moves a slider once in each frame, and counts the frames for a second.
DRAG_FOR_A_SECOND = """
(name) => new Promise((resolve) => {
  const slider = document.querySelector(`.vega-bind input[name="${name}"]`);
  const [low, high] = [Number(slider.min), Number(slider.max)];
  let frames = 0;
  const began = performance.now();
  const move = () => {
    const passed = (performance.now() - began) / 1000;
    if (passed >= 1) return resolve(frames / passed);
    frames += 1;
    slider.value = low + (high - low) * (0.5 + 0.4 * Math.sin(6 * passed));
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
})
"""
DRAWN = """(figures) => figures.some((name) =>
  document.querySelector(`.st-key-figure_${name} [data-testid=stVegaLiteChart] :is(svg, canvas)`))
"""


def main():
    """The number of limits that are not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=20, help="how often each is measured")
    parser.add_argument("measures", nargs="*", metavar="measure", default=list(MEASURES))
    options = parser.parse_args()
    unknown = set(options.measures) - set(MEASURES)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(MEASURES)}")
    print(f"{machine()}, {options.times} times each\n", flush=True)
    with chromium() as browser:
        return sum(MEASURES[name](browser, options.times) for name in options.measures)


def report(title, seconds, wanted, by):
    """Print the median and the 95th percentile of `seconds`; 1 if the one called `by` is more."""
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    middle = statistics.median(seconds)
    print(f"{title}: median {middle:.2f} s, p95 {p95:.2f} s; wanted {by} {wanted:g} s", end=": ")
    return verdict({"median": middle, "p95": p95}[by] <= wanted)


def starts(browser, times):
    """From the start of the server to home with its picture."""
    seconds = []
    for _ in range(max(2, times // 4)):
        began = time.perf_counter()
        with running_server() as server:
            visitor = Visitor(browser)
            visitor.page.goto(server.address, wait_until="commit")
            visitor.page.wait_for_function(DRAWN, arg=["story"])
            seconds.append(time.perf_counter() - began)
            visitor.context.close()
    return report("server start to home usable", seconds, HOME_USABLE, "median")


def changes(browser, times):
    """From a press in the navigation to the title and a first picture of another lesson."""
    with running_server() as server:
        visitor = Visitor(browser)
        visitor.open(f"{server.address}/?lang=en")
        seconds = []
        for number in range(len(PATH) + times):
            name = PATH[number % len(PATH)]
            took = change(visitor, name)
            # The first visit of each page makes what is then kept for all.
            if number >= len(PATH):
                seconds.append(took)
            visitor.settle()
    return report("page change, title and a picture", seconds, PAGE_CHANGE, "p95")


def change(visitor, name):
    """Seconds from the press on the link to the page `name` until it is there."""
    place = 1 + [entry.name for entry in catalog.LESSONS].index(name)
    link = visitor.page.locator("[data-testid=stSidebar] a").nth(place)
    link.scroll_into_view_if_needed()
    before = visitor.page.inner_text("[data-testid=stMain] h1")
    began = time.perf_counter()
    link.click()
    visitor.page.wait_for_function(
        "(before) => document.querySelector('[data-testid=stMain] h1')?.innerText !== before",
        arg=before,
    )
    visitor.page.wait_for_function(DRAWN, arg=FIGURES[name])
    return time.perf_counter() - began


def controls(browser, times):
    """From a press on a preset to the new picture."""
    worst = 0
    with running_server() as server:
        for page, figure in PRESSED:
            visitor = Visitor(browser, height=1400)
            visitor.open(f"{server.address}/{page}?lang=en")
            uncover(visitor, figure)
            presets = f"[class*=st-key-{figure}_presets_] button:visible"
            buttons = visitor.figure(figure).locator(presets)
            count = buttons.count()
            seconds = []
            for number in range(count + times):
                visitor.page.evaluate(f"void (window.redrawn = ({UNTIL_REDRAWN})({figure!r}))")
                buttons.nth((number + 1) % count).click()
                took = visitor.page.evaluate("window.redrawn")
                if number >= count:
                    seconds.append(took / 1000)
                visitor.settle()
            title = f"control to picture, {page} {figure}"
            worst += report(title, seconds, CONTROL, "p95")
            visitor.context.close()
    return worst


def uncover(visitor, figure):
    """Let a figure that asks first show its answer; its presets and buttons come with it."""
    unasked = visitor.figure(figure).locator("button:visible", has_text="Just show me")
    if unasked.count():
        unasked.first.click()
    visitor.settle()


def drags(browser, times):
    """How many frames a second a picture is drawn while one of its sliders is dragged."""
    missed = 0
    with running_server() as server:
        for page, slider in DRAGGED:
            visitor = Visitor(browser, height=1400)
            visitor.open(f"{server.address}/{page}?lang=en")
            visitor.page.locator(f"input[name={slider}]").first.scroll_into_view_if_needed()
            rates = [visitor.page.evaluate(DRAG_FOR_A_SECOND, slider) for _ in range(times)]
            middle, low = statistics.median(rates), min(rates)
            print(f"drag of {slider} ({page}): median {middle:.0f} frames a second,", end=" ")
            print(f"least {low:.0f}; wanted {DRAG}", end=": ")
            missed += verdict(middle >= DRAG)
            visitor.context.close()
    return missed


def runs(browser, times):
    """From a press on Train to the first frame and to the end, and the bytes that were sent."""
    first, missed = [], 0
    with running_server() as server:
        # The first run on a server waits for PyTorch, once.
        train(browser, server, "depth", "seed=900")
        for page in RUNS:
            for number in range(max(1, times // len(RUNS))):
                began, ended, opened, sent = train(browser, server, page, f"seed={number}")
                first.append(began)
            print(f"{page}: {ended:.1f} s from Train to the end, wanted {WHOLE_RUN:g} s;", end=" ")
            print(f"page {opened / 1000:.0f} kB, run {sent / 1000:.0f} kB", end=": ")
            missed += verdict(ended <= WHOLE_RUN)
    return missed + report("Train to the first frame", first, FIRST_FRAME, "median")


def train(browser, server, page, query):
    """Seconds until the first frame and the end of a lesson's run; bytes of the page and the run.

    The bytes are those of the WebSocket's messages, before compression.
    """
    visitor = Visitor(browser, height=1400)
    received = []
    visitor.page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda data: received.append(len(data))),
    )
    visitor.open(f"{server.address}/{page}?lang=en&{query}")
    uncover(visitor, RUNS[page])
    opened = sum(received)
    figure = visitor.figure(RUNS[page])
    button = figure.get_by_role("button", name="Train it live")
    button.scroll_into_view_if_needed()
    began = time.perf_counter()
    button.click()
    figure.get_by_text(re.compile("[Tt]raining: |Finished")).first.wait_for()
    first = time.perf_counter() - began
    figure.get_by_text("Finished").first.wait_for(timeout=60_000)
    ended = time.perf_counter() - began
    visitor.settle()
    visitor.context.close()
    return first, ended, opened, sum(received) - opened


MEASURES = {
    "starts": starts,
    "changes": changes,
    "controls": controls,
    "drags": drags,
    "runs": runs,
}

if __name__ == "__main__":
    sys.exit(main())
