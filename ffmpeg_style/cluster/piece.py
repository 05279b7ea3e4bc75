"""What a worker does: it looks at a clip, paints pieces of it, or all of it where it is short."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ffmpeg_style import __version__, pictures
from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.bars import WHOLE
from ffmpeg_style.cluster.coding import Encode, can_be_raw, coded, has_captions, is_copied
from ffmpeg_style.cluster.finished import checksum, frames_of, note
from ffmpeg_style.cluster.split import (
    FIELDS,
    Index,
    Piece,
    can_split,
    count_pieces,
    cut,
    lead_in,
    read_index,
    seek_options,
)
from ffmpeg_style.cluster.worker import (
    asked,
    check_seen,
    ffmpeg_version,
    lack,
    noted,
    ready,
    reporter,
)
from ffmpeg_style.errors import FFmpegError, InputError, StorageError, StyleError
from ffmpeg_style.ffmpeg import execute
from ffmpeg_style.ffmpeg.encoder_options import EncoderOptions
from ffmpeg_style.ffmpeg.filter_graph import Painting
from ffmpeg_style.ffmpeg.plan import Job, Span, plan_video
from ffmpeg_style.ffmpeg.probe import Source, probe
from ffmpeg_style.ffmpeg.stylize import stylize
from ffmpeg_style.files import FULL, file_exists
from ffmpeg_style.painting import check_seconds, check_shape
from ffmpeg_style.progress import progress_bar


@dataclass(frozen=True)
class StylePicture:
    """A picture as a style, where all workers find it: its address, which is by its content."""

    address: str


@dataclass(frozen=True)
class Order:
    """A clip to paint.

    Attributes:
        source, target: addresses.
        work: address of the folder for what is finished in the meantime.
        model: its name by content.
        settings: of the painting filter; the pictures of a style are each a `StylePicture`.
        options: all others of `stylize`.
        overwrite: whether the target may be replaced.
        encode: how its pieces are coded.
        workers: how many there are to share the clip.
        is_here: whether these are all on one machine, where nothing goes through a network.
        longest: seconds of a piece; None for the usual ones.
        version: of this package, where the order was given.
        ffmpeg: the version that all workers are to have; "" for any.
    """

    source: str
    target: str
    work: str
    model: str
    settings: dict[str, Any]
    options: dict[str, Any]
    overwrite: bool = False
    encode: Encode = "once"
    workers: int = 1
    is_here: bool = False
    longest: float | None = None
    version: str = __version__
    ffmpeg: str = ""

    @property
    def key(self) -> str:
        """A name for what comes of it: by all that it depends on."""
        parts = (self.source, places.stamp(self.source), self.target)
        parts += (self.model, sorted(self.settings.items()), sorted(self.options.items()))
        return places.digest(repr((*parts, self.encode, self.version, ffmpeg_version())).encode())


@dataclass(frozen=True)
class Clip:
    """A clip that was looked at.

    Attributes:
        order: what is wanted.
        key: of the order.
        pieces: that it was cut into; none where it was painted whole, or was there already.
        frames: how many there are, as far as is known before they are painted.
        notes: what the user should know.
        found: in the source; None where it was painted whole.
        is_raw: whether its pieces are not coded.
    """

    order: Order
    key: str
    pieces: tuple[Piece, ...] = ()
    frames: int = 0
    notes: tuple[str, ...] = ()
    found: Source | None = None
    is_raw: bool = False

    @property
    def folder(self) -> str:
        """Where the finished pieces of this clip are, and no others."""
        return places.join(self.order.work, "pieces", self.key)

    def name(self, piece: Piece) -> str:
        """What a finished piece is called: by its frames, which others may have otherwise."""
        frames = places.digest(repr((piece, self.is_raw)).encode())
        return f"{frames}.{piece.number}"

    def address(self, piece: Piece) -> str:
        """Where a finished piece is."""
        return places.join(self.folder, self.name(piece))

    @property
    def mark(self) -> str:
        """What says that a command has the target to paint; in the end, that it is there."""
        return places.join(marks(self.order.work), places.digest(self.order.target.encode()))


def marks(work: str) -> str:
    """The folder of all clips' marks: as long as there are some, the work is needed."""
    return places.join(work, "marks")


