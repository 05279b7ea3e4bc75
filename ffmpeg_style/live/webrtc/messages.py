"""What the server and a worker write to each other through pipes: a header, then a payload."""

import asyncio
import fractions
import struct

VIDEO = 1
"""To the worker: a VP8 or H.264 frame with its pts. See `CODECS`."""
AUDIO = 2
"""An Opus packet with its pts: the camera's to the worker, the painted stream's to the server."""
SETTINGS = 3
"""To the worker: JSON with any of "controls", "bitrate", "viewers" and "key_frame"."""
PAINTED = 4
"""To the server: a painting as VP8, empty while nobody watches; the detail is 1 for a key frame."""
COUNTS = 5
"""To the server, at the start and with each frame that was taken: what `FRAMES` packs."""

FRAMES = struct.Struct(">II")
"""Frames that have come in, and that were dropped, so far."""

VIDEO_RATE, AUDIO_RATE = 90000, 48000
"""Units of a pts in a second, as in RTP."""
VIDEO_TIME, AUDIO_TIME = fractions.Fraction(1, VIDEO_RATE), fractions.Fraction(1, AUDIO_RATE)
CODECS = ("VP8", "H264")

_HEADER = struct.Struct(">BBqI")


def pack(kind, pts, payload, detail=0):
    """A message as bytes; the detail of a VIDEO is its codec's index in `CODECS`."""
    return _HEADER.pack(kind, detail, pts, len(payload)) + payload


async def read(reader):
    """The next message of a StreamReader, (kind, detail, pts, payload); None at its end."""
    try:
        kind, detail, pts, size = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        return kind, detail, pts, await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def read_blocking(file):
    """The same from a file opened for reading in binary mode."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    kind, detail, pts, size = _HEADER.unpack(header)
    payload = file.read(size)
    return (kind, detail, pts, payload) if len(payload) == size else None
