"""The layer microscope: a run looked at from inside, and what its networks make of a plane.

A run of its own, of the first seed of each arm, which begins by itself once the race of the same
arms has ended; what a page opens with is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
from gradviz.recipe import Recipe, activation_of
from gradviz.runs import Job
from gradviz.trainer import Call
from gradviz.ui.chrome import single_figure
from gradviz.ui.controls import opening
from gradviz.ui.live import Frames, ended, live_job, shifted, visitor
from gradviz.ui.made_once import made_once
from gradviz.ui.picture import picture

_EXAMPLES = 120  # of the points of a data set that are drawn

Arms = tuple[tuple[str, Recipe], ...]
Pairs = tuple[tuple[str, str], ...]


def layer_microscope(
    key: str, arms: Mapping[str, Recipe], seeds: int, names: Mapping[str, str], layer: int
) -> Frames:
    """Draw the values inside hidden `layer` of the `arms` of a race of so many `seeds`.

    Returns what was drawn.
    """

    def drawn(frames: Frames, race: Frames, arms: Arms) -> Spec:
        return _microscope(frames, race, arms, tuple(names.items()), layer)

    return _look_inside(key, arms, seeds, drawn)


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

    def drawn(frames: Frames, race: Frames, arms: Arms) -> Spec:
        return _surfaces(frames, race, arms, tuple(names.items()), layer, unit)

    return _look_inside(key, arms, seeds, drawn)


def _look_inside(
    key: str, arms: Mapping[str, Recipe], seeds: int, drawn: Callable[[Frames, Frames, Arms], Spec]
) -> Frames:
    """Draw what the run of the microscope and the race of the same arms make a picture of.

    The run begins by itself once the race has ended, unless it is there. Returns its frames.
    """
    steps = max(recipe.steps for recipe in arms.values())
    step = opening(f"{key}_step", REPLAY, low=0, high=steps, default=steps)
    arms = shifted(arms)
    race = Frames.of_run(runs.found(runs.race_job(arms, seeds))).of_phase("training")
    job, shown = microscope_job(arms), [Frames()]

    def draw(frames: Frames) -> None:
        shown[0] = frames = frames.of_phase("training")
        if frames:
            chart = drawn(frames, race, tuple(arms.items()))
            picture(chart, f"{key}_chart", opens=[step] if ended(frames) else [])

    if ended(race) and single_figure() is None and runs.found(job) is None:
        runs.start_job(job, visitor())
    live_job(key, job, draw, join=True)
    return shown[0]


def microscope_job(arms: Mapping[str, Recipe]) -> Job:
    """The job that looks into the first seed of each arm: `engine.microscope.specimens`."""
    arms = dict(arms)
    work = Call("gradviz.engine.microscope.specimens", (arms,))
    return Job(("microscope", *arms.items()), work, runs.count_phases(arms))


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
