"""Finished pieces: a note beside each has its frames, and a sum that tells one damaged since."""

import zlib
from pathlib import Path

from ffmpeg_style.cluster import places
from ffmpeg_style.files import blocks


def note(address: str, frames: int, total: str) -> None:
    """Put the note of a piece beside it: from then on it counts.

    Args:
        address: of the piece.
        frames: that it has.
        total: `checksum` of the file that was put there.
    """
    places.write(_note(address), f"{frames} {total}".encode())


def frames_of(address: str) -> int:
    """How many frames a finished piece has; 0 where it is not there, or not as it was written.

    Raises:
        OSError: this machine can't tell, as it has no room for what it fetches from a store.
    """
    try:
        told = places.read(_note(address))
        with places.reading(address) as path:
            total = checksum(path)
    except FileNotFoundError:
        return 0
    frames, _, known = told.partition(b" ")
    return int(frames) if known == total.encode() and frames.isdigit() else 0


def _note(address):
    folder, _, name = address.rpartition("/")
    return places.join(folder, f".{name}.note")


def checksum(path: Path) -> str:
    """The size of a file, and a sum of its bytes."""
    total = size = 0
    for block in blocks(path):
        total, size = zlib.crc32(block, total), size + len(block)
    return f"{size}-{total:08x}"
