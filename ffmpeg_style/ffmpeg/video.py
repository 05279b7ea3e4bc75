"""Videos and photographs painted by the patched ffmpeg, as files."""

import json
import logging
import math
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Literal

from ffmpeg_style.errors import FFmpegError, InputError, InputNotFoundError
from ffmpeg_style.ffmpeg.filter_graph import Style, filter_text
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.files import atomic_path, check_no_source, check_target
from ffmpeg_style.progress import progress_bar

# Containers by their suffix, with the audio that they hold as it is; other audio is encoded anew.
AUDIO_COPIED = {
    ".avi": {"ac3", "mp3"},
    ".flv": {"aac", "mp3"},
    ".mkv": {"aac", "ac3", "alac", "dts", "eac3", "flac", "mp2", "mp3", "opus", "truehd", "vorbis"},
    ".mov": {"aac", "ac3", "alac", "eac3", "mp3", "pcm_s16le", "pcm_s24le"},
    ".mp4": {"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"},
    ".ts": {"aac", "ac3", "eac3", "mp2", "mp3"},
    ".webm": {"opus", "vorbis"},
}
AUDIO_COPIED[".m4v"] = AUDIO_COPIED[".mp4"]
EXACT_TIMES = {".m4v", ".mkv", ".mov", ".mp4"}
H264_CONTAINERS = {".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".ts"}
# Where ffmpeg's default is one that a build may lack.
AUDIO_ENCODERS = {".avi": "pcm_s16le", ".flv": "aac", ".ts": "aac"}
IMAGES = {".bmp", ".jpeg", ".jpg", ".pam", ".png", ".ppm", ".tif", ".tiff", ".webp"}

logger = logging.getLogger(__name__)

SECONDS_TO_END = 5  # for an ffmpeg that was asked to end, before it is killed


@dataclass(frozen=True)
class Source:
    """What ffprobe finds in a file."""

    width: int
    height: int
    frames: int | None  # None: not known before the end
    rate: Fraction | None  # frames a second
    duration: float | None  # in seconds
    audio: tuple[str, ...]  # the codecs of its audio streams


def stylize(
    source: str | PathLike[str],
    target: str | PathLike[str],
    model: str | PathLike[str],
    *,
    style: Style = None,
    strength: float | None = None,
    colors: Literal["style", "content"] | None = None,
    precision: Literal["auto", "fp32", "bf16"] | None = None,
    requests: int | None = None,
    threads: int | None = None,
    device: str | None = None,
    library: str | PathLike[str] | None = None,
    start: float | None = None,
    duration: float | None = None,
    encoder_options: Sequence[str] = (),
    overwrite: bool = False,
    progress: bool | None = None,
) -> Path:
    """Paints a video, or a photograph, with a style model.

    The sound is kept: copied where the target's container holds it, else encoded anew. MP4 and its
    kin become H.264. A target with a photograph's suffix (``.jpg``, ``.png``) becomes one, of a
    video's first frame. The target is written beside its place and put there when it is complete.

    Args:
        source: path of a video or a photograph, of any kind that ffmpeg reads.
        target: path to write, whose suffix tells the kind.
        model: name or path of a model, see `find_model`.
        style: name or index of a style, a mix such as ``"wave:0.7+scream:0.3"``, or a mapping of
            styles to weights; None for the model's first.
        strength: from 0, the source, to 1, the painting; None for 1.
        colors: "style", or "content" for the source's colours; None for "style".
        precision: "auto", "fp32" or "bf16"; None for auto.
        requests: frames painted at a time; None for auto.
        threads: TensorFlow's threads; None for auto.
        device: "cpu", "gpu" or "gpu:N"; None for auto.
        library: TensorFlow's library or its folder; None for the one found at the build.
        start: second of the source to begin at.
        duration: seconds of the source to paint; None for all.
        encoder_options: more options for ffmpeg's output, such as ``["-crf", "18"]``; no filters.
        overwrite: whether to replace a target that exists.
        progress: whether to show a bar on stderr; None for when stderr is a terminal.

    Returns:
        pathlib.Path: the target.

    Raises:
        InputError: an argument can't be right (a ValueError).
        InputNotFoundError: the source, the model or a patched ffmpeg is not there (a
            FileNotFoundError).
        FFmpegError: ffmpeg failed; its reason is the message, and its whole log the attribute
            ``log`` (a RuntimeError).
    """
    source, target = Path(source), Path(target)
    painting = filter_text(
        model,
        style=style,
        strength=strength,
        colors=colors,
        precision=precision,
        requests=requests,
        threads=threads,
        device=device,
        library=library,
    )
    _check_seconds("start", start)
    _check_seconds("duration", duration)
    _check_paths(source, target, overwrite)
    _check_encoder_options(encoder_options)
    with ExitStack() as stack:
        readable = stack.enter_context(_plainly_named(source))
        found = probe(readable, source)
        draft = stack.enter_context(atomic_path(target))
        command = [
            *(str(ffmpeg_path()), "-nostdin", "-y", "-loglevel", "error", "-progress", "pipe:1"),
            *(("-ss", str(start)) if start is not None else ()),
            *(("-t", str(duration)) if duration is not None else ()),
            *("-reinit_filter", "0"),  # a new graph loses the frames that the old one is painting
            *("-i", f"file:{readable}"),
            *_output_options(target.suffix.lower(), found, painting, encoder_options),
            # Copied sound from before the start would make the pictures late.
            *(("-copypriorss", "0") if start is not None else ()),
            *encoder_options,
            f"file:{draft}",
        ]
        bar = progress_bar(
            total=_expected_frames(found, start, duration, target),
            unit=" frames",
            desc=target.name,
            progress=progress,
        )
        stack.enter_context(bar)
        if not _run(command, bar, {str(draft): str(target), str(readable): str(source)}):
            after = "" if start is None else f" from second {start} on"
            raise InputError(f"{source} has no frame to paint{after}")
    return target


def _check_paths(source, target, overwrite):
    if not source.exists():
        raise InputNotFoundError(f"no video or photograph at {source}: no such file")
    if not source.is_file():
        raise InputError(f"{source} is no file; expected a video or a photograph")
    if not source.stat().st_size:
        raise InputError(f"{source} is empty; expected a video or a photograph")
    check_no_source(target, source)
    check_target(target, overwrite)


def _check_seconds(name, seconds):
    try:
        good = seconds is None or 0 <= float(seconds) < math.inf
    except (TypeError, ValueError):
        good = False
    if not good or (name == "duration" and seconds == 0):
        raise InputError(f"{name} is {seconds!r}; expected seconds, such as 2.5")


def _check_encoder_options(options):
    for option in options:
        if re.match(r"-/?(vf|lavfi|filter(_script|_complex|_complex_script)?)(:(?!a).*)?$", option):
            raise InputError(
                f"{option} would take the place of the painting; filter in a run of its own"
            )


@contextmanager
def _plainly_named(path):
    """A path to the same file that ffmpeg doesn't take for a pattern of many files' names."""
    if not re.search(r"[%*?{\[]", path.name):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="ffmpeg-style-") as folder:
        suffix = path.suffix if path.suffix.lower() in IMAGES else ""
        link = Path(folder) / f"source{suffix}"
        link.symlink_to(path.resolve())
        yield link


