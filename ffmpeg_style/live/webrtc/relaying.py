"""A painted RTMP stream as VP8 and Opus, for browsers that watch by WHEP."""

import json
import threading

import av
from av.video.reformatter import Colorspace

from ffmpeg_style.live.webrtc import messages
from ffmpeg_style.newest import Newest

_OPEN_OPTIONS = {
    "rtmp_live": "live",
    "rtmp_buffer": "100",
    "analyzeduration": "1000000",
    "fpsprobesize": "0",
    "protocol_whitelist": "rtmp,tcp",
}


def relay(address, source, outlet, apply):
    """Relays until the stream ends.

    Args:
        address: of the painted stream.
        source: a file with messages; of them, the settings are taken.
        outlet: an `Outlet`.
        apply: function of (change, outlet) for settings.
    """
    newest = Newest()
    threading.Thread(target=_follow, args=(source, outlet, apply), daemon=True).start()
    encoding = threading.Thread(target=_encode, args=(newest, outlet))
    encoding.start()
    try:
        _read(address, newest, outlet)
    finally:
        newest.close()
        encoding.join()


def _follow(source, outlet, apply):
    while message := messages.read_blocking(source):
        if message[0] == messages.SETTINGS:
            apply(json.loads(message[3]), outlet)


def _read(address, newest, outlet):
    opus = _OpusEncoder(outlet)
    with av.open(address, format="live_flv", options=_OPEN_OPTIONS, timeout=20) as container:
        for stream in container.streams.video:
            stream.codec_context.thread_count = 1
        for packet in container.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    newest.put(frame)
                else:
                    opus.encode(frame)


def _encode(newest, outlet):
    for frame in newest:
        pts = int(frame.pts * frame.time_base * messages.VIDEO_RATE)
        # Browsers take VP8 for BT.601, whatever its encoder was told.
        colors = "ITU709" if frame.colorspace == Colorspace.ITU709 else "ITU601"
        frame = frame.reformat(format="yuv420p", src_colorspace=colors, dst_colorspace="ITU601")
        frame.pts, frame.time_base = pts, messages.VIDEO_TIME
        outlet.painting(frame)


class _OpusEncoder:
    """Sound as Opus packets of 20 ms, on the stream's own timeline."""

    def __init__(self, outlet):
        self._outlet = outlet
        self._codec = av.CodecContext.create("libopus", "w")
        self._codec.sample_rate, self._codec.layout = messages.AUDIO_RATE, "stereo"
        self._codec.format, self._codec.bit_rate = "s16", 96000
        self._codec.time_base = messages.AUDIO_TIME
        self._resampler = av.AudioResampler("s16", "stereo", messages.AUDIO_RATE, frame_size=960)

    def encode(self, frame):
        """Takes an `av.AudioFrame`."""
        if not self._outlet.has_viewers:
            return
        for part in self._resampler.resample(frame):
            for packet in self._codec.encode(part):
                pts = int(packet.pts * packet.time_base * messages.AUDIO_RATE)
                self._outlet.write(messages.AUDIO, pts, bytes(packet))
