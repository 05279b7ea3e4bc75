"""A camera that sends whatever tags it is told to, with any timestamps: ffmpeg's are too good."""

import asyncio
import contextlib
import subprocess
import threading
import time

from helpers.live import KEY
from rtmp_client import publishing

from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.live.rtmp import flv


def encoded(seconds, size="160x96", rate=10, gop=20, sound=True, options=()):
    """A clip's tags, as ffmpeg writes them: a list of `flv.Tag`."""
    sources = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"]
    if sound:
        sources += ["-f", "lavfi", "-i", f"sine=duration={seconds}", "-c:a", "aac"]
    encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", str(gop)]
    encoder += ["-pix_fmt", "yuv420p"]
    command = [ffmpeg_path(), "-v", "error", *sources, *encoder, *options, "-f", "flv", "-"]
    return tags_in(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def tags_in(data):
    """The tags in the bytes of an FLV file, as a list."""

    async def read():
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        found = []
        with contextlib.suppress(asyncio.IncompleteReadError):
            async for tag in flv.read_tags(reader):
                found.append(tag)
        return found

    return asyncio.run(read())


class OddCamera:
    """Publishes tags to a live server from a thread, until it is closed.

    Args:
        server: a `LiveServer`.
        name: the stream's.
        tags: an iterable of (seconds from the start, `flv.Tag`), in order.
    """

    def __init__(self, server, name, tags):
        self._stopped = threading.Event()
        self._arguments = server.rtmp_port, f"{name}?key={KEY}".encode(), tags
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        port, name, tags = self._arguments
        with publishing(port, b"camera", name) as send:
            begin = time.monotonic()
            for seconds, tag in tags:
                if self._stopped.wait(max(0, begin + seconds - time.monotonic())):
                    return
                send(tag.kind, tag.timestamp, tag.body)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._stopped.set()
        self._thread.join()