def probe(path: Path, name: Path | None = None) -> Source:
    """What there is in a video or a photograph.

    Args:
        path: of the file.
        name: what messages call it; None for the path.

    Returns:
        Source

    Raises:
        InputError: it holds no video stream or can't be read; the message is ffprobe's reason.
        InputNotFoundError: there is no ffprobe beside a patched ffmpeg.
    """
    command = [
        *(str(ffmpeg_path("ffprobe")), "-loglevel", "error", "-of", "json"),
        *("-show_entries", "format=duration:stream=codec_type,codec_name,width,height"),
        *("-show_entries", "stream=nb_frames,avg_frame_rate:stream_disposition=attached_pic"),
        f"file:{path}",
    ]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    if result.returncode:
        reason = _reason(result.stderr.decode(errors="replace"), {str(path): str(name or path)})
        raise InputError(f"{name or path} is no video or photograph that can be read: {reason}")
    found = json.loads(result.stdout)
    streams = found.get("streams", [])
    pictures = [
        stream
        for stream in streams
        if stream.get("codec_type") == "video" and not stream["disposition"]["attached_pic"]
    ]
    if not pictures:
        raise InputError(f"{name or path} has no pictures; expected a video or a photograph")
    picture = pictures[0]
    count, rate = picture.get("nb_frames", ""), picture.get("avg_frame_rate", "0/0")
    duration = found.get("format", {}).get("duration")
    return Source(
        width=picture.get("width", 0),
        height=picture.get("height", 0),
        frames=int(count) if count.isdecimal() else None,
        rate=None if rate.startswith("0/") or rate.endswith("/0") else Fraction(rate),
        duration=float(duration) if duration else None,
        audio=tuple(s.get("codec_name", "") for s in streams if s.get("codec_type") == "audio"),
    )


