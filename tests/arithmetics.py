"""Run the claims of the lessons under the arithmetics of other processors.

    python tests/arithmetics.py [--others] [--fresh FIRST_SEED] [arithmetic ...]

A long training run is chaotic: the same recipe and seed end differently where sums are rounded in
another order. So what a lesson says of a trained network has a margin, and its tests, marked
`claim`, must pass whatever the instructions that NumPy and PyTorch's libraries choose. `--fresh
100` runs them with the seeds from 100 on, which no test names; `--others` leaves out what this
processor does by default, which the test command runs.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from torch.backends.cpu import get_cpu_capability

ROOT = Path(__file__).resolve().parent.parent
PASSED = 0  # pytest's exit status


def numpy_beyond(*kept: str) -> str:
    """The instructions that NumPy has found here, without its least and those that are `kept`."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return " ".join(name for name in found if name not in kept)


# The least capability of the processor, as PyTorch names it, and what is set before Python starts.
ARITHMETICS = {
    "avx512": ("AVX512", {}),
    "avx2": (
        "AVX2",
        {
            "ATEN_CPU_CAPABILITY": "avx2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "NPY_DISABLE_CPU_FEATURES": numpy_beyond("X86_V3"),
        },
    ),
    # Matrix products with and without AVX2 beside each other, as on some older machines.
    "mixed": ("AVX2", {"MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "SSE41"}),
    "plain": (
        "DEFAULT",
        {
            "ATEN_CPU_CAPABILITY": "default",
            "MKL_CBWR": "COMPATIBLE",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "NPY_DISABLE_CPU_FEATURES": numpy_beyond(),
        },
    ),
}
CAPABILITIES = ("DEFAULT", "AVX2", "AVX512")


def main() -> int:
    """The number of arithmetics under which a claim fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fresh", type=int, default=0, metavar="FIRST_SEED")
    parser.add_argument("--others", action="store_true")
    parser.add_argument("names", nargs="*", metavar="arithmetic", default=list(ARITHMETICS))
    options = parser.parse_args()
    unknown = set(options.names) - set(ARITHMETICS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(ARITHMETICS)}")
    own = get_cpu_capability().lower() if options.others else None
    names = [name for name in options.names if name != own]
    return sum(not claims_hold(name, options.fresh) for name in names)


def claims_hold(name: str, first_seed: int) -> bool:
    """Whether all claims pass under the arithmetic `name`, or this processor cannot do it."""
    least, settings = ARITHMETICS[name]
    # Other processors than those of Intel's kind have names of their own, and only one arithmetic.
    here = get_cpu_capability()
    if here not in CAPABILITIES or CAPABILITIES.index(here) < CAPABILITIES.index(least):
        print(f"{name}: not on this processor ({here})", flush=True)
        return True
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "claim"],
        cwd=ROOT,
        env=os.environ | settings | {"GRADVIZ_FIRST_SEED": str(first_seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    verdict = "hold" if run.returncode == PASSED else "FAIL"
    print(
        f"{name}: {verdict} ({time.monotonic() - began:.0f} s, {last_line(run.stdout)})", flush=True
    )
    if run.returncode != PASSED:
        print(run.stdout, run.stderr, flush=True)
    return run.returncode == PASSED


def last_line(text: str) -> str:
    """Where pytest sums up."""
    return text.strip().rpartition("\n")[2].strip("= ")


if __name__ == "__main__":
    sys.exit(main())
