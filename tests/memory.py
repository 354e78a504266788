"""What the server holds in memory: before anybody trains, after runs, and over many page loads.

    python tests/memory.py [--runs 50] [--loads 300]

A fresh server of this machine is visited over WebSockets, without a browser. Each figure is printed
with what was wanted. Returns how many limits are not kept. Linux only, for its /proc.
"""

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app_server import running_server
from costs import machine, until_idle
from crowd import FIGURE, LESSON, PAGES, REST, line, resident
from visitors import Visitor

UNTRAINED, TRAINED = 450, 700  # megabytes at the most
FLAT = 15  # megabytes by which the second half of the page loads may add
PATIENCE = 120


def main():
    """The number of limits that are not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--loads", type=int, default=300)
    options = parser.parse_args()
    print(f"{machine()}\n", flush=True)
    with running_server() as server:
        return asyncio.run(measured(server, options.runs, options.loads))


async def measured(server, runs, loads):
    """Print what the server holds, phase by phase; how many limits are not kept."""
    line("a server that has just started", f"{held(server):.0f} MB")
    await visit(server, PAGES)
    found, without = held(server), "libtorch" not in maps(server)
    missed = line("every page was visited, nobody has trained", f"{found:.0f} MB",
                  f"{UNTRAINED} MB, without PyTorch", found < UNTRAINED and without)  # fmt: skip
    # Twice the number of pages first: what is made once has then been made.
    await visit(server, PAGES)
    readings = []
    for _ in range(2):
        await visit(server, (PAGES * loads)[: loads // 2])
        await until_idle(server)
        readings.append(held(server))
    before, after = readings
    missed += line(f"{loads // 2} and {loads} page loads later", f"{before:.0f}, {after:.0f} MB",
                   f"at most {FLAT} MB more", after < before + FLAT)  # fmt: skip
    for number in range(runs):
        await train(server, number)
    found = held(server)
    missed += line(f"{runs} runs later", f"{found:.0f} MB", f"{TRAINED} MB", found < TRAINED)
    line("of that the process that draws the pages", f"{own(server):.0f} MB")
    await asyncio.sleep(REST)
    found = held(server)
    missed += line(f"{REST} s after the last visitor left", f"{found:.0f} MB",
                   f"{UNTRAINED} MB", found < UNTRAINED)  # fmt: skip
    return missed


async def visit(server, pages):
    for page in pages:
        async with Visitor(server.address, patience=PATIENCE) as visitor:
            await visitor.open(page, lang="en")
            if visitor.errors:
                raise RuntimeError(f"{page}: {visitor.errors}")


async def train(server, number):
    async with Visitor(server.address, patience=PATIENCE) as visitor:
        await visitor.open(LESSON, lang="en", seed=3 * (number + 1), depth=2 + number % 40)
        await visitor.press(f"{FIGURE}_train")
        while visitor.watching:
            await asyncio.sleep(0.1)


def held(server):
    return resident([server.pid])


def own(server):
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def maps(server):
    return Path(f"/proc/{server.pid}/maps").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
