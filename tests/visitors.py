"""Visitors without a browser: each is one WebSocket session that speaks Streamlit's protocol.

    async with Visitor(address) as visitor:
        await visitor.open("depth", lang="en")
        await visitor.press("training_train")

A visitor asks for a page as a browser does, remembers what stands on it, and asks again for each
picture that wants to be drawn again and again. None of the static files is fetched and nothing is
drawn, so one process can be a hundred visitors.
"""

import asyncio
import contextlib
from urllib.parse import urlencode

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

LARGEST = 50_000_000  # bytes of a message
# Elements that were said to be here stay for so many further runs: a busy server answers late.
ASKED_BEFORE = 1000


class Visitor:
    """One session. Whatever it waits for comes within `patience` seconds, or TimeoutError.

    `received` counts bytes, and `pictures` the fragments that were drawn again by themselves;
    `errors` says what a reader would complain of.
    """

    def __init__(self, address, locale="en-US", patience=60, cookie=""):
        self.patience = patience
        self.received = self.pictures = 0
        self.errors = []
        self.settings = None  # what the server says of itself: Streamlit's NewSession
        self._address = address
        self._headers = {"Cookie": cookie} if cookie else None
        self._locale = locale
        self._query = self._page = ""
        self._script = ""  # the page, as the server has named it
        self._elements = {}  # what stands on the page, by its place
        self._kept = {}  # large elements that need not be sent again: (run, delta) by hash
        self._runs = self._oldest = 0
        self._timers = {}  # by fragment: (seconds, task)
        # The fragment that was asked for; none: the page. None: whatever comes next answers.
        self._awaited = ""
        self._answered = asyncio.Event()

    async def __aenter__(self):
        url = f"{self._address.replace('http', 'ws', 1)}/_stcore/stream"
        self._socket = await connect(
            url,
            subprotocols=["streamlit"],
            max_size=LARGEST,
            open_timeout=self.patience,
            ping_interval=None,  # a browser waits for a busy server
            additional_headers=self._headers,
            proxy=None,
        )
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_):
        await self.close()

    async def open(self, page="", **query):
        """Go to `page`, a lesson's name or nothing for home, and wait until it was sent."""
        self._page, self._script, self._query = page, "", urlencode(query)
        await self._ask_and_wait("")

    async def press(self, key):
        """Press the button called `key`, and wait until what it changes was sent."""
        button, fragment = self._button(key)
        await self._ask_and_wait(fragment, button)

    async def close(self):
        """Leave; raises what went wrong while listening."""
        self._stop_following()
        await self._socket.close()
        await self._listener

    @property
    def charts(self):
        """The number of charts that stand on the page."""
        return sum(kind == "vega_lite_chart" for kind, _, _ in self._elements.values())

    @property
    def texts(self):
        """What stands on the page in words, as Markdown."""
        elements = self._elements.values()
        return [element.markdown.body for kind, element, _ in elements if kind == "markdown"]

    @property
    def progress(self):
        """How the runs on the page are said to be doing."""
        elements = self._elements.values()
        return [element.progress.text for kind, element, _ in elements if kind == "progress"]

    @property
    def watching(self):
        """Whether something on the page is drawn again by itself: a run goes on."""
        return bool(self._timers)

    def offers(self, key):
        """Whether the button called `key` stands on the page."""
        return any(
            kind == "button" and element.button.id.endswith(f"-{key}")
            for kind, element, _ in self._elements.values()
        )

    def _button(self, key):
        """The id of a button, and the fragment in which it stands."""
        for kind, element, fragment in self._elements.values():
            if kind == "button" and element.button.id.endswith(f"-{key}"):
                return element.button.id, fragment
        raise KeyError(f"no button {key} on {self._page or 'home'}")

    async def _ask_and_wait(self, fragment, button=None):
        self._awaited = fragment
        self._answered.clear()
        await self._ask(fragment, button)
        await asyncio.wait_for(self._answered.wait(), self.patience)
        if self._listener.done():
            raise ConnectionError("the server has closed the connection")

    async def _ask(self, fragment, button=None, by_itself=False):
        """Ask for a run of the page, or of one of its fragments.

        Controls are not sent, which the server takes for unchanged.
        """
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_script_hash = self._query, self._script
        run.page_name = "" if self._script else self._page
        run.fragment_id, run.is_auto_rerun = fragment, by_itself
        young = (key for key, (age, _) in self._kept.items() if self._runs - age <= self._oldest)
        run.cached_message_hashes.extend(young)
        run.context_info.url = f"{self._address}/{self._page}"
        run.context_info.locale = self._locale
        run.context_info.timezone = "UTC"
        if button is not None:
            run.widget_states.widgets.add(id=button, trigger_value=True)
        await self._socket.send(message.SerializeToString())

    async def _listen(self):
        try:
            async for data in self._socket:
                self.received += len(data)
                self._hear(ForwardMsg.FromString(data))
        finally:
            self._stop_following()
            self._answered.set()

    def _hear(self, message):
        match message.WhichOneof("type"):
            case "new_session":
                self.settings = message.new_session
                self._begin(message.metadata.run.fragment_ids, message.new_session.config)
            case "navigation":
                self._script = message.navigation.page_script_hash
            case "delta" | "ref_hash":
                self._draw(message)
            case "auto_rerun":
                self._follow(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            case "stop_auto_rerun":
                self._stop_following(message.stop_auto_rerun.fragment_ids)
            case "page_info_changed":
                self._query = message.page_info_changed.query_string
            case "page_not_found":
                self.errors.append(f"no page {message.page_not_found.page_name}")
            case "session_event" if message.session_event.HasField("script_compilation_exception"):
                self.errors.append(message.session_event.script_compilation_exception.message)
            case "script_finished":
                self._finish(message.script_finished, message.metadata.run.fragment_ids)

    def _begin(self, fragments, config):
        """A run of the page, or of `fragments` of it, begins."""
        self._oldest = config.max_cached_message_age
        if fragments:
            places = [place for place, found in self._elements.items() if found[2] in fragments]
            for place in places:
                del self._elements[place]
        else:
            self._elements.clear()
            self._stop_following()

    def _draw(self, message):
        """Put an element in its place, or one that was kept."""
        delta = self._kept[message.ref_hash][1] if message.ref_hash else message.delta
        if message.ref_hash or message.metadata.cacheable:
            self._kept[message.ref_hash or message.hash] = (self._runs, delta)
        place = tuple(message.metadata.delta_path)
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        self._elements[place] = (kind, element, delta.fragment_id)
        if kind == "exception":
            self.errors.append(element.exception.message)
        elif kind == "alert" and element.alert.format == Alert.ERROR:
            self.errors.append(element.alert.body)

    def _finish(self, status, fragments):
        self._runs += 1
        # As the browser does it: a fragment's run lets only what belongs to it grow old.
        self._kept = {
            key: (run, delta)
            for key, (run, delta) in self._kept.items()
            if (fragments and delta.fragment_id not in fragments)
            or self._runs - run <= self._oldest + ASKED_BEFORE
        }
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            # Another run comes: of the page, or of what asked for it before this one was sent.
            if self._awaited in fragments:
                self._awaited = None
            return
        if not fragments or self._awaited is None or self._awaited in fragments:
            self._answered.set()
        self.pictures += sum(fragment in self._timers for fragment in fragments)

    def _follow(self, fragment, interval):
        if fragment in self._timers and self._timers[fragment][0] == interval:
            return
        self._stop_following([fragment])
        task = asyncio.create_task(self._ask_every(fragment, interval))
        self._timers[fragment] = (interval, task)

    def _stop_following(self, fragments=None):
        for fragment in list(self._timers) if fragments is None else fragments:
            if fragment in self._timers:
                self._timers.pop(fragment)[1].cancel()

    async def _ask_every(self, fragment, interval):
        # A browser does not wait for the picture before it asks for the next one.
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(interval)
                await self._ask(fragment, by_itself=True)
