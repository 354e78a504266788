"""What `pip install` takes, and what it then starts: everywhere, not only in a checkout."""

import asyncio
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import HeaderParser

import pytest
from app_server import COMMAND, ROOT, running_server
from packaging.requirements import Requirement
from visitors import Visitor

import gradviz
from gradviz import command
from gradviz.ui import catalog

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def built(target, folder, source=ROOT):
    """The wheel or sdist of `source`, built without a network."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (path,) = (path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz")))
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return built("wheel", tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_all_that_the_app_needs_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = [
        *(ROOT / "gradviz").rglob("*"),
        ROOT / "app.py",
        *(ROOT / "pages").rglob("*"),
        ROOT / ".streamlit" / "config.toml",
        ROOT / "assets" / "icon.svg",
        *(ROOT / "static").rglob("*"),
    ]
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        if path.is_file() and "__pycache__" not in path.parts
    }
    wanted = {name if name.startswith("gradviz/") else f"gradviz/app/{name}" for name in wanted}
    assert {name for name in names if ".dist-info/" not in name} == wanted


def test_the_sdist_makes_the_same_wheel(wheel, tmp_path):
    with tarfile.open(built("sdist", tmp_path)) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / f"gradviz-{gradviz.__version__}"
    (tmp_path / "wheel").mkdir()
    again = zipfile.ZipFile(built("wheel", tmp_path / "wheel", source))
    assert again.namelist() == zipfile.ZipFile(wheel).namelist()


def test_the_wheel_says_what_it_is(wheel):
    place = f"gradviz-{gradviz.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        told = HeaderParser().parsestr(archive.read(f"{place}/METADATA").decode())
        scripts = archive.read(f"{place}/entry_points.txt").decode()
    assert told["Version"] == gradviz.__version__
    assert {"app", "watch"} <= set(told.get_all("Provides-Extra"))
    assert told["License-Expression"] == "MIT"
    assert "gradviz = gradviz.command:main" in scripts


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.split("\n## ")[1].split()[0] == gradviz.__version__


def test_the_app_asks_for_what_was_tested_and_the_package_admits_it():
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    pinned = {line for line in pinned if not line.startswith("pytest")}
    assert set(PROJECT["optional-dependencies"]["app"]) == pinned
    versions = {Requirement(line).name: str(Requirement(line).specifier)[2:] for line in pinned}
    needed = [Requirement(line) for line in PROJECT["dependencies"]]
    assert "torch" in {own.name for own in needed} <= versions.keys() - {"streamlit"}
    assert all(own.specifier.contains(versions[own.name]) for own in needed)


async def visit(address):
    async with Visitor(address, patience=30) as visitor:
        await visitor.open("activations", lang="en")
        return visitor


@pytest.mark.parametrize("installed", [False, True], ids=["checkout", "wheel"])
def test_the_app_starts_in_any_folder(installed, wheel, tmp_path):
    start, variables = [*COMMAND[:-1], str(ROOT / "app.py")], {}
    if installed:
        zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
        start = [sys.executable, "-m", "gradviz", "app"]
        variables = {"PYTHONPATH": str(tmp_path / "installed")}
    empty = tmp_path / "empty"
    empty.mkdir()
    with running_server(command=start, folder=empty, variables=variables) as server:
        visitor = asyncio.run(visit(server.address))
        log = server.stop_and_read_log()
    assert visitor.charts and not visitor.errors
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    assert visitor.settings.custom_theme.base_radius == theme["baseRadius"]
    assert not visitor.settings.config.gather_usage_stats
    assert "Traceback" not in log and "Warning" not in log
    assert not list(empty.iterdir())


def test_the_command_says_what_it_can_do(capsys):
    for name in ("app", "export", "record"):
        assert f"gradviz {name} " in command.__doc__
    command.main(["--version"])
    assert capsys.readouterr().out == f"gradviz {gradviz.__version__}\n"
    command.main(["--help"])
    assert capsys.readouterr().out.startswith("gradviz app")
    with pytest.raises(SystemExit) as exit_:
        command.main(["fly"])
    assert exit_.value.code == 2
    assert "no such command: fly" in capsys.readouterr().err


def test_the_image_is_built_of_all_that_the_wheel_needs():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {path.split("/")[0] for path in [*wheel["packages"], *wheel["force-include"]]}
    needed |= {PROJECT["readme"], *PROJECT["license-files"], "pyproject.toml", "requirements.txt"}
    assert sent == needed


def test_the_command_hands_on_what_follows(monkeypatch):
    handed = []
    monkeypatch.setattr("gradviz.record.main", handed.append)
    command.main(["record", "depth"])
    assert handed == [["depth"]]


@pytest.mark.parametrize("name", ["app", "record"])
def test_without_streamlit_the_command_says_what_to_install(name):
    start = f"from gradviz.command import main; main(['{name}'])"
    code = f"import sys; sys.modules['streamlit'] = None; {start}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"gradviz {name} needs streamlit")
    assert done.stderr.endswith('pip install "gradviz[app]"\n')


def test_the_pages_stand_where_the_app_does():
    assert catalog.ROOT == ROOT
    assert (catalog.ROOT / "app.py").is_file()
