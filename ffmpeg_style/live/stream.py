"""One camera's stream: read, painted by one painter after the other, and told about."""

import asyncio
import contextlib
import logging
import shutil
import time

from ffmpeg_style.errors import StyleError
from ffmpeg_style.live import flv
from ffmpeg_style.live.access import PLAY_CAMERA, PUBLISH_PAINTED
from ffmpeg_style.live.camera import Camera
from ffmpeg_style.live.controls import Controls
from ffmpeg_style.live.feed import Feed
from ffmpeg_style.live.look import look
from ffmpeg_style.live.painter import Job, Painter, carries_sound
from ffmpeg_style.live.reader import read_camera

START_TIME = 30
"""Seconds in which a painter must have painted something of what it was given."""
JOIN_TIME = 3
"""Seconds that a camera is kept waiting for its reader, which would miss the first key frame."""
JOIN_PAUSE = 0.1
"""Seconds in which nginx lets a reader in, once it may."""
READ_TIME = 4
"""Seconds after which a painter that takes nothing of what it is given is taken for frozen."""
FIRST_PAUSE, LAST_PAUSE = 0.5, 10
"""Seconds between a painter's end and the next one's start; doubled while none of them paints."""
GOOD_RUN = 2
"""Seconds of painting after which a painter's end is no reason for a pause."""
NOTE_TIME = 2
"""Seconds in which a camera should have sent something that can be painted."""
WATCH_INTERVAL = 0.2

log = logging.getLogger(__name__)


