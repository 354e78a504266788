"""Measure and understand vanishing and exploding gradients.

    from gradviz import Recipe, history_frame, race

    history = history_frame(race({"deep": Recipe(depth=10)}, seeds=3))

Names are imported when they are first asked for, because PyTorch takes seconds to load.
"""

from __future__ import annotations

import importlib

_MODULES = {
    "activations": ("ACTIVATIONS", "Activation", "activation"),
    "data": ("Dataset", "load"),
    "engine.history": ("curves_frame", "history_frame"),
    "engine.network": ("Network", "build", "export"),
    "engine.profile": ("profile",),
    "quantities": ("CURVES", "QUANTITIES", "Event"),
    "recipe": ("Recipe", "replace"),
    "theory.mean_field": ("chi", "critical_sigma_w", "predicted_delta"),
    "engine.train": ("Snapshot", "race", "train"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'gradviz' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gradviz.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
