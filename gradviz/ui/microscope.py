"""The layer microscope: a run looked at from inside, and what its networks make of a plane.

A run of its own, of the first seed of each arm, which begins by itself once the race of the same
arms has ended; what a page opens with is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from gradviz import runs
from gradviz.activations import living_range
from gradviz.charts.lab.microscope import microscope
from gradviz.charts.lab.surfaces import View, surfaces
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.spec import Spec
from gradviz.charts.parts.summary import run_key
from gradviz.charts.replay import USUAL_CURVES
from gradviz.data import load
from gradviz.engine.history import curves_frame
from gradviz.language import t
from gradviz.recipe import Recipe, activation_of, replace
from gradviz.runs import Job
from gradviz.ui.chrome import single_figure
from gradviz.ui.controls import opening
from gradviz.ui.live import DrawFrames, Frames, ended, live_job, seed_control, visitor
from gradviz.ui.made_once import made_once
from gradviz.ui.picture import picture

if TYPE_CHECKING:
    from gradviz.snapshots import Moment, Specimen

_EXAMPLES = 120  # of the points of a data set that are drawn

Arms = tuple[tuple[str, Recipe], ...]
Pairs = tuple[tuple[str, str], ...]


def layer_microscope(
    key: str, arms: Mapping[str, Recipe], seeds: int, names: Mapping[str, str], layer: int
) -> Frames:
    """Draw the values inside hidden `layer` of the `arms` of a race of so many `seeds`.

    Returns what was drawn.
    """
    steps = max(recipe.steps for recipe in arms.values())
    step = opening(f"{key}_step", REPLAY, low=0, high=steps, default=steps)
    arms = _shifted(arms)
    race, shown = _race_of(arms, seeds), [Frames()]

    def draw(frames: Frames) -> None:
        frames = frames.of_phase("training")
        shown[0] = frames
        if frames:
            drawn = _microscope(frames, race, tuple(arms.items()), tuple(names.items()), layer)
            picture(drawn, f"{key}_chart", opens=[step] if ended(frames) else [])

    _live(key, arms, race, draw)
    return shown[0]


def decision_surfaces(
    key: str,
    arms: Mapping[str, Recipe],
    seeds: int,
    names: Mapping[str, str],
    layer: int,
    unit: int,
) -> Frames:
    """Draw what each arm makes of the plane, and what `unit` of hidden `layer` sees of it.

    The data of all arms are points in the plane. Returns what was drawn.
    """
    steps = max(recipe.steps for recipe in arms.values())
    step = opening(f"{key}_step", REPLAY, low=0, high=steps, default=steps)
    arms = _shifted(arms)
    race, shown = _race_of(arms, seeds), [Frames()]

    def draw(frames: Frames) -> None:
        frames = frames.of_phase("training")
        shown[0] = frames
        if frames:
            own = tuple(arms.items()), tuple(names.items())
            drawn = _surfaces(frames, race, *own, layer, unit)
            picture(drawn, f"{key}_chart", opens=[step] if ended(frames) else [])

    _live(key, arms, race, draw)
    return shown[0]


def _shifted(arms: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """The arms with the seed that the visitor has moved on to, as the race has them."""
    shift = seed_control().value
    return {name: replace(recipe, seed=recipe.seed + shift) for name, recipe in arms.items()}


def _race_of(arms: Mapping[str, Recipe], seeds: int) -> Frames:
    """The race of the same arms as far as it is known."""
    job = runs.race_job(arms, seeds)
    return Frames.of_run(runs.known(job) or runs.recorded(job)).of_phase("training")


def _live(key: str, arms: Mapping[str, Recipe], race: Frames, draw: DrawFrames) -> None:
    """The run of the microscope: begun once the race has ended, unless it is known."""
    job = microscope_job(arms)
    if (
        ended(race)
        and single_figure() is None
        and runs.known(job) is None
        and runs.recorded(job) is None
    ):
        runs.start_job(job, visitor())
    live_job(key, job, draw, join=True)


def microscope_job(arms: Mapping[str, Recipe]) -> Job:
    """The job that looks into the first seed of each arm: `engine.microscope.specimens`."""
    arms = dict(arms)
    total = len(arms) + sum(recipe.pretrain != "none" for recipe in arms.values())
    return Job(("microscope", *arms.items()), lambda: _specimens(arms), total)


def _specimens(arms: Mapping[str, Recipe]) -> Iterator[Specimen | Moment]:
    # PyTorch is imported only now: it takes seconds, and what is recorded needs none of it.
    from gradviz.engine.microscope import specimens

    return specimens(arms)


@made_once
def _microscope(frames: Frames, race: Frames, arms: Arms, names: Pairs, layer: int) -> Spec:
    ranges = {living_range(activation_of(recipe)) for _, recipe in arms}
    living = ranges.pop() if len(ranges) == 1 else ()
    return microscope(
        list(frames), dict(names), layer, living, ended(frames), _steps(race), run=_run(race)
    )


@made_once
def _surfaces(
    frames: Frames, race: Frames, arms: Arms, names: Pairs, layer: int, unit: int
) -> Spec:
    from gradviz.engine.microscope import plane, restored, seen_by, surface

    recipes = dict(arms)
    x, y = plane(arms[0][1])
    views = []
    for frame in frames:
        if not frame.parameters.size:
            continue
        recipe = recipes[frame.arm]
        network = restored(recipe, frame.parameters, frame.running)
        has_unit = layer <= recipe.depth and unit <= recipe.width
        seen = seen_by(network, layer, unit, x, y) if has_unit else None
        views.append(View(frame.arm, frame.step, surface(network, x, y), seen))
    data = load(arms[0][1].dataset, arms[0][1].seed)
    examples = pd.DataFrame(
        {
            "x": data.x_train[:_EXAMPLES, 0],
            "y": data.x_train[:_EXAMPLES, 1],
            "label": data.y_train[:_EXAMPLES],
        }
    )
    half = (x[1] - x[0]) / 2
    said = t(
        "unit {unit} of layer {layer}", "第 {layer} 层第 {unit} 个神经元", unit=unit, layer=layer
    )
    extent = (float(x[0] - half), float(x[-1] + half))
    return surfaces(
        views, examples, extent, dict(names), said, ended(frames), _steps(race), run=_run(race)
    )


def _steps(race: Frames) -> list[int]:
    """The steps through which the race's slider goes: the pictures of one run go together."""
    return sorted({frame.step for frame in race}) if ended(race) else []


def _run(race: Frames) -> str | None:
    """What the race's picture calls its run."""
    return run_key(curves_frame(race, list(USUAL_CURVES))) if ended(race) else None
