"""What each arm makes of the plane of its inputs, and below it what one of its units sees.

A square for each arm: the probability of the second class with the examples over it; and another:
the activation of one unit. One slider scrubs through the steps at which the run was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from gradviz.charts.layers import Names
from gradviz.charts.parts.handles import REPLAY, RUN, at_step, replay_slider
from gradviz.charts.parts.marks import layered
from gradviz.charts.parts.palette import COLORS, INK
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.parts.raster import png_url
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import Track, latest, run_key, track_of, with_until
from gradviz.charts.parts.theme import LONG, WORDS
from gradviz.language import t

CLASSES = (COLORS["shallow"], COLORS["deep"])  # of the examples: two hues that no illness has
_HEIGHT = 440  # pixels of the picture
_ABOVE = 22  # pixels over each square, for a line of words
_GAP = 14  # pixels between two squares
_WIDE = "(width >= 440)"  # there is room for all arms beside each other
_LEVELS = 32  # tones of an image


@dataclass(frozen=True, eq=False)
class View:
    """What an `arm` makes of the plane at `step`, as two arrays [rows from the lowest, columns].

    `probability` is that of class 1, `seen` the activation of the unit, None if the arm has not
    such a unit.
    """

    arm: str
    step: int
    probability: np.ndarray
    seen: np.ndarray | None


@dataclass(frozen=True)
class Look:
    """All that the picture depends on but its data: how many `arms`, and the `unit` in words."""

    arms: int
    unit: str
    track: Track | None

    @property
    def height(self) -> int:
        """The pixels of the picture: on a phone more than two arms need two rows."""
        return _HEIGHT if self.arms < 3 else _HEIGHT + 80

    @property
    def columns(self) -> str:
        """A Vega expression for the number of arms beside each other."""
        return f"({_WIDE} ? {self.arms} : {min(self.arms, 2)})"

    @property
    def side(self) -> str:
        """A Vega expression for the pixels of a square: as many as there is room for."""
        across = f"(width - {_GAP} * ({self.columns} - 1)) / {self.columns}"
        upward = f"(height / (2 * {self._bands}) - {_ABOVE})"
        return f"min({across}, {upward})"

    @property
    def _bands(self) -> str:
        return f"ceil({self.arms} / {self.columns})"

    def left(self, place: str) -> str:
        """A Vega expression for the left edge of the square of the arm at `place`."""
        return f"(({place}) % {self.columns}) * ({self.side} + {_GAP})"

    def top(self, place: str, kind: str) -> str:
        """A Vega expression for the upper edge of a square of that `kind`."""
        band = f"floor(({place}) / {self.columns}) + ({kind}) * {self._bands}"
        return f"({band}) * ({self.side} + {_ABOVE}) + {_ABOVE}"


def surfaces(
    views: Sequence[View],
    examples: pd.DataFrame,
    extent: tuple[float, float],
    names: Names,
    unit: str,
    ended: bool = True,
    steps: Sequence[int] = (),
    run: str | None = None,
) -> Spec:
    """The `views` of all arms as a Vega-Lite spec; the plane is the square of `extent`.

    `examples` has columns x, y and label (0 or 1); `unit` says in words which unit is seen. For
    `ended`, `steps` and `run` see `microscope.microscope`.
    """
    places = {arm: place for place, arm in enumerate(names)}
    images = _images(views, places)
    track = track_of(steps or images["step"]) if ended and len(images) else None
    images = with_until(images if track else latest(images))
    picture = _picture(Look(len(names), unit, track))
    if track is not None:
        picture = picture.opening(**{REPLAY: track.last, RUN: run or run_key(images)})
    low, high = extent
    shares = pd.DataFrame(
        {
            "share_x": (examples["x"] - low) / (high - low),
            "share_y": (examples["y"] - low) / (high - low),
            "label": examples["label"],
        }
    ).round(3)
    points = pd.concat([shares.assign(place=place) for place in places.values()])
    titles = pd.DataFrame({"place": list(places.values()), "words": list(names.values())})
    return picture.with_data(images=images, points=points, titles=titles)


def _images(views: Sequence[View], places: Mapping[str, int]) -> pd.DataFrame:
    """One row for each image: its `place` among the arms, `kind` 0 or 1, and the words over it."""
    rows = []
    for arm, place in places.items():
        own = [view for view in views if view.arm == arm]
        seen = [view.seen for view in own if view.seen is not None]
        # The tones mean the same at all steps, so that what grows is seen to grow.
        ends = _ends(seen)
        for view in own:
            rows.append((arm, place, view.step, 0, class_image(view.probability), ""))
            if view.seen is not None:
                words = t(
                    "step {step}: {seen}",
                    "第 {step} 步：{seen}",
                    step=view.step,
                    seen=_from_to(view.seen),
                )
                rows.append((arm, place, view.step, 1, tone_image(view.seen, *ends), words))
    return pd.DataFrame(rows, columns=["arm", "place", "step", "kind", "url", "words"])


def _ends(seen: Sequence[np.ndarray]) -> tuple[float, float]:
    values = np.concatenate([np.zeros(1), *(each.ravel() for each in seen)])
    finite = values[np.isfinite(values)]
    return float(finite.min()), float(finite.max())


def _from_to(seen: np.ndarray) -> str:
    if not np.isfinite(seen).all():
        return t("∞ or NaN", "∞ 或 NaN")
    low, high = (_number(end) for end in (seen.min(), seen.max()))
    if low == high:
        return t("{low} everywhere", "处处为 {low}", low=low)
    return t("{low} to {high}", "{low} 到 {high}", low=low, high=high)


def _number(value: float) -> str:
    return ("−" if value < 0 else "") + rounded_power(abs(float(value)))


def class_image(probability: np.ndarray) -> str:
    """The address of an image: the color of the likelier class, the stronger the surer it is."""
    sure = np.nan_to_num(np.clip(probability, 0, 1), nan=0.5)
    levels = np.linspace(-1, 1, 2 * _LEVELS + 1)
    channels = np.array([list(bytes.fromhex(color[1:])) for color in CLASSES])
    colors = channels[(levels > 0).astype(int)]
    opacity = np.round(np.abs(levels) * 150)
    places = np.round(sure * 2 * _LEVELS).astype(int)
    return png_url(places[::-1], np.column_stack([colors, opacity]))


def tone_image(seen: np.ndarray, low: float, high: float) -> str:
    """The address of an image: ink, the more of it the larger a value is, from `low` to `high`."""
    share = np.zeros_like(seen) if high <= low else (seen - low) / (high - low)
    places = np.round(np.nan_to_num(np.clip(share, 0, 1)) * _LEVELS).astype(int)
    ink = np.tile(list(bytes.fromhex(INK[1:])), (_LEVELS + 1, 1))
    return png_url(places[::-1], np.column_stack([ink, np.linspace(8, 230, _LEVELS + 1).round()]))


@built_once
def _picture(look: Look) -> alt.LayerChart:
    """The picture without its data."""
    images = _placed(_at(look, "images"), look, "datum.kind")
    ranges = images.transform_filter("datum.kind == 1")
    titles = _placed(alt.Chart(alt.NamedData("titles")), look, "0")
    points = _placed(alt.Chart(alt.NamedData("points")), look, "0").transform_calculate(
        across=f"datum.left + datum.share_x * {look.side}",
        down=f"datum.top + (1 - datum.share_y) * {look.side}",
    )
    color = alt.Color("label:N", scale=alt.Scale(domain=[0, 1], range=list(CLASSES)), legend=None)
    words = {**WORDS, "fontSize": LONG, "limit": alt.expr(look.side)}
    above = {"align": "left", "baseline": "bottom", "dy": -4, **words}
    # Vega-Lite takes the place of an image to be its middle.
    squares = images.mark_image(
        width=alt.expr(look.side), height=alt.expr(look.side), aspect=False, tooltip=None
    ).encode(x=_across("middle"), y=_down("center"), url="url:N")
    marks = points.mark_circle(size=16, opacity=1, stroke="white", strokeWidth=0.6, tooltip=None)
    frames = images.mark_rect(filled=False, stroke=INK, strokeOpacity=0.4, tooltip=None)
    return (
        layered(
            squares,
            frames.encode(x=_across("left"), x2="right:Q", y=_down("top"), y2="bottom:Q"),
            marks.encode(x=_across("across"), y=_down("down"), color=color),
            titles.mark_text(**above).encode(x=_across("left"), y=_down("top"), text="words:N"),
            ranges.mark_text(**above).encode(x=_across("left"), y=_down("top"), text="words:N"),
        )
        .add_params(*(replay_slider(look.track) if look.track is not None else ()))
        .properties(
            height=look.height,
            description=t(
                "The plane of inputs as each network divides it between two classes, and as {unit} "
                "sees it",
                "每个网络如何把输入平面划分给两类，以及{unit}看到的平面",
                unit=look.unit,
            ),
        )
    )


def _placed(rows: alt.Chart, look: Look, kind: str) -> alt.Chart:
    """The `rows` with the edges of the square to which each belongs, in pixels."""
    return rows.transform_calculate(
        left=look.left("datum.place"), top=look.top("datum.place", kind)
    ).transform_calculate(
        right=f"datum.left + {look.side}",
        bottom=f"datum.top + {look.side}",
        middle=f"datum.left + {look.side} / 2",
        center=f"datum.top + {look.side} / 2",
    )


def _across(field: str) -> alt.X:
    scale = alt.Scale(domain=[0, alt.expr("width")], nice=False, zero=False)
    return alt.X(f"{field}:Q", scale=scale, axis=None)


def _down(field: str) -> alt.Y:
    scale = alt.Scale(domain=[alt.expr("height"), 0], nice=False, zero=False)
    return alt.Y(f"{field}:Q", scale=scale, axis=None)


def _at(look: Look, table: str) -> alt.Chart:
    rows = alt.Chart(alt.NamedData(table))
    return at_step(rows) if look.track is not None else rows
