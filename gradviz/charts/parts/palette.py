"""One meaning per color, the same in every lesson, on white and on dark backgrounds.

Blue is vanishing, green healthy, red exploding, and nothing else has these hues: remedies and
activations share violet, pink, gold, olive and teal among them, theory and what has no remedy are
neutral, and the interface is ink. The colors were searched so that each has a contrast of at least
3:1 against both backgrounds (WCAG 2.2, 1.4.11) and that those of `TOGETHER` stay apart for readers
with protanopia or deuteranopia.
"""

from __future__ import annotations

from collections.abc import Iterable

COLORS: dict[str, str] = {
    "plain": "#868d97",
    "deep": "#8d62e2",
    "shallow": "#bc8713",
    "pretraining": "#8c78fe",
    "rbm": "#8c78fe",
    "autoencoder": "#994988",
    "clip_norm": "#147c93",
    "clip_value": "#ba8727",
    "l1": "#b8842b",
    "l2": "#ac79d5",
    "descent": "#bb3999",  # a path over a loss surface
    "overflow": "#bb3999",  # beyond the largest number, on a map that has red for large ones
    "relu": "#00736d",
    "leaky_relu": "#636b18",
    "elu": "#b98512",
    "selu": "#a341bb",
    "gelu": "#2a9acb",
    "silu": "#c677ab",
    "sigmoid": "#bc3f98",
    "tanh": "#8773fc",
    "linear": "#868d97",
    "batchnorm": "#b58a14",
    "layernorm": "#cc68e4",
    "residual": "#6b7218",
    "float32": "#868d97",
    "bfloat16": "#2a9acb",
    "float16": "#bb3999",
    "theory": "#757b87",
    "vanish": "#2a6bc2",
    "explode": "#c2361a",
    "healthy": "#1ea27f",
}

# What is shown in one picture, and so must be told apart by every reader.
TOGETHER = (
    ("vanish", "healthy", "explode"),
    ("deep", "shallow"),
    ("sigmoid", "tanh", "relu"),
    ("relu", "leaky_relu", "elu"),
    ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu"),
    ("plain", "pretraining", "autoencoder"),
    ("plain", "clip_norm", "clip_value"),
    ("plain", "l1", "l2", "clip_norm"),
    ("relu", "l1", "l2"),
    ("plain", "batchnorm", "layernorm", "residual"),
    ("float32", "bfloat16", "float16"),
    ("plain", "relu", "batchnorm", "residual", "clip_norm", "l2", "pretraining"),
)

INK = "#757b87"  # for words and rules inside a picture
BACKGROUNDS = {"light": "#ffffff", "dark": "#10141b"}  # of the page, see .streamlit/config.toml

# Of words with their background (WCAG 2.2, 1.4.3, asks for 4.5). No one color has it with both
# backgrounds, so each color has a shade for words in each theme.
TEXT_CONTRAST = 5.0  # with some room for a pale tint behind the words
INK_CONTRAST = 7.0

_SPARE = ("pretraining", "relu", "descent", "leaky_relu", "gelu", "shallow")


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


def theme_css() -> str:
    """CSS by which each color of the palette has its shade in the page's theme.

    The symbols of formulas have it as words do: a color of the palette in `\\textcolor{#rrggbb}`.
    Words have it in both themes. Marks keep their color on white, and in the dark are as bright as
    the words that name them; what is drawn in `INK`, theory above all, is always as its words.
    """
    rules = []
    for color in dict.fromkeys([INK, *COLORS.values()]):
        light, dark = (readable(color, BACKGROUNDS[theme]) for theme in ("light", "dark"))
        picture = '[data-testid="stVegaLiteChart"] svg'
        rules.append(f'{picture} text[fill="{color}" i] {{ fill: light-dark({light}, {dark}); }}')
        mark = f"light-dark({light if color == INK else color}, {dark})"
        for paint in ("fill", "stroke"):
            marks = f'{picture} :is(path, line)[{paint}="{color}"]'
            rules.append(f"{marks} {{ {paint}: {mark}; }}")
        # A formula says its color in a style of its own, which the browser writes in its way.
        said = f"rgb({', '.join(map(str, _channels(color)))})"
        symbols = f'.katex :is([style*="{color}" i], [style*="{said}"])'
        rules.append(f"{symbols} {{ color: light-dark({light}, {dark}) !important; }}")
    return "\n".join(rules)


def colors_of(arms: Iterable[str]) -> dict[str, str]:
    """A color for each arm: its own from `COLORS`, else one of a few spare ones that none has."""
    arms = list(dict.fromkeys(arms))
    taken = {COLORS[arm] for arm in arms if arm in COLORS}
    spare = [COLORS[name] for name in _SPARE if COLORS[name] not in taken]
    unnamed = [arm for arm in arms if arm not in COLORS]
    found = {arm: spare[i % len(spare)] for i, arm in enumerate(unnamed)}
    return {arm: COLORS.get(arm) or found[arm] for arm in arms}
