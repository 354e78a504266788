"""A fresh server of the app, started as the README does it: for journeys, visitors and costs."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Server:
    """A running server: its address, and the number of its process."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        options = [
            "--server.headless=true",
            f"--server.port={port}",
            "--server.fileWatcherType=none",
        ]
        self._process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.pid = self._process.pid
        self.address = f"http://127.0.0.1:{port}"

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
        return self._process.communicate(timeout=20)[0]

    def stop(self):
        """Stop it, if it has not been stopped."""
        if self._process.poll() is None:
            self.stop_and_read_log()


@contextlib.contextmanager
def running_server():
    """A fresh server that answers; it is stopped at the end."""
    server = Server()
    try:
        server.wait_until_it_answers()
        yield server
    finally:
        server.stop()
