"""A crowd: many visitors arrive within seconds, and some of them train.

    python tests/crowd.py [--visitors 100] [--within 20] [--processes 2]

Each visitor is a WebSocket session of its own. A quarter trains the default run of a lesson, all
the same, a quarter one of their own seed, and the rest reads. With two processes or more they stand
behind nginx and share a store, as compose.yaml has them. Prints what was measured against what is
wanted, and returns how much of that is not kept. Linux only, for its /proc. Visitors take their
share of the processor, too: on two cores about as much as the server.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent / "journeys"))

from app_server import Server
from costs import machine
from nginx_server import running_nginx
from visitors import Visitor

from gradviz.ui import catalog

PATH = "/gradviz"
LESSON, FIGURE = "depth", "training"
READ = [entry.name for entry in catalog.LESSONS if entry.built]
READS = (5.0, 3)  # seconds on a page, and the number of pages
SAMPLED = 0.25  # seconds between two looks at the memory
PATIENCE = 120  # seconds after which a visitor gives up

# What is wanted; a default run is shown from the press on the button to its end.
LOAD_P95, DEFAULT_RUN = 3.0, 5.0  # seconds
PEAK, RETURNED, LATER = 800, 1.25, 60  # MB of a process; of that before the crowd, after seconds


@dataclass
class Crowd:
    """What the visitors of one crowd have met with, in seconds."""

    loads: list[float] = field(default_factory=list)
    runs: dict[str, list[float]] = field(default_factory=lambda: {"default": [], "own": []})
    errors: Counter = field(default_factory=Counter)
    asked: Counter = field(default_factory=Counter)

    def unfinished(self, kind):
        """How many runs of a kind have not come to their end."""
        return self.asked[kind] - len(self.runs[kind])

    async def arrive(self, address, visitors, within):
        """All visitors, one after the other, until the last has left."""
        kinds = ("default", "read", "own", "read")
        async with asyncio.TaskGroup() as group:
            for number in range(visitors):
                delay = within * number / visitors
                group.create_task(self._visit(address, number, kinds[number % 4], delay))

    async def _visit(self, address, number, kind, delay):
        await asyncio.sleep(delay)
        try:
            cookie = f"gradviz_seat=visitor{number}"
            async with Visitor(address, patience=PATIENCE, cookie=cookie) as visitor:
                if kind == "read":
                    await self._read(visitor, number)
                else:
                    await self._train(visitor, number, kind)
                self.errors.update(visitor.errors)
        except Exception as error:
            self.errors[f"{type(error).__name__}: {error}"] += 1

    async def _read(self, visitor, number):
        seconds, pages = READS
        for page in range(pages):
            await self._open(visitor, READ[(number + page) % len(READ)])
            await asyncio.sleep(seconds)

    async def _train(self, visitor, number, kind):
        await self._open(visitor, LESSON, **({} if kind == "default" else {"seed": 100 * number}))
        self.asked[kind] += 1
        began = time.perf_counter()
        await visitor.press(f"{FIGURE}_train")
        while visitor.watching:
            if time.perf_counter() - began > PATIENCE:
                return
            await asyncio.sleep(0.05)
        self.runs[kind].append(time.perf_counter() - began)

    async def _open(self, visitor, page, **query):
        began = time.perf_counter()
        await visitor.open(page, lang="en", **query)
        self.loads.append(time.perf_counter() - began)


def memory(servers):
    """The resident megabytes of the largest process."""
    return max(resident(server.pid) for server in servers)


def resident(process):
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"{process} has no memory")


async def peak_memory(servers, until):
    """The largest that `memory` has been, until the event is set."""
    peak = memory(servers)
    while not until.is_set():
        await asyncio.sleep(SAMPLED)
        peak = max(peak, memory(servers))
    return peak


@contextlib.contextmanager
def deployment(processes):
    """(the address to visit, the servers): one alone, or several behind nginx with a store."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = {"GRADVIZ_STORE": str(folder / "runs")} if processes > 1 else {}
        servers = [Server(base_path=PATH, variables=store) for _ in range(processes)]
        for server in servers:
            stack.callback(server.stop)
        for server in servers:
            server.wait_until_it_answers()
        if processes == 1:
            yield servers[0].address, servers
        else:
            yield stack.enter_context(running_nginx(folder, servers, PATH)).address, servers


async def warm(servers):
    """Somebody has been there before, and has trained."""
    for server in servers:
        async with Visitor(server.address, patience=PATIENCE) as visitor:
            await visitor.open(LESSON, lang="en", figure=FIGURE, depth=2, seed=1)
            await visitor.press(f"{FIGURE}_train")
            while visitor.watching:
                await asyncio.sleep(0.1)


async def crowded(address, servers, visitors, within, later):
    """(the crowd, megabytes before it came, at most, and some seconds `later`)."""
    await warm(servers)
    before, gone = memory(servers), asyncio.Event()
    watched = asyncio.create_task(peak_memory(servers, gone))
    crowd = Crowd()
    await crowd.arrive(address, visitors, within)
    gone.set()
    peak = await watched
    await asyncio.sleep(later)
    return crowd, (before, peak, memory(servers))


def report(crowd, memories):
    """Print what was measured; the number of limits that are not kept."""
    before, peak, after = memories
    loads = sorted(crowd.loads) or [float("inf")]
    p95 = loads[round(0.95 * (len(loads) - 1))]
    shown = max(crowd.runs["default"], default=float("inf"))
    unfinished = {kind: crowd.unfinished(kind) for kind in crowd.runs}
    failed = sum(crowd.errors.values())
    lines = [
        (
            f"{len(loads)} page loads: p50 {statistics.median(loads):.1f} s, p95 {p95:.1f} s",
            f"p95 {LOAD_P95:.0f} s",
            p95 <= LOAD_P95,
        ),
        (f"errors: {failed}", "none", not failed),
        *(
            (f"{kind} runs: {crowd.asked[kind]} asked for, {left} unfinished", "none", not left)
            for kind, left in unfinished.items()
        ),
        (
            f"the default run was shown within {shown:.1f} s",
            f"{DEFAULT_RUN:.0f} s",
            shown <= DEFAULT_RUN,
        ),
        (
            f"own runs: median {statistics.median(crowd.runs['own'] or [float('inf')]):.1f} s,"
            f" last {max(crowd.runs['own'], default=float('inf')):.1f} s",
            "",
            True,
        ),
        (f"memory: {before:.0f} MB before, {peak:.0f} MB at most", f"{PEAK} MB", peak <= PEAK),
        (
            f"memory: {after:.0f} MB after they left",
            f"{RETURNED:.2f} × before",
            after <= RETURNED * before,
        ),
    ]
    for text, wanted, kept in lines:
        word = ("kept" if kept else "NOT KEPT") if wanted else ""
        print(f"{text:55} {f'wanted: {wanted}' if wanted else '':24} {word}", flush=True)
    for error, count in crowd.errors.most_common(5):
        print(f"  {count} × {error[:150]}")
    return sum(not kept for *_, kept in lines)


def main():
    """The number of limits that are not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--visitors", type=int, default=100)
    parser.add_argument("--within", type=float, default=20, help="seconds in which they arrive")
    parser.add_argument("--processes", type=int, default=1, help="of the app")
    options = parser.parse_args()
    print(f"{machine()}\n", flush=True)
    with deployment(options.processes) as (address, servers):
        crowd = crowded(address, servers, options.visitors, options.within, LATER)
        return report(*asyncio.run(crowd))


if __name__ == "__main__":
    sys.exit(main())
