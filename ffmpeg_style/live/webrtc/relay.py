"""A stream that came by RTMP, to browsers that watch by WHEP."""

import asyncio
import time

from ffmpeg_style.live.access import PLAY_PAINTED
from ffmpeg_style.live.settings import LOOPBACK
from ffmpeg_style.live.webrtc import messages
from ffmpeg_style.live.webrtc.broadcast import broadcast_time
from ffmpeg_style.live.webrtc.process import Worker

IDLE_TIME = 10
"""Seconds for which a relay is kept that nobody watches."""
PAUSE = 0.5
"""Seconds between a worker's end and the next one's start."""
CHECK_INTERVAL = 0.5
JUMP = 5
"""Seconds by which a stream's clock must have jumped to be taken for another."""


class Relay:
    """A worker that plays the painted stream from nginx and encodes it for browsers.

    Attributes:
        broadcast: the `Broadcast` that it was given.
    """

    def __init__(self, name, settings, tickets, broadcast):
        self.broadcast = broadcast
        self._name = name
        self._settings = settings
        self._tickets = tickets
        self._worker = None
        self._first = None
        self._last_watched = time.monotonic()

    def tell(self, settings):
        """Settings for the worker of the moment, a dict."""
        if self._worker:
            self._worker.tell(settings)

    async def run(self, is_wanted):
        """Runs while `is_wanted()`, until nobody has watched for `IDLE_TIME`."""
        while is_wanted() and not self._is_idle():
            ticket = self._tickets.issue(PLAY_PAINTED, self._name)
            server = f"rtmp://{LOOPBACK}:{self._settings.rtmp_port}"
            address = f"{server}/painted/{self._name}?ticket={ticket}"
            settings = {"address": address, "bitrate": self._settings.bitrate}
            self._worker = await Worker.start(self._name, settings, self._take)
            try:
                self._worker.tell(self.broadcast.settings())
                await self._wait_for_end(is_wanted)
            finally:
                self._tickets.revoke(ticket)
                await self._worker.kill()
                self._worker = None
            await asyncio.sleep(PAUSE)

    async def _wait_for_end(self, is_wanted):
        ended = asyncio.create_task(self._worker.ended())
        while is_wanted() and not self._is_idle() and not ended.done():
            await asyncio.wait([ended], timeout=CHECK_INTERVAL)
        ended.cancel()

    def _is_idle(self):
        now = time.monotonic()
        if self.broadcast.viewers:
            self._last_watched = now
        return now - self._last_watched > IDLE_TIME

    def _take(self, kind, detail, pts, payload):
        rate = messages.AUDIO_RATE if kind == messages.AUDIO else messages.VIDEO_RATE
        lateness = self._lateness(pts / rate)
        pts = int((broadcast_time() - lateness) * rate)
        if kind == messages.PAINTED and payload:
            self.broadcast.video(pts, payload, bool(detail), lateness)
        elif kind == messages.AUDIO:
            self.broadcast.audio(pts, payload, lateness)

    def _lateness(self, seconds):
        """Seconds by which a packet is later than the first, by the stream's own clock."""
        late = broadcast_time() - seconds
        if self._first is None or abs(late - self._first) > JUMP:
            self._first = late
        return late - self._first
