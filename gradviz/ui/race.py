"""A race of networks that the visitor starts: what every lesson with training shows.

The picture is a quantity by layer above the curves of the run, with theory where there is one; it
can be scrubbed once the run has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from gradviz.charts.layers import Asked
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.parts.spec import Spec
from gradviz.charts.replay import AskedEnd, Extent, run_chart
from gradviz.engine.history import curves_frame, history_frame
from gradviz.language import t
from gradviz.quantities import QUANTITIES
from gradviz.recipe import Recipe
from gradviz.snapshots import Snapshot
from gradviz.theory.predictions import predicted_signals
from gradviz.ui.controls import Choice, choice, opening
from gradviz.ui.live import Frames, ended, live_run, show_events
from gradviz.ui.made_once import made_once
from gradviz.ui.measured import expected_profile
from gradviz.ui.picture import picture

SEEDS = 3  # replicas of each arm: enough for a band, quick enough to wait for

Pairs = tuple[tuple[str, str], ...]


def race(
    key: str,
    arms: Mapping[str, Recipe],
    names: Mapping[str, str],
    quantity: str = "delta",
    theory: Sequence[str] = (),
    curves: Sequence[str] = ("loss", "accuracy"),
    seeds: int = SEEDS,
    join: bool = False,
    thresholds: Mapping[str, float] | None = None,
    follow: bool = False,
    opens_at: int | None = None,
    asked: Asked | AskedEnd | None = None,
    curves_lead: bool = False,
    before: str = "",
) -> Frames:
    """Draw the buttons and the picture of a race; returns the frames drawn last.

    `arms` maps stable English names to recipes, and `names` those to what they are called on the
    page; an arm called like an entry of the palette has its color. Of the arms in `theory` the
    mean-field prediction is drawn as a line where the quantity is δ. `thresholds` are values of
    curves, by their names, worth a rule. The picture opens at the training step `opens_at`, the
    most telling one, or at the last. `asked` is what a question of the figure (see `ui.ask`) asks
    for: the profile of some arms at the start, or how the run ends; only a recorded run is covered.
    With `curves_lead` the curves are the larger part of the picture. While nothing of the race is
    known the words `before`, if any, stand in the picture's place. For `join` and `follow` see
    `live_run`.
    """
    steps = max(recipe.steps for recipe in arms.values())
    step = opening(
        f"{key}_step", REPLAY, low=0, high=steps, default=steps if opens_at is None else opens_at
    )
    drawn = [Frames()]
    expected = {name: arms[name] for name in theory} if quantity == "delta" else {}
    limits = thresholds or {}

    def draw(frames: Frames) -> None:
        drawn[0] = frames
        if not frames and before:
            st.markdown(before)
            return
        chart = _race_picture(
            frames,
            tuple(names.items()),
            quantity,
            tuple(expected.items()),
            tuple((name, limits.get(name)) for name in curves),
            steps,
            max(recipe.depth for recipe in arms.values()),
            _covered(asked, quantity, frames),
            curves_lead,
        )
        picture(chart, key=f"{key}_chart", opens=[step] if ended(frames) else [])

    live_run(key, arms, seeds, draw, join, follow)
    show_events(drawn[0], names)
    return drawn[0]


def _covered(
    asked: Asked | AskedEnd | None, quantity: str, frames: Frames
) -> Asked | AskedEnd | None:
    """What of the picture is covered: nothing of a run that the reader has trained."""
    elsewhere = isinstance(asked, Asked) and quantity != "delta"
    return asked if frames.recorded and not elsewhere else None


@made_once
def _race_picture(
    frames: Frames,
    names: Pairs,
    quantity: str,
    expected: tuple[tuple[str, Recipe], ...],
    curves: tuple[tuple[str, float | None], ...],
    steps: int,
    depth: int,
    asked: Asked | AskedEnd | None,
    curves_lead: bool,
) -> Spec:
    """The picture of a race, see `race`."""
    # While the run lasts only its latest step is shown; the training needs the processor too.
    shown = frames if ended(frames) else _latest(frames)
    return run_chart(
        history_frame(shown, [quantity]),
        curves_frame(frames, [name for name, _ in curves]),
        QUANTITIES[quantity],
        dict(names),
        Extent(steps, depth, _hidden_values(frames, quantity)),
        theory=_theory(dict(expected), frames) if expected else None,
        ended=ended(frames),
        below=dict(curves),
        asked=asked,
        curves_lead=curves_lead,
    )


@made_once
def kept_signals(frames: Frames) -> dict[str, float]:
    """By arm, what layer 1 received before training of δ at the last hidden layer.

    The geometric mean of the ratio over the seeds; 0 or inf where float32 has no number for it.
    """
    kept = {}
    for frame in frames:
        if frame.step == 0:
            delta = frame.layers["delta"].astype(float)
            with np.errstate(divide="ignore", invalid="ignore"):
                kept[frame.arm] = float(np.exp(np.log(delta[:, 0] / delta[:, -2]).mean()))
    return kept


def kept_in_words(frames: Frames, names: Mapping[str, str]) -> str:
    """`kept_signals` as a list, in the order of `names`."""
    kept = kept_signals(frames)
    return _listed({name: rounded_power(kept[arm]) for arm, name in names.items()})


def ends_in_words(frames: Frames, names: Mapping[str, str]) -> str:
    """What accuracy each arm has come to, as a list: the mean over the seeds not overflowed."""
    lost = t("overflow", "上溢")
    ends = {arm: lost if e is None else f"{e:.0%}" for arm, e in _accuracies(frames).items()}
    return _listed({name: ends[arm] for arm, name in names.items() if arm in ends})


@made_once
def _accuracies(frames: Frames) -> dict[str, float | None]:
    """What each arm has come to, None if all its seeds have overflowed."""
    last = {frame.arm: frame.accuracy[np.isfinite(frame.accuracy)] for frame in frames}
    return {arm: float(seeds.mean()) if seeds.size else None for arm, seeds in last.items()}


def _listed(words: Mapping[str, str]) -> str:
    return t("; ", "；").join(f"{name} {what}" for name, what in words.items())


def _theory(expected: Mapping[str, Recipe], frames: Frames) -> pd.DataFrame:
    return predicted_signals(expected, _first(frames), expected_profile)


def _latest(frames: Sequence[Snapshot]) -> list[Snapshot]:
    """The last frame of each arm."""
    return list({frame.arm: frame for frame in frames}.values())


def _first(frames: Sequence[Snapshot]) -> pd.DataFrame:
    """The signals at the first frame of each arm."""
    return history_frame(_latest(frames[::-1]), ["delta"])


def _hidden_values(frames: Frames, quantity: str) -> np.ndarray:
    """All that was measured of `quantity` in hidden layers."""
    return np.concatenate([[], *(frame.layers[quantity][:, :-1].ravel() for frame in frames)])


def quantity_choice(
    key: str, options: Sequence[str] = ("delta", "weight_gradient", "update_ratio", "drift")
) -> Choice:
    """Declare the control that chooses what the picture of a race shows by layer."""
    return choice(
        key,
        t("Show", "显示"),
        options,
        default=options[0],
        help=t(
            r"The signal that arrives at a layer, $\delta=\lVert\partial L/\partial z\rVert$, the "
            r"gradient of its weights, $\lVert\partial L/\partial W\rVert$, and the size of its "
            r"update, $\lVert\Delta W\rVert/\lVert W\rVert$, are three different things.",
            r"传到某层的误差信号 $\delta=\lVert\partial L/\partial z\rVert$、该层权重的梯度 "
            r"$\lVert\partial L/\partial W\rVert$、该层更新的大小 "
            r"$\lVert\Delta W\rVert/\lVert W\rVert$，是三个不同的量。",
        ),
        names=lambda name: QUANTITIES[name].short_name(),
        menu=True,
    )
