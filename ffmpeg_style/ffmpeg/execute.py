"""A job done by the patched ffmpeg, as a program of its own."""

import errno
import fcntl
import logging
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from ffmpeg_style.errors import FFmpegError
from ffmpeg_style.ffmpeg.plan import Job
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.ffmpeg.reasons import FULL, errors_in, reason_in
from ffmpeg_style.files import full_disk
from ffmpeg_style.processes import ending_with_parent, run_with_parent

_FED = 1 << 22
"""Bytes that ffmpeg is given at a time."""
_PIPE = 1 << 20
"""Bytes of these that a pipe holds: what everybody may ask for, unless the system has less."""
_APART: dict[str, Any] = (
    {"process_group": 0} if sys.version_info >= (3, 11) else {"start_new_session": True}
)
"""A Ctrl-C comes to this process alone, which then ends ffmpeg. In a session of its own, which is
all that Python 3.10 has, one that is `nice` gives way to nobody where Linux divides processors
among sessions."""
SECONDS_TO_END = 5
"""For an ffmpeg that was asked to end, before it is killed."""

logger = logging.getLogger(__name__)


def execute(job: Job, source: Path, draft: Path, bar: tqdm, names: Mapping[str, str]) -> int:
    """Run ffmpeg to its end. It is ended when this process is interrupted, or killed.

    Args:
        job: what to do.
        source: path that ffmpeg reads.
        draft: path that ffmpeg writes.
        bar: shows how many frames are written.
        names: {a path: what messages call it}.

    Returns:
        int: how many frames were written.

    Raises:
        FFmpegError: ffmpeg failed; see `stylize`.
        StorageError: there was no room for the file.
    """
    with attached_covers(job, source) as covers:
        return run_ffmpeg(command(job, source, draft, covers), draft, bar, names)


def run_ffmpeg(
    command: Sequence[str],
    draft: Path,
    bar: tqdm,
    names: Mapping[str, str],
    files: Iterable[IO[bytes] | None] = (),
) -> int:
    """Run a command line of ffmpeg's to its end.

    Args:
        command: the line.
        draft: as `execute` has it; what is returned and raised is so, too.
        bar: likewise.
        names: likewise.
        files: that ffmpeg reads one behind the other as its input, from where they stand, each
            given for as long as there is more of it; None for a look at whether it still reads,
            while there is none. What is raised while they are asked for ends ffmpeg.
    """
    logger.info("%s", shlex.join(command))
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(
            ending_with_parent(list(command)),
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            **_APART,
        )
        with ThreadPoolExecutor(1) as pool:
            try:
                fed = pool.submit(_feed, process, files)
                frames = _follow(process, bar)
            finally:
                _end(process)
            fed.result()
        log.seek(0)
        text = errors_in(log.read())
    _judge(process.returncode, text, names, draft)
    return frames


@contextmanager
def attached_covers(job: Job, source: Path) -> Iterator[list[Path]]:
    """The paths of files that hold the covers which a job attaches."""
    with ExitStack() as stack:
        yield [stack.enter_context(_cover(source, kept)) for kept in job.kept if kept.is_attached]


@contextmanager
def _cover(source, kept):
    """The path of a file that holds a cover, which the source has as a stream."""
    with tempfile.TemporaryFile() as file:
        path = path_of(file)
        take = ("-map", f"0:{kept.index}", "-c", "copy", "-frames:v", "1", "-f", "image2pipe")
        command = [str(ffmpeg_path()), "-nostdin", "-y", "-loglevel", "error"]
        run_with_parent([*command, "-i", f"file:{source}", *take, f"file:{path}"])
        yield path


def path_of(file: IO[bytes]) -> Path:
    """A path to a file that is open here, whatever its name, for this process and its children."""
    return Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def command(job: Job, source: Path, draft: Path, covers: Sequence[Path] = ()) -> list[str]:
    """The command line of ffmpeg that does a job; the covers are those that it attaches."""
    return [
        *beginning(),
        *span_of(job),
        *decoding(job),
        *("-i", f"file:{source}", "-map", f"0:{job.picture}"),
        *_maps(job),
        *painting(job),
        *encoder(job),
        *clock(job),
        *put_right(job),
        *going_along(job, draft, covers),
    ]


