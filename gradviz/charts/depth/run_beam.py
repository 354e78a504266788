"""A run as a beam: what arrives at each layer of one network, at the step that the slider says."""

from __future__ import annotations

import altair as alt
import pandas as pd

from gradviz.charts.beam import HEIGHT, BeamLook, beam_frame, beam_layers
from gradviz.charts.parts.handles import REPLAY, RUN, at_step, replay_slider
from gradviz.charts.parts.marks import column, sized
from gradviz.charts.parts.spec import Spec, built_once
from gradviz.charts.parts.summary import Track, hidden, latest, run_key, track_of, with_until
from gradviz.language import t


def run_beam(history: pd.DataFrame, depth: int, ended: bool) -> Spec:
    """The signal δ of one arm with `depth` hidden layers as a beam, as a Vega-Lite spec.

    `history` is that of `engine.history` for this arm; a layer has the median of the seeds. With
    `ended` the reader can scrub through the run, else its latest step is shown.
    """
    signals = hidden(history[history["quantity"] == "delta"])
    levels = signals.groupby(["arm", "step", "layer"])["value"].median().reset_index()
    track = track_of(levels["step"]) if ended else None
    rows = with_until(levels) if track else latest(levels)
    picture = _picture(depth, track)
    if track is not None:
        picture = picture.opening(**{REPLAY: track.last, RUN: run_key(levels)})
    return picture.with_data(beam=beam_frame(rows))


@built_once
def _picture(depth: int, track: Track | None) -> alt.VConcatChart:
    """The picture without its data."""
    rows = alt.Chart(alt.NamedData("beam"))
    beam = beam_layers(at_step(rows) if track else rows, BeamLook(depth))
    return column(
        sized(beam, HEIGHT),
        spacing=0,
        params=replay_slider(track) if track else (),
        description=t(
            "The signal that arrives at each of {depth} layers, as a beam from the loss back to "
            "the input that is as wide as the signal's power of ten",
            "传到 {depth} 层中每一层的误差信号，画成从损失回到输入的一束光，宽度表示数量级",
            depth=depth,
        ),
    )
