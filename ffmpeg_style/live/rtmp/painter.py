"""A painter: one ffmpeg that takes one camera's stream and gives it back painted."""

import asyncio
import contextlib
import logging
import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from ffmpeg_style.ffmpeg.filter_chain import source_filters, yuv_filters
from ffmpeg_style.ffmpeg.filter_graph import filter_text
from ffmpeg_style.ffmpeg.probe import Video
from ffmpeg_style.live import children
from ffmpeg_style.live.changes import Changes
from ffmpeg_style.live.controls import Controls
from ffmpeg_style.live.painted import HLS, publishing, tee
from ffmpeg_style.live.rtmp.progress import Progress

FILTER = "styletransfer"
COPIED_SOUND = {"AAC", "MP3"}
ENCODED_SOUND = {"G.711", "PCM"}
"""What RTMP players or MPEG-TS do not know, and surveillance cameras send."""
END_TIME = 1
"""Seconds in which a painter is to paint the rest."""
MAX_LOG_LINES = 10
"""Errors of ffmpeg that are passed on in a second: a broken stream can cause very many."""

log = logging.getLogger(__name__)


def carries_sound(codec):
    """Whether a painting has the camera's sound, of this codec or None."""
    return codec in COPIED_SOUND | ENCODED_SOUND


@dataclass(frozen=True)
class Job:
    """What a painter is started for.

    Attributes:
        name: the stream's.
        folder: receives the segments for browsers.
        ticket: for publishing the painted stream.
        controls: the `Controls` to begin with.
        video: a `Video`, what the camera sends.
        sound: the codec of the camera's sound, or None.
        start: milliseconds of the stream's own clock, of the first picture to be painted; None:
            the first of all.
    """

    name: str
    folder: Path
    ticket: str
    controls: Controls
    video: Video
    sound: str | None
    start: int | None


class Painter:
    """One run of ffmpeg.

    Attributes:
        paintings: a `Tap` for the frames that were painted.
        feed: the `Feed` that it gets its pictures from.
    """

    def __init__(self, name, controls, process, writer, feed):
        self._progress = Progress(feed.arrivals)
        self.paintings = self._progress.paintings
        self.feed = feed
        self._changes = Changes(controls.filter_options())
        self._given_up = 0
        self._name = name
        self._process = process
        self._writer = writer
        self._feeding = asyncio.create_task(feed.write(writer))
        self._readers = [
            asyncio.create_task(self._take_paintings()),
            asyncio.create_task(self._forward_log()),
        ]

    @classmethod
    async def start(cls, settings, job, feed):
        """Starts to paint what comes by a `Feed`, for a `Job`.

        Raises:
            OSError: no process or no memory is left.
        """
        writer, descriptor = await children.open_pipe()
        try:
            process = await children.start(
                _command(settings, job, descriptor),
                cwd=job.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[descriptor],
            )
        except BaseException:
            writer.close()
            raise
        finally:
            os.close(descriptor)
        return cls(job.name, job.controls, process, writer, feed)

    async def _forward_log(self):
        second, shown = 0, 0
        async for line in children.lines(self._process.stderr):
            self._progress.read_log(line)
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
        if self.paintings.count and (change := self._changes.next()):
            option, value = change
            self._process.stdin.write(f"c{FILTER} -1 {option} {value}\n".encode())

    async def _take_paintings(self):
        async for line in children.lines(self._process.stdout):
            self._progress.read_painting(line)
            self._send_change()

    @property
    def given(self):
        """Pictures that were to be painted or dropped."""
        return self.feed.given + self.feed.skipped

    @property
    def dropped(self):
        """Pictures that were not painted, as there was no time for them."""
        return self._progress.dropped + self.feed.skipped + self._given_up

    @property
    def delay(self):
        """Seconds by which the last painting was late, None before the first."""
        return self._progress.delay

    @property
    def blocked(self):
        """Seconds for which nothing was read of what there is."""
        return self.feed.blocked

    async def ended(self):
        """Waits until ffmpeg has ended and all it said has been read; returns its exit code."""
        await self._process.wait()
        self.feed.close()
        self._feeding.cancel()
        self._writer.close()
        await asyncio.gather(*self._readers)
        return self._process.returncode

    async def end(self):
        """Ends ffmpeg in order: what it was given and can't paint in `END_TIME` is dropped."""
        self.feed.finish()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.wait(), END_TIME)
        was_late = self._process.returncode is None
        await children.end(self._process)
        await self.ended()
        if was_late:
            self._given_up = self.given - self.paintings.count - self.dropped

    async def kill(self):
        """Ends ffmpeg at once."""
        await children.kill(self._process)
        await self.ended()


def _command(settings, job, descriptor):
    """Ffmpeg's command line.

    Timestamps are kept, so that players go on when a painter had to be replaced, and the delay can
    be told. One output is the painting, for players and browsers; and one is the camera's stream as
    it came, for browsers.
    """
    return [
        str(settings.ffmpeg),
        *("-hide_banner", "-nostats", "-loglevel", "repeat+level+info", "-copyts"),
        # As often ffmpeg looks for a command on its stdin, and takes one.
        *("-stats_period", "0.1"),
        # Not "-fflags nobuffer": it loses what is probed, and so the first key frame.
        *("-protocol_whitelist", "file", "-f", "flv", "-fpsprobesize", "0"),
        # One thread: the decoder would hold back a frame for every other one.
        *("-analyzeduration", "1000000", "-threads", "1"),
        # The encoder can't change its size: a camera that does is fitted into what it began with.
        # As "pipe:" the input would keep ffmpeg from taking commands.
        *("-reinit_filter", "0", "-i", f"/dev/fd/{descriptor}"),
        *("-map", "0:v:0", *_sound_options(job), "-vf", filters(settings, job)),
        *publishing(settings, job.name, job.ticket),
        *("-map", "0:v:0", *_sound_options(job), "-c:v", "copy"),
        *tee(HLS.format(name="source")),
    ]


def _sound_options(job):
    if not carries_sound(job.sound):
        return []
    return ["-map", "0:a:0?", "-c:a", "copy" if job.sound in COPIED_SOUND else "aac"]


def filters(settings, job):
    """The filters: pictures made fit for the painting, and smaller if need be; it; a report; YUV.

    What comes before the job's start is only decoded, as later pictures are made from it. Every
    frame is made smaller, even one that is dropped then: by the means that costs the least.
    """
    trim = [] if job.start is None else [f"trim=start={job.start / 1000:.3f}"]
    width, height = size = painted_size(job.video, settings.max_height)
    inside = "force_original_aspect_ratio=decrease:eval=frame:flags=area"
    shrink = [] if job.video.interlaced else [f"scale={width}:{height}:{inside}"]
    painted = replace(job.video, width=width, height=height)
    return ",".join(
        [
            *(*trim, *shrink, *source_filters(job.video, size), painting(settings, job.controls)),
            *("metadata=mode=print:file=-:direct=1", *yuv_filters(painted, "yuv420p")),
        ]
    )


def painted_size(video, max_height):
    """(width, height) of the painting: the source's, or of `max_height`; both are even."""
    shrink = min(1, max_height / video.height)
    return tuple(max(2, int(side * shrink / 2) * 2) for side in (video.width, video.height))


def painting(settings, controls):
    """The filter that paints, as it begins."""
    options = {**settings.filter_options, **controls.filter_options()}
    return filter_text(settings.model, late="drop", metadata=1, **options)
