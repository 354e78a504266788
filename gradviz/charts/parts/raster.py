"""A fine raster of colors as one image: what would else be thousands of cells that can be seen."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_INDEXED, _UP = 3, 2  # a PNG's color type, and the filter by which a row is less the one above


def png_url(places: np.ndarray, colors: np.ndarray) -> str:
    """A data URL of the image whose pixels [rows, columns] are places in `colors` [n, 4].

    The colors are red, green, blue and opacity from 0 to 255, at most 256 of them; the first row
    is the topmost. Written as an indexed PNG (W3C PNG specification, sections 9.2 and 11.2), which
    a smooth picture makes small. Raises `ValueError` for too many colors or a place beyond them.
    """
    if len(colors) > 256:
        raise ValueError(f"{len(colors)} colors are more than 256")
    if places.min() < 0 or places.max() >= len(colors):
        raise ValueError(f"a place is not from 0 to {len(colors) - 1}")
    pixels, palette = places.astype(np.uint8), colors.astype(np.uint8)
    rows, columns = pixels.shape
    above = np.vstack([np.zeros((1, columns), np.uint8), pixels[:-1]])
    filters = np.full((rows, 1), _UP, np.uint8)
    lines = np.hstack([filters, pixels - above])  # modulo 256, as the filter is
    head = struct.pack(">IIBBBBB", columns, rows, 8, _INDEXED, 0, 0, 0)
    image = _SIGNATURE + b"".join(
        [
            _chunk(b"IHDR", head),
            _chunk(b"PLTE", palette[:, :3].tobytes()),
            _chunk(b"tRNS", palette[:, 3].tobytes()),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )
    return "data:image/png;base64," + base64.b64encode(image).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
