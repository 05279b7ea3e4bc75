"""Finished pieces become one film, with all that a run on one machine takes from the source."""

import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path

from distributed import secede

from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.bars import ENCODING, JOINING
from ffmpeg_style.cluster.coding import is_copied, told_anew
from ffmpeg_style.cluster.finished import frames_of
from ffmpeg_style.cluster.painted import Painted
from ffmpeg_style.cluster.piece import Clip, at_work, is_done, mark_done, painting, plan
from ffmpeg_style.cluster.processors import aside, whole_machine
from ffmpeg_style.cluster.split import Piece
from ffmpeg_style.cluster.worker import noted, reporter
from ffmpeg_style.errors import FFmpegError, InputError, StyleError
from ffmpeg_style.ffmpeg.execute import Pictures, attached_covers, join_command, run_ffmpeg
from ffmpeg_style.ffmpeg.plan import Job
from ffmpeg_style.ffmpeg.probe import ffprobe, probe
from ffmpeg_style.ffmpeg.stylize import tell_cut_off
from ffmpeg_style.progress import progress_bar

NUT_NAME = b"nut/multimedia container\0"
"""How a file of NUT begins; what comes then may come again at any place of a file."""
_SECONDS_BETWEEN_READS = 0.5
"""Of what is being written."""


def join(clip: Clip) -> tuple[str, ...]:
    """Join the pieces of a clip as they are painted, put the film in its place, and remove them.

    The worker does other tasks beside this one.

    Args:
        clip: that was cut into pieces; `Painted` tells which are there.

    Returns:
        tuple[str, ...]: what the user should know.

    Raises:
        StyleError: see `stylize`; a piece that can't be read is named.
    """
    secede()
    with at_work(clip.order) as model:
        notes: tuple[str, ...] = ()
        try:
            if not is_done(clip):
                notes = _join(clip, model)
        except StyleError:
            # A worker that still did it for a command which ended may have been the first.
            if not is_done(clip):
                raise
        places.remove_folder(clip.folder)
        return notes


def _join(clip, model):
    order, pieces = clip.order, _Pieces(clip)
    with noted() as notes, ExitStack() as stack:
        source = stack.enter_context(places.reading(order.source))
        job = plan(order, source, stack.enter_context(painting(order, model)), clip.found)
        notes.extend(job.notes)
        covers = stack.enter_context(attached_covers(job, source))
        are_copied = is_copied(job, order.encode)
        paths = ()
        if are_copied:
            paths = stack.enter_context(pieces.all_there())
        else:
            pieces.wait_for_first()
        pictures = stack.enter_context(_pictures(clip, source, job, paths))
        what, total = (JOINING if are_copied else ENCODING), sum(p.frames for p in clip.pieces)
        report = reporter(order.target, what, order.workers)
        with (
            places.writing(order.target) as draft,
            whole_machine(),
            progress_bar(progress=report, total=total) as bar,
        ):
            names = {str(draft): order.target, str(source): order.source}
            command = join_command(job, source, pictures, draft, covers)

            def run():
                files = () if are_copied else pieces.one_by_one(draft)
                if clip.is_raw:  # then what paints it is on this machine, too
                    files = aside(files, draft, lambda: bar.n > 0, pieces.being_painted)
                return run_ffmpeg(command, draft, bar, names, files)

            with pieces.blamed():
                frames = _encoded(bar, run)
                if frames != (there := sum(pieces.counts)):
                    raise FFmpegError(f"got {frames} of {there} frames from the pieces")
            tell_cut_off(Path(order.source), job, frames, draft, probe)
    mark_done(clip)
    return tuple(notes)


@contextmanager
def _pictures(clip, source, job, paths):
    """What ffmpeg takes for the pictures: pieces in a list, or what it is given as its input."""
    clock = job.clock or 1  # pieces are made only where it has one
    with ExitStack() as stack:
        listed = None
        if paths:
            listed = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".ffconcat"))
            listed.write(concat_list(paths, clip.pieces, clock))
            listed.flush()
        yield Pictures(
            listed and Path(listed.name),
            offset=f"{float(Fraction(clip.pieces[0].place, clock)):.6f}",
            frame_ticks=round(clock / (clip.found.video.rate or 25)),
            told=told_anew(job) if clip.is_raw else (),
            options=tuple(picture_options(source, job, paths)),
        )


