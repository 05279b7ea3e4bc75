"""Frames put together from RTP packets, at once and in order; what is lost is skipped.

aiortc's own jitter buffer gives a frame away when the next one begins, which is a frame's time too
late, and waits for a lost packet until 512 others have come, which is seconds. This one takes its
place: `RTCRtpReceiver` calls `add` for each packet.
"""

import time

from aiortc.codecs.vpx import VpxPayloadDescriptor

PATIENCE = 0.25
"""Seconds to wait for a packet to be sent again before the rest goes on with a key frame."""
REQUEST_INTERVAL = 0.3
"""Seconds between two requests for a key frame."""
MAX_PACKETS = 1024
"""Packets held while one is missing."""
MAX_FRAME = 1 << 20
"""Bytes of a frame; a larger one is skipped."""
MAX_JUMP = 1 << 12
"""Sequence numbers by which packets may jump before they are taken for those of a new start."""


class FrameAssembler:
    """Gives each video frame away as soon as it is complete.

    It begins with a key frame, and after a loss that is not made good it goes on with the next
    one, so that nothing is ever decoded against a picture that is not there.

    Args:
        deliver: function of (codec's name, RTP timestamp, bytes, is_key).
        codec_of: function of a payload type that returns the codec's name.
        now: a clock in seconds.

    Attributes:
        heard: the moment at which a packet last came, by that clock; None before the first.
        skipped: how often it had to skip to a key frame.
    """

    def __init__(self, deliver, codec_of, now=time.monotonic):
        self.heard = None
        self.skipped = 0
        self._deliver = deliver
        self._codec_of = codec_of
        self._now = now
        self._packets = {}  # by their sequence number, unwrapped
        self._newest = None
        self._next = None  # where the next frame begins; None: with a key frame
        self._stuck_since = None
        self._is_requested = False
        self._last_request = float("-inf")

    def add(self, packet):
        """Takes a packet; returns (whether a key frame is to be asked for, None)."""
        self.heard = self._now()
        sequence = self._unwrap(packet.sequence_number)
        if self._next is None and self._begins_key_frame(packet):
            self._next = sequence
            self._packets.clear()
        if self._next is not None and sequence >= self._next:
            self._packets[sequence] = packet
            self._give_frames()
            self._skip_if_stuck()
        return self._asks_for_key_frame(), None

    def request_key_frame(self):
        """Has a key frame asked for, and goes on meanwhile."""
        self._is_requested = True

    def begin_anew(self):
        """Drops what comes before the next key frame, and has one asked for."""
        self._next = None
        self._packets.clear()
        self._stuck_since = None

    def _unwrap(self, number):
        if self._newest is None:
            self._newest = number + (1 << 16)
        step = (number - self._newest + (1 << 15)) % (1 << 16) - (1 << 15)
        if abs(step) > MAX_JUMP:
            self.begin_anew()
            self._newest += step % (1 << 16)
            return self._newest
        self._newest = max(self._newest, self._newest + step)
        return self._newest if step > 0 else self._newest + step

    def _begins_key_frame(self, packet):
        data = packet._data
        if not data:
            return False
        if self._codec_of(packet.payload_type) == "VP8":
            descriptor, _ = VpxPayloadDescriptor.parse(packet.payload)
            begins = descriptor.partition_start and descriptor.partition_id == 0
            return bool(begins and not data[0] & 1)
        # What aiortc makes of H.264 begins with a start code: SPS, or a picture that needs none.
        return len(data) > 4 and data[4] & 0x1F in (5, 7)

    def _give_frames(self):
        while (frame := self._complete_frame()) is not None:
            first = frame[0]
            is_key = self._begins_key_frame(first)
            data = b"".join(packet._data for packet in frame)
            self._next += len(frame)
            self._stuck_since = None
            codec = self._codec_of(first.payload_type)
            if data and codec:  # A sender may fill up its bit rate with empty packets.
                self._deliver(codec, first.timestamp, data, is_key)

    def _complete_frame(self):
        """The packets of the next frame, taken out, or None while one is missing."""
        frame = []
        while packet := self._packets.get(self._next + len(frame)):
            if frame and packet.timestamp != frame[0].timestamp:
                break
            frame.append(packet)
            if packet.marker:
                break
        else:
            return None
        for number in range(self._next, self._next + len(frame)):
            del self._packets[number]
        return frame

    def _skip_if_stuck(self):
        if not self._packets:
            self._stuck_since = None
            return
        self._stuck_since = self._stuck_since or self._now()
        size = sum(len(packet.payload) for packet in self._packets.values())
        is_late = self._now() - self._stuck_since > PATIENCE
        if is_late or len(self._packets) > MAX_PACKETS or size > MAX_FRAME:
            self.skipped += 1
            self.begin_anew()

    def _asks_for_key_frame(self):
        now = self._now()
        is_needed = self._next is None or self._is_requested
        if not is_needed or now - self._last_request < REQUEST_INTERVAL:
            return False
        self._is_requested = False
        self._last_request = now
        return True


class PacketTap:
    """Gives each audio packet away as it comes: the viewer's own buffer puts them in order.

    Args:
        deliver: function of (RTP timestamp, bytes).

    Attributes:
        heard: as of a `FrameAssembler`.
    """

    def __init__(self, deliver):
        self.heard = None
        self._deliver = deliver

    def add(self, packet):
        """Takes a packet; returns (False, None)."""
        self.heard = time.monotonic()
        if packet.payload:
            self._deliver(packet.timestamp, packet.payload)
        return False, None
