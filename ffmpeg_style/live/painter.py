"""A painter: one ffmpeg that takes one camera's stream and gives it back painted."""

import asyncio
import logging
import os
import subprocess
import time

from ffmpeg_style.live import children
from ffmpeg_style.live.changes import Changes
from ffmpeg_style.live.progress import Progress
from ffmpeg_style.live.settings import LOOPBACK

FILTER = "styletransfer"
KEYFRAME_INTERVAL = 0.5
"""Seconds: what a new player waits at most, and the length of an HLS segment."""
MAX_LOG_LINES = 10
"""Errors of ffmpeg that are passed on in a second: a broken stream can cause very many."""

_ENCODER = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0"),
    *("-g", "1000", "-force_key_frames"),
    f"expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{KEYFRAME_INTERVAL}))",
)
# Said in the stream: players that have to guess do not all guess the same colours.
_TO_YUV = "scale=out_color_matrix=bt709:out_range=limited,format=yuv420p"
_HLS = (
    f"[f=hls:onfail=ignore:hls_time={KEYFRAME_INTERVAL}:hls_list_size=8:hls_delete_threshold=8:"
    "hls_flags=append_list+delete_segments+independent_segments+omit_endlist+temp_file:"
    "hls_segment_filename={name}-%d.ts]{name}.m3u8"
)

log = logging.getLogger(__name__)


class Painter:
    """One run of ffmpeg.

    Attributes:
        progress: a `Progress`.
    """

    def __init__(self, name, process, arrivals, controls):
        self.progress = Progress()
        self._changes = Changes(controls.filter_options())
        self._name = name
        self._process = process
        self._readers = [
            asyncio.create_task(_feed(arrivals, self.progress.read_arrival)),
            asyncio.create_task(_feed(process.stdout, self._take_painting)),
            asyncio.create_task(self._forward_log()),
        ]

    @classmethod
    async def start(cls, settings, name, folder, controls, tickets):
        """Starts to paint a stream.

        Args:
            settings: the server's `Settings`.
            name: the stream's.
            folder: receives the segments for browsers.
            controls: the `Controls` to begin with.
            tickets: for playing the camera's stream, and for publishing the painted one.
        """
        arrivals, descriptor = await children.open_pipe()
        try:
            process = await children.start(
                _command(settings, name, controls, tickets, descriptor),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[descriptor],
            )
        finally:
            os.close(descriptor)
        return cls(name, process, arrivals, controls)

    async def _forward_log(self):
        second, shown = 0, 0
        async for line in children.lines(self._process.stderr):
            self.progress.read_log(line)
            is_error = "[error]" in line or "[fatal]" in line
            if int(time.monotonic()) != second:
                second, shown = int(time.monotonic()), 0
            shown += is_error
            is_shown = is_error and shown <= MAX_LOG_LINES
            log.log(logging.WARNING if is_shown else logging.DEBUG, "%s: %s", self._name, line)

    def apply(self, controls):
        """Changes the running filter."""
        self._changes.wanted = controls.filter_options()
        self._send_change()

    def _send_change(self):
        """Ffmpeg takes commands for its filters on its stdin, and forgets those that come early."""
        if self.progress.paintings.count and (change := self._changes.next()):
            option, value = change
            self._process.stdin.write(f"c{FILTER} -1 {option} {value}\n".encode())

    def _take_painting(self, line):
        self.progress.read_painting(line)
        self._send_change()

    async def ended(self):
        """Waits until ffmpeg has ended and all it said has been read; returns its exit code."""
        await self._process.wait()
        await asyncio.gather(*self._readers)
        return self._process.returncode

    async def end(self):
        """Ends ffmpeg in order."""
        await children.end(self._process)
        await self.ended()

    async def kill(self):
        """Ends ffmpeg at once."""
        await children.kill(self._process)
        await self.ended()


async def _feed(reader, take_line):
    async for line in children.lines(reader):
        take_line(line)