class Stream:
    """One camera's stream, painted until it is closed.

    Attributes:
        name: checked.
        client: nginx's number for the camera's connection.
        folder: holds the segments for browsers.
        camera: a `Camera`, what it sends.
        restarts: how often the painter had to be replaced.
        viewers: RTMP players.
    """

    def __init__(self, name, client, folder, settings, tickets):
        self.name = name
        self.client = client
        self.folder = folder
        self.camera = Camera()
        self.restarts = 0
        self.viewers = 0
        self._settings = settings
        self._tickets = tickets
        self._controls = settings.controls
        self._painter = None
        self._start = None
        self._is_unreadable = False
        self._looked = None, None
        self._last_note = None
        self._jumps = 0
        self._received = 0
        self._started = time.monotonic()
        self._last_seen = self._last_received = self._started
        self._painted = self._dropped = 0
        self._joined = asyncio.Event()
        self._tasks = []

    def start(self):
        """Begins to paint, in the background."""
        self.folder.mkdir()
        self._tasks = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._supervise()),
        ]

    def join(self):
        """Takes note that the reader may play the camera's stream."""
        self._joined.set()

    async def joined(self):
        """Waits until the reader is ready for the camera's first frame, or `JOIN_TIME` is over."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._joined.wait(), JOIN_TIME)
            await asyncio.sleep(JOIN_PAUSE)
        # The camera had no leave to send until now.
        self._last_seen = self._last_received = time.monotonic()

    async def close(self):
        """Ends the painter and deletes the segments."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        shutil.rmtree(self.folder, ignore_errors=True)
        log.info("%s: in all, frames %s", self.name, self.counts())

    @property
    def controls(self):
        """The `Controls` of now; setting them changes the running painting."""
        return self._controls

    @controls.setter
    def controls(self, controls: Controls):
        self._controls = controls
        if self._painter:
            self._painter.apply(controls)

    @property
    def silence(self):
        """Seconds since the camera last sent something."""
        return time.monotonic() - self._last_received

    @property
    def absence(self):
        """Seconds since nginx last saw the camera."""
        return time.monotonic() - self._last_seen

    def seen(self, camera, painted):
        """Takes what nginx sees of both streams, about once a second: `nginx.Traffic`, or None."""
        now = time.monotonic()
        if camera and camera.is_published:
            self._last_seen = now
        if camera and camera.received != self._received:
            self._received = camera.received
            self._last_received = now
        self.viewers = painted.players if painted else 0
        self._log_news()

    async def _read(self):
        """Reads what the camera sends; a reader that ends while there is a camera is replaced."""
        while True:
            ticket = self._tickets.issue(PLAY_CAMERA, self.name)
            try:
                await read_camera(self._settings, self.name, ticket, self.camera.take)
            except OSError as error:  # No memory or no process is left just now.
                log.warning("%s: the reader did not start: %s", self.name, error)
            finally:
                self._tickets.revoke(ticket)
            self.camera.interrupt()
            await asyncio.sleep(FIRST_PAUSE)
            log.warning("%s: the reader ended, and starts again", self.name)

    async def _supervise(self):
        """Has the stream painted by one painter after the other; no wait is a failure."""
        failures = 0
        while True:
            await self.camera.wait_for(lambda: self.camera.formats)
            painted_for = await self._look_and_paint(self.camera.formats)
            if self._is_unreadable:
                await self._next_key_frame()
                continue
            failures = 0 if painted_for >= GOOD_RUN else failures + 1
            pause = min(FIRST_PAUSE * 2 ** (failures - 2), LAST_PAUSE) if failures > 1 else 0
            self.restarts += 1
            log.warning("%s: the painter starts again in %.1f s", self.name, pause)
            await asyncio.sleep(pause)

    async def _next_key_frame(self):
        last = self.camera.moments["key"]
        await self.camera.wait_for(lambda: self.camera.moments["key"] != last)

    async def _look_and_paint(self, formats):
        """Paints if the pictures can be decoded; returns the seconds for which that went well."""
        feed = Feed(self.camera, self._start, carries_sound(formats.sound))
        try:
            video = await self._look(formats.picture)
            self._is_unreadable = not video
            return await self._paint(video, formats, feed) if video else 0
        except (OSError, StyleError) as error:  # No memory or no process is left just now.
            log.warning("%s: the painter did not start: %s", self.name, error)
            return 0
        finally:
            feed.close()

    async def _look(self, codec):
        """What the camera sends, a `Video` or None; looked at again when its header changes."""
        begins = codec, self.camera.picture_header
        if self._looked[0] != begins:
            video = await look(self._settings.ffprobe, self.camera.first_picture())
            self._looked = begins if video else None, video
        return self._looked[1]

    async def _paint(self, video, formats, feed):
        """Paints until the painter ends or has to be ended; returns the seconds that it painted."""
        ticket = self._tickets.issue(PUBLISH_PAINTED, self.name)
        job = Job(self.name, self.folder, ticket, self._controls, video, formats.sound, self._start)
        try:
            painter = await Painter.start(self._settings, job, feed)
            await self._watch(painter, formats)
        finally:
            self._tickets.revoke(ticket)
        return painter.progress.paintings.seconds

    async def _watch(self, painter, formats):
        """Stays with a painter to its end, which comes at once when it is found frozen."""
        self._painter = painter
        painter.apply(self._controls)  # They may have changed meanwhile.
        ended = asyncio.create_task(painter.ended())
        try:
            while not ended.done():
                await asyncio.wait([ended], timeout=WATCH_INTERVAL)
                if reason := self._frozen(painter):
                    log.warning("%s: the painter %s and is ended", self.name, reason)
                    await painter.kill()
                elif self.camera.formats not in (formats, None):
                    log.info("%s: the camera's sound or codec has changed", self.name)
                    await painter.end()
            log.warning("%s: the painter ended with code %d", self.name, await ended)
        finally:
            await painter.end()
            self._painter = None
            self._add_frames(painter)

    def _frozen(self, painter):
        """Why a painter is to be taken for frozen, or None."""
        progress = painter.progress
        # While a model loads and paints its first frames, nothing may be read for a while.
        read_time = READ_TIME if progress.paintings.seconds >= GOOD_RUN else START_TIME
        if painter.feed.blocked > read_time:
            return f"has read nothing for {read_time} s"
        sending_since = self.camera.moments["since"]
        if (
            painter.in_flight
            and time.monotonic() - max(progress.paintings.last, sending_since) > START_TIME
        ):
            return f"has painted nothing for {START_TIME} s"
        return None

    def _add_frames(self, painter):
        """Keeps the counts of a painter that ended."""
        self._painted += painter.progress.paintings.count
        self._dropped += painter.dropped
        if painter.feed.reached is not None:
            self._start = painter.feed.reached + 1

    def frames(self):
        """Frames that came in, were painted and were dropped, by all painters, and the rest.

        In flight are those on their way, and those dropped since the last painting. Lost are those
        in flight when a painter was killed, those that could not be decoded, and those before the
        first key frame; a painter that ends in order accounts for all of its own.
        """
        painter = self._painter
        painted = self._painted + (painter.progress.paintings.count if painter else 0)
        dropped = self._dropped + (painter.dropped if painter else 0)
        in_flight = painter.in_flight if painter else self.camera.kept_pictures(self._start)
        return {
            "in": self.camera.frames,
            "painted": painted,
            "dropped": dropped,
            "in_flight": in_flight,
            "lost": self.camera.frames - painted - dropped - in_flight,
        }

    def counts(self):
        """`frames` as text."""
        counts = ", ".join(f"{kind} {count}" for kind, count in self.frames().items())
        return counts.replace("_", " ")

    @property
    def delay(self):
        """Seconds by which the last painting was late, None while there is none."""
        return self._painter.progress.delay if self._painter else None

    def status(self):
        """What there is to know, for JSON."""
        return {
            "name": self.name,
            "by": "rtmp",
            "state": self._state(),
            "note": self._note(),
            "seconds": round(time.monotonic() - self._started, 1),
            "restarts": self.restarts,
            "viewers": self.viewers,
            "frames": self.frames(),
            "delay": None if self.delay is None else round(self.delay, 3),
            "controls": self._controls.as_json(self._settings.styles),
        }

    def _state(self):
        if self.silence > READ_TIME or not self.camera.moments:
            return "waiting for the camera"
        if not self._painter:
            return "restarting" if self.restarts and not self._note() else "waiting for a picture"
        return "painting" if self._painter.progress.paintings.count else "starting"

    def _note(self):
        """What the camera's owner should know and mend, as a sentence, or None."""
        camera, now = self.camera, time.monotonic()
        if now - camera.moments.get("first", now) < NOTE_TIME:
            return None
        return self._picture_note(camera) or self._sound_note(camera)

    def _log_news(self):
        note, jumps = self._note(), self.camera.jumps
        if note and note != self._last_note:
            log.warning("%s: %s", self.name, note)
        if jumps != self._jumps:
            log.info("%s: the camera's clock has jumped; the painting's goes on", self.name)
        self._last_note, self._jumps = note, jumps

    def _picture_note(self, camera):
        if not camera.picture:
            return "The camera sends sound alone: no picture has come."
        if self._is_unreadable:
            return (
                f"The camera sends {camera.picture} that this server's ffmpeg can't decode: "
                "let it send H.264."
            )
        if self._painter or camera.formats:
            return None
        if flv.PICTURE in camera.headless:
            return f"The camera sends {camera.picture} without its parameter sets: start it again."
        return "No key frame has come for long: set the camera's key frame interval to 2 s or less."

    def _sound_note(self, camera):
        if camera.sound and not carries_sound(camera.sound):
            return f"The camera's sound is {camera.sound}, which is left out: let it send AAC."
        if flv.SOUND in camera.headless and not camera.sound:
            return "The camera's sound has come without its header and is left out: start it again."
        return None
