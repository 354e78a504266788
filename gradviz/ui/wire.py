"""What pages send is compressed with little effort.

Streamlit has each WebSocket compressed as zlib does it by default, which takes a fifth of the
processor time of a page. The least effort takes half of that, for a tenth more bytes. Neither
Streamlit nor uvicorn has a setting for it; where uvicorn is built otherwise, nothing is changed.
"""

from __future__ import annotations

import functools
import importlib

# Modules of uvicorn that may speak for a server, and what each of them makes connections with.
_SPEAKERS = ("uvicorn.protocols.websockets.websockets_sansio_impl",)
_COMPRESSION = "ServerPerMessageDeflateFactory"
_LEAST_EFFORT = 1  # of zlib's levels


@functools.cache
def compress_lightly() -> None:
    """From now on compress what new connections send with the least effort."""
    for name in _SPEAKERS:
        try:
            module = importlib.import_module(name)
            usual = getattr(module, _COMPRESSION)
        except (ImportError, AttributeError):
            continue
        setattr(module, _COMPRESSION, _lightly(usual))


def _lightly(usual):  # noqa: ANN001, ANN202 — a class of websockets
    @functools.wraps(usual, updated=())
    def make(*args: object, compress_settings: dict[str, int] | None = None, **named: object):  # noqa: ANN202
        settings = {**(compress_settings or {}), "level": _LEAST_EFFORT}
        return usual(*args, compress_settings=settings, **named)

    return make
