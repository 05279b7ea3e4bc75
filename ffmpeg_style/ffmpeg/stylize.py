"""Videos and photographs painted, as files."""

import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from ffmpeg_style import pictures
from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.ffmpeg.encoder_options import EncoderOptions
from ffmpeg_style.ffmpeg.execute import path_of
from ffmpeg_style.ffmpeg.executors import planned
from ffmpeg_style.ffmpeg.filter_graph import Painting, Style
from ffmpeg_style.ffmpeg.plan import Job, Span, plan_still, plan_video
from ffmpeg_style.ffmpeg.probe import Source
from ffmpeg_style.files import atomic_path, atomic_write, check_no_source, check_target
from ffmpeg_style.painting import (
    Shape,
    check_painting,
    check_seconds,
    check_shape,
    choose_model,
    with_pictures,
)
from ffmpeg_style.progress import progress_bar

FFMPEG_ANIMATIONS = ("GIF", "PNG")
"""Kinds of moving pictures, to Pillow, that every ffmpeg decodes."""

_FRAMES_OFF = 2
"""By which what a container tells of a good file may be wrong."""

logger = logging.getLogger(__name__)


def stylize(
    source: str | PathLike[str],
    target: str | PathLike[str],
    model: str | PathLike[str] | None = None,
    *,
    style: Style = None,
    strength: float | None = None,
    colors: Literal["style", "content"] | None = None,
    steady: float | None = None,
    precision: Literal["auto", "fp32", "bf16", "int16"] | None = None,
    runtime: Literal["auto", "own", "tensorflow"] | None = None,
    requests: int | None = None,
    threads: int | None = None,
    device: str | None = None,
    library: str | PathLike[str] | None = None,
    input: str | None = None,
    output: str | None = None,
    range: str | None = None,
    input_range: str | None = None,
    output_range: str | None = None,
    start: float | str | None = None,
    duration: float | str | None = None,
    size: int | tuple[int, int] | str | None = None,
    max_height: int | None = None,
    fps: float | str | None = None,
    encoder_options: Sequence[str] = (),
    executor: Literal["ffmpeg", "pyav"] | None = None,
    overwrite: bool = False,
    progress: bool | Callable[[int, int | None], None] | None = None,
) -> Path:
    """Paints a video, or a photograph, with a style model.

    What a video holds beside its pictures is kept where the target's container holds it: sound,
    subtitles, a cover, attachments, date and place; what is not is logged as a warning. MP4 and its
    kin become H.264, of 10 bits where the source has more than 8. HDR becomes SDR, fields become
    whole frames, and colours are tagged: BT.709 from 1280x720 on, else BT.601. A target with a
    photograph's suffix (``.jpg``, ``.png``) becomes one, of a video's first frame; a photograph
    keeps its EXIF date, place and camera, and its transparency where the target has it. The target
    is written beside its place and put there when it is complete.

    Args:
        source: path of a video or a photograph, of any kind that ffmpeg or Pillow reads.
        target: path to write, whose suffix tells the kind.
        model: name or path of a model, see `find_model`; None for ``wave-fast``, and for ``any``
            where the style is a picture.
        style: name or index of a style, a mix such as ``"wave:0.7+scream:0.3"``, or a mapping of
            styles to weights; None for the model's first. With a model for any painting also the
            path of a picture, of any kind that Pillow reads.
        strength: from 0, the source, to 1, the painting; None for 1.
        colors: "style", or "content" for the source's colours; None for "style".
        steady: how much a painting is held by the one before: from 0, each frame by itself, to 1;
            None for 0.9.
        precision: "auto", "fp32", "bf16" or "int16"; None for auto.
        runtime: "auto", "own" or "tensorflow", see `Engine`; None for auto.
        requests: frames painted at a time, 1 to 64; None for auto.
        threads: most threads that paint one frame, or TensorFlow's, 1 to 1024; None for auto.
        device: "cpu", "gpu" or "gpu:N"; None for auto.
        library: TensorFlow's library or its folder; None for the one found at the build.
        input: name of the graph's image input, for graphs of others that have several.
        output: name of the graph's image output, likewise.
        range: values of a float32 graph's images, see `Engine`; None for what the graph shows.
        input_range: the same for the input alone.
        output_range: the same for the output alone.
        start: second of the source to begin at; a text such as "00:01:30" too.
        duration: seconds of the source to paint, likewise; None for all.
        size: pixels of the painting's longer side; or (width, height) or "1280x720" to fit it into;
            None for the source's. Proportions are kept.
        max_height: pixels that the painting's height is brought down to, where it is more.
        fps: frames a second, also a text such as "30000/1001"; None for every frame of the source.
        encoder_options: more options for ffmpeg's output, such as ``["-crf", "18"]``; no filters,
            and no names of files.
        executor: what decodes and encodes: "ffmpeg", the patched program, or "pyav", FFmpeg's
            libraries as PyAV has them; None for the program where there is one that can.
        overwrite: whether to replace a target that exists.
        progress: whether to show a bar on stderr; None for when stderr is a terminal; or a function
            of (frames, all frames or None), which is called as they are written.

    Returns:
        pathlib.Path: the target.

    Raises:
        InputError: an argument can't be right, or the ffmpeg lacks what the files need (a
            ValueError).
        InputNotFoundError: the source, the model or a patched ffmpeg is not there (a
            FileNotFoundError).
        StorageError: there is no room for the target (an OSError).
        FFmpegError: ffmpeg failed; its reason is the message, and its whole log the attribute
            ``log`` (a RuntimeError).
    """
    settings: dict[str, Any] = {
        "style": style,
        "strength": strength,
        "colors": colors,
        "steady": steady,
        "precision": precision,
        "runtime": runtime,
        "requests": requests,
        "threads": threads,
        "device": device,
        "library": library,
        "input": input,
        "output": output,
        "range": range,
        "input_range": input_range,
        "output_range": output_range,
    }
    model = choose_model(model, style)
    check_painting(model, **settings)
    span = Span(check_seconds("start", start), check_seconds("duration", duration))
    shape = check_shape(size, max_height, fps)
    chosen = EncoderOptions(encoder_options)
    source, target = _checked_paths(source, target, overwrite)
    order = _Order(source, target, model, settings, span, shape, chosen, executor, progress)
    kind, frames = pictures.kind_of(source)
    paint = _paint_picture if _is_picture(order, frames) else _paint_video
    paint(order, kind, frames)
    return target


