"""FLV, the packets that RTMP carries: read, told apart, and written.

Adobe Flash Video File Format Specification 10.1, annex E; Enhanced RTMP v2 (veovera.org) for the
codecs that have a FourCC.
"""

import struct
from dataclasses import dataclass

SOUND, PICTURE, SCRIPT = 8, 9, 18
"""Kinds of tags."""

KEY, NO_PICTURE = 1, 5
"""Types of frames: one to begin at, and a command for players."""

_HEADER = b"FLV\x01%c\x00\x00\x00\x09\x00\x00\x00\x00"
_HAS_PICTURE, _HAS_SOUND = 1, 4
_HEADER_SIZE, _TAG_HEADER_SIZE = 13, 11

_PICTURE_CODECS = {2: "Sorenson H.263", 4: "VP6", 7: "H.264", 12: "HEVC", 13: "AV1"}
_SOUND_CODECS = {
    **{0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser"},
    **{6: "Nellymoser", 7: "G.711", 8: "G.711", 10: "AAC", 11: "Speex", 13: "Opus", 14: "MP3"},
}
_FOURCC = {
    **{b"avc1": "H.264", b"hvc1": "HEVC", b"vvc1": "VVC", b"av01": "AV1", b"vp08": "VP8"},
    **{b"vp09": "VP9", b"mp4a": "AAC", b".mp3": "MP3", b"Opus": "Opus", b"fLaC": "FLAC"},
    **{b"ac-3": "AC-3", b"ec-3": "E-AC-3"},
}
_WITH_HEADER = {"H.264", "HEVC", "VVC", "AV1", "VP9", "AAC", "FLAC"}
_WITH_COMPOSITION_TIME = {"H.264", "HEVC", "VVC"}
_ENHANCED_SOUND = 9
_START, _FRAMES, _END, _FRAMES_IN_ORDER = range(4)


@dataclass(frozen=True)
class Tag:
    """One packet.

    Attributes:
        kind: `SOUND`, `PICTURE`, `SCRIPT` or another.
        timestamp: of its decoding, in milliseconds, from 0 to 2 ** 32 - 1.
        body: bytes, with the header that tells the codec.
    """

    kind: int
    timestamp: int
    body: bytes

    @property
    def codec(self):
        """The codec's name; None for what is neither sound nor picture."""
        if not self.body or self.kind not in (SOUND, PICTURE):
            return None
        if self._is_enhanced:
            fourcc = self.body[1:5]
            return _FOURCC.get(fourcc) or fourcc.decode("ascii", "replace")
        number = self.body[0] >> 4 if self.kind == SOUND else self.body[0] & 15
        known = _SOUND_CODECS if self.kind == SOUND else _PICTURE_CODECS
        return known.get(number, f"codec {number}")

    @property
    def _is_enhanced(self):
        if self.kind == SOUND:
            return self.body[0] >> 4 == _ENHANCED_SOUND
        return bool(self.body[0] & 0x80)

    @property
    def _packet_type(self):
        if self._is_enhanced:
            return self.body[0] & 15
        return self.body[1] if self.codec in _WITH_HEADER and len(self.body) > 1 else _FRAMES

    @property
    def needs_header(self):
        """Whether its codec has a header, without which no frame can be decoded."""
        return self.codec in _WITH_HEADER

    @property
    def is_header(self):
        """Whether it is its codec's header: parameter sets, or a configuration."""
        return self.codec is not None and self._packet_type == _START

    @property
    def is_frame(self):
        """Whether there is something to be seen or heard in it."""
        if self.codec is None or self._packet_type not in (_FRAMES, _FRAMES_IN_ORDER):
            return False
        return self.kind == SOUND or self._frame_type != NO_PICTURE

    @property
    def is_key_frame(self):
        """Whether it is a picture that can be decoded by itself."""
        return self.kind == PICTURE and self.is_frame and self._frame_type == KEY

    @property
    def _frame_type(self):
        return self.body[0] >> 4 & 7

    @property
    def composition_time(self):
        """Milliseconds from its decoding to its being shown."""
        if self.codec not in _WITH_COMPOSITION_TIME or self._packet_type != _FRAMES:
            return 0
        start = 5 if self._is_enhanced else 2
        return int.from_bytes(self.body[start : start + 3], "big", signed=True)

    def encode(self, timestamp):
        """It as bytes, with another timestamp."""
        head = struct.pack(">I", self.kind << 24 | len(self.body))
        time = struct.pack(">I", timestamp & 0xFFFFFF)[1:] + bytes([timestamp >> 24 & 0xFF])
        size = struct.pack(">I", _TAG_HEADER_SIZE + len(self.body))
        return b"".join((head, time, bytes(3), self.body, size))


def header(with_sound):
    """What comes before the first tag, in a stream with a picture."""
    return _HEADER % (_HAS_PICTURE | (_HAS_SOUND if with_sound else 0))


async def read_tags(reader):
    """The tags that come from an `asyncio.StreamReader`, to its end."""
    await reader.readexactly(_HEADER_SIZE)
    while True:
        head = await reader.readexactly(_TAG_HEADER_SIZE)
        body = await reader.readexactly(int.from_bytes(head[1:4], "big"))
        await reader.readexactly(4)
        yield Tag(head[0] & 31, head[7] << 24 | int.from_bytes(head[4:7], "big"), body)


def announces_sound(body):
    """Whether a `SCRIPT` tag's body, "onMetaData", names a codec of sound."""
    _, name, value = body.partition(b"audiocodecid")
    return bool(name) and value[:9] != bytes(9)
