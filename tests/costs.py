"""What the app costs its server: processor time of page loads and of watchers, and cold starts.

    python tests/costs.py [--cold] [page ...]

A process of Streamlit has one interpreter, so what a page costs in processor time is how many
learners it can serve. A fresh server is started and visited over WebSockets, without a browser;
`--cold` measures in Chromium, on a fresh server for each page, how soon every figure is there.
Pages are `home` and the names of lessons; without any, all are measured. Returns how many of the
limits are not kept. Not a test: machines differ and are noisy. Linux only, for its /proc.
"""

import argparse
import asyncio
import contextlib
import os
import re
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent / "journeys"))

from app_server import running_server
from browser import chromium
from visitors import Visitor

from gradviz.language import LANGUAGES
from gradviz.ui import catalog
from gradviz.ui.lesson import article, slots

# Of the lab: words, a program, a table, a form, and a plane that its first data do not have.
WITHOUT_CHART = ("diagnosis", "take_home", "numbers", "task", "surfaces")
FIGURES = {"home": ["story"]} | {
    entry.name: [name for name in slots(article(entry.name, "en")) if name not in WITHOUT_CHART]
    for entry in catalog.LESSONS
    if entry.built
}
UNMEASURED, MEASURED = 2, 10  # loads of a page, each in a session of its own
WATCHERS = (1, 2, 4, 8)
ROUNDS = 2  # runs that are watched by each number of watchers
WATCHED = 4  # seconds of a run
# The deepest default run: it lasts long enough.
RUN = {"lang": "en", "figure": "training", "depth": 50}

# What is wanted.
LOAD = 0.1  # seconds of processor, on average over the pages
PICTURE = 0.01  # seconds of processor for one more watcher of a picture that another one has
FIGURES_AFTER_TITLE = 1.0  # seconds, on a cold server

# In the page: the seconds since navigation as soon as something is there. A drawn chart has a
# size, wherever on the page it stands; a figure that asks first has none, once all was sent.
TITLE = """() => document.querySelector("[data-testid=stMain] h1")?.getClientRects().length
    && performance.now() / 1000"""
DRAWN = """names => names.every(name => {
        const figure = document.querySelector(`.st-key-figure_${name}`);
        const drawn = figure?.querySelector("[data-testid=stVegaLiteChart] :is(svg, canvas)");
        if (drawn) return drawn.getBoundingClientRect().width > 0;
        return document.querySelector("[data-test-script-state=notRunning]")
            && figure?.querySelector("[class*=st-key-prediction_]")
            && !figure.querySelector("[data-testid=stVegaLiteChart], [data-testid=stSkeleton]");
    }) && performance.now() / 1000"""
CHARTS_COME_WITHIN = 30_000  # milliseconds, or the figures are named as missing