@dataclass(frozen=True)
class _Order:
    """The arguments of `stylize`, looked through."""

    source: Path
    target: Path
    model: str | PathLike[str]
    settings: dict[str, Any]
    span: Span
    shape: Shape
    chosen: EncoderOptions
    executor: str | None
    progress: bool | Callable[[int, int | None], None] | None

    @property
    def painting(self):
        return Painting(self.model, self.settings)

    def require_frames(self, count):
        if not count:
            after = "" if self.span.start is None else f" from second {self.span.start:g} on"
            raise InputError(f"{self.source} has no frame to paint{after}")

    def bar(self, job):
        """Tells what the user should know of a job, and gives its progress bar."""
        for note in job.notes:
            logger.warning("%s", note)
        # It stays where it is not one of many.
        options = dict(total=job.frames, unit="frame", desc=self.target.name, leave=None)
        return progress_bar(progress=self.progress, **options)


def _is_picture(order, frames):
    """Whether the target is a still picture; WebP is one of a still source only."""
    suffix = order.target.suffix.lower()
    if suffix not in pictures.SUFFIXES or order.chosen.muxer:
        return False
    if suffix == ".webp" and frames != 1:
        return False
    if order.chosen.words:
        raise InputError(
            f"{order.target} is a picture, which ffmpeg does not write; expected no options for it"
        )
    return True


@contextmanager
def _with_readable_style(order: _Order) -> Iterator[_Order]:
    """The order with its style's pictures as Pillow reads them, in files for the filter."""
    with ExitStack() as stack:

        def put(content):
            file = stack.enter_context(tempfile.TemporaryFile())
            file.write(content)
            file.flush()
            return path_of(file)

        style = with_pictures(order.model, order.settings["style"], put)
        yield replace(order, settings={**order.settings, "style": style})


def _paint_video(order, kind, frames):
    with (
        _with_readable_style(order) as order,
        _readable(order.source, kind, frames) as readable,
    ):

        def plan(executor):
            found = executor.probe(readable, order.source)
            how = (order.painting, order.span, order.chosen, order.shape, executor.abilities)
            return plan_video(found, order.source, order.target, *how)

        executor, job = planned(plan, order.executor)
        with atomic_path(order.target) as draft, order.bar(job) as bar:
            names = {str(draft): str(order.target), str(readable): str(order.source)}
            frames = executor.execute(job, readable, draft, bar, names)
            order.require_frames(frames)
            tell_cut_off(order.source, job, frames, draft, executor.probe)


