"""What becomes of every painted stream besides being watched: files, and a virtual camera."""

import asyncio
import logging
import os
import stat
import subprocess
import time

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.live import children
from ffmpeg_style.live.access import PLAY_PAINTED
from ffmpeg_style.live.settings import LOOPBACK

PAUSE = 1
"""Seconds between an end of ffmpeg's, which should have none, and the next start."""
CAMERA_SIZE = (1280, 720)
"""Of the virtual camera: programs that use one expect that it never changes."""

log = logging.getLogger(__name__)


def check_outputs(settings):
    """Looks whether the folder for recordings and the virtual camera can be written.

    Raises:
        InputError, InputNotFoundError: one can't be.
    """
    if settings.record:
        try:
            settings.record.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"can't record to {settings.record}: {error.strerror}") from error
        if not os.access(settings.record, os.W_OK):
            raise InputError(f"can't record to {settings.record}: it can't be written to")
    if device := settings.virtual_camera:
        if not device.exists():
            raise InputNotFoundError(
                f"no device {device}: make one by `sudo modprobe v4l2loopback exclusive_caps=1 "
                'card_label="ffmpeg-style"`, and see `ls /dev/video*`'
            )
        if not stat.S_ISCHR(device.stat().st_mode) or not os.access(device, os.W_OK):
            raise InputError(f"expected a v4l2loopback device that can be written, found {device}")


class Outputs:
    """One ffmpeg for each stream's file, and one for the virtual camera.

    They play the painted stream from nginx, so that they outlive the painter.
    """

    def __init__(self, settings, tickets):
        self._settings = settings
        self._tickets = tickets
        self._camera = asyncio.Lock()
        self._tasks = {}

    def begin(self, stream):
        """A stream has begun."""
        runs = []
        if self._settings.record:
            runs.append(self._record(stream.name))
        if self._settings.virtual_camera:
            runs.append(self._feed_camera(stream.name))
        self._tasks[stream] = [asyncio.create_task(run) for run in runs]

    async def end(self, stream):
        """A stream has ended; what was written of it is whole."""
        tasks = self._tasks.pop(stream, [])
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _record(self, name):
        while True:
            path = self._settings.record / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.mp4"
            log.info("%s: recorded in %s", name, path)
            await self._run(name, recording(path))

    async def _feed_camera(self, name):
        async with self._camera:  # The stream that came first has it.
            while True:
                await self._run(
                    name, [*camera_picture(), "-f", "v4l2", self._settings.virtual_camera]
                )

    async def _run(self, name, output):
        ticket = self._tickets.issue(PLAY_PAINTED, name)
        address = f"rtmp://{LOOPBACK}:{self._settings.rtmp_port}/painted/{name}?ticket={ticket}"
        process = await children.start(
            [
                *(self._settings.ffmpeg, "-nostdin", "-hide_banner", "-nostats"),
                *("-loglevel", "error", "-protocol_whitelist", "rtmp,tcp", "-f", "live_flv"),
                *("-rtmp_live", "live", "-fpsprobesize", "0", "-threads", "1", "-i", address),
                *output,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            async for line in children.lines(process.stderr):
                log.warning("%s: %s", name, line)
            await process.wait()
        finally:
            self._tickets.revoke(ticket)
            await children.end(process)
        await asyncio.sleep(PAUSE)


def recording(path):
    """Options of ffmpeg for a file that is whole whenever it ends, up to the last half second."""
    whole = "+frag_keyframe+empty_moov+default_base_moof"
    return ["-c", "copy", "-movflags", whole, "-flush_packets", "1", "-n", "-f", "mp4", str(path)]


def camera_picture():
    """Options of ffmpeg for a virtual camera's picture: all of the painting, in a fixed size."""
    width, height = CAMERA_SIZE
    fit = f"scale={width}:{height}:force_original_aspect_ratio=decrease"
    pad = f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"
    return ["-an", "-vf", f"{fit},{pad},format=yuv420p", "-fps_mode", "passthrough"]