def check(order: Order, dask_worker: Any = None) -> str:
    """Whether a worker has what it needs; returns the version of its ffmpeg.

    Args:
        order: one of those that it is to do.
        dask_worker: the worker, as Dask gives it; None where this is a task of its own.

    Raises:
        ClusterError: it lacks something.
    """
    with asked(dask_worker.address) if dask_worker else nullcontext():
        ready(order.work, order.model, order.version, order.ffmpeg)
        check_seen(order.source)
        return ffmpeg_version()


@contextmanager
def at_work(order: Order) -> Iterator[Path]:
    """Yield the model, and tell what fails by this worker from what is wrong with the clip.

    Raises:
        ClusterError: this worker lacks what it needs, does not see the source, or does so no
            longer; or its system can't do something, or has no room for what is its own.
        StorageError: the folder that all share has no room.
    """
    model = ready(order.work, order.model, order.version, order.ffmpeg)
    check_seen(order.source)
    try:
        yield model
    except StorageError as error:
        if places.is_shared(order.work):
            raise
        raise _without_room() from error
    except StyleError as error:
        if isinstance(error, FFmpegError) and error.was_killed:
            raise lack(f"can't paint: {error}", reason=str(error)) from error
        check_seen(order.source)
        raise
    except OSError as error:
        if error.errno in FULL:  # of what it fetched from a store
            raise _without_room() from error
        # Without the name of a temporary file, for it to be told once.
        folder = os.path.dirname(error.filename) if isinstance(error.filename, str) else ""
        why = f"{error.strerror} in {folder}" if folder else str(error) or type(error).__name__
        raise lack(f"can't paint: {why}", reason=why) from error


def _without_room():
    return lack(f"has no room in {tempfile.gettempdir()}")


def look(order: Order) -> Clip:
    """Look at a clip: cut a long one into pieces, and paint a short one at once.

    Raises:
        StyleError: see `stylize`; what this worker lacks names it.
    """
    with at_work(order) as model:
        clip = Clip(order, order.key)
        check_target(clip)
        if not is_done(clip):
            return _look(clip, model)
        places.remove_folder(clip.folder)
        return clip


def _look(clip, model):
    order = clip.order
    with noted() as notes, places.reading(order.source) as source, ExitStack() as stack:
        how = stack.enter_context(painting(order, model))
        clip = _look_at(clip, source, how)
        if not clip.pieces:
            _paint_whole(clip, source, how)
    return replace(clip, notes=tuple(notes))


class PaintedPiece(NamedTuple):
    """What came of a piece: its frames, what the user should know, and whether it was there."""

    frames: int
    notes: tuple[str, ...] = ()
    was_there: bool = False


def paint(clip: Clip, piece: Piece) -> PaintedPiece:
    """Paint a piece of a clip, unless it is there."""
    order = clip.order
    with at_work(order) as model:
        # One that holds less tells of a source that is damaged.
        if (frames := frames_of(clip.address(piece))) >= piece.frames:
            return PaintedPiece(frames, was_there=True)
        if order.key != clip.key:
            raise InputError(f"{order.source} changed while it was painted; run it again")
        return _paint(clip, piece, model)


