"""The static edition, written once for all tests of a session, whatever their process.

Where GRADVIZ_EDITION is set, the tests take the one in that folder.
"""

import os
import time
from pathlib import Path

from gradviz.export import write_edition
from gradviz.language import LANGUAGES

SERVER = "https://gradviz.example/base"
_PATIENCE = 300  # seconds


def edition(tmp_path_factory):
    """The folder of the edition in all languages; who comes first writes it, others wait."""
    if "GRADVIZ_EDITION" in os.environ:
        return Path(os.environ["GRADVIZ_EDITION"])
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = shared / "edition", shared / "edition.done"
    try:
        folder.mkdir()
    except FileExistsError:
        _wait_for(done)
    else:
        write_edition(folder, list(LANGUAGES), SERVER)
        done.touch()
    return folder


def _wait_for(done: Path):
    until = time.monotonic() + _PATIENCE
    while not done.exists():
        assert time.monotonic() < until, "the edition was not written"
        time.sleep(0.2)
