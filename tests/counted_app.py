"""`streamlit run` for tests, with an account of what the server computes.

    GRADVIZ_COMPUTED=file python tests/counted_app.py app.py --server.port=8501

Each background run that begins adds a line to the file: the name that its key has in a store.
"""

import os
import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gradviz import runs, store

_collect = runs.Run._collect


def _counted(run, deadline):
    with Path(os.environ["GRADVIZ_COMPUTED"]).open("a", encoding="utf-8") as account:
        account.write(f"{store.file_name(run.key)}\n")
    return _collect(run, deadline)


runs.Run._collect = _counted
sys.argv = ["streamlit", "run", *sys.argv[1:]]
runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
