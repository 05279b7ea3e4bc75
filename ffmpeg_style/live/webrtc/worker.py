"""The worker: a process that decodes, paints and encodes one stream, and may die.

It reads messages on stdin, writes messages on stdout, and ends with the first's end. Its settings
are JSON, its only argument; see `WorkerSettings`. No queue grows in it: one frame, the newest,
waits in front of the engine, and one in front of the program that publishes the painting.
"""

import contextlib
import json
import os
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import av

from ffmpeg_style.live.webrtc import messages
from ffmpeg_style.live.webrtc.publishing import Publication
from ffmpeg_style.live.webrtc.size import PaintedSize
from ffmpeg_style.live.webrtc.vp8 import Vp8Encoder
from ffmpeg_style.newest import Newest

MAX_PIXELS = 4096 * 2304
"""Of a camera's frame; a larger one counts as damaged."""
_DECODERS = {"VP8": "libvpx", "H264": "h264"}


@dataclass
class WorkerSettings:
    """What a worker is told at its start.

    Attributes:
        model: path of the frozen graph; None when the stream comes painted.
        engine: options of `Engine`.
        max_height: pixels; see `PaintedSize`.
        bitrate: highest of the VP8, in kbit/s.
        publish: file descriptor of a pipe for the painting, as NUT.
        sound: whether sound is to be expected there.
        address: of a painted stream to be read in place of messages.
    """

    model: str | None = None
    engine: dict = field(default_factory=dict)
    max_height: int = 720
    bitrate: int = 2500
    publish: int | None = None
    sound: bool = False
    address: str | None = None


class Outlet:
    """Writes to the server.

    Attributes:
        has_viewers: whether the painting is to be encoded.
        needs_key_frame: whether the next one is to be a key frame.
    """

    def __init__(self, file, settings):
        self._file = file
        self._lock = threading.Lock()
        self._encoder = Vp8Encoder(settings.bitrate * 1000)
        self.has_viewers = False
        self.needs_key_frame = True

    def set_bitrate(self, bitrate):
        """Bits per second that viewers can take."""
        self._encoder.bitrate = bitrate

    def painting(self, frame):
        """A painted `av.VideoFrame`, yuv420p, pts in units of `messages.VIDEO_RATE`."""
        data, is_key = b"", False
        if self.has_viewers:
            wants_key, self.needs_key_frame = self.needs_key_frame, False
            data, is_key = self._encoder.encode(frame, wants_key)
        self.write(messages.PAINTED, frame.pts, data, is_key)

    def write(self, kind, pts, payload, detail=0):
        """Any message."""
        with self._lock:
            self._file.write(messages.pack(kind, pts, payload, detail))


