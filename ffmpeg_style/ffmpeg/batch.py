"""Any number of files painted, one after the other; what is done already is passed over."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ffmpeg_style import pictures
from ffmpeg_style.errors import InputError, StyleError
from ffmpeg_style.ffmpeg.executors import choose_executor
from ffmpeg_style.ffmpeg.sources import STANDARD, Work, called, fetched
from ffmpeg_style.ffmpeg.stylize import stylize
from ffmpeg_style.files import check_folder, make_folder
from ffmpeg_style.graphs.quiet import filtered_stderr
from ffmpeg_style.progress import progress_bar

PREVIEW_SECOND = 10


@dataclass(frozen=True)
class Outcome:
    """What became of a work.

    Attributes:
        work: the source and the target.
        status: "painted", "done" for one that was painted before, or "failed".
        seconds: that it took.
        error: why it failed.
    """

    work: Work
    status: str
    seconds: float = 0.0
    error: StyleError | None = None


def check_works(works: Sequence[Work], overwrite: bool) -> None:
    """Before long work: whether the paintings can be written where they are to be.

    Raises:
        InputError: one can't.
    """
    made = [work for work in works if work.target != STANDARD and not work.is_named]
    for folder in {os.path.dirname(work.target) for work in made}:
        check_folder(folder or ".")
    if overwrite:
        return
    for work in works:
        if os.path.exists(work.target) and not work.is_done and not work.is_named:
            raise InputError(
                f"{work.target} exists already, and is older than {work.source}; "
                "replace it by -y, or choose another target"
            )


def paint_all(
    works: Sequence[Work],
    model: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: bool | None = None,
    kind: str | None = None,
    preview: bool = False,
    **options: Any,
) -> Iterator[Outcome]:
    """Paint files, with a bar for all of them and one for each.

    Args:
        works: what to paint, see `find_works`.
        model: name or path of a model.
        overwrite: whether to paint again what is there.
        progress: as in `stylize`.
        kind: suffix of what is written to the standard output; None for the source's kind.
        preview: whether to paint a still of the tenth second only, of a shorter video its middle.
        options: further ones of `stylize`.

    Yields:
        Outcome: of each work, when it is known. One that fails doesn't keep the others.
    """
    is_one = len(works) == 1
    options |= dict(model=model, overwrite=overwrite, progress=progress)
    with progress_bar(works, progress=False if is_one else progress, unit="file") as bar:
        for work in bar:
            if work.is_done and not overwrite:
                yield Outcome(work, "done")
                continue
            begin = time.monotonic()
            try:
                _paint(work, kind, preview, **options)
                yield Outcome(work, "painted", time.monotonic() - begin)
            except StyleError as error:
                yield Outcome(work, "failed", time.monotonic() - begin, error)


def _paint(work, kind, preview, **options):
    with fetched(work.source) as source:
        if preview and pictures.kind_of(source)[1] != 1 and options.get("start") is None:
            options["start"] = _preview_second(source, options.get("executor"))
        if work.target != STANDARD:
            if not work.is_named:
                make_folder(Path(work.target).parent)
            _stylize(source, work.target, **options)
            return
        with tempfile.TemporaryDirectory(prefix="ffmpeg-style-") as folder:
            target = Path(folder, "stdout" + (kind or _kind(source)))
            with called(target, "the standard output"):
                _stylize(source, target, **options)
            with target.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def _stylize(source, target, **options):
    # The engine paints photographs in this process, and TensorFlow talks as it loads.
    may_talk = find_spec("tensorflow") and pictures.kind_of(source)[1] == 1
    with filtered_stderr() if may_talk else nullcontext():
        stylize(source, target, **options)


def _preview_second(source, executor):
    duration = choose_executor(executor).probe(source).duration
    return PREVIEW_SECOND if not duration or duration > PREVIEW_SECOND else duration / 2


def _kind(source):
    """The suffix of a painting whose name tells none."""
    kind, frames = pictures.kind_of(source)
    if frames == 1:
        return ".jpg" if kind in {"JPEG", "MPO", "HEIF"} else ".png"
    return ".mkv"
