"""VP8 for viewers, which every browser plays: encoded once, however many watch."""

import av
from av.video.frame import PictureType

MIN_BITRATE = 200_000
"""Bits per second; a viewer whose network carries less loses packets."""
STEP = 0.2
"""Part by which the bit rate must change before the encoder begins anew, with a key frame."""


class Vp8Encoder:
    """Encodes frames of any sizes without delay.

    Args:
        bitrate: the highest, in bits per second.
    """

    def __init__(self, bitrate):
        self._highest = max(bitrate, MIN_BITRATE)
        self._bitrate = self._highest
        self._codec = None

    @property
    def bitrate(self):
        """Bits per second to aim at; setting it stays within what is sensible."""
        return self._bitrate

    @bitrate.setter
    def bitrate(self, bitrate):
        self._bitrate = min(max(bitrate, MIN_BITRATE), self._highest)

    def encode(self, frame, wants_key):
        """(bytes, whether it is a key frame) of an `av.VideoFrame`, yuv420p."""
        if not self._fits(frame):
            self._codec = self._open(frame)
        frame.pict_type = PictureType.I if wants_key else PictureType.NONE
        packets = self._codec.encode(frame)
        return b"".join(bytes(packet) for packet in packets), any(p.is_keyframe for p in packets)

    def _fits(self, frame):
        codec = self._codec
        if codec is None or (codec.width, codec.height) != (frame.width, frame.height):
            return False
        return abs(self._bitrate - codec.bit_rate) <= STEP * codec.bit_rate

    def _open(self, frame):
        codec = av.CodecContext.create("libvpx", "w")
        codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "yuv420p"
        codec.time_base = frame.time_base
        codec.bit_rate = self._bitrate
        codec.gop_size = 3000
        codec.qmin, codec.qmax = 4, 56
        codec.thread_count = 1
        codec.options = {
            "deadline": "realtime",
            "cpu-used": "-8",
            "lag-in-frames": "0",
            "error-resilient": "1",
            "minrate": str(self._bitrate),
            "maxrate": str(self._bitrate),
            "bufsize": str(self._bitrate // 2),
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "static-thresh": "1",
        }
        return codec
