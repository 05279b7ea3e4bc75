"""The streams of this moment: who may publish and play, and the painter that each has."""

import asyncio
import contextlib
import itertools
import logging
import shutil
import time

import aiohttp

from ffmpeg_style.live.access import (
    PLAY_CAMERA,
    PLAY_PAINTED,
    PUBLISH_CAMERA,
    PUBLISH_PAINTED,
    is_same,
    is_stream_name,
)
from ffmpeg_style.live.controls import Controls
from ffmpeg_style.live.painter import Painter
from ffmpeg_style.live.settings import LOOPBACK

START_TIME = 30
"""Seconds in which a painter must have painted something, once the camera sends."""
JOIN_TIME = 3
"""Seconds that a camera is kept waiting for its painter, which would miss the first key frame."""
JOIN_PAUSE = 0.1
"""Seconds in which nginx lets a painter in, once it may."""
READ_TIME = 4
"""Seconds after which a painter that reads nothing, while the camera sends, is taken for frozen."""
ABSENCE = 5
"""Seconds after which a camera that nginx does not see is gone, told or not."""
SILENCE = 3
"""Seconds without a byte after which a camera's place may be taken by another of its name."""
FIRST_PAUSE, LAST_PAUSE = 0.5, 30
"""Seconds between a painter's end and the next one's start; doubled while none of them paints."""
GOOD_RUN = 2
"""Seconds of painting after which a painter's end is no reason for a longer pause."""
NO_FRAMES = {"in": 0, "painted": 0, "dropped": 0}
BACKLOG_TIME = 6
"""Seconds of a backlog after which a painter is replaced: the next begins with what comes then."""
WATCH_INTERVAL = 0.5
LOG_INTERVAL = 10

log = logging.getLogger(__name__)


