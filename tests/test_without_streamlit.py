"""The package without the app: `pip install .` brings no Streamlit, and nothing misses it."""

import subprocess
import sys

import pytest

from gradviz import Recipe, plot_race, race
from gradviz.ui import catalog

# Whatever the app alone needs is as if it were not installed.
PROGRAM = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("streamlit", "pyarrow", "vl_convert"):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing())

import torch
import torch.nn.functional as F
import gradviz

model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with gradviz.watch(model, optimizer, every=1) as record:
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(model(torch.randn(5, 3)), torch.tensor([0, 1, 0, 1, 0])).backward()
        optimizer.step()
assert record.diagnosis() and "vega" in record.plot().to_html()
assert "/lab?" in record.lab_link()

recipe = gradviz.Recipe(depth=3, width=4, steps=3)
arms = {"plain": recipe, "batchnorm": gradviz.replace(recipe, norm="batch")}
run = list(gradviz.race(arms, 2))
assert gradviz.diagnose(gradviz.of_snapshots([s for s in run if s.arm == "plain"], recipe))
assert "vega" in gradviz.plot_race(run).to_html()
"""


def test_watching_and_racing_and_their_pictures_need_no_streamlit():
    subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], check=True, cwd=catalog.ROOT)


def test_the_picture_of_a_race_holds_the_run_and_its_slider():
    recipe = Recipe(depth=3, width=4, steps=4, activation="relu", gain=60.0, lr=10.0)
    run = list(race({"one": recipe}, 2))
    chart = plot_race(run, "weight_gradient", {"one": "a network"}).to_dict()
    assert {row["step"] for row in chart["datasets"]["marks"]} == {each.step for each in run}
    sliders = {param["name"]: param for param in chart["params"]}
    assert sliders["replay_step"]["bind"]["max"] == run[-1].step
    assert all(view["width"] > 300 for view in chart["vconcat"])
    with pytest.raises(ValueError, match="quantity='loss'"):
        plot_race(run, "loss")
    with pytest.raises(ValueError, match="no step"):
        plot_race([])
