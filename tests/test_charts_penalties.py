"""The formulas of the picture of L1 and L2 are those of gradient descent."""

import math

import pytest
import torch

from gradviz.charts.penalties import STEPS, penalties


def evaluated(spec, view, **parameters):
    """The rows of a view, each with the values that its Vega expressions give it."""
    layers = spec["vconcat"][view].get("layer", [spec["vconcat"][view]])
    drawn = next(layer for layer in layers if "transform" in layer)
    rows = spec["datasets"][drawn["data"]["name"]]
    known = {"abs": abs, "floor": math.floor, "pow": pow, "max": max, "min": min, **parameters}
    for row in rows:
        for step in drawn["transform"]:
            if "calculate" in step:
                expression = step["calculate"].replace("datum.", "")
                row[step["as"]] = eval(expression, known | row)
    return rows


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


@pytest.mark.parametrize(("shrink", "start"), [(0.16, 1.5), (0.07, 0.9), (0.35, 2.0)])
def test_many_steps_are_those_of_sgd_and_of_the_soft_threshold(shrink, start):
    rows = evaluated(penalties(shrink, start).to_dict(), 2, shrink=shrink, start=start)
    for kind in ("l1", "l2"):
        drawn = [row[kind] for row in rows]
        assert drawn == pytest.approx(descended(kind, start, shrink, STEPS), abs=1e-6)
    soft = torch.tensor(start, dtype=torch.float64)
    for row in rows:
        assert row["soft"] == pytest.approx(soft.item(), abs=1e-9)
        soft = torch.nn.functional.softshrink(soft, shrink)


def test_one_step_is_that_of_sgd_for_every_weight():
    for row in evaluated(penalties(0.2, 1.0).to_dict(), 1, shrink=0.2)[::7]:
        for kind in ("l1", "l2"):
            assert row[kind] == pytest.approx(descended(kind, row["w"], 0.2, 1)[1])
        soft = torch.nn.functional.softshrink(torch.tensor(row["w"]), 0.2)
        assert row["soft"] == pytest.approx(soft.item(), abs=1e-6)


def test_the_penalties_are_square_and_absolute_value():
    for row in evaluated(penalties().to_dict(), 0):
        assert row["l2"] == pytest.approx(row["w"] ** 2)
        assert row["l1"] == abs(row["w"])


@pytest.mark.parametrize("options", [{"shrink": 0.5}, {"start": -1.0}])
def test_the_picture_names_a_bad_value(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        penalties(**options)
