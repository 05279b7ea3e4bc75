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
    """

    def __init__(self):
        self.connection = Connection()
        self.has_sound = False
        self._start = time.monotonic()
        self._buffers = []
        self._frames = None
        self._painter = None
        self._broadcast = None
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

    def send_to(self, painter, broadcast):
        """From now on a `WorkerPainter` gets the frames, and a `Broadcast` the sound."""
        self._painter, self._broadcast = painter, broadcast
        self.ask_for_key_frame()

    def ask_for_key_frame(self):
        """The painter has to begin anew."""
        self._frames.ask_for_key_frame()

    def lateness(self, pts):
        """Seconds since a frame with that pts, in units of VIDEO_RATE, came or could have come."""
        return time.monotonic() - self._start - pts / messages.VIDEO_RATE

    def _take_frame(self, codec, timestamp, data, is_key):
        moment = self._picture_time.moment(timestamp, time.monotonic()) - self._start
        self._last_pts = max(int(moment * messages.VIDEO_RATE), self._last_pts + 1)
        if self._painter and codec in messages.CODECS:
            self._painter.video(codec, self._last_pts, data)

    def _take_sound(self, timestamp, data):
        moment = self._sound_time.moment(timestamp, time.monotonic()) - self._start
        pts = int(moment * messages.AUDIO_RATE)
        if self._painter:
            self._painter.audio(pts, data)
        if self._broadcast:
            lateness = time.monotonic() - self._start - moment
            self._broadcast.audio(timestamp, data, lateness)

    async def close(self):
        """Ends the connection."""
        await self.connection.close()