def _command(settings, name, controls, tickets, descriptor):
    """Ffmpeg's command line.

    The camera's timestamps are kept, so that players go on when a painter had to be replaced, and
    the delay can be told. One output is the painting, for players and browsers; one is the camera's
    stream as it came, for browsers; and one is a line about each packet of its video, into a pipe.
    That one is alone: beside sound, a packet would wait for the sound of its time.
    """
    camera = f"rtmp://{LOOPBACK}:{settings.rtmp_port}/camera/{name}?ticket={tickets[0]}"
    return [
        str(settings.ffmpeg),
        *("-hide_banner", "-nostats", "-loglevel", "repeat+level+info", "-copyts"),
        # As often ffmpeg looks for a command on its stdin, and takes one.
        *("-stats_period", "0.1"),
        *("-protocol_whitelist", "rtmp,tcp", "-f", "live_flv"),
        # Not "-fflags nobuffer": it loses what is probed, and so the first key frame.
        *("-rtmp_live", "live", "-rtmp_buffer", "100"),
        # One thread: the decoder would hold back a frame for every other one.
        *("-analyzeduration", "1000000", "-fpsprobesize", "0", "-threads", "1"),
        # The encoder can't change its size: a camera that does is scaled to what it began with.
        *("-reinit_filter", "0", "-i", camera),
        *("-map", "0:v:0", "-map", "0:a:0?", "-c:a", "copy"),
        *("-vf", filters(settings, controls)),
        *publishing(settings, name, tickets[1]),
        *("-map", "0:v:0", "-map", "0:a:0?", "-c", "copy"),
        *_tee(_HLS.format(name="source")),
        *("-map", "0:v:0", "-c", "copy", "-protocol_whitelist", "pipe", "-flush_packets", "1"),
        *("-f", "framecrc", f"pipe:{descriptor}"),
    ]


def publishing(settings, name, ticket):
    """Options of ffmpeg for an output: the painting, for players and browsers."""
    painted = f"rtmp://{LOOPBACK}:{settings.rtmp_port}/painted/{name}?ticket={ticket}"
    escaped = painted.replace(":", "\\:")
    bitrate = settings.bitrate
    return [
        *_ENCODER,
        *("-b:v", f"{bitrate}k", "-maxrate", f"{bitrate}k", "-bufsize", f"{bitrate // 2}k"),
        *("-fps_mode", "passthrough", "-enc_time_base", "1:1000"),
        *_tee(f"[f=flv:flvflags=no_duration_filesize]{escaped}", _HLS.format(name="painted")),
    ]


def _tee(*outputs):
    """Several outputs of the same packets."""
    return [
        *("-protocol_whitelist", "rtmp,tcp,file"),
        # Without a limit, a camera that announces sound and sends none would hold the picture back.
        *("-max_interleave_delta", "200000", "-f", "tee", "|".join(outputs)),
    ]


def filters(settings, controls):
    """The filters: a smaller picture if need be, with even sides; the painting; a report; YUV.

    Every frame is made smaller, even one that is dropped then: by the means that costs the least.
    """
    shrink = f"min(1\\,{settings.max_height}/ih)"
    options = {
        "model": str(settings.model),
        "late": "drop",
        **settings.filter_options,
        **controls.filter_options(),
    }
    arguments = ":".join(f"{option}={escape(value)}" for option, value in options.items())
    return (
        f"scale=w=trunc(iw*{shrink}/2)*2:h=trunc(ih*{shrink}/2)*2:flags=area,"
        f"{FILTER}={arguments},"
        f"metadata=mode=print:file=-:direct=1,{_TO_YUV}"
    )


def escape(value):
    """A value of a filter's option as it must stand in the text of a filter graph."""
    return _escape(_escape(value, "\\':"), "\\'[],;")


def _escape(text, special):
    return "".join(f"\\{character}" if character in special else character for character in text)
