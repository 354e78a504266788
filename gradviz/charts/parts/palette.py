"""One color per fix, the same in every lesson, on white and on dark backgrounds.

The colors were searched so that each has a contrast of at least 3:1 against both backgrounds
(WCAG 2.2, 1.4.11) and that fixes shown together stay apart for readers with protanopia or
deuteranopia.
"""

from __future__ import annotations

from collections.abc import Iterable

COLORS: dict[str, str] = {
    "plain": "#8c939b",
    "deep": "#d93e0a",
    "shallow": "#0e6b93",
    "pretraining": "#7339f5",
    "rbm": "#7339f5",
    "autoencoder": "#c2570c",
    "clip_norm": "#618bf9",
    "clip_value": "#825d1c",
    "l1": "#c31546",
    "l2": "#984495",
    "relu": "#027355",
    "leaky_relu": "#5e9e3e",
    "elu": "#c868e2",
    "selu": "#be6239",
    "gelu": "#1295fc",
    "silu": "#c776b6",
    "sigmoid": "#d93e0a",
    "tanh": "#0a51f5",
    "linear": "#8c939b",
    "batchnorm": "#b18c16",
    "layernorm": "#c653b0",
    "residual": "#4b6e28",
    "theory": "#757b87",
    "vanish": "#3369a8",
    "explode": "#b53720",
    "healthy": "#1ea27f",
}

INK = "#757b87"  # for words and rules inside a picture: readable on both backgrounds

_SPARE = ("shallow", "selu", "pretraining", "relu", "batchnorm", "l1")


def colors_of(arms: Iterable[str]) -> dict[str, str]:
    """A color for each arm: its own from `COLORS`, else one of a few spare colors in turn."""
    unnamed = [arm for arm in dict.fromkeys(arms) if arm not in COLORS]
    spare = {arm: COLORS[_SPARE[i % len(_SPARE)]] for i, arm in enumerate(unnamed)}
    return {arm: COLORS.get(arm) or spare[arm] for arm in dict.fromkeys(arms)}
