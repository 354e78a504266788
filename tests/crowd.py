"""A class comes at once: visitors without a browser, a quarter of whom press Train on one run.

    python tests/crowd.py [--visitors 100] [--within 20] [--processes 2 | --address http://…]

They arrive within some seconds at a fresh server of this machine, or at `--address`; two processes
or more stand behind nginx and share a store. A quarter train the default run of a lesson, a quarter
train it from a seed of their own, and the rest read: they go from page to page. Each figure is
printed with what was wanted. Returns how many limits are not kept. The visitors need processor
time, too: it is printed beside the server's. Linux only, for its /proc.
"""

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import os
import random
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app_server import ROOT, running_server
from costs import machine, processor_time
from nginx_server import running_nginx
from visitors import Visitor

from gradviz.ui import catalog

PATH = "/gradviz"
LESSON, FIGURE = "depth", "training"  # whose default run is trained
PAGES = ["", *(entry.name for entry in catalog.LESSONS if entry.built)]
READ, PAUSE = 6, (2.0, 5.0)  # pages of a reader, and seconds on each of them
MOST_VISITORS, LONGEST_ARRIVAL = 200, 60
PATIENCE = 120  # seconds that a visitor waits for anything before they are stuck
REST = 60  # seconds after all have left
SAMPLES = 0.2  # seconds between two looks at the progress of a run, and at the memory

# What is wanted.
PAGE_LOAD = 3.0  # seconds, 95 of 100 pages, while runs last
SHOWN = 5.0  # seconds from Train to the end of the default run, for everybody
MEMORY = 800  # megabytes, at the most
BACK = 30  # megabytes by which it may have grown for good

COUNTED = (sys.executable, str(ROOT / "tests" / "counted_app.py"), "app.py")
ENDED = {"Finished"}
WAITING = re.compile(r"Waiting: \d+ runs? (is|are) ahead")


@dataclasses.dataclass
class Classmate:
    """One visitor: what they do, and how they fared; times are seconds of one clock."""

    number: int
    role: str  # "default", "own" or "reads"
    arrives: float
    loads: list = dataclasses.field(default_factory=list)  # (when, seconds)
    trained: tuple | None = None  # (when Train was pressed, seconds until the whole run was shown)
    words: set = dataclasses.field(default_factory=set)  # how the run was said to be doing
    errors: list = dataclasses.field(default_factory=list)
    pictures: int = 0  # that were drawn again by themselves
    pages: int = READ  # of a reader
    pause: tuple = PAUSE
    stuck: str = ""  # what they waited for in vain

    @property
    def queued(self):
        """Whether they were told how many runs were ahead of theirs."""
        return any(WAITING.match(word) for word in self.words)


