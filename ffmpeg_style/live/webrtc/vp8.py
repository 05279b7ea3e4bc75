"""VP8 for viewers, which every browser plays: encoded once, however many watch."""

import math

import av
from av.video.frame import PictureType

MIN_BITRATE = 200_000
"""Bits per second; a viewer whose network carries less loses packets."""
FULL_SIZE = 1280 * 720
"""Pixels from which on a picture may have the highest bit rate; a smaller one is given less."""
STEP = 0.2
"""Part by which the bit rate must change before the encoder begins anew, with a key frame."""


class Vp8Encoder:
    """Encodes frames of any sizes without delay.

    Args:
        bitrate: the highest, in bits per second, for pictures of `FULL_SIZE`.
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
        return abs(self._target(frame) - codec.bit_rate) <= STEP * codec.bit_rate

    def _target(self, frame):
        """Bits per second to aim at for a picture: half as many for a quarter of the size."""
        part = min(1, math.sqrt(frame.width * frame.height / FULL_SIZE))
        return max(MIN_BITRATE, min(self._bitrate, int(self._highest * part)))

    def _open(self, frame):
        codec = av.CodecContext.create("libvpx", "w")
        codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "yuv420p"
        codec.time_base = frame.time_base
        codec.bit_rate = bitrate = self._target(frame)
        codec.gop_size = 3000
        codec.qmin, codec.qmax = 4, 56
        codec.thread_count = 1
        codec.options = {
            "deadline": "realtime",
            "cpu-used": "-8",
            "lag-in-frames": "0",
            "error-resilient": "1",
            "minrate": str(bitrate),
            "maxrate": str(bitrate),
            "bufsize": str(bitrate // 2),
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "static-thresh": "1",
        }
        return codec
