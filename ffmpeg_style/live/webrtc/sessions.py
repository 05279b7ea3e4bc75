"""WHIP and WHEP: who publishes and who watches by WebRTC."""

import asyncio
import logging
import time
import weakref

from ffmpeg_style.errors import InputError
from ffmpeg_style.live.access import is_stream_name
from ffmpeg_style.live.webrtc import adapt
from ffmpeg_style.live.webrtc.broadcast import Broadcast
from ffmpeg_style.live.webrtc.camera import WebCamera
from ffmpeg_style.live.webrtc.connection import Connection
from ffmpeg_style.live.webrtc.relay import Relay
from ffmpeg_style.live.webrtc.sender import PacketSender

MAX_VIEWERS = 100
"""Browsers that watch at a time, of all streams together."""

CHECK_INTERVAL = 0.5
"""Seconds between two looks whether a stream that is watched is still there."""
LINGER_TIME = 20
"""Seconds for which viewers are kept when their camera is gone: it may come back."""

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The server can't serve one more just now, or not by that name."""


class Sessions:
    """Every connection by its id, which can't be guessed.

    Args:
        settings: the server's `Settings`.
        streams: a `Streams`.
        tickets: `Tickets`.
    """

    def __init__(self, settings, streams, tickets):
        adapt.listen_on(settings.host)
        adapt.wait_for_signs_of_life()
        adapt.read_short_datagrams()
        self._settings = settings
        self._streams = streams
        self._tickets = tickets
        self._connections = {}
        self._watching = {}
        self._relays = {}
        self._broadcasts = weakref.WeakValueDictionary()
        self._tasks = set()

    async def publish(self, name, offer):
        """Answers a WHIP client; returns (the session's id, the answer as SDP).

        Args:
            name: the stream's.
            offer: the client's, as bytes.

        Raises:
            InputError: the name or the offer is none.
            RefusedError: the name is taken, or too many streams are painted.
        """
        if not is_stream_name(name):
            raise InputError("expected a name of letters, digits, _ and -, at most 64")
        camera = WebCamera(name, self._settings, self._broadcast(name))
        connection = camera.connection
        try:
            answer = await camera.answer(offer)
            stream = await self._streams.publish(name, camera)
            if stream is None:
                raise RefusedError(self._reason(name))
        except BaseException:
            await camera.close()
            raise
        self._keep(connection, lambda: self._streams.left(name, connection.id))
        return connection.id, answer

    def _reason(self, name):
        """Why a stream is not taken."""
        if self._streams.get(name):
            return f"The name {name} is taken: choose another"
        return f"There are {self._settings.max_streams} streams, as many as may be"

    async def watch(self, name, offer):
        """Answers a WHEP client; returns (the session's id, the answer as SDP).

        Raises:
            InputError: the offer is none.
            RefusedError: there is no such stream, or there are too many viewers.
        """
        stream = self._streams.get(name)
        if stream is None:
            raise RefusedError("no such stream")
        return await self._join(
            self._broadcast(name), offer, lambda: self._is_shown(name), LINGER_TIME
        )

    async def watch_source(self, name, offer):
        """The same for what the camera films, before it is painted; of WHIP cameras alone.

        Raises:
            InputError: the offer is none, or lacks the camera's codec.
            RefusedError: there is no such camera, or there are too many viewers.
        """
        stream = self._streams.get(name)
        if stream is None or stream.camera.by != WebCamera.by or not stream.camera.source.codec:
            raise RefusedError("no such camera that came by WHIP")
        return await self._join(
            stream.camera.source, offer, lambda: self._streams.get(name) is stream, 0
        )

    async def _join(self, broadcast, offer, is_shown, patience):
        if self.viewers() >= MAX_VIEWERS:
            raise RefusedError("as many watch as may")
        viewer = broadcast.add()
        connection = Connection()
        try:
            answer = await connection.answer(
                offer, lambda: _send(connection.peer, viewer, broadcast.codec)
            )
        except BaseException:
            broadcast.remove(viewer)
            await connection.close()
            raise
        self._watching[connection.id] = broadcast

        def leave():
            broadcast.remove(viewer)
            del self._watching[connection.id]

        self._keep(connection, leave, is_shown, patience)
        return connection.id, answer

    def viewers(self, broadcast=None):
        """Browsers that watch what a `Broadcast` sends, or all."""
        return sum(broadcast in (None, watched) for watched in self._watching.values())

    def status(self):
        """`Streams.status`, with the browsers that watch among the viewers."""
        found = self._streams.status()
        for status in found:
            stream = self._streams.get(status["name"])
            status["viewers"] += self.viewers(self._broadcast(stream.name))
            if stream in self._relays and status["viewers"]:  # To nginx, a relay is a player.
                status["viewers"] -= 1
        return found

    def _broadcast(self, name):
        """What is watched by a name, as long as there is someone who watches it or is watched."""
        broadcast = self._broadcasts.get(name)
        if broadcast is None:
            broadcast = Broadcast(lambda settings: self._tell(name, settings))
            self._broadcasts[name] = broadcast
        return broadcast

    def _tell(self, name, settings):
        stream = self._streams.get(name)
        if stream in self._relays:
            self._relays[stream].tell(settings)
        elif stream and stream.camera.by == WebCamera.by:
            stream.camera.tell(settings)

    def _is_shown(self, name):
        """Whether there is a stream to be watched; one that came by RTMP is relayed then."""
        stream = self._streams.get(name)
        if stream and stream.camera.by != WebCamera.by and stream not in self._relays:
            relay = Relay(name, self._settings, self._tickets, self._broadcast(name))
            self._relays[stream] = relay
            self._spawn(self._end_relay(stream, relay))
        return stream is not None

    async def _end_relay(self, stream, relay):
        """A relay ends with its stream, or when nobody has watched for a while."""
        try:
            await relay.run(lambda: self._streams.get(stream.name) is stream)
        finally:
            del self._relays[stream]

    def _keep(self, connection, on_end, is_shown=lambda: True, patience=0):
        self._connections[connection.id] = connection
        self._spawn(self._follow(connection, on_end, is_shown, patience))

    async def _follow(self, connection, on_end, is_shown, patience):
        """Stays with a connection to its end, or until nothing was shown for so many seconds."""
        ended = asyncio.create_task(connection.ended.wait())
        last = time.monotonic()
        try:
            while not ended.done():
                if is_shown():
                    last = time.monotonic()
                elif time.monotonic() - last > patience:
                    break
                await asyncio.wait([ended], timeout=CHECK_INTERVAL)
        finally:
            ended.cancel()
            del self._connections[connection.id]
            on_end()
            await connection.close()

    def _spawn(self, coroutine):
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end(self, session):
        """Ends a session by its id; returns whether there was one."""
        connection = self._connections.get(session)
        if connection:
            connection.ended.set()
        return connection is not None

    async def close(self):
        """Ends all of them."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


def _send(peer, viewer, codec):
    """Has a viewer be sent what it offered to receive."""
    kinds = set()
    for transceiver in peer.getTransceivers():
        if transceiver.kind in kinds:
            transceiver.direction = "inactive"
            continue
        kinds.add(transceiver.kind)
        transceiver.direction = "sendonly"
        if transceiver.kind == "video":
            adapt.allow_codecs(transceiver, codec)
            viewer.video = PacketSender(transceiver.sender, viewer)
        else:
            adapt.allow_codecs(transceiver, "opus")
            viewer.audio = PacketSender(transceiver.sender, viewer)
    if "video" not in kinds:
        raise InputError("expected an offer to receive a picture")
