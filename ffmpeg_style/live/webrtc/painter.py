"""The server's end of a worker, and the ffmpeg that makes RTMP and HLS of what it paints."""

import asyncio
import collections
import logging
import os
import subprocess
import time

from ffmpeg_style.live import children
from ffmpeg_style.live.painted import publishing
from ffmpeg_style.live.tap import Tap
from ffmpeg_style.live.webrtc import messages
from ffmpeg_style.live.webrtc.process import Worker

MAX_BACKLOG = 0.3
"""Seconds for which a frame waits for the worker's decoder; then it goes on with a key frame."""

log = logging.getLogger(__name__)


class WorkerPainter:
    """Paints a camera's frames.

    Attributes:
        given, dropped: pictures, as `Camera.start_painter` has it.
        paintings: a `Tap` for what was painted.
        delay: seconds from the last painting's frame to its coming here, None before the first.
    """

    def __init__(self, name, camera):
        self.given = self.dropped = 0
        self.paintings = Tap()
        self.delay = None
        self._name = name
        self._camera = camera
        self._is_ready = False
        self._started = time.monotonic()
        self._untaken = collections.deque()
        self._worker = None
        self._publisher = None
        self._log = None

    @classmethod
    async def start(cls, settings, name, folder, controls, ticket, camera):
        """Starts to paint a stream.

        Args:
            settings: the server's `Settings`.
            name: the stream's.
            folder: receives the segments for browsers.
            controls: the `Controls` to begin with.
            ticket: for publishing the painted stream.
            camera: a `WebCamera`; its viewers get the painting.
        """
        painter = cls(name, camera)
        try:
            await painter._start(settings, folder, controls, ticket)
        except BaseException:
            await painter.kill()
            raise
        return painter

    async def _start(self, settings, folder, controls, ticket):
        read_end, write_end = os.pipe()
        try:
            self._publisher = await children.start(
                _publisher_command(settings, self._name, ticket, read_end),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[read_end],
            )
            worker = {
                "model": str(settings.model),
                "engine": {**settings.filter_options, **_engine_options(controls)},
                "max_height": settings.max_height,
                "bitrate": settings.bitrate,
                "publish": write_end,
                "sound": self._camera.has_sound,
            }
            self._worker = await Worker.start(self._name, worker, self._take, [write_end])
        finally:
            os.close(read_end)
            os.close(write_end)
        self._log = asyncio.create_task(self._forward_log())
        self._worker.tell(self._camera.broadcast.settings())

    async def _forward_log(self):
        async for line in children.lines(self._publisher.stderr):
            log.debug("%s: %s", self._name, line)

    def _take(self, kind, detail, pts, payload):
        if kind == messages.PAINTED:
            lateness = self._camera.lateness(pts)
            self.paintings.passed()
            self.delay = max(lateness, 0.0)
            if payload:
                self._camera.broadcast.video(pts, payload, bool(detail), lateness)
        elif kind == messages.COUNTS:
            self._is_ready = True
            taken, self.dropped = messages.FRAMES.unpack(payload)
            while len(self._untaken) > self.given - taken:
                self._untaken.popleft()

    @property
    def blocked(self):
        """Seconds for which the worker has taken nothing of what it was given, or did not begin."""
        if not self._is_ready:
            return time.monotonic() - self._started
        return time.monotonic() - self._untaken[0] if self._untaken else 0

    @property
    def has_room(self):
        """Whether the worker would decode a frame at once, or nearly so."""
        return self._is_ready and self.blocked < MAX_BACKLOG

    def video(self, codec, pts, data):
        """A frame of the camera's, one of `messages.CODECS`."""
        self.given += 1
        self._untaken.append(time.monotonic())
        self._worker.send(messages.VIDEO, pts, data, messages.CODECS.index(codec))

    def audio(self, pts, data):
        """A packet of the camera's sound."""
        self._worker.send(messages.AUDIO, pts, data)

    def tell(self, settings):
        """Settings for the worker, a dict."""
        self._worker.tell(settings)

    def apply(self, controls):
        """Changes the running engine."""
        self._worker.tell({"controls": controls.filter_options()})

    async def ended(self):
        """Waits until one of both has ended, for neither is of use alone; returns its exit code."""
        both = (self._worker.process, self._publisher)
        waits = [asyncio.create_task(process.wait()) for process in both]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        await self.end()
        return next((p.returncode for p in both if p.returncode), 0)

    async def end(self):
        """Ends both in order."""
        try:
            await self._worker.end()
        finally:
            await children.end(self._publisher)
            await self._log

    async def kill(self):
        """Ends both at once."""
        for process in (self._worker and self._worker.process, self._publisher):
            if process:
                await children.kill(process)


def _engine_options(controls):
    options = controls.filter_options()
    return {**options, "strength": float(options["strength"]), "steady": float(options["steady"])}


def _publisher_command(settings, name, ticket, descriptor):
    """Ffmpeg's command line: the worker's pictures and sound, to players and browsers."""
    return [
        *(str(settings.ffmpeg), "-hide_banner", "-nostats", "-nostdin", "-loglevel", "error"),
        *("-copyts", "-protocol_whitelist", "pipe", "-f", "nut", "-analyzeduration", "0"),
        *("-probesize", "32768", "-fpsprobesize", "0", "-i", f"pipe:{descriptor}"),
        # As VP8 has them, and as browsers take them.
        *("-vf", "setparams=colorspace=smpte170m:range=tv:color_primaries=bt709:color_trc=bt709"),
        *("-map", "0:v:0", "-map", "0:a:0?", "-c:a", "aac", "-b:a", "96k"),
        *publishing(settings, name, ticket),
    ]