def tell_cut_off(
    source: Path, job: Job, frames: int, draft: Path, probe: Callable[..., Source]
) -> None:
    """Warn of a painting that lacks much of what the source says that it has.

    Frames that are fewer but fill its time are no fault: a rate that varies has fewer than the
    usual one lets expect, and a list of edits leaves some out.

    Args:
        source: as the user knows it.
        job: what was done.
        frames: how many were painted.
        draft: the painting.
        probe: looks at it.
    """
    if not (job.frames and job.seconds and job.frames - frames > _FRAMES_OFF):
        return
    try:
        seconds = probe(draft).duration
    except InputError:  # a kind that is written and not read
        seconds = None
    usual = job.seconds / job.frames
    if job.seconds - (seconds or frames * usual) > _FRAMES_OFF * usual:
        told = (source, frames, job.frames)
        logger.warning("%s is damaged or cut off: %d of %d frames could be read", *told)


def _paint_picture(order, kind, frames):
    if frames == 1:
        picture = _painted_photograph(order)
    else:
        with (
            _with_readable_style(order) as order,
            _readable(order.source, kind, frames) as readable,
        ):
            picture = _painted_frame(order, readable)
    with atomic_write(order.target) as file:
        dropped = picture.write(file, order.target.suffix)
    if dropped:
        logger.warning("%s can't hold, and goes without: %s", order.target, ", ".join(dropped))


def _painted_photograph(order):
    from ffmpeg_style._engine import Engine

    order.require_frames(not order.span.start)
    picture = pictures.read_picture(order.source)
    picture = picture.resized(*order.shape.sides(*picture.pixels.shape[1::-1]))
    settings = {name: value for name, value in order.settings.items() if value is not None}
    with Engine(order.model, **settings) as engine:
        return replace(picture, pixels=engine(picture.pixels))


def _painted_frame(order, readable):
    """The first frame of a video, as a picture."""

    def plan(executor):
        found = executor.probe(readable, order.source)
        how = (order.painting, order.span, order.shape, executor.abilities)
        return plan_still(found, order.source, *how)

    executor, job = planned(plan, order.executor)
    with tempfile.TemporaryFile() as file, order.bar(job) as bar:
        draft = path_of(file)
        names = {str(draft): str(order.target), str(readable): str(order.source)}
        order.require_frames(executor.execute(job, readable, draft, bar, names))
        return pictures.read_picture(draft)


def _checked_paths(source, target, overwrite):
    if re.match(r"[A-Za-z][\w+.-]+:/", os.fspath(source)) and not os.path.exists(source):
        raise InputError(
            f"{source} is a URL; expected a file: download it first, or give it to ffmpeg itself, "
            "with -vf styletransfer=MODEL"
        )
    source, target = Path(source), Path(target)
    if not source.exists():
        raise InputNotFoundError(f"no video or photograph at {source}: no such file")
    if not source.is_file():
        raise InputError(f"{source} is no file; expected a video or a photograph")
    if not source.stat().st_size:
        raise InputError(f"{source} is empty; expected a video or a photograph")
    check_no_source(target, source)
    check_target(target, overwrite)
    return source, target


@contextmanager
def _readable(source: Path, kind: str, frames: int) -> Iterator[Path]:
    """A path by which ffmpeg reads a source that it would not read by its own.

    Photographs are read by Pillow, which knows what cameras mean, and so are moving ones of a kind
    that ffmpeg has no decoder for. A name that is a pattern to ffmpeg is left out.
    """
    with ExitStack() as stack:
        if frames == 1 or (frames and kind not in FFMPEG_ANIMATIONS):
            file = stack.enter_context(tempfile.TemporaryFile())
            if frames == 1:
                picture = pictures.read_picture(source)
                if picture.exif:
                    logger.warning("%s becomes a video, without its EXIF data", source)
                picture.write(file, ".png")
                file.flush()
            else:
                pictures.write_animation(source, file)
        elif re.search(r"[%*?{\[]", source.name):
            file = stack.enter_context(source.open("rb"))
        else:
            yield source
            return
        yield path_of(file)
