"""One camera's stream, however it comes: painted by one painter after the other, and told about."""

import asyncio
import logging
import shutil
import time

from ffmpeg_style.errors import StyleError
from ffmpeg_style.live.access import PUBLISH_PAINTED

START_TIME = 30
"""Seconds in which a painter must have painted something of what it was given."""
READ_TIME = 4
"""Seconds after which a painter that takes nothing of what it is given is taken for frozen."""
FIRST_PAUSE, LAST_PAUSE = 0.5, 10
"""Seconds between a painter's end and the next one's start; doubled while none of them paints."""
GOOD_RUN = 2
"""Seconds of painting after which a painter's end is no reason for a pause."""
WATCH_INTERVAL = 0.2

log = logging.getLogger(__name__)


class Stream:
    """One camera's stream, painted until it is closed.

    Attributes:
        name: checked.
        camera: a `Camera`, what is painted.
        folder: holds the segments for browsers.
        restarts: how often the painter had to be replaced.
        viewers: RTMP players.
    """

    def __init__(self, name, camera, folder, settings, tickets):
        self.name = name
        self.camera = camera
        self.folder = folder
        self.restarts = 0
        self.viewers = 0
        self._settings = settings
        self._tickets = tickets
        self._controls = settings.controls
        self._painter = None
        self._note = None
        self._started = time.monotonic()
        self._painted = self._dropped = 0
        self._taken = None
        self._task = None

    def start(self):
        """Begins to paint, in the background."""
        self.folder.mkdir()
        self.camera.start()
        self._task = asyncio.create_task(self._supervise())

    async def close(self):
        """Ends the camera's connection and the painter, and deletes the segments."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self.camera.close()
        if self._taken is not None:
            # For what was left, and came behind, there was no painter any more.
            late = self.camera.frames - self._taken - self.camera.waiting
            self._dropped += max(late, 0)
        shutil.rmtree(self.folder, ignore_errors=True)
        log.info("%s: in all, frames %s", self.name, self.counts())

    @property
    def controls(self):
        """The `Controls` of now; setting them changes the running painting."""
        return self._controls

    @controls.setter
    def controls(self, controls):
        self._controls = controls
        if self._painter:
            self._painter.apply(controls)

    def seen(self, camera, painted):
        """Takes what nginx sees of both streams, about once a second: `Traffic`, or None."""
        self.camera.seen(camera)
        self.viewers = painted.players if painted else 0
        if self.camera.note and self.camera.note != self._note:
            log.warning("%s: %s", self.name, self.camera.note)
        self._note = self.camera.note

    async def _supervise(self):
        """Has the stream painted by one painter after the other; no wait is a failure."""
        failures = 0
        while True:
            painted_for = await self._paint()
            if painted_for is None:
                continue
            failures = 0 if painted_for >= GOOD_RUN else failures + 1
            pause = min(FIRST_PAUSE * 2 ** (failures - 2), LAST_PAUSE) if failures > 1 else 0
            self.restarts += 1
            log.warning("%s: the painter starts again in %.1f s", self.name, pause)
            await asyncio.sleep(pause)

    async def _paint(self):
        """Paints until the painter ends or has to be ended.

        Returns:
            The seconds for which that went well; None: there was nothing that can be painted.
        """
        ticket = self._tickets.issue(PUBLISH_PAINTED, self.name)
        try:
            painter = await self.camera.start_painter(self.folder, ticket, self._controls)
            if painter is None:
                return None
            await self._watch(painter)
        except (OSError, StyleError) as error:  # No memory or no process is left just now.
            log.warning("%s: the painter did not start: %s", self.name, error)
            return 0
        finally:
            self._tickets.revoke(ticket)
        return painter.paintings.seconds

    async def _watch(self, painter):
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
                elif reason := self.camera.outgrew(painter):
                    log.info("%s: %s", self.name, reason)
                    await painter.end()
            log.warning("%s: the painter ended with code %d", self.name, await ended)
        finally:
            came, given = self.camera.frames, painter.given  # at this moment, its feed ends
            await painter.end()
            # What waited still is the next one's, if there is one.
            self._taken = came - (given - painter.given)
            self._painter = None
            self._painted += painter.paintings.count
            self._dropped += painter.dropped
            self.camera.release(painter)

    def _frozen(self, painter):
        """Why a painter is to be taken for frozen, or None."""
        # While a model loads and paints its first frames, nothing may be read for a while.
        read_time = READ_TIME if painter.paintings.seconds >= GOOD_RUN else START_TIME
        if painter.blocked > read_time:
            return f"has read nothing for {read_time} s"
        since = max(painter.paintings.last, self.camera.sending_since or 0)
        if _in_flight(painter) and time.monotonic() - since > START_TIME:
            return f"has painted nothing for {START_TIME} s"
        return None

    def frames(self):
        """Frames that came in, were painted and were dropped, by all painters, and the rest.

        In flight are those on their way, and those dropped since the last painting. Lost are those
        in flight when a painter was killed, those that could not be decoded, and those before the
        first key frame; a painter that ends in order accounts for all of its own.
        """
        painter, camera = self._painter, self.camera
        painted = self._painted + (painter.paintings.count if painter else 0)
        dropped = self._dropped + camera.dropped + (painter.dropped if painter else 0)
        in_flight = _in_flight(painter) if painter else camera.waiting
        return {
            "in": camera.frames,
            "painted": painted,
            "dropped": dropped,
            "in_flight": in_flight,
            "lost": camera.frames - painted - dropped - in_flight,
        }

    def counts(self):
        """`frames` as text."""
        counts = ", ".join(f"{kind} {count}" for kind, count in self.frames().items())
        return counts.replace("_", " ")

    @property
    def delay(self):
        """Seconds by which the last painting was late, None while there is none."""
        return self._painter.delay if self._painter else None

    def status(self):
        """What there is to know, for JSON."""
        return {
            "name": self.name,
            "by": self.camera.by,
            "state": self._state(),
            "note": self.camera.note,
            "seconds": round(time.monotonic() - self._started, 1),
            "restarts": self.restarts,
            "viewers": self.viewers,
            "frames": self.frames(),
            "delay": None if self.delay is None else round(self.delay, 3),
            "controls": self._controls.as_json(self._settings.styles),
        }

    def _state(self):
        if self.camera.silence > READ_TIME or self.camera.sending_since is None:
            return "waiting for the camera"
        if not self._painter:
            return (
                "restarting" if self.restarts and not self.camera.note else "waiting for a picture"
            )
        return "painting" if self._painter.paintings.count else "starting"


def _in_flight(painter):
    """Pictures on their way, with those that were dropped since the last painting."""
    return painter.given - painter.paintings.count - painter.dropped
