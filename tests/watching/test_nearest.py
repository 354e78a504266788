"""From a watched network to the lab: the nearest recipe, and all that it leaves out by name."""

from urllib.parse import parse_qsl, urlsplit

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gradviz import language
from gradviz.bench import NAMES, read_arm
from gradviz.engine.network import build, export
from gradviz.recipe import Recipe, replace
from gradviz.watching.nearest import LEFT_OUT
from gradviz.watching.record import Record
from gradviz.watching.watch import watch

pytestmark = pytest.mark.usefixtures("one_core")
ALWAYS = {"data", "batch_size", "distribution"}


def record_of(model, x, optimizer=None, steps=1):
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    with watch(model, optimizer, every=1) as record:
        for _ in range(steps):
            optimizer.zero_grad()
            out = model(x)
            out = out[0] if isinstance(out, tuple) else out
            F.cross_entropy(out.flatten(1), torch.zeros(len(x), dtype=torch.long)).backward()
            optimizer.step()
    return record


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(depth=5, width=300),
        Recipe(depth=3, width=300, activation="tanh", gain=1.5),
        Recipe(depth=4, width=300, activation="relu", norm="batch"),
        Recipe(depth=4, width=300, activation="gelu", norm="layer"),
    ],
    ids=["sigmoid", "tanh", "batchnorm", "layernorm"],
)
def test_a_network_of_the_lab_is_its_own_nearest_recipe(recipe):
    record = record_of(export(build(recipe)), torch.randn(32, 64), steps=4)
    found = record.nearest()
    same = replace(recipe, gain=found.recipe.gain, steps=3)
    assert found.recipe == same and set(found.left_out) <= ALWAYS
    usual = {"sigmoid": 1.0, "tanh": 1.5, "relu": 2**0.5, "gelu": found.recipe.gain}
    assert found.recipe.gain == pytest.approx(usual[recipe.activation], rel=0.02)


def test_the_link_opens_that_recipe_alone():
    record = record_of(export(build(Recipe(depth=3, width=20))), torch.randn(8, 64), steps=3)
    link = urlsplit(record.lab_link("https://example.org/lab"))
    query = dict(parse_qsl(link.query))
    assert (link.netloc, link.path) == ("example.org", "/lab")
    assert read_arm(query, "a") == (record.nearest().recipe, [])
    assert [read_arm(query, name)[0] for name in NAMES[1:]] == [None] * 3


class Odd(nn.Module):
    """Convolutions of unlike widths, two activations, a shortcut, a norm and an embedding."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(4, 3)
        self.first, self.second = nn.Conv1d(3, 6, 1), nn.Conv1d(6, 6, 1)
        self.third, self.last = nn.Conv1d(6, 9, 1), nn.Linear(9, 4)
        self.norm = nn.GroupNorm(1, 9)

    def forward(self, x):
        h = torch.tanh(self.first(self.table(x).transpose(1, 2)))
        h = h + torch.tanh(self.second(h))
        return self.last(torch.relu(self.norm(self.third(h))).mean(2))


def test_all_that_the_lab_has_not_is_named():
    model = Odd()
    groups = [{"params": model.first.parameters(), "lr": 0.1}, {"params": model.last.parameters()}]
    optimizer = torch.optim.RMSprop(groups, lr=0.01)
    found = record_of(model, torch.randint(4, (5, 7)), optimizer).nearest()
    named = {"convolution", "width", "norm", "optimizer", "groups", "layers"}
    named |= {"between", "activation"}
    assert named <= set(found.left_out)
    assert (found.recipe.depth, found.recipe.width, found.recipe.optimizer) == (3, 6, "sgd")
    assert found.left_out["layers"] == "Embedding" and found.left_out["norm"] == "GroupNorm"
    assert found.left_out["optimizer"] == "RMSprop" and found.left_out["groups"] == "0.1, 0.01"


def test_what_stands_between_layers_is_named():
    recipe = Recipe(depth=4, width=20, residual=True)
    left = record_of(export(build(recipe)), torch.randn(8, 64)).nearest().left_out
    assert left["between"] and left["activation"] == "sigmoid, linear"


def test_without_layers_alike_it_is_the_standard_recipe_and_says_so():
    record = record_of(nn.LSTM(3, 4), torch.randn(6, 2, 3))
    found = record.nearest()
    assert {"dense", "layers"} <= set(found.left_out) and found.left_out["layers"] == "LSTM"
    assert found.recipe.depth == Recipe().depth


def test_weights_of_unlike_scale_are_named():
    model = export(build(Recipe(depth=3, width=50)))
    with torch.no_grad():
        model[2].weight.mul_(3)
    found = record_of(model, torch.randn(8, 64)).nearest()
    low, high = map(float, found.left_out["scale"].split("–"))
    assert low == pytest.approx(1, abs=0.1) and high == pytest.approx(3, abs=0.2)
    assert found.recipe.gain == pytest.approx(3 ** (1 / 3), rel=0.05)


def test_a_long_run_is_shortened_and_that_is_said():
    record = record_of(export(build(Recipe(depth=2, width=8))), torch.randn(8, 64))
    long = record.nearest().of_steps(5000)
    assert long.recipe.steps == 1000 and long.left_out["steps"] == "5000"


def test_without_a_step_there_is_nothing_to_compare():
    with pytest.raises(ValueError, match="no step is recorded"):
        Record(1).nearest()


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_everything_that_is_left_out_has_its_sentence(code):
    language.use(code)
    found = record_of(Odd(), torch.randint(4, (5, 7))).nearest()
    assert len(found.sentences()) == len(found.left_out) > 5
    assert "{" not in str(found) and "/lab?" in str(found)
    assert set(found.left_out) <= set(LEFT_OUT)