class Stream:
    """One camera's stream, painted until it is closed.

    Attributes:
        name: checked.
        client: nginx's number for the camera's connection.
        folder: holds the segments for browsers.
        restarts: how often the painter had to be replaced.
        viewers: RTMP players.
    """

    def __init__(self, name, client, folder, settings, tickets):
        self.name = name
        self.client = client
        self.folder = folder
        self.restarts = 0
        self.viewers = 0
        self._settings = settings
        self._tickets = tickets
        self._controls = settings.controls
        self._painter = None
        self._received = 0
        self._started = time.monotonic()
        self._last_seen = self._last_received = self._sending_since = self._started
        self._frames = NO_FRAMES
        self._joined = asyncio.Event()
        self._task = None

    def start(self):
        """Begins to paint, in the background."""
        self.folder.mkdir()
        self._task = asyncio.create_task(self._supervise())

    def join(self):
        """Takes note that the painter may play the camera's stream."""
        self._joined.set()

    async def joined(self):
        """Waits until the painter is ready for the camera's first frame, or `JOIN_TIME` is over."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._joined.wait(), JOIN_TIME)
            await asyncio.sleep(JOIN_PAUSE)
        # The camera had no leave to send until now.
        self._last_seen = self._last_received = self._sending_since = time.monotonic()

    async def close(self):
        """Ends the painter and deletes the segments."""
        self._task.cancel()
        await asyncio.wait([self._task])
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
            if self.silence > READ_TIME:
                self._sending_since = now
            self._received = camera.received
            self._last_received = now
        self.viewers = painted.players if painted else 0

    async def _supervise(self):
        failures = 0
        while True:
            painted_for = await self._paint()
            failures = 0 if painted_for >= GOOD_RUN else failures + 1
            pause = min(FIRST_PAUSE * 2 ** max(failures - 1, 0), LAST_PAUSE)
            self.restarts += 1
            log.warning("%s: the painter starts again in %.1f s", self.name, pause)
            await asyncio.sleep(pause)

    async def _paint(self):
        """Paints until the painter ends or has to be ended; returns the seconds that it painted."""
        tickets = (
            self._tickets.issue(PLAY_CAMERA, self.name),
            self._tickets.issue(PUBLISH_PAINTED, self.name),
        )
        try:
            painter = await Painter.start(
                self._settings, self.name, self.folder, self._controls, tickets
            )
            await self._watch(painter)
        except OSError as error:  # No memory or no process is left just now.
            log.warning("%s: the painter did not start: %s", self.name, error)
            return 0
        finally:
            self._tickets.revoke(*tickets)
        return painter.progress.paintings.seconds

    async def _watch(self, painter):
        """Stays with a painter to its end, which comes at once when it is found frozen."""
        self._painter = painter
        painter.apply(self._controls)  # They may have changed meanwhile.
        ended = asyncio.create_task(painter.ended())
        try:
            while not ended.done():
                await asyncio.wait([ended], timeout=WATCH_INTERVAL)
                if reason := self._frozen(painter.progress):
                    log.warning("%s: the painter %s and is ended", self.name, reason)
                    await painter.kill()
            log.warning("%s: the painter ended with code %d", self.name, await ended)
        finally:
            await painter.end()
            self._painter = None
            self._add_frames(painter.progress)

    def _frozen(self, progress):
        """Why a painter is to be taken for frozen, or None."""
        if self.silence > READ_TIME:
            return None
        now = time.monotonic()
        # While a model loads and paints its first frames, nothing may be read for a while.
        read_time = READ_TIME if progress.paintings.seconds >= GOOD_RUN else START_TIME
        if now - max(progress.arrivals.last, self._sending_since) > read_time:
            return f"has read nothing for {read_time} s"
        if now - max(progress.paintings.last, self._sending_since) > START_TIME:
            return f"has painted nothing for {START_TIME} s"
        if progress.backlog_time > BACKLOG_TIME:
            return f"is {progress.delay:.1f} s late"
        return None

    def _add_frames(self, progress):
        """Keeps the counts of a painter that ended."""
        self._frames = _sum(self._frames, progress.frames)

    def frames(self):
        """Frames that came in, were painted and were dropped, by all painters, and the rest.

        In flight are those on their way, and those dropped since the last painting. Lost are those
        in flight when a painter was killed; one that ends in order accounts for all of them.
        """
        running = self._painter.progress.frames if self._painter else NO_FRAMES
        return {
            **_sum(self._frames, running),
            "in_flight": _rest(running),
            "lost": _rest(self._frames),
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
            "seconds": round(time.monotonic() - self._started, 1),
            "restarts": self.restarts,
            "viewers": self.viewers,
            "frames": self.frames(),
            "delay": None if self.delay is None else round(self.delay, 3),
            "controls": self._controls.as_json(self._settings.styles),
        }

    def _state(self):
        if self.silence > READ_TIME:
            return "waiting for the camera"
        if not self._painter:
            return "restarting"
        if not self._painter.progress.frames["in"]:
            return "waiting for a key frame"
        return "painting" if self._painter.progress.paintings.count else "starting"


def _sum(frames, others):
    return {kind: count + others[kind] for kind, count in frames.items()}


def _rest(frames):
    return frames["in"] - frames["painted"] - frames["dropped"]


class Streams:
    """Every stream by its name; answers nginx's questions."""

    def __init__(self, settings, tickets):
        self._nginx = None
        self._settings = settings
        self._tickets = tickets
        self._streams = {}
        self._closing = {}
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
        if not self._has_key(query) and not self._has_ticket(PUBLISH_CAMERA, name, address, query):
            log.warning("%s: publishing refused, wrong key, from %s", name, address)
            return False
        async with self._lock:
            stream = await self._admit(
                name,
                lambda folder: Stream(name, client, folder, self._settings, self._tickets),
            )
        if stream:
            await stream.joined()
        return stream is not None and self._streams.get(name) is stream

    def may_play(self, application, name, address, query):
        """Whether a client may play a stream; the arguments are those of `may_publish`."""
        if not is_stream_name(name):
            return False
        if application == "camera":
            allowed = self._has_ticket(PLAY_CAMERA, name, address, query)
            if allowed and (stream := self.get(name)):
                stream.join()
            return allowed
        if not self._settings.private or self._has_key(query):
            return True
        return self._has_ticket(PLAY_PAINTED, name, address, query)

    def _has_key(self, query):
        key = self._settings.key
        return key is None or is_same(key, query.get("key", ""))

    def _has_ticket(self, purpose, name, address, query):
        return address == LOOPBACK and self._tickets.redeem(query.get("ticket", ""), purpose, name)

    async def publish(self, name, make):
        """Has a camera painted that did not come by nginx.

        Args:
            name: checked, of a client that may publish.
            make: function of (folder, settings, tickets) that returns what a `Stream` is.

        Returns:
            The stream; None when the name is taken, or as many are painted as may be.
        """
        async with self._lock:
            return await self._admit(
                name, lambda folder: make(folder, self._settings, self._tickets)
            )

    async def _admit(self, name, make):
        """The new stream of a camera, which `make` makes for a folder, or None."""
        if known := self._streams.get(name):
            if known.silence < SILENCE:
                log.warning("%s: publishing refused, the name is taken", name)
                return None
            log.warning("%s: a silent camera gives way to another", name)
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
                await self._nginx.drop_publisher(name)
            self.left(name, known.client)
        if name in self._closing:
            await asyncio.wait([self._closing[name]])
        if len(self._streams) >= self._settings.max_streams:
            log.warning("%s: publishing refused, %d streams are painted", name, len(self._streams))
            return None
        folder = self._settings.state / f"stream-{next(self._folders)}"
        self._streams[name] = stream = make(folder)
        stream.start()
        log.info("%s: a camera publishes", name)
        return stream

    def left(self, name, client):
        """A camera is gone: its stream ends, unless another camera publishes it by now."""
        stream = self._streams.get(name)
        if stream and stream.client == client:
            del self._streams[name]
            task = self._closing[name] = asyncio.create_task(stream.close())
            task.add_done_callback(lambda _: self._closing.pop(name, None))
            log.info("%s: the camera is gone", name)

    async def close(self):
        """Ends every stream."""
        for name, stream in list(self._streams.items()):
            self.left(name, stream.client)
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
            if stream.absence > ABSENCE:
                self.left(name, stream.client)

    def _log_progress(self):
        for stream in self._streams.values():
            delay = "unknown" if stream.delay is None else f"{stream.delay:.2f} s"
            log.info("%s: frames %s; delay %s", stream.name, stream.counts(), delay)
