"""One WHIP camera's stream: painted by one worker after the other, and told about."""

import asyncio
import logging
import shutil
import time

from ffmpeg_style.live.access import PUBLISH_PAINTED
from ffmpeg_style.live.webrtc.broadcast import Broadcast
from ffmpeg_style.live.webrtc.painter import WorkerPainter

START_TIME = 30
"""Seconds in which a worker must have painted something, once the camera sends."""
READ_TIME = 4
"""Seconds after which a worker that tells nothing, while the camera sends, is taken for frozen."""
FIRST_PAUSE, LAST_PAUSE = 0.2, 10
"""Seconds between a worker's end and the next one's start; doubled while none of them paints."""
GOOD_RUN = 2
"""Seconds of painting after which a worker's end is no reason for a longer pause."""
SILENCE = 20
"""Seconds without a byte after which a camera is gone, told or not."""
WATCH_INTERVAL = 0.2
NO_FRAMES = {"in": 0, "painted": 0, "dropped": 0}

log = logging.getLogger(__name__)


class WebStream:
    """A stream as `Streams` has it, of a camera that publishes by WHIP.

    Attributes:
        name: checked.
        client: the id of the camera's connection.
        folder: holds the segments for browsers.
        broadcast: the painting, for browsers.
        source: what the camera films, for browsers, in step with the painting.
        restarts: how often the worker had to be replaced.
        viewers: RTMP players.
    """

    def __init__(self, name, camera, folder, settings, tickets):
        self.name = name
        self.client = camera.connection.id
        self.folder = folder
        self.broadcast = Broadcast(self._tell)
        self.source = Broadcast(self._tell_camera)
        self.restarts = 0
        self.viewers = 0
        self._camera = camera
        self._settings = settings
        self._tickets = tickets
        self._controls = settings.controls
        self._painter = None
        self._received = 0
        self._started = self._last_received = self._sending_since = time.monotonic()
        self._frames = NO_FRAMES
        self._task = None

    def start(self):
        """Begins to paint, in the background."""
        self.folder.mkdir()
        self._task = asyncio.create_task(self._supervise())

    async def close(self):
        """Ends the camera's connection and the worker, and deletes the segments."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._camera.close()
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

    def _tell(self, settings):
        if self._painter:
            self._painter.tell(settings)

    def _tell_camera(self, settings):
        if settings.get("key_frame"):
            self._camera.request_key_frame()

    @property
    def codec(self):
        """The codec of what the camera films, "VP8" or "H264"; None before the first frame."""
        return self._camera.codec

    def _listen(self):
        """Takes note of what the camera sends."""
        now = time.monotonic()
        if self._camera.received != self._received:
            if now - self._last_received > READ_TIME:
                self._sending_since = now
            self._received, self._last_received = self._camera.received, now

    @property
    def silence(self):
        """Seconds since the camera last sent something."""
        self._listen()
        return time.monotonic() - self._last_received

    @property
    def absence(self):
        """Seconds since the camera was last there: 0, or without an end."""
        is_there = self._camera.is_connected and self.silence < SILENCE
        return 0 if is_there else float("inf")

    def seen(self, camera, painted):
        """Takes what nginx sees of the painted stream, about once a second."""
        self.viewers = painted.players if painted else 0

    async def _supervise(self):
        failures = 0
        while True:
            painted_for = await self._paint()
            failures = 0 if painted_for >= GOOD_RUN else failures + 1
            pause = min(FIRST_PAUSE * 2 ** max(failures - 1, 0), LAST_PAUSE)
            self.restarts += 1
            log.warning("%s: the worker starts again in %.1f s", self.name, pause)
            await asyncio.sleep(pause)

    async def _paint(self):
        """Paints until the worker ends or has to be ended; returns the seconds that it painted."""
        ticket = self._tickets.issue(PUBLISH_PAINTED, self.name)
        try:
            painter = await WorkerPainter.start(
                self._settings, self.name, self.folder, self._controls, ticket,
                self._camera, self.broadcast,
            )  # fmt: skip
            await self._watch(painter)
        except OSError as error:  # No memory or no process is left just now.
            log.warning("%s: the worker did not start: %s", self.name, error)
            return 0
        finally:
            self._tickets.revoke(ticket)
        return painter.progress.paintings.seconds

    async def _watch(self, painter):
        """Stays with a worker to its end, which comes at once when it is found frozen."""
        self._painter = painter
        painter.apply(self._controls)  # They may have changed meanwhile.
        self._camera.send_to(painter, self.broadcast, self.source)
        ended = asyncio.create_task(painter.ended())
        try:
            while not ended.done():
                await asyncio.wait([ended], timeout=WATCH_INTERVAL)
                if reason := self._frozen(painter.progress):
                    log.warning("%s: the worker %s and is ended", self.name, reason)
                    await painter.kill()
            log.warning("%s: the worker ended with code %d", self.name, await ended)
        finally:
            await painter.end()
            self._painter = None
            self._camera.send_to(None, self.broadcast, self.source)
            self._frames = _sum(self._frames, painter.progress.frames)

    def _frozen(self, progress):
        """Why a worker is to be taken for frozen, or None."""
        if self.silence > READ_TIME:
            return None
        now = time.monotonic()
        # While a model loads and paints its first frames, nothing may be told for a while.
        read_time = READ_TIME if progress.paintings.seconds >= GOOD_RUN else START_TIME
        if now - max(progress.arrivals.last, self._sending_since) > read_time:
            return f"has told nothing for {read_time} s"
        if now - max(progress.paintings.last, self._sending_since) > START_TIME:
            return f"has painted nothing for {START_TIME} s"
        return None

    def frames(self):
        """Frames that came in, were painted and were dropped, by all workers, and the rest.

        In flight are those on their way. Lost are those in flight when a worker was killed; one
        that ends in order accounts for all of them.
        """
        running = self._painter.progress.frames if self._painter else NO_FRAMES
        return {
            **_sum(self._frames, running),
            "in_flight": max(0, _rest(running)),
            "lost": max(0, _rest(self._frames)),
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
            "by": "webrtc",
            "state": self._state(),
            "seconds": round(time.monotonic() - self._started, 1),
            "restarts": self.restarts,
            "viewers": self.viewers + len(self.broadcast.viewers),
            "frames": self.frames(),
            "delay": None if self.delay is None else round(self.delay, 3),
            "controls": self._controls.as_json(self._settings.styles),
        }

    def _state(self):
        if self.silence > READ_TIME:
            return "waiting for the camera"
        if not self._painter:
            return "restarting"
        return "painting" if self._painter.progress.paintings.count else "starting"


def _sum(frames, others):
    return {kind: count + others[kind] for kind, count in frames.items()}


def _rest(frames):
    return frames["in"] - frames["painted"] - frames["dropped"]
