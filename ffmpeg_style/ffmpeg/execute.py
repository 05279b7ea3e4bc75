"""A job done by the patched ffmpeg, as a program of its own."""

import errno
import logging
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from tqdm import tqdm

from ffmpeg_style.errors import FFmpegError
from ffmpeg_style.ffmpeg.plan import Job
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.ffmpeg.reasons import FULL, reason_in
from ffmpeg_style.files import full_disk
from ffmpeg_style.processes import ending_with_parent

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
    with ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
        covers = [
            stack.enter_context(_cover(source, kept)) for kept in job.kept if kept.is_attached
        ]
        process = subprocess.Popen(
            ending_with_parent(command(job, source, draft, covers)),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # a Ctrl-C comes to this process alone, which then ends it
        )
        try:
            frames = _follow(process, bar)
        finally:
            _end(process)
        log.seek(0)
        text = log.read()
    _judge(process.returncode, text, names, draft)
    return frames


@contextmanager
def _cover(source, kept):
    """The path of a file that holds a cover, which the source has as a stream."""
    with tempfile.TemporaryFile() as file:
        path = path_of(file)
        take = ("-map", f"0:{kept.index}", "-c", "copy", "-frames:v", "1", "-f", "image2pipe")
        command = [str(ffmpeg_path()), "-nostdin", "-y", "-loglevel", "error"]
        subprocess.run([*command, "-i", f"file:{source}", *take, f"file:{path}"], check=False)
        yield path


def path_of(file: IO[bytes]) -> Path:
    """A path to a file that is open here, whatever its name, for this process and its children."""
    return Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def command(job: Job, source: Path, draft: Path, covers: Sequence[Path] = ()) -> list[str]:
    """The command line of ffmpeg that does a job; the covers are those that it attaches."""
    span = job.span
    streams = [kept for kept in job.kept if not kept.is_attached]
    return [
        *(str(ffmpeg_path()), "-nostdin", "-y", "-loglevel", "error", "-progress", "pipe:1"),
        *(("-ss", str(span.start)) if span.start is not None else ()),
        *(("-t", str(span.duration)) if span.duration is not None else ()),
        *("-reinit_filter", "0"),  # a new graph loses the frames that the old one is painting
        *((f"-c:{job.picture}", job.decoder) if job.decoder else ()),
        *("-i", f"file:{source}", "-map", f"0:{job.picture}"),
        *(word for kept in streams for word in ("-map", f"0:{kept.index}")),
        *("-filter:0", job.chain.text),
        *(("-c:0", job.encoder) if job.encoder else ()),
        *(("-pix_fmt:0", job.pixels) if job.pixels else ()),
        *job.quality,
        *_times(job),
        *_codecs(kept.codec if kept.cover is None else "" for kept in streams),
        *(("-frames:0", "1") if job.is_still else ()),
        # Copied sound from before the start would make the pictures late.
        *(("-copypriorss", "0") if span.start is not None else ()),
        *(word for name, tag in job.tags.items() for word in ("-metadata", f"{name}={tag}")),
        *job.options,
        *job.chosen,
        # Behind the user's options, of which those for pictures would encode a cover too.
        *_codecs(kept.codec if kept.cover else "" for kept in streams),
        *_attachments(job, covers),
        *(("-f", job.muxer) if "-f" not in job.chosen else ()),
        f"file:{draft}",
    ]


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


def _times(job):
    """Every frame keeps its time; what the source's container has rounded is put right again."""
    if job.clock is None:
        return ()
    # FFmpeg 5.1 would fill every tick of an MP4 with a frame.
    clock = ("-fps_mode:0", "vfr", "-enc_time_base:0", f"1:{job.clock}")
    if job.frame_ticks is None:
        return clock

    def put_right(name):
        frames = f"({name}-STARTPTS)/{job.frame_ticks}"
        place = f"STARTPTS+round({frames})*{job.frame_ticks}"
        is_near = f"lt(abs({frames}-round({frames}))\\,{job.rounding:.6f})"
        return f"if({is_near}\\,{place}\\,{name})"

    setts = f"setts=pts={put_right('PTS')}:dts={put_right('DTS')}:duration={job.frame_ticks}"
    return (*clock, "-bsf:0", setts)


def _environment():
    """Without what would make TensorFlow talk: this process may have set it for itself."""
    return {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}


def _follow(process, bar):
    frames = 0
    with process.stdout:
        for line in process.stdout:
            if line.startswith("frame="):
                before, frames = frames, int(line.removeprefix("frame="))
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
        error.log = log
        raise error
    if log:
        logger.warning("ffmpeg went on after this error: %s", reason_in(log, names))


def _ended_by(code):
    if code >= 0:
        return f"ffmpeg ended with {code}, and without a reason"
    memory = "; the system may have run out of memory" if code == -signal.SIGKILL else ""
    return f"ffmpeg was ended by {signal.Signals(-code).name}{memory}"