def main():
    """The number of limits that are not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cold", action="store_true", help="measure cold starts only")
    parser.add_argument("pages", nargs="*", metavar="page", default=list(FIGURES))
    options = parser.parse_args()
    unknown = set(options.pages) - set(FIGURES)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(FIGURES)}")
    print(f"{machine()}\n", flush=True)
    if options.cold:
        return cold_starts(options.pages)
    with running_server() as server:
        return asyncio.run(warm_costs(server, options.pages))


def machine():
    """The processor, and how busy it is with other things."""
    with contextlib.suppress(OSError):
        information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        name = re.search(r"model name\s*: (.*)", information)
    load, *_ = os.getloadavg()
    return f"{os.cpu_count()} cores ({name[1] if name else 'unknown'}), load {load:.1f} before"


async def warm_costs(server, pages):
    return await page_loads(server, pages) + await watchers(server)


def verdict(kept):
    print("kept\n" if kept else "NOT KEPT\n", flush=True)
    return not kept


# Page loads


async def page_loads(server, pages):
    """Print what a load of each page costs; 1 if that is too much."""
    print("A warm page load: processor time of the server, time until all was sent, size")
    print(f"{'':15}" + "".join(f"{language:>12}{'':18}" for language in LANGUAGES))
    all_loads = []
    for page in pages:
        loads = [await page_load(server, page, language) for language in LANGUAGES]
        cells = [f"{1000 * p:7.0f} ms {1000 * t:6.0f} ms {size:6.0f} kB" for p, t, size in loads]
        print(f"{page:15}" + "  ".join(cells), flush=True)
        all_loads += [processor for processor, _, _ in loads]
    average = statistics.mean(all_loads)
    print(f"average {1000 * average:.0f} ms; wanted: at most {1000 * LOAD:.0f} ms", end=": ")
    return verdict(average <= LOAD)


async def page_load(server, page, language):
    """Seconds of processor (mean), seconds (median) and kilobytes of a warm load of `page`.

    The processor's time includes what the server tidies up once the page has been sent.
    """
    for _ in range(UNMEASURED):
        await one_load(server, page, language)
    await until_idle(server)
    before = processor_time(server.pid)
    loads = [await one_load(server, page, language) for _ in range(MEASURED)]
    await until_idle(server)
    processor = (processor_time(server.pid) - before) / MEASURED
    return processor, statistics.median(took for took, _ in loads), loads[-1][1] / 1000


async def one_load(server, page, language):
    """Seconds and bytes of a visit in a new session."""
    began = time.perf_counter()
    async with Visitor(server.address) as visitor:
        await visitor.open("" if page == "home" else page, lang=language)
        took = time.perf_counter() - began
        if visitor.errors or not visitor.charts:
            raise RuntimeError(f"{page}: {visitor.errors or 'no chart'}")
        return took, visitor.received


# Watchers


async def watchers(server):
    """Print what watching a run costs; 1 if one more watcher costs too much.

    A run is trained by a thread of its own, which takes all the time that it can get. What is
    spent on watching is the rest: the processor time of the whole process less that of the
    threads that train. It is set against the number of pictures that were sent, so that it does
    not matter how busy the machine is or how often the pictures come. Were a picture made once
    for everybody, the first watcher would pay for it; so what one more costs is how much more is
    spent, over how many more pictures are sent, than with the first watcher alone.
    """
    print("A watched run: pictures per watcher and second, processor time of each,")
    print("and of each that is sent to one more watcher than the first")
    trainers = await training_threads(server)
    seeds = iter(range(1000, 2000))
    alone, extra = None, 0
    for count in WATCHERS:
        try:
            rounds = [await watch(server, count, next(seeds), trainers) for _ in range(ROUNDS)]
        except TimeoutError:
            print(f"{count} watching: no answer in time", end="; ")
            return verdict(kept=False)
        seconds, spent, pictures = map(sum, zip(*rounds, strict=True))
        load, rate = spent / seconds, pictures / seconds
        alone = alone or (load, rate)
        extra = extra_cost(load, rate, *alone)
        line = f"{count} watching: {rate / count:4.1f} per second {1000 * spent / pictures:6.1f} ms"
        print(line + (f" {1000 * extra:6.1f} ms" if count > 1 else ""), flush=True)
    print(f"wanted: at most {1000 * PICTURE:.0f} ms for one more of {count}", end=": ")
    return verdict(extra <= PICTURE)


def extra_cost(load, rate, load_alone, rate_alone):
    """Seconds of processor for a picture that is sent to one more watcher.

    A server that is so busy that more watchers hardly get more pictures shows only the average.
    """
    more = rate - rate_alone
    return (load - load_alone) / more if more > rate_alone / 2 else load / rate


async def training_threads(server):
    """The threads that train: they outlive their runs, as those of pages and watchers do not.

    Two runs are trained first, so that the threads are there and PyTorch is imported.
    """
    for seed in (998, 999):
        async with contextlib.AsyncExitStack() as stack:
            await ended(await watching(stack, server, 1, seed))
    await until_idle(server)
    return [thread for thread in threads(server.pid) if thread != server.pid]


async def watch(server, count, seed, trainers):
    """Let `count` visitors watch a new run: (seconds, processor time of watching, pictures)."""

    def reading():
        spent = processor_time(server.pid)
        spent -= sum(processor_time(server.pid, thread) for thread in trainers)
        return time.perf_counter(), spent, sum(visitor.pictures for visitor in visitors)

    async with contextlib.AsyncExitStack() as stack:
        visitors = await watching(stack, server, count, seed)
        readings = [reading()]
        while readings[-1][0] - readings[0][0] < WATCHED:
            await asyncio.sleep(0.1)
            if not all(visitor.watching for visitor in visitors):
                # The last reading may hold a part of what comes after the run.
                readings = readings[:-1]
                break
            readings.append(reading())
    await until_idle(server)
    if len(readings) < 2 or readings[-1][2] == readings[0][2]:
        raise RuntimeError(f"the run ended before {count} could watch it")
    return [last - first for first, last in zip(readings[0], readings[-1], strict=True)]


async def watching(stack, server, count, seed):
    """`count` visitors who have joined a new run and have had their first picture of it."""
    visitors = [await stack.enter_async_context(Visitor(server.address)) for _ in range(count)]
    for visitor in visitors:
        await visitor.open("depth", seed=seed, **RUN)
    await asyncio.gather(*(visitor.press("training_train") for visitor in visitors))
    await until(lambda: all(visitor.pictures or not visitor.watching for visitor in visitors))
    return visitors


async def ended(visitors):
    await until(lambda: not any(visitor.watching for visitor in visitors))


# Cold starts


def cold_starts(pages):
    """Print how soon each page is there on a fresh server; how many pages are too slow."""
    print("A cold start in Chromium: title, from there to the last figure; on a fresh server")
    with chromium() as browser:
        slow = sum(not cold_start(browser, page) for page in pages)
    wanted = f"every figure within {FIGURES_AFTER_TITLE:g} s of the title, without PyTorch"
    print(f"wanted: {wanted}", end=": ")
    verdict(not slow)
    return slow


def cold_start(browser, name):
    """Whether the figures of a page come soon enough, and without PyTorch."""
    with running_server() as server, contextlib.closing(browser.new_context()) as context:
        page = context.new_page()
        address = f"{server.address}/{'' if name == 'home' else name}?lang=en"
        page.goto(address, wait_until="commit")
        title = page.wait_for_function(TITLE).json_value()
        figures = seconds_until_drawn(page, FIGURES[name])
        with_torch = "libtorch" in Path(f"/proc/{server.pid}/maps").read_text(encoding="utf-8")
    soon = figures is not None and figures - title <= FIGURES_AFTER_TITLE
    after = "never all" if figures is None else f"{figures - title:.2f} s"
    notes = ("" if soon else " too slow") + (" imports PyTorch" if with_torch else "")
    print(f"{name:15} {title:5.2f} s  {after:>8} for {len(FIGURES[name])}{notes}", flush=True)
    return soon and not with_torch


def seconds_until_drawn(page, figures):
    """Seconds from navigation until each of `figures` has a drawn chart; None if one never has."""
    from playwright.sync_api import TimeoutError as TooLate

    try:
        return page.wait_for_function(DRAWN, arg=figures, timeout=CHARTS_COME_WITHIN).json_value()
    except TooLate:
        missing = [name for name in figures if not page.evaluate(DRAWN, [name])]
        print(f"no chart in {', '.join(missing)}:")
        return None


# The process


def processor_time(process, thread=None):
    """Seconds of processor that a process has used, or one of its threads."""
    place = f"/proc/{process}" if thread is None else f"/proc/{process}/task/{thread}"
    # The name in parentheses may hold anything; user and system time are fields 14 and 15.
    fields = Path(place, "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def threads(process):
    return [int(folder.name) for folder in Path(f"/proc/{process}/task").iterdir()]


async def until_idle(server):
    """Wait until the server rests."""
    used = [processor_time(server.pid)]

    def idle():
        used.append(processor_time(server.pid))
        return used[-1] - used[-2] < 0.02

    await until(idle, every=0.2)


async def until(condition, every=0.05, patience=90):
    for _ in range(round(patience / every)):
        await asyncio.sleep(every)
        if condition():
            return
    raise TimeoutError(f"waited for {patience} s")


if __name__ == "__main__":
    sys.exit(main())
