"""Finished pieces: a note beside each has its frames, and a sum that tells one damaged since."""

import zlib
from pathlib import Path

from ffmpeg_style.cluster import places

_READ = 1 << 20
"""Bytes at a time."""


def note(address: str, frames: int, total: str) -> None:
    """Put the note of a piece beside it: from then on it counts.

    Args:
        address: of the piece.
        frames: that it has.
        total: `checksum` of the file that was put there.
    """
    places.write(_note(address), f"{frames} {total}".encode())


def frames_of(address: str) -> int:
    """How many frames a finished piece has; 0 where it is not there, or not as it was written."""
    try:
        frames, total = places.read(_note(address)).decode().split()
        with places.reading(address) as path:
            return int(frames) if checksum(path) == total else 0
    except (OSError, ValueError):
        return 0


def _note(address):
    folder, _, name = address.rpartition("/")
    return places.join(folder, f".{name}.note")


def checksum(path: Path) -> str:
    """The size of a file, and a sum of its bytes."""
    total = size = 0
    with open(path, "rb") as file:
        while block := file.read(_READ):
            total, size = zlib.crc32(block, total), size + len(block)
    return f"{size}-{total:08x}"
