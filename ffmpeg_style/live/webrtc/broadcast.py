"""One stream's VP8 and Opus packets, to every browser that watches it."""

import asyncio
import fractions
import time
from collections import deque

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from ffmpeg_style.live.webrtc import messages

MAX_WAITING = 8
"""Packets that wait for one viewer; more make it go on with a key frame."""
BITRATE_TIME = 30
"""Seconds for which what a viewer told about its network counts."""
KEY_FRAME_INTERVAL = 0.25
"""Seconds between two key frames that viewers ask for."""

_TIMES = {
    "video": fractions.Fraction(1, messages.VIDEO_RATE),
    "audio": fractions.Fraction(1, messages.AUDIO_RATE),
}


_ORIGIN = time.monotonic()


def broadcast_time():
    """Seconds since the server's start, by which all broadcasts' pts are reckoned.

    So a viewer who stays while one camera follows the other sees one stream that goes on.
    """
    return time.monotonic() - _ORIGIN


class PacketTrack(MediaStreamTrack):
    """A track of packets that are encoded already, with a queue that does not grow.

    Args:
        kind: "audio" or "video".

    Attributes:
        lateness: of the packet taken last: seconds from its being filmed to its being put here.
    """

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.lateness = 0.0
        self._waiting = deque()
        self._arrived = asyncio.Event()

    @property
    def is_full(self):
        """Whether the viewer is too slow for what comes."""
        return len(self._waiting) >= MAX_WAITING

    def put(self, pts, data, lateness):
        """Takes a packet."""
        self._waiting.append((pts, data, lateness))
        self._arrived.set()

    def clear(self):
        """Forgets what waits."""
        self._waiting.clear()

    async def recv(self):
        while not self._waiting and self.readyState == "live":
            self._arrived.clear()
            await self._arrived.wait()
        if self.readyState != "live":
            raise MediaStreamError
        pts, data, self.lateness = self._waiting.popleft()
        packet = av.Packet(data)
        packet.pts, packet.time_base = pts, _TIMES[self.kind]
        return packet

    def stop(self):
        super().stop()
        self._arrived.set()


class Viewer:
    """A browser's two tracks.

    Attributes:
        audio, video: `PacketTrack`s.
    """

    def __init__(self, broadcast):
        self.audio = PacketTrack("audio")
        self.video = PacketTrack("video")
        self._broadcast = broadcast
        self._waits_for_key_frame = True
        self._bitrate = None
        self._told = 0.0

    def put_video(self, pts, data, is_key, lateness):
        """Takes a frame, unless another that it is based on is missing."""
        if self.video.is_full:
            self.video.clear()
            self._waits_for_key_frame = True
        if self._waits_for_key_frame and not is_key:
            self._broadcast.ask_for_key_frame()
            return
        self._waits_for_key_frame = False
        self.video.put(pts, data, lateness)

    def put_audio(self, pts, data, lateness):
        """Takes a packet of sound."""
        if self.audio.is_full:
            self.audio.clear()
        self.audio.put(pts, data, lateness)

    def ask_for_key_frame(self):
        """The browser has lost something."""
        self._broadcast.ask_for_key_frame()

    def note_bitrate(self, bitrate):
        """Takes note of what the viewer's network carries, in bits per second."""
        self._bitrate, self._told = bitrate, time.monotonic()
        self._broadcast.follow_bitrate()

    @property
    def bitrate(self):
        """What the viewer's network carries, in bits per second, or None."""
        return self._bitrate if time.monotonic() - self._told < BITRATE_TIME else None


class Broadcast:
    """What is watched by one name, from whichever camera publishes and worker encodes by then.

    Sound is sent at once, and is on its way while its picture is painted; by the moments at which
    both were filmed, browsers play them together.

    Args:
        tell: function that is called with a dict, the settings for the worker.
    """

    def __init__(self, tell):
        self.viewers = []
        self._tell = tell
        self._last_request = 0.0
        self._bitrate = None

    def add(self):
        """A new `Viewer`, who gets a key frame at once."""
        viewer = Viewer(self)
        self.viewers.append(viewer)
        self._tell(self.settings() | {"key_frame": True})
        return viewer

    def remove(self, viewer):
        """A viewer is gone."""
        self.viewers.remove(viewer)
        viewer.audio.stop()
        viewer.video.stop()
        self._tell(self.settings())

    def settings(self):
        """What a worker must know, for one that starts as well."""
        carried = [viewer.bitrate for viewer in self.viewers if viewer.bitrate]
        bitrate = {"bitrate": min(carried)} if carried else {}
        return {"viewers": len(self.viewers), **bitrate}

    def ask_for_key_frame(self):
        """A viewer can't go on without one."""
        now = time.monotonic()
        if now - self._last_request > KEY_FRAME_INTERVAL:
            self._last_request = now
            self._tell({"key_frame": True})

    def follow_bitrate(self):
        """The slowest viewer's network decides: the painting is encoded once."""
        wanted = self.settings().get("bitrate")
        if wanted and wanted != self._bitrate:
            self._bitrate = wanted
            self._tell({"bitrate": wanted})

    def video(self, pts, data, is_key, lateness):
        """A frame for all, `lateness` seconds after it was filmed."""
        for viewer in self.viewers:
            viewer.put_video(pts, data, is_key, lateness)

    def video_later(self, delay, pts, data, is_key):
        """A frame for all who watch by then, `delay` seconds from now."""
        loop = asyncio.get_running_loop()
        if self.viewers:
            loop.call_later(delay, lambda: self.video(pts, data, is_key, 0))

    def audio(self, pts, data, lateness):
        """A packet of sound for all, likewise."""
        for viewer in self.viewers:
            viewer.put_audio(pts, data, lateness)
