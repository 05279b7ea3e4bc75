"""A job done by FFmpeg's libraries in this process: decoded, painted by the engine, encoded."""

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from tqdm import tqdm

from ffmpeg_style.errors import FFmpegError, InputError, StyleError
from ffmpeg_style.ffmpeg.containers import COARSE_TIMES, KEEP_RGB
from ffmpeg_style.ffmpeg.plan import Job
from ffmpeg_style.ffmpeg.pyav.abilities import encoder_formats
from ffmpeg_style.ffmpeg.pyav.graph import Filters
from ffmpeg_style.ffmpeg.pyav.kept import kept_stream
from ffmpeg_style.ffmpeg.pyav.options import read_options
from ffmpeg_style.ffmpeg.pyav.refusals import refusal
from ffmpeg_style.files import FULL, full_disk

_MUXING = {"preload": "500000", "max_delay": "700000"}
"""Microseconds, as ffmpeg has them: programs of MPEG begin that late."""

_BEHIND = 4
"""Paintings and packets that wait for their encoder at most."""

_BACK, _AHEAD = Fraction(-1, 10), Fraction(10)
"""Seconds that the times of a stream may differ from what its last packet lets expect."""

logger = logging.getLogger(__name__)


def execute(job: Job, source: Path, draft: Path, bar: tqdm, names: Mapping[str, str]) -> int:
    """Paint a video from its begin to its end, as `ffmpeg.execute.execute`.

    Raises:
        InputError: one of the user's options is for the program ffmpeg alone.
        FFmpegError: FFmpeg's libraries failed; see `stylize`.
        StorageError: there was no room for the file.
    """
    options = read_options((*job.quality, *job.options, *job.chosen))
    muxing = _MUXING | options.muxer
    try:
        with (
            av.open(f"file:{source}") as reader,
            av.open(f"file:{draft}", "w", job.muxer, container_options=muxing) as writer,
        ):
            return _Run(job, options, reader, writer, bar).paint()
    except av.FFmpegError as error:
        raise _told(error, names, draft) from error
    except ValueError as error:  # as PyAV says that a container takes no such codec
        if isinstance(error, StyleError):
            raise
        raise FFmpegError(str(error)) from error


def _told(error, names, draft):
    if error.errno in FULL:
        return full_disk(names[str(draft)], os.strerror(error.errno))
    reason = error.strerror or str(error)
    log = getattr(error, "log", None)
    told = FFmpegError(f"{reason}: {log[2].strip()}" if log else reason)
    told.log = str(error)
    return told


