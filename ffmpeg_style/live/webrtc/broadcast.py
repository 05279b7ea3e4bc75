"""One stream's VP8 and Opus packets, to every browser that watches it."""

import asyncio
import logging
import time
from collections import deque

from ffmpeg_style.live.webrtc.sender import Packer

BITRATE_TIME = 30
"""Seconds for which what a viewer told about its network counts."""
KEY_FRAME_INTERVAL = 0.25
"""Seconds between two key frames that viewers ask for."""

_ORIGIN = time.monotonic()

log = logging.getLogger(__name__)


def broadcast_time():
    """Seconds since the server's start, by which all broadcasts' pts are reckoned.

    So a viewer who stays while one camera follows the other sees one stream that goes on.
    """
    return time.monotonic() - _ORIGIN


class Viewer:
    """A browser that watches.

    Attributes:
        audio, video: `PacketSender`s; None before its offer is answered, or where it wants none.
    """

    def __init__(self, broadcast):
        self.audio = self.video = None
        self._broadcast = broadcast
        self._waits_for_key_frame = True
        self._bitrate = None
        self._told = 0.0

    def put_video(self, packets, is_key):
        """Takes a frame, unless the network is full or another that it is based on is missing."""
        if not self.video or not self.video.is_ready:
            self._waits_for_key_frame = True
        elif self._waits_for_key_frame and not is_key:
            self._broadcast.ask_for_key_frame()
        else:
            self._waits_for_key_frame = False
            self.video.send(packets)

    def put_audio(self, packets):
        """Takes a packet of sound, unless the network is full."""
        if self.audio and self.audio.is_ready:
            self.audio.send(packets)

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

    Attributes:
        codec: of the frames, one of `messages.CODECS`.
        viewers: the `Viewer`s.
    """

    def __init__(self, tell, codec="VP8"):
        self.codec = codec
        self.viewers = []
        self._packer = Packer()
        self._later = deque()
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
        if self.viewers:
            packets = self._packer.frame(self.codec, pts, data, lateness)
            self._give(lambda viewer: viewer.put_video(packets, is_key))

    def video_later(self, delay, pts, data, is_key):
        """A frame for all who watch by then, `delay` seconds from now, or when an earlier one goes.

        The delay may get shorter from frame to frame; their order stays.
        """
        if self.viewers:
            self._later.append((pts, data, is_key))
            asyncio.get_running_loop().call_later(delay, self._send_oldest)

    def _send_oldest(self):
        self.video(*self._later.popleft(), 0)

    def audio(self, pts, data, lateness):
        """A packet of sound for all, likewise."""
        if self.viewers:
            packets = self._packer.sound(pts, data, lateness)
            self._give(lambda viewer: viewer.put_audio(packets))

    def _give(self, put):
        """To each viewer; one that can't be sent to keeps nothing from the others."""
        for viewer in self.viewers:
            try:
                put(viewer)
            except Exception:
                log.exception("a viewer who can't be sent to is left out")
                viewer.audio = viewer.video = None
