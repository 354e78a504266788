"""The notebooks under examples/ run, cell by cell, and come to what they say."""

import contextlib
import io
import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def run(notebook):
    """What the notebook's cells leave behind, and what they print."""
    cells = json.loads((EXAMPLES / notebook).read_text(encoding="utf-8"))["cells"]
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in cells:
            if cell["cell_type"] == "code":
                assert not cell["outputs"], "notebooks are kept without their outputs"
                exec(compile("".join(cell["source"]), notebook, "exec"), names)
    return names, printed.getvalue()


@pytest.mark.usefixtures("one_core")
@pytest.mark.claim
def test_the_notebook_on_watching_runs():
    names, printed = run("watch.ipynb")
    assert names["sick"].diagnosis()[0].illness == "vanishing"
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    quoted = [line.removeprefix("> ") for line in readme.splitlines() if line.startswith("> ")]
    assert " ".join(quoted) in printed
    assert names["cured"].diagnosis()[0].illness == "healthy"
    start = names["by_time"].query("step == 0").set_index("time").value
    assert start[0] < 1e-6 * start[59]