class _Run:
    """One painting of a video: what is read, on its way, and written."""

    def __init__(self, job, options, reader, writer, bar):
        self.job = job
        self.options = options
        self.reader = reader
        self.bar = bar
        self.picture = reader.streams[job.picture]
        self.decoder = _decoder(job, self.picture)
        self.times = _Times(job, reader)
        self.clock = _Clock()
        self.target = _Target(job, options, reader, writer)
        self.before = Filters(job.chain.before, decoder=self.decoder.name, pixels=_pixels(job))
        self.after = Filters(job.chain.after, pixels=_encoded(job))
        self.later = _Later()
        self.waiting = deque()  # what each painting gets back when it comes: time, transparency
        self.aspect = None
        self.error = None

    def paint(self):
        from ffmpeg_style._engine import Engine

        painting = self.job.chain.painting
        settings = {name: value for name, value in painting.options.items() if value is not None}
        with Engine(painting.model, **settings) as engine, self.later:
            for painted in engine(self._pictures()):
                self.later.do(self._encode, self._frame(painted))
                self.bar.update(self.target.frames - self.bar.n)
        for frame in self.after.flush():
            self.target.encode(frame)
        self.target.end()
        self.bar.update(self.target.frames - self.bar.n)
        error = self.error or self.target.error
        if error is not None:
            reason = error.strerror or str(error)
            logger.warning("ffmpeg went on after this error: %s", reason)
        return self.target.frames

    def _pictures(self):
        """The frames to paint, uint8 [H,W,3]; on the way the other streams are carried over."""
        self.times.seek()
        streams = [self.picture, *self.target.sources()]
        for packet in self.reader.demux(streams):
            if self.times.are_over(streams):
                break
            self.times.shift(packet)
            if packet.stream is not self.picture:
                if packet.size and self.times.is_inside(packet, packet.stream):
                    self.later.do(self.target.carry, packet)
                continue
            for frame in self._decoded(packet):
                yield from self._fit(frame)
                if self.job.is_still and self.waiting:
                    return
        for frame in self.before.flush():
            yield self._noted(frame)

    def _decoded(self, packet):
        """The frames in a packet; one that is damaged has none, and the video goes on."""
        try:
            frames = self.decoder.decode(packet if packet.size else None)
        except av.FFmpegError as error:
            self.error = self.error or error
            return []
        for frame in frames:
            frame.time_base = frame.time_base or self.picture.time_base  # the last have none
            self.clock.correct(frame, self.picture.average_rate)
        return [frame for frame in frames if self.times.is_inside(frame, self.picture)]

    def _fit(self, frame):
        if self.aspect is None:
            self.aspect = _aspect(self.picture)
            self.target.source_shape = _upright(frame, self.aspect, self.before.turn(frame))
        for fit in self.before.push(frame, self.aspect):
            yield self._noted(fit)

    def _noted(self, frame):
        """The pixels of a frame, uint8 [H,W,3]; the rest waits for them."""
        pixels = _array(frame)
        alpha = None
        if self.job.chain.alpha:
            pixels, alpha = _on_white(pixels)
        is_kept = self.job.chain.alpha == "kept"
        self.waiting.append((frame.pts, frame.time_base, alpha if is_kept else None))
        return pixels

    def _frame(self, painted):
        pts, time_base, alpha = self.waiting.popleft()
        if alpha is None:
            frame = av.VideoFrame.from_numpy_buffer(painted, "rgb24")
        else:
            pixels = np.concatenate([painted, alpha], axis=2)
            frame = av.VideoFrame.from_ndarray(pixels, "rgba")
        frame.pts, frame.time_base = pts, time_base
        frame.colorspace, frame.color_range = 0, 2  # red, green and blue, of full range
        return frame

    def _encode(self, painting):
        for frame in self.after.push(painting):
            self.target.encode(frame)


class _Later:
    """Does one thing after the other, behind the thread that asks for it.

    An encoder that waits for its own threads keeps neither the source nor the engine waiting. What
    was asked for behind something that failed is left undone.
    """

    def __init__(self):
        self._thread = ThreadPoolExecutor(1, "encode")
        self._waiting = deque()
        self._has_failed = False

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self._thread.shutdown(cancel_futures=kind is not None)
        finally:  # What it works on is closed next, after Ctrl-C too.
            self._thread.shutdown(cancel_futures=True)
        while kind is None and self._waiting:
            self._waiting.popleft().result()

    def do(self, function: Callable, argument: Any):
        """Have it done later; raises what one before raised, and waits where many are left."""
        self._waiting.append(self._thread.submit(self._try, function, argument))
        while len(self._waiting) > _BEHIND or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()

    def _try(self, function, argument):
        if self._has_failed:
            return
        try:
            function(argument)
        except BaseException:
            self._has_failed = True
            raise


class _Times:
    """Which part of a source is painted, and its times, which begin at 0."""

    def __init__(self, job, reader):
        self._reader = reader
        self._start = job.span.start
        self._length = job.span.duration
        begin = Fraction(reader.start_time or 0, av.time_base)
        self._offset = begin + Fraction(str(self._start or 0))
        self._ended = set()
        self._may_jump = bool(reader.format.flags & av.format.Flags.ts_discont.value)
        self._next = {}

    def seek(self):
        if self._start:
            self._reader.seek(int(self._offset * av.time_base))

    def shift(self, packet):
        """Let the times of a packet be those of the part."""
        if packet.time_base is None:  # it tells that the stream has ended
            return
        if self._may_jump and packet.dts is not None and packet.stream.type in ("audio", "video"):
            self._heed_jump(packet)
        offset = round(self._offset / packet.time_base)
        if packet.pts is not None:
            packet.pts -= offset
        if packet.dts is not None:
            packet.dts -= offset

    def _heed_jump(self, packet):
        """Streams that were cut together have clocks that jump; ffmpeg joins them likewise."""
        time = packet.dts * packet.time_base - self._offset
        jump = time - self._next.get(packet.stream, time)
        if not _BACK <= jump <= _AHEAD:
            self._offset += jump
            time -= jump
        self._next[packet.stream] = time + (packet.duration or 0) * packet.time_base

    def is_inside(self, item, stream):
        """Whether a packet or a frame is of the part; one that is behind it ends its stream."""
        if item.pts is None:
            return True
        time = item.pts * item.time_base
        if self._length is not None and time >= Fraction(str(self._length)):
            self._ended.add(stream)
            return False
        return self._start is None or time >= 0 or stream.type == "subtitle"

    def are_over(self, streams):
        """Whether every stream has come to the end of the part; subtitles are not waited for."""
        return self._ended.issuperset(s for s in streams if s.type in ("video", "audio"))


