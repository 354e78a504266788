"""How long one network's step takes here, in ConvNetJS and in TensorFlow Playground's `nn.ts`.

    python tests/peers.py [--playground path/to/playground/src/nn.ts]

All train 20 tanh layers of 32 units on batches of 128. ConvNetJS comes from the npm registry, into
a temporary folder. Playground is in no registry: name the file of a clone of its repository. Needs
node and npm; times are those of the processor, so that other work on the machine matters less.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from benchmark import EVERY, STEPS, TALL, processor_seconds, raced

SCRIPT = Path(__file__).with_suffix(".js")
ROUNDS = 5
WANTED = 60  # times as fast as either, per network and step


def install(folder, *packages):
    command = ["npm", "install", "--silent", "--no-save", "--prefix", folder, *packages]
    subprocess.run(command, check=True)


def peers(folder, playground):
    """By name, the arguments with which the script is to be called."""
    install(folder, "convnetjs@0.3.0", *(["esbuild"] if playground else []))
    found = {"ConvNetJS": ("convnetjs", Path(folder, "node_modules/convnetjs/build/convnet.js"))}
    if playground:
        compiled = Path(folder, "nn.js")
        esbuild = Path(folder, "node_modules/.bin/esbuild")
        options = ["--format=cjs", f"--outfile={compiled}", "--log-level=error"]
        subprocess.run([esbuild, playground, *options], check=True)
        found["Playground's nn.ts"] = ("playground", compiled)
    return found


def milliseconds(arguments):
    """A peer's median step."""
    run = subprocess.run(
        ["node", SCRIPT, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return float(run.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--playground", type=Path)
    chosen = parser.parse_args().playground
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in peers(folder, chosen).items():
            for seeds, every in ((3, EVERY), (20, EVERY), (20, TALL.steps)):
                work = raced(TALL, seeds, every)
                rounds = [(milliseconds(arguments), processor_seconds(work)) for _ in range(ROUNDS)]
                theirs = statistics.median(peer for peer, _ in rounds)
                ours = statistics.median(own for _, own in rounds) * 1000 / STEPS / seeds
                how = "bare" if every == TALL.steps else f"measured every {every}th step"
                print(
                    f"{name}: {theirs:.1f} ms a step; one of {seeds} networks of a race, {how}: "
                    f"{ours:.2f} ms; {theirs / ours:.0f} times (wanted: {WANTED})"
                )
    if not chosen:
        print("Playground's nn.ts was not compared: name it with --playground")


if __name__ == "__main__":
    main()
