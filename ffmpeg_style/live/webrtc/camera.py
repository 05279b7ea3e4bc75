"""A camera that publishes by WHIP."""

import time

from ffmpeg_style.errors import InputError
from ffmpeg_style.live.webrtc import adapt, messages
from ffmpeg_style.live.webrtc.assembler import FrameAssembler, PacketTap
from ffmpeg_style.live.webrtc.connection import Connection
from ffmpeg_style.live.webrtc.timeline import Timeline


class WebCamera:
    """A camera's packets, put together and given to the painter of the moment.

    Attributes:
        connection: a `Connection`.
        has_sound: whether it sends any.
        codec: of its frames, one of `messages.CODECS`; None before the first.
    """

    def __init__(self):
        self.connection = Connection()
        self.has_sound = False
        self.codec = None
        self._start = time.monotonic()
        self._buffers = []
        self._frames = None
        self._painter = None
        self._sound = self._source = None
        self._picture_time = Timeline(messages.VIDEO_RATE)
        self._sound_time = Timeline(messages.AUDIO_RATE)
        self._last_pts = -1

    async def answer(self, offer):
        """Answers the offer of a publisher; see `Connection.answer`."""
        return await self.connection.answer(offer, self._prepare)

    def _prepare(self):
        for transceiver in self.connection.peer.getTransceivers():
            transceiver.direction = "recvonly"
            if transceiver.kind == "video" and not self._frames:
                adapt.allow_codecs(transceiver, *messages.CODECS)
                adapt.take_packets(transceiver.receiver, self._make_assembler)
            elif transceiver.kind == "audio" and not self.has_sound:
                self.has_sound = True
                adapt.allow_codecs(transceiver, "opus")
                adapt.take_packets(transceiver.receiver, self._make_tap)
        if not self._frames:
            raise InputError("expected an offer that sends a picture")

    def _make_assembler(self, codec_of):
        self._frames = FrameAssembler(self._take_frame, codec_of)
        self._buffers.append(self._frames)
        return self._frames

    def _make_tap(self, codec_of):
        tap = PacketTap(self._take_sound)
        self._buffers.append(tap)
        return tap

    @property
    def received(self):
        """Bytes so far."""
        return sum(buffer.received for buffer in self._buffers)

    @property
    def is_connected(self):
        """Whether the connection has not ended."""
        return not self.connection.ended.is_set()

    def send_to(self, painter, sound, source):
        """From now on a `WorkerPainter` gets all, or None does, and `Broadcast`s get their parts.

        Args:
            painter: a `WorkerPainter` or None.
            sound: gets the sound.
            source: gets the frames as they came.
        """
        self._painter, self._sound, self._source = painter, sound, source
        self.begin_anew()

    def begin_anew(self):
        """The painter has missed something, and goes on with a key frame."""
        self._frames.begin_anew()

    def request_key_frame(self):
        """Someone who watches what is filmed needs a key frame."""
        self._frames.request_key_frame()

    def lateness(self, pts):
        """Seconds since a frame with that pts, in units of VIDEO_RATE, came or could have come."""
        return time.monotonic() - self._start - pts / messages.VIDEO_RATE

    def _take_frame(self, codec, timestamp, data, is_key):
        moment = self._picture_time.moment(timestamp, time.monotonic()) - self._start
        self._last_pts = max(int(moment * messages.VIDEO_RATE), self._last_pts + 1)
        self.codec = codec
        if self._painter:
            self._painter.video(codec, self._last_pts, data)
            delay = self._painter.progress.delay
            self._source.video_later(delay or 0, self._last_pts, data, is_key)

    def _take_sound(self, timestamp, data):
        moment = self._sound_time.moment(timestamp, time.monotonic()) - self._start
        pts = int(moment * messages.AUDIO_RATE)
        if self._painter:
            self._painter.audio(pts, data)
        if self._sound:
            lateness = time.monotonic() - self._start - moment
            self._sound.audio(pts, data, lateness)

    async def close(self):
        """Ends the connection."""
        await self.connection.close()