class _Pieces:
    """The pieces of a film, as they are painted.

    Attributes:
        counts: how many frames those have that were taken.
    """

    def __init__(self, clip):
        self._clip, self._painted, self.counts = clip, Painted(clip.key), []

    @contextmanager
    def all_there(self):
        """Yield the paths of all, once they are painted."""
        self.counts = self._painted.wait(len(self._clip.pieces))
        self._check()
        with ExitStack() as stack:
            addresses = map(self._clip.address, self._clip.pieces)
            yield [stack.enter_context(places.reading(address)) for address in addresses]

    def wait_for_first(self):
        """Wait until it can be read, which may be while it is written."""
        self._painted.wait(0 if self._clip.is_raw else 1)

    def one_by_one(self, draft):
        """Files of what is there of them: together they are one of NUT.

        One that stays on this machine is read while it is written.
        """
        self.counts = []
        for number, piece in enumerate(self._clip.pieces):
            address = self._clip.address(piece)
            with ExitStack() as stack:
                file, seconds = None, 0.0
                while len(told := self._painted.look(number, seconds)) <= number:
                    seconds = _SECONDS_BETWEEN_READS
                    with suppress(FileNotFoundError):  # ffmpeg makes that of a store after a while
                        os.utime(draft)  # others take one that is silent for long for a dead one's
                    if self._clip.is_raw and not file and (begun := places.draft_of(address)):
                        with suppress(FileNotFoundError):
                            file = stack.enter_context(_opened(begun, number))
                    yield from self._rest(file) if file else [None]
                self.counts.append(told[number])
                if not file:
                    _check_piece(address, told[number])
                path = stack.enter_context(places.reading(address))
                if file and not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    raise _AnotherError
                yield from self._rest(file or stack.enter_context(_opened(path, number)))

    def _rest(self, file):
        """The file, as often as there is more of it to send."""
        while os.lseek(file.fileno(), 0, os.SEEK_CUR) < os.fstat(file.fileno()).st_size:
            self._painted.check_wanted()
            yield file

    def being_painted(self):
        """The draft of the first piece that is, from the one on that is read; None without one."""
        left = self._clip.pieces[len(self.counts) :]
        drafts = (places.draft_of(self._clip.address(piece)) for piece in left)
        return next(filter(None, drafts), None)

    @contextmanager
    def blamed(self):
        """Name the piece that ffmpeg could not read: it may have failed, or ended well without."""
        try:
            yield
        except FFmpegError as error:
            self._check(f" ({error})")
            raise

    def _check(self, why=""):
        for piece, count in zip(self._clip.pieces, self.counts, strict=False):
            _check_piece(self._clip.address(piece), count, why)


@contextmanager
def _opened(path, number):
    with open(path, "rb") as file:
        file.seek(len(NUT_NAME) if number else 0)
        yield file


class _AnotherError(Exception):
    """A piece is another than the one that was read while it was written: its writer was killed."""


def _encoded(bar, run):
    """What encoding gives, which begins anew where it was given what no piece has in the end."""
    while True:
        with suppress(_AnotherError):
            return run()
        bar.update(-bar.n)


def _check_piece(address, count, why=""):
    """Refuse a piece that was damaged since it was painted."""
    if frames_of(address) != count:
        raise InputError(f"{address} is damaged{why}; run the command again to paint it anew")


def concat_list(paths: Sequence[Path], pieces: Sequence[Piece], clock: int) -> str:
    """The list for ffmpeg's demuxer ``concat``, which puts each piece where the last one ends.

    It counts in microseconds; each is rounded by itself, so that no error grows.
    """
    starts = [round(Fraction(piece.place - pieces[0].place, clock) * 10**6) for piece in pieces]
    lines = ["ffconcat version 1.0"]
    for number, path in enumerate(paths):
        lines.append("file '{}'".format(str(path).replace("'", r"'\''")))
        if number + 1 < len(paths):
            lines.append(f"duration {(starts[number + 1] - starts[number]) / 1e6:.6f}")
    return "\n".join([*lines, ""])


def picture_options(source: Path, job: Job, pieces: Sequence[Path]) -> list[str]:
    """What a run on one machine tells of the stream of pictures: the source's tags, and its kind.

    Args:
        source: path of the film.
        job: that is done with it.
        pieces: paths of those that are copied; none where they are encoded.

    Raises:
        InputError: the pieces were encoded in several ways, which no player could follow.
    """
    of_source = _stream(source, str(job.picture))
    tags = of_source.get("tags", {})
    kept = {name: tag for name, tag in tags.items() if name.lower() != "encoder"}
    given = [name for name, is_set in of_source.get("disposition", {}).items() if is_set]
    disposition = ("-disposition:0", "+".join(given) or "0")
    if not pieces:
        return [*_tagged(kept), *disposition]
    # Those that can't be read are told of when their frames lack.
    kinds = [kind for piece in pieces if (kind := _stream(piece, "v:0"))]
    first = kinds[0] if kinds else {}
    if any(_coding(kind) != _coding(first) for kind in kinds):
        raise InputError(
            "the pieces were encoded in several ways: the workers' encoders are of several "
            "versions; give all machines the same, and remove the pieces"
        )
    own = first.get("tags", {})
    words = _tagged(dict.fromkeys(own, "") | kept | {"encoder": own.get("encoder", "")})
    words += disposition
    if job.frame_ticks is None:  # the pieces have each a mean of their own
        rate = of_source.get("avg_frame_rate", "0/0")
        words += ["-r:0", rate, "-time_base:0", f"1:{job.clock}"] if rate[0] != "0" else []
    return [*words, *_colours(job, of_source, first)]


def _tagged(tags):
    return [word for name, tag in tags.items() for word in ("-metadata:s:0", f"{name}={tag}")]


def _colours(job, of_source, of_pieces):
    """What a QuickTime file doesn't tell of colours, where the pictures themselves don't either."""
    if "color_range" not in of_pieces and (told := re.findall(r":range=(\w+)", job.chain.after)):
        yield from ("-color_range:0", told[-1])
    if "chroma_location" not in of_pieces and (place := of_source.get("chroma_location")):
        yield from ("-chroma_sample_location:0", place)


def _coding(stream):
    return [stream.get(name) for name in ("codec_name", "extradata_hash", "pix_fmt", "time_base")]


def _stream(path, which):
    what = ("-show_streams", "-show_data_hash", "md5", "-select_streams", which)
    try:
        (stream,) = ffprobe(path, path, *what)["streams"]
    except (InputError, ValueError):
        return {}
    return stream
