"""Paintings that are dropped onto a stream: read in a process of their own, which may die of them.

``python -m ffmpeg_style.live.paintings SOURCE TARGET`` is that process. What anybody painted it
with, a decoder sees there first; painters are given its pixels, as a PNG of the server's own.
"""

import asyncio
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from ffmpeg_style.errors import InputError, StyleError
from ffmpeg_style.files import atomic_write
from ffmpeg_style.live import children
from ffmpeg_style.pictures import read_painting

MAX_SIZE = 20_000_000
"""Bytes of a painting's file."""
TIME, MEMORY = 20, 2 << 30
"""Seconds, and bytes, that one may take to be read."""
LONG_SIDE = 2048
"""Pixels of the longer side that are kept: models are shown no more."""
AT_A_TIME = 2
MOST_KEPT = 64
"""The newest ones; painters have what they need of those that they were given."""

_room = asyncio.Semaphore(AT_A_TIME)


async def keep_painting(folder: Path, content: bytes) -> Path:
    """Write a painting as a PNG into a folder, which is made.

    Args:
        folder: of paintings; the same one is kept once.
        content: the file that was dropped.

    Raises:
        InputError: it is no picture that can be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.png"
    try:
        os.utime(target)  # it is in use again, and so among the newest
    except FileNotFoundError:
        async with _room:
            with tempfile.NamedTemporaryFile(dir=folder) as source:
                source.write(content)
                source.flush()
                await _read(source.name, target)
        for old in sorted(folder.glob("*.png"), key=_age)[MOST_KEPT:]:
            old.unlink(missing_ok=True)
    return target


def _age(path):
    return -path.stat().st_mtime


async def _read(source, target):
    process = await children.start(
        [sys.executable, "-m", __name__, source, str(target)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _, told = await asyncio.wait_for(process.communicate(), TIME)
    except asyncio.TimeoutError:
        raise InputError(f"the picture could not be read in {TIME} s; take a smaller one") from None
    finally:
        await children.end(process)
    if process.returncode == 2:
        raise InputError(told.decode(errors="replace").replace(source, "the file").strip()[:300])
    if process.returncode:
        raise InputError("the picture could not be read; save it anew, as PNG or JPEG, and smaller")


def main() -> int:
    """Read one picture; returns 0, or 2 after a sentence."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (TIME, TIME))
    source, target = map(Path, sys.argv[1:])
    try:
        image = Image.fromarray(read_painting(source))
        image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
        with atomic_write(target) as file:
            image.save(file, "PNG")
    except StyleError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
