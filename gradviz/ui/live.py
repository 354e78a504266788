"""A training run that the visitor starts, watches, stops and repeats.

The training itself happens in `gradviz.runs`, in the background and shared; here it is only
watched. The picture is drawn by the page, from whatever frames there are.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

import streamlit as st

from gradviz import runs
from gradviz.language import t
from gradviz.recipe import RANGES, Recipe, replace
from gradviz.runs import Job, Run
from gradviz.ui import controls
from gradviz.ui.address import plain
from gradviz.ui.controls import Number
from gradviz.ui.speech import use_visitors_language

# Seconds between two pictures. Much less starves the browser: it draws fewer pictures, not more.
_INTERVAL = 0.25

# Seconds to wait after a start, so that the first picture already shows a measurement.
_FIRST_FRAME = 0.05

Frames = list  # of gradviz.engine.train.Snapshot, which would import torch
DrawFrames = Callable[[Frames], None]


def live_run(
    key: str,
    arms: Mapping[str, Recipe],
    seeds: int,
    draw: DrawFrames,
    join: bool = False,
    follow: bool = False,
) -> Run | None:
    """Buttons, progress and picture of a race of `arms`; returns the run once one was started.

    `draw(frames)` is called with the frames so far: none before the start, then a few times a
    second, and all of them at the end. `seeds` is the number of replicas of each arm. With `join`
    a race that somebody else has run, such as the figure above, is shown without being asked for.
    With `follow` a change of the controls trains anew, once the visitor has pressed Train.
    """
    shift = seed_control()
    arms = {name: replace(recipe, seed=recipe.seed + shift.value) for name, recipe in arms.items()}
    job = runs.race_job(arms, seeds)
    if (join and runs.known(job.key)) or (follow and _other_settings(key, arms)):
        _request_start(key)
    return live_job(
        key,
        job,
        draw=lambda frames: draw([frame for frame in frames if frame.phase == "training"]),
        another_seed=lambda: controls.set_all({shift: shift.value + seeds}),
    )


def live_job(
    key: str,
    job: Job,
    draw: DrawFrames,
    another_seed: Callable[[], None] | None = None,
) -> Run | None:
    """As `live_run`, for any background job."""
    slot = _slot(key)
    known, run = st.session_state.get(slot, (None, None))
    if known != job.key:
        _leave(run)
        run = None
    if st.session_state.pop(f"{key}_start", False):
        run = runs.start_job(job, visitor())
        run.wait(_FIRST_FRAME)
        st.session_state[slot] = (job.key, run)
    _buttons(key, run, another_seed)
    if run is not None and run.state not in runs.ENDED:
        st.fragment(_watch, run_every=_INTERVAL)(run, draw)
    else:
        # A fragment is a container: with one here too, what follows keeps its place when a run
        # starts. Otherwise it is sometimes seen twice.
        with st.container():
            _show(run, draw)
    return run


def ended(frames: Frames) -> bool:
    """Whether every arm of these frames has come to its end, or there is none."""
    last = {frame.arm: frame.status for frame in frames}
    return bool(last) and "running" not in last.values()


def show_events(frames: Frames, names: Mapping[str, str]) -> None:
    """Name the zeros and overflows of a run: for each arm and kind the first, with layer and step.

    `names` maps arms to what they are called on the page.
    """
    first = {}
    for frame in frames:
        for event in frame.events:
            first.setdefault((frame.arm, event.kind), event)
    for (arm, kind), event in first.items():
        icon = ":material/trending_up:" if kind == "overflow" else ":material/trending_down:"
        st.caption(f"{icon} **{names[arm]}**: {event.sentence()}")


def _buttons(key: str, run: Run | None, another_seed: Callable[[], None] | None) -> None:
    busy = run is not None and run.state not in runs.ENDED
    with st.container(horizontal=True, gap="small"):
        st.button(
            t("Train", "开始训练"),
            key=f"{key}_train",
            type="primary",
            icon=":material/play_arrow:",
            disabled=busy,
            help=t("Train these networks now, on the server.", "立即在服务器上训练这些网络。"),
            on_click=_request_start,
            args=(key,),
        )
        st.button(
            t("Stop", "停止"),
            key=f"{key}_stop",
            icon=":material/stop:",
            disabled=not busy,
            help=t("Stop here and keep what was measured.", "就此停下，保留已测得的结果。"),
            on_click=_leave,
            args=(run,),
        )
        if another_seed is not None:
            st.button(
                t("Another seed", "换一个种子"),
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


def _watch(run: Run, draw: DrawFrames) -> None:
    use_visitors_language()
    if run.state in runs.ENDED:
        # Only a rerun of the page ends the polling: a fragment cannot rerun the one around it.
        st.rerun()
    _show(run, draw)


def _show(run: Run | None, draw: DrawFrames) -> None:
    if run is None:
        st.progress(0.0, t("Nothing is trained yet: press Train.", "尚未训练：请按“开始训练”。"))
    elif run.state == "failed":
        st.error(t("The run failed: {error}", "训练失败：{error}", error=plain(run.error, 300)))
    else:
        st.progress(run.progress, _status(run))
    draw(run.frames if run is not None else [])


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
        case _ if run.phase == "pretraining":
            return t("Pre-training: {percent}", "预训练中：{percent}", percent=percent)
        case _:
            return t("Training: {percent}", "训练中：{percent}", percent=percent)


def _slot(key: str) -> str:
    """Where the session keeps the job that the visitor watches, with what was asked for."""
    return f"{key}_watched"


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


def visitor() -> str:
    """A name for this session, so that a shared run stops only when nobody wants it any more."""
    return st.session_state.setdefault("visitor", uuid.uuid4().hex)


def seed_control() -> Number[int]:
    """How far the visitor has moved on from the recipes' own seeds."""
    return controls.opening("seed", low=0, high=int(RANGES["seed"][1]) // 2, default=0)