@dataclass(frozen=True)
class Pictures:
    """Pictures that are painted already.

    Attributes:
        pieces: a list of videos for ffmpeg's demuxer ``concat``, encoded as the job has them; None
            for what comes by ffmpeg's input as NUT, and is to be encoded.
        offset: seconds at which the first of them begins.
        frame_ticks: of the job's clock, how long they are said to last where they come unevenly.
        told: options that tell of them before they are encoded.
        options: of the stream; the user's own come behind them.
    """

    pieces: Path | None
    offset: str
    frame_ticks: int
    told: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def join_command(
    job: Job, source: Path, pictures: Pictures, draft: Path, covers: Sequence[Path] = ()
) -> list[str]:
    """The command line that does a job but for painting its pictures.

    Args:
        job: what to do.
        source: of all other streams.
        pictures: that are there.
        draft: path that ffmpeg writes.
        covers: that are attached.
    """
    given, coding = ("-f", "nut", "-i", "pipe:0"), (*pictures.told, *encoder(job), *clock(job))
    copying, dts = (), "{}"
    if pictures.pieces:
        given = (
            "-f",
            "concat",
            "-auto_convert",
            "0",
            "-safe",
            "0",
            "-i",
            f"file:{pictures.pieces}",
        )
        # Where frames come unevenly, a piece's first decoding times may be before the last ones.
        coding, copying, dts = job.quality, ("-c:0", "copy"), r"max({}\,PREV_OUTDTS+1)"
    lasting = f"duration={pictures.frame_ticks}"
    return [
        *beginning(),
        *span_of(job),
        *("-i", f"file:{source}", "-itsoffset", pictures.offset, *given),
        *("-map", "1:0", *_maps(job)),
        *coding,
        *(put_right(job, dts) or ("-bsf:0", f"setts=pts=PTS:dts={dts.format('DTS')}:{lasting}")),
        *going_along(job, draft, covers, pictures.options, copying),
    ]


def beginning() -> tuple[str, ...]:
    """How every command line begins that tells its progress."""
    return (str(ffmpeg_path()), "-nostdin", "-y", "-loglevel", "error", "-progress", "pipe:1")


def span_of(job: Job) -> list[str]:
    """The part of the source that is painted."""
    return [
        *(("-ss", str(job.span.start)) if job.span.start is not None else ()),
        *(("-t", str(job.span.duration)) if job.span.duration is not None else ()),
    ]


def decoding(job: Job) -> list[str]:
    """How the pictures are decoded."""
    return [
        *("-reinit_filter", "0"),  # a new graph loses the frames that the old one is painting
        *((f"-c:{job.picture}", job.decoder) if job.decoder else ()),
    ]


def painting(job: Job) -> tuple[str, ...]:
    """How the pictures are painted."""
    return ("-filter:0", job.chain.text)


def encoder(job: Job) -> list[str]:
    """What encodes the pictures."""
    return [
        *(("-c:0", job.encoder) if job.encoder else ()),
        *(("-pix_fmt:0", job.pixels) if job.pixels else ()),
        *job.quality,
    ]


def going_along(
    job: Job,
    draft: Path,
    covers: Sequence[Path],
    options: Sequence[str] = (),
    last: Sequence[str] = (),
) -> list[str]:
    """The streams beside the pictures, the tags, the user's options amid others, and the file."""
    streams = _streams(job)
    return [
        *_codecs(kept.codec if kept.cover is None else "" for kept in streams),
        *(("-frames:0", "1") if job.is_still else ()),
        # Copied sound from before the start would make the pictures late.
        *(("-copypriorss", "0") if job.span.start is not None else ()),
        *(word for name, tag in job.tags.items() for word in ("-metadata", f"{name}={tag}")),
        *job.options,
        *options,
        *job.chosen,
        # Behind the user's options, of which those for pictures would encode a cover too.
        *_codecs(kept.codec if kept.cover else "" for kept in streams),
        *_attachments(job, covers),
        *last,
        *(("-f", job.muxer) if "-f" not in job.chosen else ()),
        f"file:{draft}",
    ]


