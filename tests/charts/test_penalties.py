"""The formulas of the picture of L1 and L2 are those of gradient descent."""

import math

import pytest
import torch

from gradviz.charts.regularization.penalties import FOOT, KINDS, MOST, STEPS, penalties


def evaluated(spec, view, **parameters):
    """What the lines of a view show: kind -> the height over its rows, with the rows."""
    known = {"abs": abs, "floor": math.floor, "pow": pow, "max": max, "min": min, **parameters}
    rows, heights = None, {}
    for layer, data in lines_of(spec["vconcat"][view]):
        expressions = {s["as"]: s["calculate"] for s in layer["transform"] if "as" in s}
        expression = expressions["height"].replace("datum.", "")
        rows = spec["datasets"][data["name"]]
        heights[expressions["kind"].strip("'")] = [eval(expression, known | row) for row in rows]
    return rows, heights


def lines_of(view, data=None):
    """The computed lines of a view, each with its data, which Altair may state once for all.

    The points on them have the same data, and are left out.
    """
    for layer in view["layer"]:
        own = layer.get("data", view.get("data", data))
        if "layer" in layer:
            yield from lines_of(layer, own)
        elif "transform" in layer and layer["mark"]["type"] == "line":
            yield layer, own


def descended(kind, start, rate, steps):
    """What torch's SGD makes of a weight under the penalty alone, strength 1."""
    weight = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    descent = torch.optim.SGD([weight], lr=rate)
    found = [weight.item()]
    for _ in range(steps):
        descent.zero_grad()
        (weight.square() if kind == "l2" else weight.abs()).backward()
        descent.step()
        found.append(weight.item())
    return found


@pytest.mark.parametrize(("shrink", "start"), [(0.16, 1.5), (0.07, 0.9), (0.19, 2.0)])
def test_many_steps_are_those_of_sgd_and_of_the_soft_threshold(shrink, start):
    _, drawn = evaluated(penalties(shrink, start).to_dict(), 3, shrink=shrink, start=start)
    for kind in ("l1", "l2"):
        assert drawn[kind] == pytest.approx(descended(kind, start, shrink, STEPS), abs=1e-6)
    soft = torch.tensor(start, dtype=torch.float64)
    for height in drawn["soft"]:
        assert height == pytest.approx(soft.item(), abs=1e-9)
        soft = torch.nn.functional.softshrink(soft, shrink)


def test_what_a_step_takes_away_is_what_sgd_takes():
    rows, drawn = evaluated(penalties(0.2, 1.0).to_dict(), 2, shrink=0.2)
    assert set(drawn) == {"l1", "l2"}
    for place in range(0, len(rows), 7):
        w = rows[place]["w"]
        for kind, taken in drawn.items():
            assert w - taken[place] == pytest.approx(descended(kind, w, 0.2, 1)[1])


def test_the_penalties_are_square_and_absolute_value():
    rows, drawn = evaluated(penalties().to_dict(), 1)
    for row, square, size in zip(rows, drawn["l2"], drawn["l1"], strict=True):
        assert square == pytest.approx(row["w"] ** 2)
        assert size == abs(row["w"])


@pytest.mark.parametrize("options", [{"shrink": 0.5}, {"start": -1.0}])
def test_the_picture_names_a_bad_value(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        penalties(**options)


def many_steps():
    return penalties().to_dict()["vconcat"][3]["layer"]


def test_the_last_picture_tells_its_values():
    hovered = [layer for layer in many_steps() if "tooltip" in layer.get("encoding", {})]
    assert len(hovered) == len(KINDS)
    for layer in hovered:
        assert [line["field"] for line in layer["encoding"]["tooltip"]] == ["called", "k", "height"]


def test_zero_stands_at_the_foot_and_what_l2_leaves_does_not():
    levels = {}
    for layer in many_steps():
        if layer["mark"]["type"] == "line":
            expressions = {s["as"]: s["calculate"] for s in layer["transform"] if "as" in s}
            levels[expressions["kind"].strip("'")] = expressions["level"]
    assert levels == {
        "l2": "abs(datum.height)",
        "soft": f"max(abs(datum.height), {FOOT})",
        "l1": f"max(abs(datum.height), {FOOT})",
    }
    left = penalties().to_dict()
    _, drawn = evaluated(left, 3, shrink=MOST, start=2.0)
    assert min(drawn["l2"]) > FOOT and drawn["soft"][-1] == 0


@pytest.mark.parametrize(("shrink", "start"), [(0.11, 1.5), (0.1, 1.5), (0.15, 1.5), (0.01, 2.0)])
def test_the_words_name_the_step_from_which_on_nothing_is_left(shrink, start):
    spec = penalties(shrink, start).to_dict()
    _, drawn = evaluated(spec, 3, shrink=shrink, start=start)
    first = next((k for k, height in enumerate(drawn["soft"]) if height < 1e-12), None)
    words = spec["vconcat"][0]["layer"][1]["transform"][0]["calculate"]
    arrives = words[words.index("ceil(") : words.index(f" <= {STEPS}")]
    step = eval(arrives, {"ceil": math.ceil, "max": max, "shrink": shrink, "start": start})
    assert step == first if first is not None else step > STEPS