class Painter:
    """Paints the newest frame, several at a time where the engine does, and keeps their order."""

    def __init__(self, settings, outlet, publication):
        from ffmpeg_style import Engine

        self.frames_in = 0
        self.dropped = 0
        self._engine = Engine(settings.model, **settings.engine)
        self._size = PaintedSize(settings.max_height)
        self._outlet = outlet
        self._publication = publication
        self._newest = Newest()
        self._room = threading.Semaphore(self._engine.requests)
        self._at_work = queue.Queue()
        self._pool = ThreadPoolExecutor(self._engine.requests)
        self._threads = [threading.Thread(target=run) for run in (self._begin, self._finish)]
        for thread in self._threads:
            thread.start()

    def put(self, frame):
        """Takes a decoded frame; one that still waited is dropped."""
        self.frames_in += 1
        self.dropped += self._newest.put(frame) is not None

    def count_damaged(self):
        """A frame came in that can't be decoded."""
        self.frames_in += 1
        self.dropped += 1

    def tell_counts(self):
        """Tells the server, which gives nothing to one that is behind."""
        counts = messages.FRAMES.pack(self.frames_in, self.dropped)
        self._outlet.write(messages.COUNTS, 0, counts)

    def apply(self, controls):
        """Changes the engine's options: a dict as `Controls.filter_options` gives it."""
        self._engine.style = controls["style"]
        self._engine.strength = float(controls["strength"])
        self._engine.colors = controls["colors"]
        self._engine.steady = float(controls["steady"])

    def close(self):
        """Finishes what is being painted, and ends; what waits is dropped."""
        self.dropped += self._newest.put(None) is not None
        self._newest.close()
        for thread in self._threads:
            thread.join()
        self._pool.shutdown()
        self._engine.close()

    def _begin(self):
        self._room.acquire()
        for frame in self._newest:
            began = time.monotonic()
            width, height = self._size.of(frame.width, frame.height)
            rgb = frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray()
            painting = self._engine.submit(rgb)  # Here: the frames of a video go in in order.
            self._at_work.put((frame.pts, self._pool.submit(self._convert, painting, began)))
            self._room.acquire()
        self._at_work.put(None)

    def _convert(self, painting, began):
        painted = av.VideoFrame.from_ndarray(painting(), "rgb24")
        self._size.note(time.monotonic() - began)
        return painted.reformat(format="yuv420p")

    def _finish(self):
        while job := self._at_work.get():
            pts, future = job
            frame = future.result()
            frame.pts, frame.time_base = pts, messages.VIDEO_TIME
            self._outlet.painting(frame)
            self._publication.video(frame)
            self._room.release()


class Decoder:
    """Decodes the camera's frames for a painter."""

    def __init__(self, painter, outlet):
        self._painter = painter
        self._outlet = outlet
        self._codec = None
        self._decoder = None

    def decode(self, codec, pts, data):
        """One frame of one of `messages.CODECS`; what can't be decoded is counted as dropped."""
        if codec != self._codec:
            self._codec = codec
            self._decoder = av.CodecContext.create(_DECODERS[codec], "r")
            self._decoder.thread_count = 1
            self._decoder.options = {"max_pixels": str(MAX_PIXELS)}
        packet = av.Packet(data)
        packet.pts, packet.time_base = pts, messages.VIDEO_TIME
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            frames = []
        for frame in frames:
            frame.pts = pts
            self._painter.put(frame)
        if not frames:
            self._painter.count_damaged()


def paint_camera(settings, source, outlet):
    """Paints what comes in messages, until they end."""
    with contextlib.ExitStack() as stack:
        publication = Publication(settings.publish, settings.sound)
        stack.callback(publication.close)
        painter = stack.enter_context(contextlib.closing(Painter(settings, outlet, publication)))
        decoder = Decoder(painter, outlet)
        painter.tell_counts()
        while message := messages.read_blocking(source):
            kind, detail, pts, payload = message
            if kind == messages.VIDEO:
                decoder.decode(messages.CODECS[detail], pts, payload)
                painter.tell_counts()
            elif kind == messages.AUDIO:
                publication.audio(pts, payload)
            elif kind == messages.SETTINGS:
                _apply(json.loads(payload), outlet, painter)
    painter.tell_counts()


def _apply(change, outlet, painter=None):
    if "viewers" in change:
        outlet.has_viewers = change["viewers"] > 0
    if "bitrate" in change:
        outlet.set_bitrate(change["bitrate"])
    outlet.needs_key_frame |= change.get("key_frame", False)
    if painter and "controls" in change:
        painter.apply(change["controls"])


def main():
    """Runs until stdin ends."""
    settings = WorkerSettings(**json.loads(sys.argv[1]))
    # What a library prints must not get between the messages.
    target = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)
    outlet = Outlet(target, settings)
    with contextlib.suppress(BrokenPipeError):
        if settings.address:
            from ffmpeg_style.live.webrtc.relaying import relay

            relay(settings.address, sys.stdin.buffer, outlet, _apply)
        else:
            paint_camera(settings, sys.stdin.buffer, outlet)


if __name__ == "__main__":
    main()