def _streams(job):
    return [kept for kept in job.kept if not kept.is_attached]


def _maps(job):
    return [word for kept in _streams(job) for word in ("-map", f"0:{kept.index}")]


def _codecs(codecs):
    """The options that choose the codecs of the streams behind the pictures; "" chooses none."""
    return [word for n, codec in enumerate(codecs, 1) if codec for word in (f"-c:{n}", codec)]


def _attachments(job, covers):
    attached = [kept for kept in job.kept if kept.is_attached]
    first = 1 + len(job.kept) - len(attached)
    for number, (kept, path) in enumerate(zip(attached, covers, strict=True), first):
        suffix, kind = ("jpg", "jpeg") if kept.cover == "mjpeg" else ("png", "png")
        yield from ("-attach", str(path), f"-metadata:s:{number}", f"mimetype=image/{kind}")
        yield from (f"-metadata:s:{number}", f"filename=cover.{suffix}")


def clock(job: Job) -> tuple[str, ...]:
    """The ticks in which every frame keeps its time."""
    if job.clock is None:
        return ()
    # FFmpeg 5.1 would fill every tick of an MP4 with a frame.
    return ("-fps_mode:0", "vfr", "-enc_time_base:0", f"1:{job.clock}")


def put_right(job: Job, dts: str = "{}") -> tuple[str, ...]:
    """Puts evenly spaced frames right, whose times the source's container has rounded.

    Args:
        job: what is done.
        dts: what becomes of the decoding times, with {} where they stand.
    """
    if job.frame_ticks is None:
        return ()

    def put(name):
        frames = f"({name}-STARTPTS)/{job.frame_ticks}"
        place = f"STARTPTS+round({frames})*{job.frame_ticks}"
        is_near = f"lt(abs({frames}-round({frames}))\\,{job.rounding:.6f})"
        return f"if({is_near}\\,{place}\\,{name})"

    times = f"pts={put('PTS')}:dts={dts.format(put('DTS'))}:duration={job.frame_ticks}"
    return ("-bsf:0", f"setts={times}")


def _environment():
    """Without what would make TensorFlow talk: this process may have set it for itself."""
    return {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}


def _feed(process, files):
    try:
        with suppress(BrokenPipeError), process.stdin as pipe:
            if files:
                _widen(pipe)
            for file in files:
                if process.poll() is not None:
                    return
                if file:
                    os.sendfile(pipe.fileno(), file.fileno(), None, _FED)
    except BaseException:
        _end(process)
        raise


def _widen(pipe):
    with suppress(OSError):  # all pipes of a user together are bounded, too
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _follow(process, bar):
    frames = 0
    with process.stdout:
        for line in process.stdout:
            if line.startswith(b"frame="):
                before, frames = frames, int(line.removeprefix(b"frame="))
                bar.update(frames - before)
    process.wait()
    return frames


def _end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _judge(code, log, names, draft):
    if full := FULL.search(log):
        raise full_disk(names[str(draft)], full[0])
    if code == -signal.SIGXFSZ:
        raise full_disk(names[str(draft)], os.strerror(errno.EFBIG))
    if code:
        error = FFmpegError(reason_in(log, names) if log else _ended_by(code))
        error.log, error.was_killed = log, code == -signal.SIGKILL
        raise error
    if log:
        logger.warning("ffmpeg went on after this error: %s", reason_in(log, names))


def _ended_by(code):
    if code >= 0:
        return f"ffmpeg ended with {code}, and without a reason"
    memory = "; the system may have run out of memory" if code == -signal.SIGKILL else ""
    return f"ffmpeg was ended by {signal.Signals(-code).name}{memory}"