def _paint(clip, piece, model):
    order, address = clip.order, clip.address(piece)
    with noted() as notes, places.reading(order.source) as source, ExitStack() as stack:
        job = plan(order, source, stack.enter_context(painting(order, model)), clip.found)
        # Those that are not copied are read as one.
        begin = 0 if is_copied(job, order.encode) else piece.place - clip.pieces[0].place
        job = coded(job, order.encode, clip.is_raw)

        def command(piece):
            return partial(piece_command, job, source, piece, begin=begin)

        names = {str(source): order.source}
        report = reporter(order.target, piece.number, order.workers)
        written = partial(_written, address, report)
        frames = written(command(piece), names, least=piece.frames)
        if not frames:
            # The file's demuxer came in too late, or a part is damaged: from the begin all is
            # decoded that a run on one machine would decode.
            frames = written(command(replace(piece, seek=None)), names)
        if not frames:
            raise InputError(f"{order.source} has no frame from {piece.begin or 0:.1f} s on")
    return PaintedPiece(frames, tuple(notes))


def _written(address, report, command, names, least=1):
    """How many frames a piece has; 0 where they are too few, and nothing is kept.

    What was read of its draft is no part of what another run writes then.
    """
    with suppress(_TooFewError):
        # A disk may take its time: what a power cut leaves is not what the note tells of.
        with (
            places.writing(address, is_flushed=False) as draft,
            progress_bar(progress=report) as bar,
        ):
            frames = execute.run_ffmpeg(command(draft), draft, bar, {**names, str(draft): address})
            if frames < least:
                raise _TooFewError
            total = checksum(draft)
        note(address, frames, total)
        return frames
    return 0


class _TooFewError(Exception):
    """There are fewer frames than there should be."""


def check_target(clip: Clip) -> None:
    """Refuse to replace a target that neither the user nor an earlier call has given away.

    Raises:
        InputError: it exists, or is a folder.
    """
    target = clip.order.target
    if places.is_shared(target) and os.path.isdir(target):
        raise InputError(f"{target} is no file; expected the name of a file to write")
    if clip.order.overwrite or not places.exists(target) or _marked(clip)[1:] == [_now(target)]:
        return
    raise file_exists(target)


def begin(clip: Clip, command: str) -> bool:
    """Note which command is to paint the target; returns whether no earlier one was noted."""
    noted = _marked(clip)
    if not _tells_done(noted):
        places.write(clip.mark, command.encode())
    return not noted


def forget(clip: Clip, command: str) -> None:
    """Remove what is noted of the target, unless a later command has it to paint."""
    noted = _marked(clip)
    if _tells_done(noted) or noted == [command]:
        places.remove(clip.mark)


def is_done(clip: Clip) -> bool:
    """Whether the target is there, and was put there for this very clip."""
    return _marked(clip) == [clip.key, _now(clip.order.target)]


def mark_done(clip: Clip) -> None:
    """Note that the target is there, so that a call that is repeated does not paint it again."""
    places.write(clip.mark, f"{clip.key}\n{places.stamp(clip.order.target)}".encode())


def _tells_done(noted):
    return len(noted) > 1


def _marked(clip):
    try:
        return places.read(clip.mark).decode(errors="replace").split("\n")
    except FileNotFoundError:
        return []


def _now(target):
    return places.stamp(target) if places.exists(target) else None


@contextmanager
def painting(order: Order, model: Path) -> Iterator[Painting]:
    """What paints, with a path by which each picture of the style can be read meanwhile."""
    with ExitStack() as stack:
        settings = dict(order.settings)
        if isinstance(style := settings.get("style"), Mapping):
            settings["style"] = {
                stack.enter_context(places.reading(part.address))
                if isinstance(part, StylePicture)
                else part: weight
                for part, weight in style.items()
            }
        yield Painting(model, settings)


def plan(order: Order, source: Path, how: Painting, found: Source) -> Job:
    """The job of a whole clip, from what `probe` found in it."""
    options = order.options
    return plan_video(
        found,
        Path(order.source),
        Path(order.target),
        how,
        Span(*(check_seconds(name, options.get(name)) for name in ("start", "duration"))),
        EncoderOptions(options.get("encoder_options") or ()),
        check_shape(*(options.get(name) for name in ("size", "max_height", "fps"))),
    )


