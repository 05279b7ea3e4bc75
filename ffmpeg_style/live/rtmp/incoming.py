"""What a camera sends: its formats, its newest pictures, and all of it from now on.

A painter can begin at any moment: it gets the headers, then what came since the last key frame.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass

from ffmpeg_style.live.rtmp import flv
from ffmpeg_style.live.rtmp.timeline import Timeline

MAX_KEPT = 32 * 2**20
"""Bytes since a key frame that are kept for the next painter."""
MAX_KEPT_TIME = 30_000
"""Milliseconds of the same: more would take long to decode."""
MIN_KEPT_TIME = 1000
"""Milliseconds that are kept even where key frames follow each other sooner."""
SILENCE = 3
"""Seconds without a tag that are one."""
SOUND_TIME = 0.5
"""Seconds to wait for sound that was announced, once there is a picture."""


@dataclass(frozen=True)
class Formats:
    """What another painter is needed for when it changes; a new size is none of it.

    Attributes:
        picture: the codec's name.
        sound: the codec's name, or None.
        sound_header: the sound's configuration, bytes.
    """

    picture: str
    sound: str | None
    sound_header: bytes


@dataclass(frozen=True)
class Packet:
    """A tag with its place in time.

    Attributes:
        tag: a `flv.Tag`.
        time: of its decoding, in milliseconds of the stream's own clock.
        moment: `time.monotonic` of its coming.
    """

    tag: flv.Tag
    time: int
    moment: float

    @property
    def shown(self):
        """When it is to be seen, in milliseconds of the stream's own clock."""
        return self.time + self.tag.composition_time

    def is_picture(self, start=None):
        """Whether it is a picture to be seen at `start`, in the same milliseconds, or later."""
        is_picture = self.tag.kind == flv.PICTURE and self.tag.is_frame
        return is_picture and (start is None or self.shown >= start)

    def encode(self):
        """The tag as bytes of FLV."""
        return self.tag.encode(self.time)


class Incoming:
    """What a camera sends, told tag by tag.

    Attributes:
        frames: how many pictures have come.
        picture, sound: the codecs' names, None while nothing of the kind has come.
        headless: kinds of tags that came without the header that their codec needs.
        moments: `time.monotonic` of the "first" and the "last" tag, of the first "since" the last
            silence, and of the last "key" frame.
    """

    def __init__(self):
        self.frames = 0
        self.picture = self.sound = None
        self.headless = set()
        self.moments = {}
        self._headers = {}
        self._kept = []
        self._kept_size = 0
        self._announces_sound = False
        self._timeline = Timeline()
        self._listeners = []
        self._came = asyncio.Event()

    @property
    def jumps(self):
        """How often the camera's clock has jumped."""
        return self._timeline.jumps

    @property
    def formats(self):
        """The `Formats` of now; None while there is no key frame to begin at, or sound is to come.

        Sound that was announced and does not come is not waited for long.
        """
        if not self._kept:
            return None
        is_expected = self._announces_sound and not self.sound
        if is_expected and time.monotonic() - self.moments["key"] < SOUND_TIME:
            return None
        header = self._headers.get(flv.SOUND)
        return Formats(self.picture, self.sound, header.body if header else b"")

    @property
    def picture_header(self):
        """The parameter sets of now, bytes, or None."""
        header = self._headers.get(flv.PICTURE)
        return header.body if header else None

    async def wait_for(self, condition):
        """Waits until a condition, which depends on what came, is true."""
        while not condition():
            self._came.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._came.wait(), SOUND_TIME)

    def interrupt(self):
        """Takes note that something was missed: pictures go on with the next key frame."""
        self._kept = []

    def begin(self, start, listener):
        """What a painter needs to begin; a listener is called with each `Packet` from then on.

        Args:
            start: milliseconds of the stream's own clock; None: all that is kept. Pictures before
                it are needed for those that follow, but no sound is.
            listener: a function.

        Returns:
            list of `Packet`.
        """
        self._listeners.append(listener)
        kept = [p for p in self._kept if p.tag.kind == flv.PICTURE or p.time >= (start or 0)]
        header = self._headers.get(flv.SOUND)
        return [Packet(header, kept[0].time, kept[0].moment), *kept] if header and kept else kept

    def kept_pictures(self, start):
        """How many pictures from `start` on are kept for a painter."""
        return sum(packet.is_picture(start) for packet in self._kept)

    def first_picture(self):
        """The kept key frame with its header, as bytes of FLV."""
        packets = [packet for packet in self._kept if packet.tag.kind == flv.PICTURE]
        count = next((i for i, packet in enumerate(packets) if packet.tag.is_key_frame), 0) + 1
        return flv.header(False) + b"".join(packet.encode() for packet in packets[:count])

    def end(self, listener):
        """Stops calling a function, if it was called."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def take(self, tag):
        """Takes the next tag."""
        moment = time.monotonic()
        self.moments.setdefault("first", moment)
        if moment - self.moments.get("last", 0) > SILENCE:
            self.moments["since"] = moment
        self.moments["last"] = moment
        if tag.kind == flv.SCRIPT:
            self._announces_sound |= flv.announces_sound(tag.body)
        elif tag.is_header:
            self._take_header(tag, moment)
        elif tag.is_frame:
            self._take_frame(tag, moment)
        self._came.set()

    def _take_header(self, tag, moment):
        """A header for what follows; many cameras send theirs again and again."""
        known = self._headers.get(tag.kind)
        if known and known.body == tag.body:
            return
        self._headers[tag.kind] = tag
        if tag.kind == flv.SOUND:  # What is kept had another one.
            self.sound = tag.codec
            self._kept = [packet for packet in self._kept if packet.tag.kind != flv.SOUND]
        elif self._kept:
            self._give(Packet(tag, self._kept[-1].time, moment))

    def _take_frame(self, tag, moment):
        if tag.kind == flv.PICTURE:
            self.picture = tag.codec
            self.frames += 1
        if tag.needs_header and not self._has_header(tag):
            self.headless.add(tag.kind)
            return
        if tag.kind == flv.SOUND:
            self.sound = tag.codec
        placed = self._timeline.place(tag.kind, tag.timestamp, round(moment * 1000))
        packet = Packet(tag, placed, moment)
        if tag.is_key_frame:
            self._begin_to_keep(packet)
        self._give(packet)

    def _has_header(self, tag):
        header = self._headers.get(tag.kind)
        return header is not None and header.codec == tag.codec

    def _begin_to_keep(self, key_frame):
        self.moments["key"] = key_frame.moment
        if self._kept and key_frame.time - self._kept[0].time < MIN_KEPT_TIME:
            return
        self._kept, self._kept_size = [], 0
        if header := self._headers.get(flv.PICTURE):
            self._kept.append(Packet(header, key_frame.time, key_frame.moment))

    def _give(self, packet):
        if self._kept or packet.tag.is_key_frame:
            self._kept.append(packet)
            self._kept_size += len(packet.tag.body)
            too_long = packet.time - self._kept[0].time > MAX_KEPT_TIME
            if too_long or self._kept_size > MAX_KEPT:
                self._kept = []
        for listener in self._listeners:
            listener(packet)
