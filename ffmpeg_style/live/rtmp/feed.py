"""A camera's packets on their way into a painter, which may be slower than they come."""

import asyncio
import collections
import contextlib
import time

from ffmpeg_style.live.rtmp import flv

BACKLOG = 1
"""Seconds of waiting after which pictures are given up, as soon as a key frame is there."""
MAX_ARRIVALS = 10_000
"""Pictures whose coming is remembered: more than can be on their way."""
MAX_WAITING = 64 * 2**20
"""Bytes that may wait; beyond, everything is given up until the next key frame."""


class Feed:
    """What a painter is given.

    Attributes:
        given: pictures that the painter is to paint or to drop.
        skipped: pictures that were given up, as the painter did not even decode in time.
        arrivals: {when each of these is shown: `time.monotonic` of its coming}.
        reached: milliseconds of the stream's own clock, of the latest picture that the painter has.
    """

    def __init__(self, camera, start, with_sound):
        """Begins with what the camera has kept, before there is a painter.

        Args:
            camera: an `Incoming`.
            start: of the first picture to be painted, as of `Incoming.begin`.
            with_sound: whether the sound is given, too.
        """
        self.given = self.skipped = 0
        self.arrivals = {}
        self.reached = start
        self._camera = camera
        self._start = start
        self._with_sound = with_sound
        self._waiting = collections.deque()
        self._size = 0
        self._needs_key_frame = self._finished = False
        self._came = asyncio.Event()
        self._writing_since = None
        for packet in camera.begin(start, self._take):
            self._take(packet)

    @property
    def blocked(self):
        """Seconds for which the painter has not taken what it is given."""
        return time.monotonic() - self._writing_since if self._writing_since else 0

    def _take(self, packet):
        if packet.tag.kind == flv.SOUND and not self._with_sound:
            return
        if packet.tag.is_key_frame:
            if self._waiting and packet.moment - self._waiting[0].moment > BACKLOG:
                self.skipped += self._give_up()
            self._needs_key_frame = False
        elif self._size > MAX_WAITING:
            self.skipped += self._give_up()
            self._needs_key_frame = True
        is_picture = packet.is_picture(self._start)
        if self._needs_key_frame:
            self.skipped += is_picture
            return
        if is_picture:
            self.given += 1
            self._note_arrival(packet)
        self._waiting.append(packet)
        self._size += len(packet.tag.body)
        self._came.set()

    def _note_arrival(self, packet):
        self.arrivals[packet.shown] = packet.moment
        if len(self.arrivals) > MAX_ARRIVALS:
            del self.arrivals[next(iter(self.arrivals))]

    def _give_up(self):
        """Forgets what waits; returns how many pictures that are."""
        count = sum(packet.is_picture(self._start) for packet in self._waiting)
        self.given -= count
        self._waiting = collections.deque(p for p in self._waiting if p.tag.is_header)
        self._size = 0
        return count

    async def write(self, writer):
        """Writes it all to an `asyncio.StreamWriter` and closes it, once `finish` was called."""
        writer.write(flv.header(self._with_sound))
        while self._waiting or not self._finished:
            if self._waiting:
                packet = self._waiting.popleft()
                self._size -= len(packet.tag.body)
                await self._write(writer, packet)
            else:
                self._came.clear()
                await self._came.wait()
        writer.close()

    async def _write(self, writer, packet):
        self._writing_since = time.monotonic()
        writer.write(packet.encode())
        with contextlib.suppress(ConnectionError):  # The painter's end is seen elsewhere.
            await writer.drain()
        self._writing_since = None
        if packet.is_picture():
            self.reached = max(self.reached or 0, packet.shown)

    def finish(self):
        """Takes nothing more; what waits is still written."""
        self._camera.end(self._take)
        self._finished = True
        self._came.set()

    def close(self):
        """Leaves what waits to the next painter."""
        self.finish()
        self._give_up()