class _Clock:
    """The times of frames where the container has none, or wrong ones, as FFmpeg guesses them.

    AVI keeps none of pictures that are decoded before those shown earlier, a bare stream none at
    all. Whichever of the times of presentation and of decoding went back less often is believed
    (guess_correct_pts of libavcodec/decode.c); without either, or where that one goes back too, a
    frame follows the one before.
    """

    def __init__(self):
        self._last = {}
        self._faults = {"pts": 0, "dts": 0}
        self._shown = None
        self._due = 0

    def correct(self, frame, rate):
        pts = self._believed(frame.pts, frame.dts)
        is_known = pts is not None and (self._shown is None or pts >= self._shown)
        frame.pts = self._shown = pts if is_known else self._due
        length = frame.duration or 1 / ((rate or 25) * frame.time_base)
        self._due = frame.pts + max(round(length), 1)

    def _believed(self, pts, dts):
        for name, time, other in (("dts", dts, pts), ("pts", pts, dts)):
            if time is not None and name in self._last:
                self._faults[name] += time <= self._last[name]
            if time is not None or other is not None:
                self._last[name] = other if time is None else time
        is_right = dts is None or self._faults["pts"] <= self._faults["dts"]
        return pts if is_right and pts is not None else dts


class _Target:
    """The file that is written: it begins when the first painting tells how large it is."""

    def __init__(self, job, options, reader, writer):
        self._job = job
        self._options = options
        self._reader = reader
        self._writer = writer
        self._stream = None
        self._early = []  # packets of other streams, from before the first painting
        self._kept = {}
        self._first = self._last = None
        self._time_base = None
        self.frames = 0
        self.source_shape = None

    def sources(self):
        """The streams that go with the pictures."""
        left_out = self._options.left_out
        found = [(kept, self._reader.streams[kept.index]) for kept in self._job.kept]
        self._wanted = [(kept, source) for kept, source in found if source.type not in left_out]
        return [
            source
            for kept, source in self._wanted
            if source.type != "attachment" and not kept.is_attached
        ]

    @property
    def error(self):
        """The first of a packet that was passed over, None where there was none."""
        return next((kept.error for kept in self._kept.values() if kept.error), None)

    def carry(self, packet):
        """Take a packet of another stream."""
        if self._stream is None:
            self._early.append(packet)
        else:
            self._writer.mux(self._kept[packet.stream.index].take(packet))

    def encode(self, frame):
        """Encode a painting."""
        if self._stream is None:
            self._begin(frame)
        pts = self._pts(frame)
        if self._last is not None and pts <= self._last:
            return  # two within one tick of what the container can tell
        self._last = pts
        frame.pts, frame.time_base = pts, self._time_base
        frame.pict_type = 0
        self._mux(self._stream.encode(frame))
        self.frames += 1

    def end(self):
        """Write what the encoders hold."""
        if self._stream is None:
            return
        self._mux(self._stream.encode(None))
        for kept in self._kept.values():
            self._writer.mux(kept.end())

    def _mux(self, packets):
        for packet in packets:
            if self._job.frame_ticks:
                packet.duration = self._job.frame_ticks
            self._writer.mux(packet)

    def _pts(self, frame):
        """The time of a painting in ticks, put right where the source's container rounds it."""
        pts = round(frame.pts * frame.time_base / self._time_base)
        ticks = self._job.frame_ticks
        self._first = pts if self._first is None else self._first
        if not ticks:
            return pts
        frames = (pts - self._first) / ticks
        is_near = abs(frames - round(frames)) < self._job.rounding
        return self._first + round(frames) * ticks if is_near else pts

    def _begin(self, frame):
        job = self._job
        self._time_base = _time_base(job, frame, self._writer)
        encoder = job.encoder or self._writer.default_video_codec
        self._stream = self._writer.add_stream(
            encoder,
            rate=job.rate or Fraction(25),
            options=self._options.video,
            width=frame.width,
            height=frame.height,
            time_base=self._time_base,
        )
        self._describe(self._stream.codec_context, frame)
        source = self._reader.streams[job.picture]
        told = {k: v for k, v in source.metadata.items() if k.lower() != "encoder"}
        self._stream.metadata.update(told)
        self._stream.disposition = source.disposition
        for kept, source in self._wanted:
            carrier = kept_stream(kept, source, self._reader, self._writer, self._options.audio)
            if carrier is not None:
                self._kept[source.index] = carrier
        self._tell()
        try:
            self._writer.start_encoding()
        except av.FFmpegError as error:
            if error.errno in FULL:
                raise
            context = self._stream.codec_context
            raise refusal(error, context, self._options.video, job.chosen) from error
        if unknown := self._stream.codec_context.options:
            raise InputError(
                f"{encoder} has no option -{next(iter(unknown))}; those of the program ffmpeg need "
                "one that was built by `ffmpeg-style build`"
            )
        for packet in self._early:
            self._writer.mux(self._kept[packet.stream.index].take(packet))
        self._early.clear()

    def _describe(self, context, frame):
        """Tell the encoder of the pixels: their format, colours and aspect."""
        context.pix_fmt = frame.format.name
        # By slices, as PyAV has it, each frame is waited for. But PyAV frees a painting's pixels
        # under a lock of Python's, and with frames in flight waits for their threads under it.
        if context.name not in KEEP_RGB:
            context.thread_type = "AUTO"
        context.thread_count = 0  # as many as pay
        context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc
        context.colorspace, context.color_range = frame.colorspace, frame.color_range
        width, height, aspect = self.source_shape or (frame.width, frame.height, None)
        if aspect:
            context.sample_aspect_ratio = aspect * width * frame.height / height / frame.width
        if self._options.tag:
            context.codec_tag = self._options.tag

    def _tell(self):
        """Chapters, and what the source tells of itself, as ffmpeg copies them."""
        left = ("creation_time", "company_name", "product_name", "product_version", "encoder")
        tags = {k: v for k, v in self._reader.metadata.items() if k.lower() not in left}
        self._writer.metadata.update(tags | self._job.tags)
        if chapters := self._reader.chapters():
            self._writer.set_chapters(chapters)