def _expected_frames(found, start, duration, target):
    if target.suffix.lower() in IMAGES:
        return 1
    if start is None and duration is None and found.frames:
        return found.frames
    if not (found.rate and found.duration):
        return None
    seconds = max(found.duration - float(start or 0), 0)
    return round(found.rate * (seconds if duration is None else min(seconds, float(duration))))


def _output_options(suffix, found, painting, encoder_options):
    """The options of ffmpeg's output for a target with this suffix."""
    painting = f"scale,{painting}"  # when the source changes, all get the first frame's size
    if suffix in IMAGES:
        quality = ("-q:v", "2") if suffix in {".jpg", ".jpeg"} else ()
        return ["-map", "0:V:0", "-vf", painting, "-frames:v", "1", "-update", "1", *quality]
    if suffix == ".gif":
        # A palette for each frame, or the painting's colours are lost.
        palette = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"
        return ["-map", "0:V:0", "-vf", f"{painting},{palette}"]
    options = ["-map", "0:V:0", "-map", "0:a?", "-vf", painting]
    if suffix in H264_CONTAINERS and not _choose_encoder(encoder_options):
        options += ["-c:v", "libx264", "-crf", "20", "-pix_fmt", _pixel_format(found)]
        if suffix in EXACT_TIMES:
            # Fine enough for every frame to keep its time; the default is one tick a frame.
            options += ["-enc_time_base", "1:90000"]
        elif suffix == ".avi":
            options += ["-bf", "0"]  # it holds no times for frames that come out of their order
    if suffix in {".mp4", ".m4v", ".mov"}:
        options += ["-movflags", "+faststart"]
    if found.audio and set(found.audio) <= AUDIO_COPIED.get(suffix, set()):
        options += ["-c:a", "copy"]
    elif found.audio and suffix in AUDIO_ENCODERS:
        options += ["-c:a", AUDIO_ENCODERS[suffix]]
    return options


def _choose_encoder(encoder_options):
    return any(re.match(r"-(c|codec)(:v|$)|-vcodec$", option) for option in encoder_options)


def _pixel_format(found):
    """4:2:0, which every player shows, where both sides are even."""
    return "yuv444p" if found.width % 2 or found.height % 2 else "yuv420p"


def _environment():
    """Without what would make TensorFlow talk: this process may have set it for itself."""
    return {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}


def _run(command, bar, names):
    """Runs ffmpeg to its end with its progress on the bar; returns how many frames it wrote.

    It is ended when this is interrupted.
    """
    frames = 0
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # a Ctrl-C comes to this process alone, which then ends it
        )
        with process.stdout:
            try:
                for line in process.stdout:
                    if line.startswith("frame="):
                        before, frames = frames, int(line.removeprefix("frame="))
                        bar.update(frames - before)
                process.wait()
            finally:
                _end(process)
        log.seek(0)
        text = log.read()
    if process.returncode:
        error = FFmpegError(_reason(text, names))
        error.log = text
        raise error
    if text:
        logger.warning("ffmpeg went on after this error: %s", _reason(text, names))
    return frames


def _end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _reason(log, names):
    """The line of ffmpeg's log that tells why it failed: the filter's own, else the first.

    What follows the first error are its consequences, of which ffmpeg tells in several lines.

    Args:
        log: of level "error".
        names: {name: another to put in its place}, for files that the user has not named himself.
    """
    lines = [line for line in log.splitlines() if line.strip()] or [
        "ffmpeg failed without a reason"
    ]
    line = next((line for line in lines if "styletransfer" in line.partition("]")[0]), lines[0])
    line = re.sub(r"^(\[[^\]]*\] )+", "", line)
    for name, other in names.items():
        line = line.replace(f"file:{name}", other).replace(name, other)
    if "encoder selection failed" in line:
        line += " Or use an ffmpeg that has more: ffmpeg-style build --profile full"
    return line
