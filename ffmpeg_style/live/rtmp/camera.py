"""A camera that publishes by RTMP: nginx has its connection, a reader of ours its stream."""

import asyncio
import contextlib
import logging
import time

from ffmpeg_style.live.access import PLAY_CAMERA
from ffmpeg_style.live.camera import Camera
from ffmpeg_style.live.rtmp import flv
from ffmpeg_style.live.rtmp.feed import Feed
from ffmpeg_style.live.rtmp.incoming import Incoming
from ffmpeg_style.live.rtmp.look import look
from ffmpeg_style.live.rtmp.painter import Job, Painter, carries_sound
from ffmpeg_style.live.rtmp.reader import read_camera

JOIN_TIME = 3
"""Seconds that a camera is kept waiting for its reader, which would miss the first key frame."""
JOIN_PAUSE = 0.02
"""Seconds between two looks at whether nginx has let the reader in, once it may."""
READER_PAUSE = 0.5
"""Seconds between a reader's end and the next one's start."""
NOTE_TIME = 2
"""Seconds in which a camera should have sent something that can be painted."""

log = logging.getLogger(__name__)


class RtmpCamera(Camera):
    """A camera that publishes by RTMP.

    Args:
        name: the stream's, checked.
        client: nginx's number for the camera's connection.
        settings: the server's `Settings`.
        tickets: `Tickets`.
    """

    by = "rtmp"

    def __init__(self, name, client, settings, tickets):
        self.client = client
        self._name = name
        self._settings = settings
        self._tickets = tickets
        self._incoming = Incoming()
        self._reading = None
        self._joined = asyncio.Event()
        self._start = None
        self._formats = None  # of what is painted now
        self._is_unreadable = False
        self._looked = None, None
        self._jumps = 0
        self._received = 0
        self._last_seen = self._last_received = time.monotonic()

    def start(self):
        self._reading = asyncio.create_task(self._read())

    def join(self):
        """Takes note that the reader may play the camera's stream."""
        self._joined.set()

    async def joined(self, is_played):
        """Waits until the reader is ready for the camera's first frame, or `JOIN_TIME` is over.

        Args:
            is_played: a coroutine function: whether nginx has let the reader in.
        """
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._reader_plays(is_played), JOIN_TIME)
        # The camera had no leave to send until now.
        self._last_seen = self._last_received = time.monotonic()

    async def _reader_plays(self, is_played):
        await self._joined.wait()
        while not await is_played():
            await asyncio.sleep(JOIN_PAUSE)

    async def close(self):
        self._reading.cancel()
        await asyncio.wait([self._reading])

    @property
    def frames(self):
        return self._incoming.frames

    @property
    def waiting(self):
        return self._incoming.kept_pictures(self._start)

    @property
    def silence(self):
        return time.monotonic() - self._last_received

    @property
    def absence(self):
        return time.monotonic() - self._last_seen

    @property
    def sending_since(self):
        return self._incoming.moments.get("since")

    def seen(self, traffic):
        now = time.monotonic()
        if traffic and traffic.is_published:
            self._last_seen = now
        if traffic and traffic.received != self._received:
            self._received = traffic.received
            self._last_received = now
        if self._incoming.jumps != self._jumps:
            log.info("%s: the camera's clock has jumped; the painting's goes on", self._name)
        self._jumps = self._incoming.jumps

    async def _read(self):
        """Reads what the camera sends; a reader that ends while there is a camera is replaced."""
        while True:
            ticket = self._tickets.issue(PLAY_CAMERA, self._name)
            try:
                await read_camera(self._settings, self._name, ticket, self._incoming.take)
            except OSError as error:  # No memory or no process is left just now.
                log.warning("%s: the reader did not start: %s", self._name, error)
            finally:
                self._tickets.revoke(ticket)
            self._incoming.interrupt()
            await asyncio.sleep(READER_PAUSE)
            log.warning("%s: the reader ended, and starts again", self._name)

    async def start_painter(self, folder, ticket, controls):
        incoming = self._incoming
        await incoming.wait_for(lambda: incoming.formats)
        formats = incoming.formats
        feed = Feed(incoming, self._start, carries_sound(formats.sound))
        try:
            video = await self._look(formats.picture)
            self._is_unreadable = not video
            if video:
                job = Job(self._name, folder, ticket, controls, video, formats.sound, self._start)
                painter = await Painter.start(self._settings, job, feed)
                self._formats = formats
                return painter
        except BaseException:
            feed.close()
            raise
        feed.close()
        last = incoming.moments["key"]
        await incoming.wait_for(lambda: incoming.moments["key"] != last)
        return None

    async def _look(self, codec):
        """What the camera sends, a `Video` or None; looked at again when its header changes."""
        begins = codec, self._incoming.picture_header
        if self._looked[0] != begins:
            video = await look(self._settings.ffprobe, self._incoming.first_picture())
            self._looked = begins if video else None, video
        return self._looked[1]

    def outgrew(self, painter):
        if self._incoming.formats in (self._formats, None):
            return None
        return "the camera's sound or codec has changed"

    def release(self, painter):
        self._formats = None
        # The next one begins behind what it had.
        if painter.feed.reached is not None:
            self._start = painter.feed.reached + 1

    @property
    def note(self):
        incoming, now = self._incoming, time.monotonic()
        if now - incoming.moments.get("first", now) < NOTE_TIME:
            return None
        return self._picture_note(incoming) or _sound_note(incoming)

    def _picture_note(self, incoming):
        if not incoming.picture:
            return "The camera sends sound alone: no picture has come."
        if self._is_unreadable:
            return (
                f"The camera sends {incoming.picture} that this server's ffmpeg can't decode: "
                "let it send H.264."
            )
        if self._formats or incoming.formats:
            return None
        if flv.PICTURE in incoming.headless:
            return (
                f"The camera sends {incoming.picture} without its parameter sets: start it again."
            )
        return "No key frame has come for long: set the camera's key frame interval to 2 s or less."


def _sound_note(incoming):
    if incoming.sound and not carries_sound(incoming.sound):
        return f"The camera's sound is {incoming.sound}, which is left out: let it send AAC."
    if flv.SOUND in incoming.headless and not incoming.sound:
        return "The camera's sound has come without its header and is left out: start it again."
    return None