def piece_command(job: Job, source: Path, piece: Piece, draft: Path, begin: int = 0) -> list[str]:
    """The command line of ffmpeg that paints a piece.

    Args:
        job: of the film, but encoded as its pieces are.
        source: path of the film.
        piece: the frames.
        draft: path that ffmpeg writes.
        begin: of the piece's times, in ticks.
    """
    job = replace(job, chain=_trimmed(job.chain, piece))
    return [
        # What encodes the film meanwhile goes first: all wait for it in the end.
        *("nice", "-n", "10"),
        *execute.beginning(),
        *seek_options(job, piece.seek),
        *execute.decoding(job),
        *("-i", f"file:{source}", "-map", f"0:{job.picture}"),
        *execute.painting(job),
        *execute.encoder(job),
        *execute.clock(job),
        *("-bsf:0", f"setts=pts=PTS-STARTPTS+{begin}:dts=DTS-STARTPTS+{begin}"),
        *job.options,
        *job.chosen,
        *("-f", job.muxer, f"file:{draft}"),
    ]


def _trimmed(chain, piece):
    """The filters between two that leave out what is not to be painted, and not to be kept."""
    before = [f"start={piece.lead:.6f}"] if piece.lead is not None else []
    before += [f"end={piece.end:.6f}"] if piece.end is not None else []
    after = [f"start={piece.begin:.6f}"] if piece.begin not in (None, piece.lead) else []
    return replace(
        chain,
        before=",".join([chain.before, *_trim(before)]),
        after=",".join([*_trim(after), chain.after]),
    )


def _trim(options):
    return [f"trim={':'.join(options)}"] if options else []


def _look_at(clip, source, how):
    """The clip with what is found, and the pieces to cut it into."""
    order, frames = clip.order, pictures.kind_of(source)[1]
    if frames or Path(order.target).suffix.lower() in pictures.SUFFIXES:
        return replace(clip, frames=frames or 1)
    found = probe(source, Path(order.source))
    job = plan(order, source, how, found)
    clip = replace(clip, frames=job.frames or 0, found=found)
    seconds = float(clip.frames / found.video.rate) if found.video.rate else found.duration or 0
    if (
        order.options.get("fps")
        or not can_split(job, found, order.encode)
        or count_pieces(seconds, order.workers, order.longest) < 2
    ):
        return clip
    index = read_index(source, order.source, job)
    pieces = _cut(index, job, found, order) if index else []
    if len(pieces) < 2:
        return clip
    stays = order.is_here and places.is_shared(order.work)
    is_coded = is_copied(job, order.encode)
    is_raw = stays and not is_coded and can_be_raw(job, found) and not has_captions(source)
    clip = replace(clip, pieces=tuple(pieces), is_raw=is_raw)
    other = replace(clip, is_raw=not is_raw)
    # What an ended command began goes on as it began, wherever its workers were.
    is_other = places.is_shared(order.work) and is_begun(other) and not is_begun(clip)
    return other if is_other else clip


def is_begun(clip: Clip) -> bool:
    """Whether there is a finished piece."""
    there = places.names(clip.folder)
    return any(clip.name(piece) in there for piece in clip.pieces)


def _cut(index: Index, job: Job, found: Source, order: Order) -> list[Piece]:
    count = min(count_pieces(index.seconds, order.workers, order.longest), index.end - index.first)
    margin = FIELDS if found.video.interlaced else 0
    return cut(index, job, count, lead_in(order.settings.get("steady")), margin)


def _paint_whole(clip, source, how):
    options = {name: value for name, value in how.options.items() if value is not None}
    options |= clip.order.options
    with places.replacing(clip.order.target) as target:
        progress = reporter(clip.order.target, WHOLE, clip.order.workers)
        stylize(source, target, how.model, **options, overwrite=True, progress=progress)
    mark_done(clip)
