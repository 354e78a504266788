"""A fresh server and a headless Chromium, for the journeys.

Without Chromium the journeys are skipped with that reason; where GRADVIZ_REQUIRE_BROWSER is set
they fail instead.
"""

import contextlib
import os
import shutil

import pytest
from app_server import running_server

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_path():
    """Where Chromium is; without one the calling test skips, or fails where one is required."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        message = f"no Chromium: none of {', '.join(NAMES)} is on the PATH"
        if os.environ.get("GRADVIZ_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextlib.contextmanager
def fresh_server():
    """Start the app as the README does; yields (address, function that returns its log)."""
    with running_server() as server:
        yield server.address, server.stop_and_read_log


@contextlib.contextmanager
def chromium(*arguments):
    """A browser, with further `arguments` if there are any; yields Playwright's Browser."""
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *arguments])
        yield browser
        browser.close()


class Visitor:
    """A tab that remembers what its console complained of and what it sent to the server.

    Runs play by themselves only for who likes `motion`: many at once take long to draw.
    """

    def __init__(
        self,
        browser,
        width=1280,
        height=900,
        locale="en-US",
        color_scheme="light",
        motion=False,
        touch=False,
    ):
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            color_scheme=color_scheme,
            reduced_motion="no-preference" if motion else "reduce",
            has_touch=touch,
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.complaints = []
        self.sent = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "websocket",
            lambda socket: socket.on("framesent", lambda data: self.sent.append(data)),
        )

    def _listen(self, message):
        address = message.location.get("url", "")
        # On a deep link Streamlit's own client first looks for its server below the page's path.
        probing = "_stcore/health" in address or "_stcore/host-config" in address
        if message.type in ("error", "warning") and not probing:
            self.complaints.append(f"{message.text} ({address})")

    def open(self, address):
        """Go to `address` and wait until the page is drawn."""
        self.page.goto(address)
        self.settle()

    def settle(self):
        """Wait until no script runs."""
        self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        self.page.wait_for_timeout(400)

    def wait_for_text(self, text):
        """Wait until `text` stands on the page, however busy the machine is."""
        main = self.page.locator("[data-testid=stMain]")
        main.get_by_text(text).filter(visible=True).first.wait_for()
        self.settle()

    def text(self):
        """All that stands on the page, without the navigation."""
        return self.page.inner_text("[data-testid=stMain]")

    def figure(self, name):
        """The locator of the figure called `name`."""
        return self.page.locator(f".st-key-figure_{name}")

    def close(self):
        """Leave."""
        self.context.close()
