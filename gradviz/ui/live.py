"""A training run that the visitor starts, watches, stops and repeats.

The training itself happens in `gradviz.runs`, in the background and shared; here it is only
watched. The picture is drawn by the page, from whatever frames there are.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import streamlit as st
from streamlit.runtime import Runtime, RuntimeState

from gradviz import runs
from gradviz.language import t
from gradviz.recipe import RANGES, Recipe, replace
from gradviz.runs import Job, Run
from gradviz.trainer import TRAINER
from gradviz.ui import controls, stage
from gradviz.ui.address import plain
from gradviz.ui.chrome import single_figure
from gradviz.ui.controls import Number
from gradviz.ui.made_once import made_once
from gradviz.ui.speech import use_visitors_language
from gradviz.ui.stage import Stage

# Seconds between two pictures. Much less starves the browser: it draws fewer pictures, not more.
_INTERVAL = 0.25
_WAITING = 0.5  # the same while a run waits for others
# With more watchers than these, of all runs together, pictures come more slowly, up to so slowly.
_AT_FULL_SPEED, _SLOWEST = 4, 2.0
# Further seconds for each run that is ahead of a waiting one, at most so many in all.
_FOR_EACH_AHEAD, _PATIENT = 0.25, 6.0
_CROWDED = 2.0  # times as many: then they come only where the run was started, until it has ended
_CHANGED = 2.5  # times as many seconds as before, or as few, are worth a rerun of the page

# Seconds to wait after a start, so that the first picture already shows a measurement.
_FIRST_FRAME = 0.05
SEED = "seed"  # the control that counts on from the recipes' own seeds
# The jobs that pages have lately asked for, by their keys: `gradviz.record` computes them.
JOBS: dict[Hashable, Job] = {}
_REMEMBERED = 500

# In the session state: the keys of the jobs that figures show, by the figures' own keys.
_WATCHED = "_watched"  # how the names of the slots end that hold what the visitor watches
_DRAWN, _JOINED = "live_drawn", "live_joined"


def _somebody_is_there() -> bool:
    """Whether any browser is connected."""
    connected = RuntimeState.ONE_OR_MORE_SESSIONS_CONNECTED
    return Runtime.exists() and Runtime.instance().state is connected


TRAINER.is_needed = _somebody_is_there


class Frames(Sequence[Any]):
    """What was measured so far, oldest first: `snapshots.Snapshot` or what else a job yields.

    `complete` says that no more will come: the run has ended, was stopped, or is `recorded`. `key`
    says of what run they are: the first so many frames of one key are always the same, so frames
    can be compared at once.
    """

    def __init__(
        self,
        frames: Iterable[Any] = (),
        key: Hashable = None,
        complete: bool = False,
        recorded: bool = False,
    ) -> None:
        self._frames = tuple(frames)
        self.key = key
        self.complete = complete
        self.recorded = recorded

    @classmethod
    def of_run(cls, run: Run | None) -> Frames:
        """Those of a run, none of None."""
        if run is None:
            return cls()
        complete, recorded = run.state in runs.ENDED, run.day is not None
        return cls(run.frames, (run.key, run.day), complete, recorded)

    def of_phase(self, phase: str) -> Frames:
        """Those that belong to "training" or to "pretraining"."""
        own = (frame for frame in self if frame.phase == phase)
        return Frames(own, (self.key, phase), self.complete, self.recorded)

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, place: int) -> Any: ...  # noqa: ANN401 — whatever the job yields
    @overload
    def __getitem__(self, place: slice) -> Sequence[Any]: ...
    def __getitem__(self, place: int | slice) -> Any:
        return self._frames[place]

    def identity(self) -> tuple[Hashable, int, bool]:
        """What tells them from all others."""
        return (self.key, len(self), self.complete)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frames) and self.identity() == other.identity()

    def __hash__(self) -> int:
        return hash(self.identity())


DrawFrames = Callable[[Frames], None]


def live_run(
    key: str,
    arms: Mapping[str, Recipe],
    seeds: int,
    draw: DrawFrames,
    join: bool = False,
    follow: bool = False,
    histograms: bool = False,
) -> Run | None:
    """A race of `arms` that opens as it was recorded and can be trained live; the run shown.

    `draw(frames)` is called with what was measured: all of it if the run is recorded or has ended,
    what there is a few times a second while it lasts, and nothing if it has never been run.
    `seeds` is the number of replicas of each arm. With `join` the figure shows a race that another
    figure of the page starts, and has no buttons of its own. With `follow` a change of the controls
    trains anew, once the visitor has pressed Train, and what somebody has trained already is shown
    at once. With `histograms` they are measured, too.
    """
    shift, arms = seed_control(), shifted(arms)
    if follow and _other_settings(key, arms):
        _request_start(key)
    return live_job(
        key,
        runs.race_job(arms, seeds, histograms),
        draw=lambda frames: draw(frames.of_phase("training")),
        another_seed=lambda: controls.set_all({shift: shift.value + seeds}),
        join=join,
        known=follow,
    )


def live_job(
    key: str,
    job: Job,
    draw: DrawFrames,
    another_seed: Callable[[], None] | None = None,
    join: bool = False,
    known: bool = False,
) -> Run | None:
    """As `live_run`, for any background job; a finished one that is `known` is shown at once."""
    # A figure that is shown alone has no other one on its page that could start the run.
    join = join and single_figure() is None
    JOBS[job.key] = job
    if len(JOBS) > _REMEMBERED:
        JOBS.pop(next(iter(JOBS)))
    if join:
        _noted(_JOINED)[key] = job.key
        run = runs.found(job)
    else:
        _take_along(key, job)
        run = _watched(key, job) or (_finished(job) if known else None)
        if st.session_state.pop(f"{key}_start", False):
            run = _start(key, job)
    if run is not None and run.state not in runs.ENDED:
        pace = _pace(run)
        # A run that no figure of this page has started ends only where it is watched.
        every = pace.along if join and _is_led(run) else pace.interval
        st.fragment(_watch, run_every=every)(run, draw, stage.current(), pace)
    else:
        # A fragment is a container: with one here too, what follows keeps its place when a run
        # starts. Otherwise it is sometimes seen twice.
        with st.container():
            _show(run, draw, quiet=join)
    if not join:
        _buttons(key, run, another_seed)
    return run


def _take_along(key: str, job: Job) -> None:
    """Draw the page again if others of its figures still show the run that this one showed.

    A figure that is touched reruns alone, and its controls choose their run too.
    """
    drawn = _noted(_DRAWN)
    earlier, drawn[key] = drawn.get(key, job.key), job.key
    if earlier != job.key and earlier in _noted(_JOINED).values():
        st.rerun()


def _noted(name: str) -> dict[str, Hashable]:
    """What figures of this page have noted under `name`; of another page nothing is left."""
    page, noted = st.session_state.get(name, (None, {}))
    if page != controls.page():
        noted = {}
    st.session_state[name] = (controls.page(), noted)
    return noted


def _watched(key: str, job: Job) -> Run | None:
    """The run that the visitor watches here, or else the one with which the figure opens."""
    known, run = st.session_state.get(_slot(key), (None, None))
    if known == job.key:
        return run
    _leave(run)
    return runs.recorded(job)


def _finished(job: Job) -> Run | None:
    """The run of `job` that somebody has waited for, as after a reload of the page."""
    run = runs.known(job)
    return run if run is not None and run.state == "finished" else None


def _start(key: str, job: Job) -> Run:
    """Start or join the run, and draw the page again: other figures may show the same run.

    In a crowd they show it once it has ended, which costs the server one page less.
    """
    run = runs.start_job(job, visitor())
    run.wait(_FIRST_FRAME)
    st.session_state[_slot(key)] = (job.key, run)
    if run.state in runs.ENDED or not _is_crowded():
        st.rerun()
    return run


def ended(frames: Frames) -> bool:
    """Whether these frames are all that there will be, and there are some."""
    return frames.complete and bool(frames)


def show_events(frames: Frames, names: Mapping[str, str]) -> None:
    """Name the zeros and overflows of a run that has ended: of each arm and kind the first.

    `names` maps arms to what they are called on the page. The lines stand beside the picture where
    there is room, so that nothing moves when they come; several stand behind a button, so that
    they do not make the figure higher than the window.
    """
    lines = _event_lines(frames, tuple(names.items())) if ended(frames) else []
    if not lines:
        return
    figure = stage.current()
    place = figure.actions if figure is not None and figure.actions else st.container()
    # Not to be seen while it would answer a question: see questions.css.
    with place, st.container(key=f"events_{figure.name}" if figure else None):
        if len(lines) == 1:
            st.caption(lines[0])
            return
        label = t("Zeros and overflows ({n})", "归零与上溢（{n}）", n=len(lines))
        with st.popover(label, width="stretch"):
            for line in lines:
                st.caption(line)


@made_once
def _event_lines(frames: Frames, names: tuple[tuple[str, str], ...]) -> list[str]:
    first = {}
    for frame in frames:
        for event in frame.events:
            first.setdefault((frame.arm, event.kind), event)
    lines = []
    for (arm, kind), event in first.items():
        icon = ":material/trending_up:" if kind == "overflow" else ":material/trending_down:"
        lines.append(f"{icon} **{dict(names)[arm]}**: {event.sentence()}")
    return lines


def _buttons(key: str, run: Run | None, another_seed: Callable[[], None] | None) -> None:
    busy = run is not None and run.state not in runs.ENDED
    figure = stage.current()
    place = figure.actions if figure is not None and figure.actions else st.container()
    if figure is not None and another_seed is not None:
        figure.can_change_seed = True
    with place:
        with st.container(horizontal=True, gap="xsmall", key=f"{key}_buttons"):
            if busy:
                _stop_button(key)
            else:
                _train_button(key)
            if another_seed is not None and not controls.hidden(SEED):
                _seed_button(key, busy, another_seed)
        if run is not None and run.day is not None:
            day = run.day.isoformat()
            st.caption(f":material/history: {t('Recorded on {day}', '录制于 {day}', day=day)}")


def _train_button(key: str) -> None:
    st.button(
        t("Train it live", "现场训练"),
        key=f"{key}_train",
        type="primary",
        icon=":material/model_training:",
        help=t("Train these networks now, on the server.", "立即在服务器上训练这些网络。"),
        on_click=_request_start,
        args=(key,),
    )


def _stop_button(key: str) -> None:
    st.button(
        t("Stop", "停止"),
        key=f"{key}_stop",
        icon=":material/stop:",
        help=t("Stop here and keep what was measured.", "就此停下，保留已测得的结果。"),
        on_click=_stop,
        args=(key,),
    )


def _seed_button(key: str, busy: bool, another_seed: Callable[[], None]) -> None:
    st.button(
        t("New seed", "换个种子"),
        key=f"{key}_seed_button",
        icon=":material/casino:",
        disabled=busy,
        help=t(
            "Train again from other random weights and batches.",
            "换一组随机初始权重和批次，再训练一遍。",
        ),
        on_click=_start_again,
        args=(key, another_seed),
    )


@dataclass(frozen=True)
class _Pace:
    """How often a run is drawn: seconds between two pictures where it was started, and elsewhere.

    None is only when the page is drawn, as at the end of the run.
    """

    interval: float
    along: float | None

    def is_about(self, other: _Pace) -> bool:
        """Whether a change from one to the other is not worth drawing the page again."""
        as_fast = 1 / _CHANGED <= self.interval / other.interval <= _CHANGED
        return as_fast and (self.along is None) == (other.along is None)


def _pace(run: Run) -> _Pace:
    """How often `run` is drawn at present: less often while it waits, or while many watch."""
    waits, crowd = run.state == "queued", _crowd()
    slowest = min(_PATIENT, _SLOWEST + _FOR_EACH_AHEAD * run.ahead())
    interval = min(slowest, (_WAITING if waits else _INTERVAL) * max(1.0, crowd))
    # Each figure costs the server as much as another visitor.
    return _Pace(interval, None if waits or _is_crowded() else interval)


def _crowd() -> float:
    """How many times as many people watch runs as can be served at full speed."""
    return runs.watchers() / _AT_FULL_SPEED


def _is_crowded() -> bool:
    return _crowd() > _CROWDED


def _is_led(run: Run) -> bool:
    """Whether the visitor has started `run` in a figure of a page, which then draws it anew."""
    slots = (slot for name, slot in st.session_state.items() if str(name).endswith(_WATCHED))
    return any(slot[1] is run for slot in slots)


def _watch(run: Run, draw: DrawFrames, figure: Stage | None, pace: _Pace) -> None:
    use_visitors_language()
    run.seen_by(visitor())
    if run.state in runs.ENDED or not _pace(run).is_about(pace):
        # Only a rerun of the page ends the polling, or changes its interval: a fragment cannot
        # rerun the one around it.
        st.rerun()
    with stage.on(figure):
        _show(run, draw)


def _show(run: Run | None, draw: DrawFrames, quiet: bool = False) -> None:
    """The picture, and below it how the run is doing."""
    draw(Frames.of_run(run))
    if run is None:
        text = t("Not run yet: train it live.", "尚未运行：请现场训练。")
        elsewhere = t(
            "Not run yet: train it in the figure with the controls.",
            "尚未运行：请在带控件的图中训练。",
        )
        st.progress(0.0, elsewhere if quiet else text)
    elif run.state == "failed":
        st.error(t("The run failed: {error}", "训练失败：{error}", error=plain(run.error, 300)))
    elif run.day is None and not quiet:
        st.progress(run.progress, _status(run))


def _status(run: Run) -> str:
    percent = f"{run.progress:.0%}"
    match run.state:
        case "queued":
            ahead = run.ahead()
            return t("Waiting: {n} runs are ahead", "排队中：前面还有 {n} 个任务", n=ahead)
        case "finished":
            return t("Finished", "训练完成")
        case "cancelled":
            return t("Stopped at {percent}", "已在 {percent} 处停止", percent=percent)
        case _ if run.phase == "":
            # The first run on a server waits for PyTorch, which takes seconds to load.
            return t("Starting…", "正在启动……")
        case _ if run.phase == "pretraining":
            return t("Pre-training: {percent}", "预训练中：{percent}", percent=percent)
        case _:
            return t("Training: {percent}", "训练中：{percent}", percent=percent)


def _slot(key: str) -> str:
    """Where the session keeps the job that the visitor watches, with what was asked for."""
    return f"{key}{_WATCHED}"


def _other_settings(key: str, arms: Mapping[str, Recipe]) -> bool:
    """Whether the visitor watches a race of the same arms with other recipes."""
    asked, _ = st.session_state.get(_slot(key), (None, None))
    watched = dict(asked[0]) if asked is not None else {}
    return list(watched) == list(arms) and watched != arms


def _request_start(key: str) -> None:
    st.session_state[f"{key}_start"] = True


def _start_again(key: str, another_seed: Callable[[], None]) -> None:
    another_seed()
    _request_start(key)


def _leave(run: Run | None) -> None:
    if run is not None:
        run.cancel(visitor())


def _stop(key: str) -> None:
    """Stop the run: for this visitor at once, though it ends when its next frame is due, or later.

    It goes on if others watch it.
    """
    asked, run = st.session_state[_slot(key)]
    run.cancel(visitor())
    if run.state not in runs.ENDED:
        st.session_state[_slot(key)] = (asked, run.as_left())


def visitor() -> str:
    """A name for this session, so that a shared run stops only when nobody wants it any more."""
    return st.session_state.setdefault("visitor", uuid.uuid4().hex)


def shifted(arms: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """The `arms` with the seeds to which the visitor has moved on."""
    shift = seed_control().value
    return {name: replace(recipe, seed=recipe.seed + shift) for name, recipe in arms.items()}


def seed_control() -> Number[int]:
    """How far the visitor has moved on from the recipes' own seeds; no widget shows it."""
    high = int(RANGES["seed"][1]) // 2
    return controls.number(SEED, t("Seed", "种子"), low=0, high=high, default=0, step=1, help="")