def _decoder(job, stream):
    context = stream.codec_context
    if job.decoder:
        chosen = av.CodecContext.create(job.decoder, "r")
        chosen.extradata = context.extradata
        return chosen
    context.thread_type = "AUTO"
    context.thread_count = 0
    return context


def _pixels(job):
    return "rgba" if job.chain.alpha else "rgb24"


def _encoded(job):
    """The pixel formats that the encoder may get, "" where the job says which, or any will do."""
    chosen = job.pixels or not job.encoder
    return "" if chosen else "|".join(encoder_formats(job.encoder))


def _time_base(job, frame, writer):
    """Seconds that the encoder counts times in."""
    if job.clock is not None:
        return Fraction(1, job.clock)
    is_any = writer.format.flags & av.format.Flags.variable_fps.value
    is_counted = job.is_even or job.encoder in COARSE_TIMES or not is_any
    return 1 / job.rate if job.rate and is_counted else frame.time_base


def _aspect(stream):
    """Of a pixel: its width over its height; 0 where nothing tells it."""
    return stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(0)


def _upright(frame, aspect, turn):
    """(width, height, aspect of a pixel) of a frame as it is shown."""
    is_turned = any("transpose" in name for name in turn)
    if is_turned and aspect:
        return frame.height, frame.width, 1 / aspect
    return frame.width, frame.height, aspect


def _array(frame):
    """The pixels of a packed frame, where they are: uint8 [H,W,3 or 4]."""
    plane, channels = frame.planes[0], len(frame.format.components)
    rows = np.frombuffer(plane, np.uint8).reshape(frame.height, plane.line_size)
    return rows[:, : frame.width * channels].reshape(frame.height, frame.width, channels)


def _on_white(pixels):
    """RGBA as RGB with white behind it, and its transparency uint8 [H,W,1]."""
    alpha = pixels[..., 3:]
    share = alpha.astype(np.uint16)
    mixed = (pixels[..., :3] * share + 255 * (255 - share) + 127) // 255
    return mixed.astype(np.uint8), alpha.copy()
