"""Finished pieces become one film, with all that a run on one machine takes from the source."""

import json
import re
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.coding import is_copied
from ffmpeg_style.cluster.piece import (
    Clip,
    at_work,
    count_frames,
    is_done,
    mark_done,
    painting,
    plan,
)
from ffmpeg_style.cluster.split import Piece
from ffmpeg_style.cluster.worker import lack, noted, reporter, whole_machine
from ffmpeg_style.errors import InputError
from ffmpeg_style.ffmpeg.execute import Pictures, attached_covers, join_command, run_ffmpeg
from ffmpeg_style.ffmpeg.plan import Job
from ffmpeg_style.ffmpeg.probe import probe
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.ffmpeg.stylize import tell_cut_off
from ffmpeg_style.processes import run_with_parent
from ffmpeg_style.progress import progress_bar


def join(clip: Clip, painted: Sequence[int]) -> tuple[str, ...]:
    """Join the pieces of a clip, put the film in its place, and remove the pieces.

    Args:
        clip: whose pieces are there.
        painted: how many frames each of them has.

    Returns:
        tuple[str, ...]: what the user should know.

    Raises:
        StyleError: see `stylize`; where this worker can't read all of the pieces, it is named.
    """
    with at_work(clip.order) as model:
        notes = () if is_done(clip) else _join(clip, painted, model)
        places.remove_folder(clip.folder)
        return notes


def _join(clip, painted, model):
    order = clip.order
    with noted() as notes, ExitStack() as stack:
        source = stack.enter_context(places.reading(order.source))
        paths = [stack.enter_context(places.reading(clip.address(piece))) for piece in clip.pieces]
        found = probe(source, Path(order.source))
        job = plan(order, source, stack.enter_context(painting(order, model)), found)
        clock = job.clock or 1  # pieces are made only where it has one
        notes.extend(job.notes)
        is_encoded = is_copied(job, order.encode)
        listed = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".ffconcat"))
        listed.write(concat_list(paths, clip.pieces, clock))
        listed.flush()
        pictures = Pictures(
            Path(listed.name),
            offset=f"{float(Fraction(clip.pieces[0].place, clock)):.6f}",
            is_encoded=is_encoded,
            frame_ticks=round(clock / (found.video.rate or 25)),
            options=tuple(picture_options(source, job, paths if is_encoded else ())),
        )
        covers = stack.enter_context(attached_covers(job, source))
        with (
            places.writing(order.target) as draft,
            whole_machine(),
            progress_bar(progress=reporter(order.target), total=sum(painted)) as bar,
        ):
            names = {str(draft): order.target, str(source): order.source}
            command = join_command(job, source, pictures, draft, covers)
            frames = run_ffmpeg(command, draft, bar, names)
            if frames != sum(painted):
                raise _lacking(clip, paths, painted, frames)
            tell_cut_off(Path(order.source), job, frames, draft, probe)
    mark_done(clip)
    return tuple(notes)


def _lacking(clip, paths, painted, frames):
    """The error of a film that is too short: where ffmpeg can't read a piece, it ends well."""
    why = f"got {frames} of {sum(painted)} frames from the pieces"
    for piece, path, count in zip(clip.pieces, paths, painted, strict=True):
        if count_frames(path) != count:
            why += f": {clip.address(piece)} can't be read; run the command again to paint it anew"
            break
    return lack(why, reason=why)


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
    # Those that can't be read will be told of when their frames lack.
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
    command = [str(ffmpeg_path("ffprobe")), "-loglevel", "fatal", "-of", "json", "-show_streams"]
    command += ["-show_data_hash", "md5", "-select_streams", which, f"file:{path}"]
    return json.loads(run_with_parent(command).stdout or "{}").get("streams", [{}])[0]
