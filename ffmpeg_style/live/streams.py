"""The streams of this moment: who may publish and play."""

import asyncio
import contextlib
import itertools
import logging

import aiohttp

from ffmpeg_style.live.access import (
    PLAY_CAMERA,
    PLAY_PAINTED,
    PUBLISH_CAMERA,
    PUBLISH_PAINTED,
    KeyGuard,
    is_stream_name,
)
from ffmpeg_style.live.outputs import Outputs
from ffmpeg_style.live.rtmp.camera import RtmpCamera
from ffmpeg_style.live.settings import LOOPBACK
from ffmpeg_style.live.stream import Stream

ABSENCE = 5
"""Seconds after which a camera that nginx does not see is gone, told or not."""
SILENCE = 3
"""Seconds without a byte after which a camera's place may be taken by another of its name."""
LOG_INTERVAL = 10

log = logging.getLogger(__name__)


class Streams:
    """Every stream by its name; answers nginx's questions.

    Attributes:
        guard: the `KeyGuard` of this server.
    """

    def __init__(self, settings, tickets):
        self.guard = KeyGuard(settings.key)
        self._nginx = None
        self._settings = settings
        self._tickets = tickets
        self._streams = {}
        self._closing = {}
        self._outputs = Outputs(settings, tickets)
        self._folders = itertools.count()
        self._lock = asyncio.Lock()

    def get(self, name):
        """The stream of that name, or None."""
        return self._streams.get(name)

    def status(self):
        """What there is to know of every stream, for JSON."""
        return [stream.status() for stream in self._streams.values()]

    async def may_publish(self, application, name, address, client, query):
        """Whether a client may publish; a camera that may is painted from now on.

        Args:
            application: "camera" or "painted".
            name: as the client gave it.
            address: the client's, as text.
            client: nginx's number for the connection.
            query: a mapping with the arguments of the client's address.
        """
        if not is_stream_name(name):
            log.info("a name that is none was refused")
            return False
        if application == "painted":
            return self._has_ticket(PUBLISH_PAINTED, name, address, query)
        has_ticket = self._has_ticket(PUBLISH_CAMERA, name, address, query)
        if not has_ticket and not await self.guard.knows(query.get("key", ""), address):
            log.warning("%s: publishing refused, wrong key, from %s", name, address)
            return False
        camera = RtmpCamera(name, client, self._settings, self._tickets)
        stream = await self.publish(name, camera)
        if stream:
            await camera.joined(lambda: self._is_played(name))
        return stream is not None and self._streams.get(name) is stream

    async def _is_played(self, name):
        """Whether nginx gives a camera's stream to its reader."""
        try:
            seen = await self._nginx.streams()
        except (aiohttp.ClientError, asyncio.TimeoutError):
            return False
        return ("camera", name) in seen and seen["camera", name].players > 0

    async def may_play(self, application, name, address, query):
        """Whether a client may play a stream; the arguments are those of `may_publish`."""
        if not is_stream_name(name):
            return False
        if application == "camera":
            allowed = self._has_ticket(PLAY_CAMERA, name, address, query)
            if allowed and (stream := self.get(name)):
                stream.camera.join()
            return allowed
        if not self._settings.private or self._has_ticket(PLAY_PAINTED, name, address, query):
            return True
        return await self.guard.knows(query.get("key", ""), address)

    def _has_ticket(self, purpose, name, address, query):
        return address == LOOPBACK and self._tickets.redeem(query.get("ticket", ""), purpose, name)

    async def publish(self, name, camera):
        """Has a camera painted.

        Args:
            name: checked.
            camera: a `Camera` that may publish.

        Returns:
            The stream; None when the name is taken, or as many are painted as may be.
        """
        async with self._lock:
            return await self._admit(name, camera)

    async def _admit(self, name, camera):
        if known := self._streams.get(name):
            if known.camera.silence < SILENCE:
                log.warning("%s: publishing refused, the name is taken", name)
                return None
            log.warning("%s: a silent camera gives way to another", name)
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
                await self._nginx.drop_publisher(name)
            self.left(name, known.camera.client)
        if name in self._closing:
            await asyncio.wait([self._closing[name]])
        if len(self._streams) >= self._settings.max_streams:
            log.warning("%s: publishing refused, %d streams are painted", name, len(self._streams))
            return None
        folder = self._settings.state / f"stream-{next(self._folders)}"
        self._streams[name] = stream = Stream(name, camera, folder, self._settings, self._tickets)
        stream.start()
        self._outputs.begin(stream)
        log.info("%s: a camera publishes", name)
        return stream

    def left(self, name, client):
        """A camera is gone: its stream ends, unless another camera publishes it by now."""
        stream = self._streams.get(name)
        if stream and stream.camera.client == client:
            del self._streams[name]
            task = self._closing[name] = asyncio.create_task(self._end(stream))
            task.add_done_callback(lambda _: self._closing.pop(name, None))
            log.info("%s: the camera is gone", name)

    async def _end(self, stream):
        await self._outputs.end(stream)
        await stream.close()

    async def close(self):
        """Ends every stream."""
        for name, stream in list(self._streams.items()):
            self.left(name, stream.camera.client)
        if self._closing:
            await asyncio.wait(self._closing.values())

    async def watch(self, nginx):
        """Follows what an `Nginx` sees of the streams; runs until it is cancelled."""
        self._nginx = nginx
        for second in itertools.count():
            await asyncio.sleep(1)
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
                self._take(await nginx.streams())
            if second % LOG_INTERVAL == LOG_INTERVAL - 1:
                self._log_progress()

    def _take(self, seen):
        """Takes what nginx sees; a camera that left before it was admitted told so too early."""
        for name, stream in list(self._streams.items()):
            stream.seen(seen.get(("camera", name)), seen.get(("painted", name)))
            if stream.camera.absence > ABSENCE:
                self.left(name, stream.camera.client)

    def _log_progress(self):
        for stream in self._streams.values():
            delay = "unknown" if stream.delay is None else f"{stream.delay:.2f} s"
            log.info("%s: frames %s; delay %s", stream.name, stream.counts(), delay)
