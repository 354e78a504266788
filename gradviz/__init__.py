"""Measure and understand vanishing and exploding gradients.

    from gradviz import Recipe, history_frame, race

    history = history_frame(race({"deep": Recipe(depth=10)}, seeds=3))

Names are imported when they are first asked for, because PyTorch takes seconds to load.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradviz.activations import ACTIVATIONS, Activation, activation
    from gradviz.charts.notebook import plot_race, show
    from gradviz.data import Dataset, load
    from gradviz.diagnosis import diagnose, of_snapshots
    from gradviz.engine.history import curves_frame, history_frame
    from gradviz.engine.network import Network, build, export
    from gradviz.engine.train import race, train
    from gradviz.quantities import CURVES, QUANTITIES, Event
    from gradviz.recipe import Recipe, replace
    from gradviz.snapshots import Snapshot
    from gradviz.theory.mean_field import chi, critical_sigma_w, predicted_delta
    from gradviz.watching.profile import profile
    from gradviz.watching.watch import watch

__version__ = "0.3.0"

__all__ = [
    "ACTIVATIONS",
    "CURVES",
    "QUANTITIES",
    "Activation",
    "Dataset",
    "Event",
    "Network",
    "Recipe",
    "Snapshot",
    "activation",
    "build",
    "chi",
    "critical_sigma_w",
    "curves_frame",
    "diagnose",
    "export",
    "history_frame",
    "load",
    "of_snapshots",
    "plot_race",
    "predicted_delta",
    "profile",
    "race",
    "replace",
    "show",
    "train",
    "watch",
]

# Where each of them stands, for the import when it is asked for; a test holds it to the above.
_HOME = {
    "ACTIVATIONS": "activations",
    "CURVES": "quantities",
    "QUANTITIES": "quantities",
    "Activation": "activations",
    "Dataset": "data",
    "Event": "quantities",
    "Network": "engine.network",
    "Recipe": "recipe",
    "Snapshot": "snapshots",
    "activation": "activations",
    "build": "engine.network",
    "chi": "theory.mean_field",
    "critical_sigma_w": "theory.mean_field",
    "curves_frame": "engine.history",
    "diagnose": "diagnosis",
    "export": "engine.network",
    "history_frame": "engine.history",
    "load": "data",
    "of_snapshots": "diagnosis",
    "plot_race": "charts.notebook",
    "predicted_delta": "theory.mean_field",
    "profile": "watching.profile",
    "race": "engine.train",
    "replace": "recipe",
    "show": "charts.notebook",
    "train": "engine.train",
    "watch": "watching.watch",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'gradviz' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gradviz.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
