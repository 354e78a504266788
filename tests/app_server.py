"""A fresh server of the app, started as the README does it: for journeys, visitors and costs."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


COMMAND = (sys.executable, "-m", "streamlit", "run", "app.py")


def free_port():
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server: its address, and the number of its process.

    `options` are further ones of `streamlit run`, `base_path` is the path below which it answers,
    `variables` are added to the environment, and `port` is a free one if none is given.
    """

    def __init__(
        self, command=COMMAND, options=(), folder=ROOT, base_path="", variables=None, port=None
    ):
        self.port = port or free_port()
        options = [
            "--server.headless=true",
            f"--server.port={self.port}",
            "--server.fileWatcherType=none",
            f"--server.baseUrlPath={base_path}",
            *options,
        ]
        # A file, because a pipe that nobody reads stops the server once it is full.
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._process = subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env=os.environ | (variables or {}),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.pid = self._process.pid
        self.address = f"http://127.0.0.1:{self.port}{base_path}"

    def wait_until_it_answers(self):
        """Return as soon as pages can be asked for."""
        for _ in range(150):
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=2).close()
                return
            time.sleep(0.2)
        raise TimeoutError(f"no answer from {self.address}")

    def stop_and_read_log(self):
        """Stop it; returns all that it printed."""
        self._process.terminate()
        self._process.wait(timeout=20)
        self._log.seek(0)
        return self._log.read()

    def stop(self):
        """Stop it, if it has not been stopped."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=20)
        self._log.close()


@contextlib.contextmanager
def running_server(**how):
    """A fresh server that answers, see `Server`; it is stopped at the end."""
    server = Server(**how)
    try:
        server.wait_until_it_answers()
        yield server
    finally:
        server.stop()
