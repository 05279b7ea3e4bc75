"""A camera that publishes by WHIP."""

import time

from ffmpeg_style.errors import InputError
from ffmpeg_style.live.camera import Camera
from ffmpeg_style.live.webrtc import adapt, messages
from ffmpeg_style.live.webrtc.assembler import FrameAssembler, PacketTap
from ffmpeg_style.live.webrtc.broadcast import Broadcast, broadcast_time
from ffmpeg_style.live.webrtc.connection import Connection
from ffmpeg_style.live.webrtc.painter import WorkerPainter
from ffmpeg_style.live.webrtc.timeline import Timeline

PAUSE = 4
"""Seconds without a packet that are a silence."""
PATIENCE = 20
"""Seconds without a packet after which a camera is gone, told or not."""


class WebCamera(Camera):
    """A camera's packets, put together and given to the painter of the moment.

    Args:
        name: the stream's, checked.
        settings: the server's `Settings`.
        broadcast: a `Broadcast`, which gets the painting and the sound.

    Attributes:
        connection: a `Connection`.
        has_sound: whether it sends any.
        broadcast: the one that it was given.
        source: what the camera films, for browsers, in step with the painting; its codec is None
            before the first frame.
    """

    by = "webrtc"

    def __init__(self, name, settings, broadcast):
        self.connection = Connection()
        self.client = self.connection.id
        self.has_sound = False
        self.broadcast = broadcast
        self.source = Broadcast(self._follow_wishes, codec=None)
        self.frames = self.dropped = 0
        self._name = name
        self._settings = settings
        self._last_heard = time.monotonic()
        self._sending_since = None
        self._buffers = []
        self._assembler = None
        self._painter = None
        self._needs_key_frame = True
        times = []
        self._picture_time = Timeline(messages.VIDEO_RATE, times)
        self._sound_time = Timeline(messages.AUDIO_RATE, times)
        self._last_pts = -1

    async def answer(self, offer):
        """Answers the offer of a publisher; see `Connection.answer`."""
        return await self.connection.answer(offer, self._prepare)

    def _prepare(self):
        for transceiver in self.connection.peer.getTransceivers():
            transceiver.direction = "recvonly"
            if transceiver.kind == "video" and not self._assembler:
                adapt.allow_codecs(transceiver, *messages.CODECS)
                adapt.take_packets(transceiver.receiver, self._make_assembler)
                adapt.take_reports(transceiver.receiver, self._picture_time.report)
            elif transceiver.kind == "audio" and not self.has_sound:
                self.has_sound = True
                adapt.allow_codecs(transceiver, "opus")
                adapt.take_packets(transceiver.receiver, self._make_tap)
                adapt.take_reports(transceiver.receiver, self._sound_time.report)
        if not self._assembler:
            raise InputError("expected an offer that sends a picture")

    def _make_assembler(self, codec_of):
        self._assembler = FrameAssembler(self._take_frame, codec_of)
        self._buffers.append(self._assembler)
        return self._assembler

    def _make_tap(self, codec_of):
        tap = PacketTap(self._take_sound)
        self._buffers.append(tap)
        return tap

    def _listen(self):
        """Takes note of when something came."""
        last = max((buffer.heard or 0 for buffer in self._buffers), default=0)
        if last > self._last_heard:
            if self._sending_since is None or last - self._last_heard > PAUSE:
                self._sending_since = last
            self._last_heard = last

    @property
    def silence(self):
        self._listen()
        return time.monotonic() - self._last_heard

    @property
    def sending_since(self):
        self._listen()
        return self._sending_since

    @property
    def absence(self):
        is_there = not self.connection.ended.is_set() and self.silence < PATIENCE
        return 0 if is_there else float("inf")

    async def start_painter(self, folder, ticket, controls):
        self._painter = await WorkerPainter.start(
            self._settings, self._name, folder, controls, ticket, self
        )
        self._needs_key_frame = True
        return self._painter

    def release(self, painter):
        self._painter = None

    def tell(self, settings):
        """Settings for the worker of the moment, a dict."""
        if self._painter:
            self._painter.tell(settings)

    def _follow_wishes(self, settings):
        """Someone who watches what is filmed may need a key frame."""
        if settings.get("key_frame"):
            self._assembler.request_key_frame()

    def lateness(self, pts):
        """Seconds since a frame with that pts, in units of VIDEO_RATE, came or could have come."""
        return broadcast_time() - pts / messages.VIDEO_RATE

    def _take_frame(self, codec, timestamp, data, is_key):
        moment = self._picture_time.moment(timestamp, broadcast_time())
        self._last_pts = max(int(moment * messages.VIDEO_RATE), self._last_pts + 1)
        self.source.codec = codec
        self.frames += 1
        if not self._paint(codec, data, is_key):
            self.dropped += 1
        delay = self._painter and self._painter.delay
        self.source.video_later(delay or 0, self._last_pts, data, is_key)

    def _paint(self, codec, data, is_key):
        """Has a frame painted; returns False where the painter is not there or not so far.

        What was left out is missing from all that follows up to a key frame, so one is asked for.
        """
        painter = self._painter
        if not painter or not painter.has_room:
            self._needs_key_frame = True
            return False
        if self._needs_key_frame and not is_key:
            self._assembler.request_key_frame()
            return False
        self._needs_key_frame = False
        painter.video(codec, self._last_pts, data)
        return True

    def _take_sound(self, timestamp, data):
        now = broadcast_time()
        moment = self._sound_time.moment(timestamp, now)
        pts = int(moment * messages.AUDIO_RATE)
        if self._painter and self._painter.has_room:
            self._painter.audio(pts, data)
        self.broadcast.audio(pts, data, now - moment)

    async def close(self):
        await self.connection.close()
