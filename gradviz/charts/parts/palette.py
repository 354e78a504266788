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

INK = "#757b87"  # for words and rules inside a picture
BACKGROUNDS = {"light": "#ffffff", "dark": "#0e1117"}  # of the page, see .streamlit/config.toml

# Of words with their background (WCAG 2.2, 1.4.3, asks for 4.5). No one color has it with both
# backgrounds, so each color has a shade for words in each theme.
TEXT_CONTRAST = 5.0  # with some room for a pale tint behind the words
INK_CONTRAST = 7.0

_SPARE = ("shallow", "selu", "pretraining", "relu", "batchnorm", "l1")


def readable(color: str, background: str) -> str:
    """The shade of `color`, nearest to it, in which words can be read on `background`.

    Both are "#rrggbb"; the shade is mixed from the color and black, or white on a dark background.
    """
    wanted = INK_CONTRAST if color == INK else TEXT_CONTRAST
    end = (0, 0, 0) if _luminance(background) > 0.5 else (255, 255, 255)
    own = _channels(color)
    for share in range(101):
        mixed = (round(c + (e - c) * share / 100) for c, e in zip(own, end, strict=True))
        shade = "#" + "".join(f"{channel:02x}" for channel in mixed)
        if contrast(shade, background) >= wanted:
            return shade
    raise ValueError(f"nothing can be read on {background} with a contrast of {wanted:g}")


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colors "#rrggbb", from 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    """Relative luminance of an sRGB color (WCAG 2.2)."""
    shares = [channel / 255 for channel in _channels(color)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def text_css() -> str:
    """CSS by which words of each color of the palette have their shade in the page's theme."""
    rules = []
    for color in dict.fromkeys([INK, *COLORS.values()]):
        light, dark = (readable(color, BACKGROUNDS[theme]) for theme in ("light", "dark"))
        words = f'[data-testid="stVegaLiteChart"] svg text[fill="{color}" i]'
        rules.append(f"{words} {{ fill: light-dark({light}, {dark}); }}")
    return "\n".join(rules)


def colors_of(arms: Iterable[str]) -> dict[str, str]:
    """A color for each arm: its own from `COLORS`, else one of a few spare colors in turn."""
    unnamed = [arm for arm in dict.fromkeys(arms) if arm not in COLORS]
    spare = {arm: COLORS[_SPARE[i % len(_SPARE)]] for i, arm in enumerate(unnamed)}
    return {arm: COLORS.get(arm) or spare[arm] for arm in dict.fromkeys(arms)}
