"""Pages take turns, what is sent is compressed lightly."""

import threading
import zlib

import pytest
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from gradviz.ui import turns, wire


@pytest.fixture
def one_at_once(monkeypatch):
    monkeypatch.setattr(turns, "_turns", threading.Semaphore(1))
    monkeypatch.setattr(turns, "_LONGEST", 0.2)


def test_a_page_waits_until_another_one_is_drawn(one_at_once):
    drawn = []

    def draw():
        with turns.turn():
            drawn.append("second")

    other = threading.Thread(target=draw)
    with turns.turn():
        other.start()
        other.join(0.05)
        drawn.append("first")
    other.join()
    assert drawn == ["first", "second"]


def test_nobody_waits_for_ever_and_a_page_that_fails_gives_its_turn_away(one_at_once):
    with turns.turn(), turns.turn():
        pass  # the second one goes without
    with pytest.raises(ValueError, match="broken"), turns.turn():
        raise ValueError("broken")
    assert turns._turns.acquire(blocking=False)
    assert not turns._turns.acquire(blocking=False)


def test_what_uvicorn_sends_is_compressed_with_the_least_effort(monkeypatch):
    from uvicorn.protocols.websockets import websockets_sansio_impl as speaker

    monkeypatch.setattr(speaker, wire._COMPRESSION, ServerPerMessageDeflateFactory)
    wire.compress_lightly.__wrapped__()
    factory = speaker.ServerPerMessageDeflateFactory(
        server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
    )
    assert factory.compress_settings == {"memLevel": 5, "level": 1}
    _, extension = factory.process_request_params([], [])
    data = b"a page " * 1000
    squeezed = extension.encoder.compress(data) + extension.encoder.flush(zlib.Z_SYNC_FLUSH)
    assert len(squeezed) < 200 and zlib.decompressobj(-12).decompress(squeezed) == data
