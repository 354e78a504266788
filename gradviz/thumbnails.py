"""The small beams of home's cards: what of each lesson's first run, or its arithmetic, they show.

They stand in one small file beside the recordings, written by `python -m gradviz.record`, so that
home needs neither a page nor a run to draw them.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gradviz import store
from gradviz.activations import ACTIVATIONS
from gradviz.snapshots import Snapshot
from gradviz.theory.chain import ScalarNetwork, products
from gradviz.theory.mean_field import mean_square_slope

FILE = store.SHIPPED / "beams.json"
LAST = 2**31 - 1  # a step after all others

Beams = dict[str, list[float | None]]  # by arm: δ of each layer, None where it is not finite


@dataclass(frozen=True)
class Chosen:
    """The `arms` that are shown, at `step`, of the first race on the page that has them."""

    arms: tuple[str, ...]
    step: int = 0


# The sick network first, then the cured one, at the step that tells most.
RACES = {
    "depth": Chosen(("deep",)),
    "exploding": Chosen(("explode", "healthy"), step=2),
    "pretraining": Chosen(("plain", "autoencoder")),
    "clipping": Chosen(("plain", "clip_norm"), step=LAST),
    "regularization": Chosen(("plain", "l2"), step=LAST),
    "relu_family": Chosen(("sigmoid", "relu")),
    "batchnorm": Chosen(("plain", "batchnorm")),
    "residual": Chosen(("plain", "residual")),
    "lab": Chosen(("a", "b")),
    "shattered": Chosen(("unscaled", "rezero"), step=LAST),
}


def exact(lesson: str) -> Beams:
    """The beams of a lesson that are not of a run: products of factors, exactly."""
    ten = {"weights": (1.0,) * 10, "biases": (0.0,) * 10, "x": 0.0, "target": 0.0}
    chains = {
        # The two presets of the composite function that end flat and healthy, at x = 0.
        "update_rule": {
            name: ScalarNetwork(**ten, phi=ACTIVATIONS[name]).factors
            for name in ("sigmoid", "tanh")
        },
        # The walk as it opens.
        "chain_rule": {
            "sigmoid": ScalarNetwork(
                (1.0,) * 4, (0.0,) * 4, 0.5, 0.0, ACTIVATIONS["sigmoid"]
            ).factors
        },
        # The largest slope, and the usual one at z ~ N(0, 1).
        "activations": {
            "sigmoid": np.full(10, ACTIVATIONS["sigmoid"].largest_slope),
            "tanh": np.full(10, math.sqrt(mean_square_slope(ACTIVATIONS["tanh"]))),
        },
    }
    # Layer n gets 1, layer l the product of the factors of the layers after it.
    found = {
        arm: np.append(1.0, products(factors[:0:-1]))[::-1]
        for arm, factors in chains.get(lesson, {}).items()
    }
    return {arm: _shortened(values) for arm, values in (found or _rounded(lesson)).items()}


def _rounded(lesson: str) -> dict[str, np.ndarray]:
    """Of the lesson on number formats: 24 sigmoid layers, each product rounded to the format."""
    if lesson != "precision":
        return {}
    slope = math.sqrt(mean_square_slope(ACTIVATIONS["sigmoid"]))
    factors = np.append(1.0, np.full(23, slope))
    formats = {"float16": np.float16, "float32": np.float32}
    return {
        name: np.multiply.accumulate(factors.astype(form))[::-1].astype(float)
        for name, form in formats.items()
    }


def of_race(lesson: str, keys: Iterable[Hashable]) -> Beams:
    """The beams of a lesson whose page looks for `keys` in the store, its default state first.

    Raises `LookupError` if none of them is a recorded race of the arms in `RACES`.
    """
    chosen = RACES[lesson]
    for key in keys:
        match key:
            case ((*arms,), int(), *_) if set(chosen.arms) <= {arm for arm, _ in arms}:
                record = store.find(key)
                if record is not None:
                    return {arm: _signal(record.content, arm, chosen.step) for arm in chosen.arms}
    raise LookupError(f"{lesson}: no race of {chosen.arms} is recorded")


def of_lesson(lesson: str, keys: Iterable[Hashable]) -> Beams:
    """The beams of any lesson, see `exact` and `of_race`."""
    return of_race(lesson, keys) if lesson in RACES else exact(lesson)


def _signal(snapshots: Iterable[object], arm: str, step: int) -> list[float | None]:
    """δ of each hidden layer, the median over the seeds; none where it is not finite for one."""
    own = [s for s in snapshots if isinstance(s, Snapshot) and s.arm == arm and s.step <= step]
    delta = np.asarray(own[-1].layers["delta"], dtype=float)[:, :-1]
    return _shortened(np.where(np.isfinite(delta).all(axis=0), np.median(delta, axis=0), np.inf))


def _shortened(values: np.ndarray) -> list[float | None]:
    return [float(f"{value:.3g}") if np.isfinite(value) else None for value in values]


def read() -> dict[str, Beams]:
    """The beams of all lessons that are in the file."""
    return _read(FILE, FILE.stat().st_mtime_ns) if FILE.exists() else {}


@functools.lru_cache(maxsize=1)
def _read(path: Path, stamp: int) -> dict[str, Beams]:
    """`stamp` is part of the cache's key only."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(beams: dict[str, Beams]) -> None:
    """Make these the beams in the file; a line for each lesson, so that a change can be read."""
    lines = [f"{json.dumps(name)}: {json.dumps(beams[name])}" for name in sorted(beams)]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