def classmates(count, within, seed=0, **reading):
    """`count` visitors in random order of roles, who arrive within so many seconds."""
    rng = random.Random(seed)
    roles = ["default", "own", "reads", "reads"] * (count // 4 + 1)
    roles = roles[:count]
    rng.shuffle(roles)
    return [Classmate(n, role, rng.uniform(0, within), **reading) for n, role in enumerate(roles)]


async def attend(mate, address, began, patience=PATIENCE, cookie=""):
    """Let one visitor come, do what they came for, and leave."""
    await asyncio.sleep(max(0.0, began + mate.arrives - time.perf_counter()))
    try:
        async with Visitor(address, patience=patience, cookie=cookie) as visitor:
            if mate.role == "reads":
                await read(mate, visitor)
            else:
                await train(mate, visitor, patience)
            mate.errors += visitor.errors
            mate.pictures += visitor.pictures
    except TimeoutError:
        mate.stuck = mate.stuck or "a page"
    except Exception as error:  # whatever it is, it is counted
        mate.errors.append(f"{type(error).__name__}: {error}")


async def load(mate, visitor, page, **query):
    when = time.perf_counter()
    await visitor.open(page, lang="en", **query)
    mate.loads.append((when, time.perf_counter() - when))
    if not visitor.charts:
        mate.errors.append(f"{page or 'home'}: no chart")


async def read(mate, visitor):
    rng = random.Random(mate.number)
    for page in rng.sample(PAGES, mate.pages):
        await load(mate, visitor, page)
        await asyncio.sleep(rng.uniform(*mate.pause))


async def train(mate, visitor, patience):
    own = {"seed": 3 * (mate.number + 1)} if mate.role == "own" else {}
    await load(mate, visitor, LESSON, **own)
    when = time.perf_counter()
    mate.stuck = "its run"
    await visitor.press(f"{FIGURE}_train")
    while not (visitor.errors or set(visitor.progress) & ENDED):
        mate.words.update(visitor.progress)
        if time.perf_counter() - when > patience:
            return
        await asyncio.sleep(SAMPLES)
    mate.stuck = ""
    mate.words.update(visitor.progress)
    mate.trained = (when, time.perf_counter() - when)


async def visit_all(mates, address, patience=PATIENCE, cookies=None):
    """Let them all come; returns seconds that it took."""
    began = time.perf_counter()
    cookies = cookies or [""] * len(mates)
    tasks = (attend(m, address, began, patience, c) for m, c in zip(mates, cookies, strict=True))
    await asyncio.gather(*tasks)
    return time.perf_counter() - began


# The server's processes


def family(process):
    """The process and all that it has started, directly or not."""
    children = collections.defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            children[int(fields[1])].append(int(folder.name))
    found = [process]
    for parent in found:
        found += children[parent]
    return found


def resident(processes):
    """Megabytes that the servers hold, with all that they have started."""
    total = 0
    for process in processes:
        for member in family(process):
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{member}/status").read_text(encoding="utf-8")
                found = re.search(r"VmRSS:\s+(\d+) kB", status)
                total += int(found[1]) if found else 0
    return total / 1024


def processor(processes):
    """Seconds of processor that the servers have used: themselves, and what they have started."""
    members = [member for process in processes for member in family(process)]
    own = sum(processor_time(process) for process in processes)
    return own, sum(map(processor_time, members)) - own


async def highest(processes, readings):
    """Note what the servers hold, until cancelled."""
    while True:
        readings.append(resident(processes))
        await asyncio.sleep(5 * SAMPLES)


# The account


def line(name, value, wanted="", kept=True):
    verdict = "" if not wanted else "kept" if kept else "NOT KEPT"
    print(f"{name:44} {value:>28}   {wanted:28} {verdict}".rstrip(), flush=True)
    return 0 if kept else 1


def quantiles(seconds):
    """Median, 95th percentile and maximum as a text, and the 95th percentile."""
    if not seconds:
        return "none", 0.0
    ordered = sorted(seconds)
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{statistics.median(ordered):.2f} / {high:.2f} / {ordered[-1]:.2f} s", high


def report(mates, computed=None):
    """Print how they fared; how many of the limits are not kept."""
    loads = [load for mate in mates for load in mate.loads]
    trained = [mate.trained for mate in mates if mate.trained]
    lasting = (min(w for w, _ in trained), max(w + s for w, s in trained)) if trained else (0, 0)
    meanwhile = [seconds for when, seconds in loads if lasting[0] <= when <= lasting[1]]
    default = [mate.trained[1] for mate in mates if mate.role == "default" and mate.trained]
    own = [mate.trained[1] for mate in mates if mate.role == "own" and mate.trained]
    errors = [error for mate in mates for error in mate.errors]
    stuck = collections.Counter(mate.stuck for mate in mates if mate.stuck)
    who_trains = [mate for mate in mates if mate.role != "reads"]
    line("pictures of runs that last", str(sum(mate.pictures for mate in mates)))
    silent = sum(not mate.words for mate in who_trains)
    missed = 0
    missed += line("visitors with an error", str(len(errors)), "none", not errors)
    for error, count in collections.Counter(errors).most_common(5):
        print(f"    {count} x {error[:150]}")
    told = ", ".join(f"{n} wait for {what}" for what, n in stuck.items())
    missed += line("visitors left stuck", told or "none", "none", not stuck)
    line(f"page load, all {len(loads)}: p50 / p95 / most", quantiles([s for _, s in loads])[0])
    text, high = quantiles(meanwhile)
    missed += line(
        f"page load while runs last, {len(meanwhile)}", text, f"p95 under {PAGE_LOAD:g} s",
        high < PAGE_LOAD,
    )  # fmt: skip
    text, _ = quantiles(default)
    missed += line(
        f"Train to the whole default run, {len(default)}", text, f"everybody within {SHOWN:g} s",
        bool(default) and max(default) < SHOWN,
    )  # fmt: skip
    line(f"Train to the whole run of their own, {len(own)}", quantiles(own)[0])
    line("who were told how many runs are ahead", f"{sum(m.queued for m in who_trains)}")
    missed += line("who train and were told nothing", str(silent), "none", not silent)
    if computed is not None:
        distinct = len({mate.number for mate in mates if mate.role == "own"}) + 1
        text = f"{len(computed)} for {distinct} distinct ones"
        once = len(computed) == len(set(computed)) >= distinct
        missed += line("runs computed", text, "each once", once)
    return missed


def main():
    """The number of limits that are not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--visitors", type=int, default=100, help=f"at most {MOST_VISITORS}")
    parser.add_argument("--within", type=float, default=20, help="seconds in which they arrive")
    parser.add_argument("--processes", type=int, default=1, help="of the app")
    parser.add_argument("--address", help="of a server that runs already")
    options = parser.parse_args()
    if not 4 <= options.visitors <= MOST_VISITORS:
        parser.error(f"--visitors {options.visitors} is not 4 to {MOST_VISITORS}")
    if not 0 <= options.within <= LONGEST_ARRIVAL:
        parser.error(f"--within {options.within} is not 0 to {LONGEST_ARRIVAL}")
    mates = classmates(options.visitors, options.within)
    print(f"{machine()}\n{options.visitors} visitors within {options.within:g} s\n", flush=True)
    if options.address:
        asyncio.run(visit_all(mates, options.address))
        return report(mates)
    with deployment(options.processes) as (address, servers, account):
        seats = [f"gradviz_seat=visitor{mate.number}" for mate in mates]
        return asyncio.run(measured(mates, address, servers, account, seats))


@contextlib.contextmanager
def deployment(processes):
    """Address, servers and account of what they compute: one server, or several behind nginx."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        account = folder / "computed"
        variables = {"GRADVIZ_COMPUTED": str(account)}
        if processes > 1:
            variables["GRADVIZ_STORE"] = str(folder / "runs")
        path = PATH if processes > 1 else ""
        servers = [
            stack.enter_context(
                running_server(command=COUNTED, base_path=path, variables=variables)
            )
            for _ in range(processes)
        ]
        address = servers[0].address
        if processes > 1:
            address = stack.enter_context(running_nginx(folder, servers, PATH)).address
        yield address, servers, account


async def measured(mates, address, servers, account, cookies=None):
    """Visit the servers of this machine, and print how they and the visitors fared."""
    processes = [server.pid for server in servers]
    # Somebody has looked at a page before class.
    for server in servers:
        async with Visitor(server.address) as first:
            await first.open(LESSON, lang="en")
    before, used, mine = resident(processes), processor(processes), time.process_time()
    loops = sum(processor_time(process, process) for process in processes)
    readings = []
    watch = asyncio.create_task(highest(processes, readings))
    took = await visit_all(mates, address, cookies=cookies)
    watch.cancel()
    computed = account.read_text(encoding="utf-8").split() if account.exists() else []
    missed = report(mates, computed)
    pages, training = (now - then for now, then in zip(processor(processes), used, strict=True))
    line("all were served after", f"{took:.0f} s")
    line("processor: server, what it started, visitors",
         f"{pages:.0f} + {training:.0f}, {time.process_time() - mine:.0f} s")  # fmt: skip
    loops = sum(processor_time(process, process) for process in processes) - loops
    line("of the server's, what sends and receives", f"{loops:.0f} s")
    line("memory before", f"{before:.0f} MB")
    missed += line("memory at the most", f"{max(readings):.0f} MB", f"{MEMORY} MB",
                   max(readings) <= MEMORY)  # fmt: skip
    await asyncio.sleep(REST)
    after = resident(processes)
    missed += line(f"memory {REST} s after all left", f"{after:.0f} MB",
                   f"within {BACK} MB of before", after <= before + BACK)  # fmt: skip
    log = "".join(server.stop_and_read_log() for server in servers)
    complaints = re.findall(r".*(?:Traceback|Error|Warning).*", log)
    missed += line("lines of the log that complain", str(len(complaints)), "none", not complaints)
    for complaint, count in collections.Counter(complaints).most_common(5):
        print(f"    {count} x {complaint[:150]}")
    print(f"load average at the end: {os.getloadavg()[0]:.1f}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
