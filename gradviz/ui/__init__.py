"""The frame of the app: pages, lessons, figures, controls, live runs. Only here is Streamlit.

A page imports this package as `from gradviz import ui`.
"""

from gradviz.charts.layers import Asked
from gradviz.charts.replay import AskedEnd
from gradviz.runs import Job
from gradviz.ui.ask import ask
from gradviz.ui.cards import progress, thumbnail, tick
from gradviz.ui.chrome import heading, lesson_link, open_page, single_figure
from gradviz.ui.controls import (
    activation_choice,
    choice,
    number,
    opening,
    set_all,
    steps,
    switch,
)
from gradviz.ui.distributions import race_histograms
from gradviz.ui.landing import landing_picture, trained_landing_picture
from gradviz.ui.lesson import (
    Figure,
    Lesson,
    Preset,
    complain_of_hidden,
    show_figure,
    unknown_figure,
)
from gradviz.ui.live import Frames, ended, live_job, live_run, show_events
from gradviz.ui.made_once import made_once
from gradviz.ui.measured import expected_profile, measured
from gradviz.ui.microscope import decision_surfaces, layer_microscope
from gradviz.ui.picture import picture
from gradviz.ui.race import (
    SEEDS,
    ends_in_words,
    kept_in_words,
    kept_signals,
    quantity_choice,
    race,
)
from gradviz.ui.remedy import remedy
from gradviz.ui.words import words_of

__all__ = [
    "SEEDS",
    "Asked",
    "AskedEnd",
    "Figure",
    "Frames",
    "Job",
    "Lesson",
    "Preset",
    "activation_choice",
    "ask",
    "choice",
    "complain_of_hidden",
    "decision_surfaces",
    "ended",
    "ends_in_words",
    "expected_profile",
    "heading",
    "kept_in_words",
    "kept_signals",
    "landing_picture",
    "layer_microscope",
    "lesson_link",
    "live_job",
    "live_run",
    "made_once",
    "measured",
    "number",
    "open_page",
    "opening",
    "picture",
    "progress",
    "quantity_choice",
    "race",
    "race_histograms",
    "remedy",
    "set_all",
    "show_events",
    "show_figure",
    "single_figure",
    "steps",
    "switch",
    "thumbnail",
    "tick",
    "trained_landing_picture",
    "unknown_figure",
    "words_of",
]
