"""Packets to one viewer: packed once for all who watch, and written as soon as they are there.

aiortc's `RTCRtpSender` has a task that fetches, packs, describes and awaits each packet, anew for
each viewer: 46 microseconds of a processor, where encrypting and sending one takes 6. Its sender
stays, with its reports, its statistics and what it hears from the browser; its task is replaced.
"""

import asyncio
import contextlib
import random
import struct
from collections import deque
from dataclasses import dataclass

import av
from aiortc import clock
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcdtlstransport import State
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.rtp import RTP_HISTORY_SIZE, HeaderExtensions, RtpPacket

from ffmpeg_style.live.webrtc import messages
from ffmpeg_style.live.webrtc.adapt import private, set_private

HISTORY = 64
"""Frames that are kept in case that a browser has lost a packet."""
MAX_SOUND = 1280
"""Bytes of an Opus packet: one frame has up to 1,276, and SRTP takes no more than 1,356 with all
that is around them."""
MAX_AGE = 1000
"""Packets after which one isn't sent again: aiortc's SRTP takes none that is 1,024 behind."""

_HEADER = struct.Struct("!BBHLL")
_EXTENSION = struct.Struct("!HH")
_PACKERS = {"VP8": Vp8Encoder, "H264": H264Encoder}
_A_TIME = 0xABCDEF


@dataclass(frozen=True)
class Packets:
    """A frame, or a packet of sound, as every viewer gets it.

    Attributes:
        payloads: of its RTP packets, a list of bytes.
        timestamp: as in RTP, in units of `messages.VIDEO_RATE` or `messages.AUDIO_RATE`.
        made, filmed: the moments, as NTP timestamps.
        size: bytes of the payloads.
    """

    payloads: list
    timestamp: int
    made: int
    filmed: int
    size: int

    @classmethod
    def of(cls, payloads, timestamp, lateness):
        """Those made now of what was filmed so many seconds ago."""
        made = clock.current_ntp_time()
        filmed = made - int(lateness * (1 << 32))
        return cls(payloads, timestamp, made, filmed, sum(map(len, payloads)))


class Packer:
    """Makes packets of one stream's frames and sound."""

    def __init__(self):
        self._codec = None
        self._encoder = None

    def frame(self, codec, pts, data, lateness):
        """`Packets` of a frame of one of `messages.CODECS`."""
        if codec != self._codec:
            self._codec, self._encoder = codec, _PACKERS[codec]()
        packet = av.Packet(data)
        packet.pts, packet.time_base = pts, messages.VIDEO_TIME
        payloads = []
        with contextlib.suppress(IndexError):  # aiortc's for a broken H.264 frame.
            payloads, _ = self._encoder.pack(packet)
        return Packets.of(payloads, pts, lateness)

    def sound(self, pts, data, lateness):
        """`Packets` of an Opus packet; of none where it is larger than `MAX_SOUND`."""
        return Packets.of([data] if len(data) <= MAX_SOUND else [], pts, lateness)


