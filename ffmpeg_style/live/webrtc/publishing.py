"""The painting and its sound as NUT into a pipe, for the ffmpeg that makes RTMP and HLS of it."""

import os
import queue
import threading

import av
import av.filter

from ffmpeg_style.live.webrtc import messages

MAX_WAITING = 100
"""Packets that wait for a pipe that is full; later ones are lost to RTMP and HLS."""
_MUXING = {
    "flush_packets": "1",
    # With places to seek to, both ends would keep one for each picture, for as long as it goes on.
    "syncpoints": "none",
    "strict": "experimental",  # As FFmpeg wants it for those without.
    "write_index": "0",
}


class Publication:
    """Writes to a pipe in a thread of its own, so that a slow reader delays nobody else.

    A picture of another size than the first is fitted into it: what reads can't change its size.

    Args:
        descriptor: of the pipe, which is closed in the end.
        with_sound: whether sound is to be expected.
    """

    def __init__(self, descriptor, with_sound):
        self._with_sound = with_sound
        self._file = os.fdopen(descriptor, "wb", 0)
        self._waiting = queue.Queue(MAX_WAITING)
        self._has_video = False
        self._fitted = self._fitting = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def video(self, frame):
        """An `av.VideoFrame`, yuv420p; it is lost while another waits."""
        if not self._has_video:
            self._has_video = True
            self._put(frame)

    def audio(self, pts, packet):
        """An Opus packet with its pts in units of `messages.AUDIO_RATE`."""
        self._put((pts, packet))

    def _put(self, item):
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self._has_video &= not isinstance(item, av.VideoFrame)

    def close(self):
        """Ends what is written; does not wait for a reader that does not read."""
        self._put(None)
        self._thread.join(1)

    def _run(self):
        try:
            self._write()
        except (OSError, av.FFmpegError):  # The reader is gone, and the server knows.
            while self._waiting.get() is not None:
                pass
        finally:
            self._file.close()

    def _write(self):
        while not isinstance(first := self._waiting.get(), av.VideoFrame):
            if first is None:
                return
        with av.open(self._file, "w", format="nut", options=_MUXING) as container:
            video, audio = self._streams(container, first)
            self._write_video(container, video, first)
            for item in iter(self._waiting.get, None):
                if isinstance(item, av.VideoFrame):
                    self._write_video(container, video, item)
                elif audio:
                    self._write_audio(container, audio, *item)

    def _streams(self, container, first):
        video = container.add_stream("rawvideo", rate=30)
        video.width, video.height, video.pix_fmt = first.width, first.height, "yuv420p"
        video.codec_context.time_base = video.time_base = first.time_base
        if not self._with_sound:
            return video, None
        # The camera's packets are written as they came: this encoder only describes them.
        audio = container.add_stream("libopus", rate=messages.AUDIO_RATE, layout="stereo")
        audio.time_base = messages.AUDIO_TIME
        return video, audio

    def _write_video(self, container, stream, frame):
        self._has_video = False
        if (frame.width, frame.height) != (stream.width, stream.height):
            frame = self._fit(frame, stream.width, stream.height)
        container.mux(stream.encode(frame))

    def _fit(self, frame, width, height):
        """All of a picture in another size, with bars where the shape is another."""
        size = (frame.width, frame.height)
        if size != self._fitted:
            self._fitted, self._fitting = size, av.filter.Graph()
            source = self._fitting.add_buffer(
                width=size[0], height=size[1], format=frame.format, time_base=frame.time_base
            )
            scale = f"{width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2"
            chain = (
                source,
                self._fitting.add("scale", scale),
                self._fitting.add("pad", f"{width}:{height}:-1:-1"),
                self._fitting.add("buffersink"),
            )
            self._fitting.link_nodes(*chain).configure()
        self._fitting.push(frame)
        return self._fitting.pull()

    def _write_audio(self, container, stream, pts, data):
        packet = av.Packet(data)
        packet.stream, packet.time_base = stream, messages.AUDIO_TIME
        packet.pts = packet.dts = pts
        container.mux(packet)
