"""The command `gradviz`.

gradviz app [OPTION …]        start the app; the options are those of `streamlit run`
gradviz export FOLDER …       write the static edition, which needs no server
gradviz record [LESSON …]     compute anew what the figures open with
gradviz --version
"""

from __future__ import annotations

import importlib
import importlib.util
import runpy
import sys
from collections.abc import Sequence

import gradviz
from gradviz.places import ROOT

# What brings the packages that a command needs.
_EXTRAS = {"app": "app", "export": "export", "record": "app"}


def main(argv: Sequence[str] | None = None) -> None:
    """Do what the command line says; exits with 2 and the usage if it says nothing known."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    match arguments:
        case ["app", *options]:
            _start_app(options)
        case [("export" | "record") as name, *rest]:
            _hand_on(name, rest)
        case ["--version"]:
            print(f"gradviz {gradviz.__version__}")
        case ["-h" | "--help"]:
            print(_usage())
        case _:
            sys.exit(_complaint(arguments))


def _start_app(options: Sequence[str]) -> None:
    """What `streamlit run app.py` does, from any folder, in this process.

    Streamlit reads the config.toml that stands beside the script, wherever it is started.
    """
    if importlib.util.find_spec("streamlit") is None:
        sys.exit(_lacking("app", "streamlit"))
    sys.argv = ["streamlit", "run", str(ROOT / "app.py"), *options]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def _hand_on(name: str, rest: Sequence[str]) -> None:
    """Call `gradviz.<name>.main` with what follows on the command line."""
    module = f"gradviz.{name}"
    if importlib.util.find_spec(module) is None:
        sys.exit(f"gradviz: this version cannot {name}")
    try:
        chosen = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "gradviz":
            raise
        sys.exit(_lacking(name, error.name or "a package"))
    chosen.main(rest)


def _lacking(name: str, package: str) -> str:
    return f'gradviz {name} needs {package}: pip install "gradviz[{_EXTRAS[name]}]"'


def _complaint(arguments: Sequence[str]) -> int:
    if arguments:
        print(f"gradviz: no such command: {arguments[0]}\n", file=sys.stderr)
    print(_usage(), file=sys.stderr)
    return 2


def _usage() -> str:
    return (__doc__ or "").split("\n", 2)[2].strip()


if __name__ == "__main__":
    main()
