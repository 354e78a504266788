"""The picture of the bowl: its minima, what goes through them, and what is covered."""

import re

import numpy as np
import pytest
import vl_convert
from pictures import VEGA_LITE, with_records, words_in

from gradviz.charts.parts.palette import COLORS
from gradviz.charts.parts.spec import opened, written
from gradviz.charts.regularization.bowl import (
    CENTER,
    CURVATURE,
    MOST,
    PENALTIES,
    STEP,
    bowl,
    minima,
)
from gradviz.theory.penalized import penalized_minimum


def drawn(strength, revealed=1, width=800):
    """The picture as SVG."""
    spec = with_records(opened(written(bowl(strength)), {"revealed": revealed}))
    spec = {**spec, "config": {**spec["config"], "view": {"continuousWidth": width}}}
    return vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)


def points_of(svg, color, width="2.5"):
    """The ends of the lines of a color and a width."""
    paths = re.findall(rf'd="([^"]*)"[^>]*stroke="{color}"[^>]*stroke-width="{width}"', svg)
    return [np.array(re.findall(r"(-?[0-9.]+),(-?[0-9.]+)", path), dtype=float) for path in paths]


def test_the_minima_are_those_of_every_strength_of_the_slider():
    table = minima()
    assert sorted(table["penalty"].unique()) == sorted(PENALTIES)
    for penalty, rows in table.groupby("penalty"):
        assert rows["strength"].tolist() == pytest.approx(np.arange(0, MOST + STEP / 2, STEP))
        for row in rows.itertuples():
            found = penalized_minimum(CURVATURE, CENTER, row.strength, penalty)
            assert (row.w1, row.w2) == pytest.approx(tuple(found))
    l1, l2 = (table[table["penalty"] == penalty] for penalty in PENALTIES)
    # As far as the slider goes L1 takes one weight to 0 and then the other, and L2 neither.
    assert 0 < (l1["w2"] == 0).sum() > (l1["w1"] == 0).sum() > 0
    assert (l2[["w1", "w2"]] > 0.2).all().all()


@pytest.mark.parametrize(
    ("strength", "words"),
    [
        (0.0, ["● L1: w₁ 2.40, w₂ 1.00", "● L2: w₁ 2.40, w₂ 1.00"]),
        (1.6, ["● L1: w₁ 1.20, w₂ exactly 0", "● L2: w₁ 0.63, w₂ 0.41"]),
        (3.2, ["● L1: w₁ exactly 0, w₂ exactly 0", "● L2: w₁ 0.37, w₂ 0.25"]),
    ],
)
def test_the_words_tell_the_weights_at_the_minimum(strength, words):
    found = [text for text in words_in(bowl(strength), revealed=1) if text.startswith("●")]
    assert found == words


def test_before_the_answer_both_minima_stand_where_the_loss_has_its_own():
    assert [text for text in words_in(bowl()) if text.startswith("●")] == ["● L1", "● L2"]
    covered, bare, shown = drawn(1.6, revealed=0), drawn(0.0), drawn(1.6)
    for penalty in PENALTIES:
        own, other = (points_of(svg, COLORS[penalty])[0] for svg in (covered, bare))
        there = points_of(shown, COLORS[penalty])[0]
        # To some pixels: the lines below them take a little room of their own.
        assert own == pytest.approx(other, abs=4)
        assert np.ptp(own, axis=0)[1] > np.ptp(there, axis=0)[1] + 40


@pytest.mark.parametrize("guess", [0, 1, 2])
def test_the_guess_is_named_beside_its_penalty(guess):
    lines = [text for text in words_in(bowl(), guess=guess) if text.startswith("●")]
    yours = [line.endswith("← your guess") for line in lines]
    assert yours == [guess in (0, 2), guess in (1, 2)]


def test_the_circle_is_round_and_the_diamond_has_its_corners_on_the_axes():
    svg = drawn(1.6)
    circle, diamond = (points_of(svg, COLORS[penalty])[0] for penalty in ("l2", "l1"))
    across, upward = np.ptp(circle, axis=0)
    assert across == pytest.approx(upward, rel=0.01)
    across, upward = np.ptp(diamond, axis=0)
    assert across == pytest.approx(upward, rel=0.01)
    edges = np.abs(diamond - diamond.mean(axis=0)).sum(axis=1)
    assert edges == pytest.approx(np.full(len(edges), across / 2), rel=0.03)
    radius, reach = np.ptp(circle, axis=0)[0] / 2, across / 2
    l2, l1 = (penalized_minimum(CURVATURE, CENTER, 1.6, penalty) for penalty in ("l2", "l1"))
    assert radius / reach == pytest.approx(np.linalg.norm(l2) / np.abs(l1).sum(), rel=0.01)


@pytest.mark.parametrize("strength", [-0.1, 9.0, float("nan")])
def test_a_strength_that_the_slider_does_not_reach_is_named(strength):
    with pytest.raises(ValueError, match="strength"):
        bowl(strength)
