"""The cameras of this machine, by FFmpeg's devices as PyAV has them; a file stands in for one."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.newest import Newest

DEVICES = {
    "linux": ("v4l2", "/dev/video0"),
    "darwin": ("avfoundation", "0"),
    "win32": ("dshow", None),
}
"""Of each system: FFmpeg's name of its cameras, and which is the first."""


def camera_of(name: str | None) -> tuple[str, str | None, dict[str, str]]:
    """How a camera is opened: its name to FFmpeg, the kind of device (None for a file), options.

    Args:
        name: a device such as ``/dev/video1``, a number, the name of a camera, or a file; None for
            the first camera.

    Raises:
        InputError: this system has no cameras that FFmpeg knows, or wants their name.
        InputNotFoundError: there is no such device or file.
    """
    if name is not None and Path(name).is_file():
        return f"file:{name}", None, {}
    if sys.platform not in DEVICES:
        raise InputError(f"no cameras are known of this system ({sys.platform}); expected a file")
    kind, first = DEVICES[sys.platform]
    name = first if name is None else name
    if name is None:
        raise InputError(
            "expected --camera NAME; `ffmpeg -list_devices 1 -f dshow -i x` lists them"
        )
    if kind == "v4l2":
        name = f"/dev/video{name}" if name.isdecimal() else name
        if not Path(name).exists():
            raise InputNotFoundError(
                f"no camera at {name}; expected a device, or a file in its place"
            )
    return (f"video={name}" if kind == "dshow" else name), kind, {}


@contextmanager
def newest_frames(name: str | None, max_height: int | None) -> Iterator[Iterator[np.ndarray]]:
    """The frames of a camera as they come: each time the newest, those between are passed over.

    Args:
        name: see `camera_of`.
        max_height: pixels that they are brought down to, None for the camera's own.

    Yields:
        An iterator over uint8 ``[H,W,3]``, until the camera ends.

    Raises:
        InputError: the camera can't be opened, or has no pictures.
    """
    import av

    path, kind, options = camera_of(name)
    try:
        container = av.open(path, format=kind, options=options)
    except (av.FFmpegError, ValueError) as error:
        raise InputError(f"the camera {name or path} can't be opened: {error}") from error
    if not container.streams.video:
        container.close()
        raise InputError(f"{name or path} has no pictures; expected a camera, or a video")
    slot = Newest()
    thread = threading.Thread(
        target=_read, args=(container, kind is None, max_height, slot), daemon=True
    )
    thread.start()
    try:
        yield iter(slot)
    finally:
        slot.close()
        thread.join(5)
        container.close()


def _read(container, is_file, max_height, slot):
    """Decode until the end; of a file at the pace that it is to be shown at."""
    import av

    begin = None
    try:
        for frame in container.decode(video=0):
            if slot.is_closed:
                return
            if is_file and frame.time is not None:
                begin = _waited(frame.time, begin)
            slot.put(_pixels(frame, max_height))
    except av.FFmpegError:  # it was unplugged, or the file is damaged from here on
        pass
    finally:
        slot.close()


def _waited(second, begin):
    now = time.monotonic()
    begin = now - second if begin is None else begin
    time.sleep(max(begin + second - now, 0))
    return begin


def _pixels(frame, max_height):
    width, height = frame.width, frame.height
    if max_height and height > max_height:
        width, height = max(16, width * max_height // height), max_height
    return frame.to_ndarray(format="rgb24", width=width, height=height)
