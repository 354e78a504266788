"""The house: imports point down the README's list, home opens without PyTorch, snippets run."""

import ast
import subprocess
import sys

import pytest
import torch
from architectures import made

from gradviz.ui import catalog

ROOT = catalog.ROOT
PAGES = sorted((ROOT / "pages").glob("*.py"))
HEAVY = ("torch", "sklearn")


def imported(path):
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def snippet(page):
    """The code that a lesson shows at its end."""
    for node in ast.parse(page.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "CODE":
            return ast.literal_eval(node.value)
    return None


def test_only_the_user_interface_knows_streamlit_and_the_engine_knows_neither_it_nor_charts():
    for path in (ROOT / "gradviz").rglob("*.py"):
        layer = path.relative_to(ROOT / "gradviz").parts[0]
        if layer in ("record.py", "export"):
            continue  # they open the pages, so they stand above them
        modules = list(imported(path))
        if layer != "ui":
            assert not [name for name in modules if name.startswith(("streamlit", "gradviz.ui"))]
        # What the package itself names is imported when it is asked for.
        if layer not in ("ui", "watching", "charts", "__init__.py"):
            assert not [name for name in modules if name.startswith(("altair", "gradviz.charts"))]
        if layer == "charts":
            engine = [
                name for name in modules if name.startswith(("gradviz.engine.train", "torch"))
            ]
            assert not engine, path


@pytest.mark.parametrize(
    "module",
    [
        "gradviz",
        "gradviz.theory.mean_field",
        "gradviz.theory.chain",
        "gradviz.charts.home.gradient_through_depth",
        "gradviz.ui",
    ],
)
def test_what_every_visitor_waits_for_does_not_load_pytorch(module):
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in {HEAVY}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_that_a_lesson_shows_runs(page):
    code = snippet(page)
    assert code, "a lesson shows its code"
    exec(compile(code, page.name, "exec"), {})


@pytest.mark.usefixtures("one_core")
def test_the_examples_of_the_readme_run(capsys):
    model, batch, loss = made("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def train(model, optimizer):
        loss(model(batch(0)[0]), batch(0)[1]).backward()
        optimizer.step()

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    codes = [part.split("```")[0] for part in readme.split("```python\n")[1:]]
    assert len(codes) == 2
    for code in codes:
        names = {"model": model, "optimizer": optimizer, "train": train}
        exec(compile(code, "README.md", "exec"), names)
    assert "Healthy" in capsys.readouterr().out


def test_the_public_names_are_those_that_type_checkers_see():
    import gradviz

    tree = ast.parse((ROOT / "gradviz" / "__init__.py").read_text(encoding="utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        name.name: node.module.removeprefix("gradviz.")
        for node in checked.body
        for name in node.names
    }
    assert seen == gradviz._HOME
    assert sorted(seen) == sorted(gradviz.__all__)
    assert all(getattr(gradviz, name) is not None for name in gradviz.__all__)