class PacketSender:
    """Sends one viewer's sound or picture.

    Args:
        sender: an `RTCRtpSender` that is not at work yet.
        viewer: has ``ask_for_key_frame()`` and ``note_bitrate(bits per second)``.
    """

    def __init__(self, sender, viewer):
        self._sender = sender
        self._viewer = viewer
        self._sequence = random.randrange(1 << 15)  # Low, lest it wraps before SRTP knows it.
        self._origin = random.getrandbits(32)
        self._packets = self._octets = 0
        self._sent = deque(maxlen=HISTORY)  # (the first packet's number, `Packets`)
        self._payload_type = None
        self._extension = None
        ours = {
            "_run_rtp": self._run,
            "_retransmit": self._retransmit,
            "_send_keyframe": viewer.ask_for_key_frame,
        }
        for name, function in ours.items():
            getattr(sender, name)  # An AttributeError where aiortc has none of that name any more.
            setattr(sender, name, function)
        self._note(encoder=self)

    async def _run(self, codec):
        """In the place of aiortc's task, from the moment at which the browser is connected."""
        self._noted("rtp_started").set()
        try:
            self._extension = self._describe()
            self._payload_type = codec.payloadType
            self._viewer.ask_for_key_frame()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()
        finally:  # Whoever stops the sender waits for it.
            self._payload_type = None
            self._note(encoder=None)
            self._noted("rtp_exited").set()

    def _describe(self):
        """The header extension of each packet, cut where the time of its sending belongs."""
        extensions = HeaderExtensions(abs_send_time=_A_TIME, mid=self._noted("mid"))
        profile, value = self._noted("rtp_header_extensions_map").set(extensions)
        head = _EXTENSION.pack(profile, len(value) >> 2) if value else b""
        return (head + value).split(_A_TIME.to_bytes(3, "big"))

    @property
    def target_bitrate(self):
        """Where aiortc leaves what the browser tells of its network, in bits per second."""
        return 0

    @target_bitrate.setter
    def target_bitrate(self, bitrate):
        self._viewer.note_bitrate(bitrate)

    @property
    def is_ready(self):
        """Whether the viewer is connected, and the network has taken all that it was sent."""
        transport, _ = self._route()
        return transport is not None and not transport.get_write_buffer_size()

    def _route(self):
        """The socket's transport and the viewer's address, or two times None."""
        dtls = self._sender.transport
        pair = dtls.transport._connection._nominated.get(1)
        is_connected = self._payload_type is not None and dtls._state is State.CONNECTED
        if not is_connected or pair is None or pair.protocol.transport.is_closing():
            return None, None
        return pair.protocol.transport, pair.remote_addr

    def send(self, packets):
        """Sends `Packets` to a viewer who is ready."""
        transport, address = self._route()
        protect = self._sender.transport._tx_srtp.protect
        extension = _send_time(packets.made).to_bytes(3, "big").join(self._extension)
        self._sent.append((self._sequence, packets))
        for header, payload in self._headers(self._sequence, packets):
            transport.sendto(protect(header + extension + payload), address)
        self._count(packets)

    def _headers(self, sequence, packets):
        """An RTP header and the payload for each packet, of which the first has that number."""
        first = 0x90 if self._extension != [b""] else 0x80
        kind, ssrc = self._payload_type, self._sender._ssrc
        timestamp = self._timestamp(packets)
        last = len(packets.payloads) - 1
        for number, payload in enumerate(packets.payloads):
            marked = kind | (number == last) << 7
            following = (sequence + number) & 0xFFFF
            yield _HEADER.pack(first, marked, following, timestamp, ssrc), payload

    def _timestamp(self, packets):
        return (self._origin + packets.timestamp) & 0xFFFFFFFF

    def _count(self, packets):
        """Takes note of what was sent, for the sender's reports.

        They tell when it was filmed, where aiortc tells when it left: by that, browsers play sound
        and picture together, however long the picture took to be painted.
        """
        self._sequence = (self._sequence + len(packets.payloads)) & 0xFFFF
        self._packets += len(packets.payloads)
        self._octets += packets.size
        self._note(
            ntp_timestamp=packets.filmed,
            rtp_timestamp=self._timestamp(packets),
            packet_count=self._packets,
            octet_count=self._octets,
        )

    async def _retransmit(self, sequence_number):
        """Has aiortc send a packet again, if it is still here."""
        if (self._sequence - sequence_number) & 0xFFFF > MAX_AGE:
            return
        for first, packets in self._sent:
            number = (sequence_number - first) & 0xFFFF
            if number < len(packets.payloads):
                packet = RtpPacket(
                    payload_type=self._payload_type,
                    marker=int(number == len(packets.payloads) - 1),
                    sequence_number=sequence_number,
                    timestamp=self._timestamp(packets),
                    ssrc=self._sender._ssrc,
                    payload=packets.payloads[number],
                )
                packet.extensions.mid = self._noted("mid")
                packet.extensions.abs_send_time = _send_time(clock.current_ntp_time())
                self._note(rtp_history={sequence_number % RTP_HISTORY_SIZE: packet})
                return await RTCRtpSender._retransmit(self._sender, sequence_number)

    def _noted(self, name):
        return private(self._sender, RTCRtpSender, name)

    def _note(self, **values):
        for name, value in values.items():
            set_private(self._sender, RTCRtpSender, name, value)


def _send_time(ntp):
    """An NTP timestamp as the header extension has it: 6 bits of seconds, 18 of their parts."""
    return ntp >> 14 & 0xFFFFFF
