"""Where a clip is cut: by its frames' times, which are in its packets."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, log
from pathlib import Path

from ffmpeg_style.cluster.coding import Encode, can_code
from ffmpeg_style.ffmpeg.plan import Job, Span
from ffmpeg_style.ffmpeg.probe import Source, ffprobe
from ffmpeg_style.painting import STEADY

FORGOTTEN = 0.05
"""The weight in a painting, of what was painted before, that nobody sees."""
LONGEST_LEAD = 240
"""Frames that are painted before a piece at the most: with `steady` at 1, nothing is forgotten."""
FIELDS = 2
"""Frames around one that making it whole out of fields looks at."""
LONGEST = 60.0
"""Seconds of a piece."""
SHORTEST = 10.0
"""Seconds of a piece that is cut so that all workers have one: in less, the lead-in costs much."""
REACH = 8
"""The part of a piece's length, one in so many, by which it may be longer or shorter."""
LONGEST_GAP = 10
"""Seconds between two packets behind which ffmpeg takes times for wrong, and changes them."""

TIMING = frozenset(
    {
        *(
            "-bsf",
            "-copyts",
            "-enc_time_base",
            "-force_key_frames",
            "-fpsmax",
            "-fps_mode",
            "-frames",
        ),
        *(
            "-fs",
            "-itsoffset",
            "-output_ts_offset",
            "-pass",
            "-passlogfile",
            "-r",
            "-shortest",
            "-ss",
        ),
        *("-stream_loop", "-t", "-timecode", "-to", "-vframes", "-vsync"),
    }
)
"""Options for ffmpeg that act on the whole film."""


@dataclass(frozen=True)
class Index:
    """The times of a clip's frames.

    Attributes:
        tick: seconds that times are counted in.
        times: of all frames of the file, in ticks from where the painting begins; in order.
        first, end: the numbers of the first frame that is painted, and of the one behind the last.
        entries: times of the frames at which a decoder can begin.
    """

    tick: Fraction
    times: tuple[int, ...]
    first: int
    end: int
    entries: tuple[int, ...]

    @property
    def seconds(self) -> float:
        """The length of what is painted, but for its last frame."""
        return float((self.times[self.end - 1] - self.times[self.first]) * self.tick)

    def edge(self, frame: int) -> float | None:
        """Seconds at the middle between a frame and the one before; None at the file's ends."""
        if not 0 < frame < len(self.times):
            return None
        return float((self.times[frame - 1] + self.times[frame]) * self.tick / 2)


@dataclass(frozen=True)
class Piece:
    """Frames of a clip that are painted together.

    Attributes:
        number: in the clip, from 0.
        frames: how many.
        seek: seconds of the file to begin decoding at, None for its begin.
        lead: seconds at which the frames begin that are painted, None for the file's begin.
        begin: likewise those that are kept.
        end: likewise those that are not, None for the file's end.
        place: ticks of the encoded times at which it begins.
    """

    number: int
    frames: int
    seek: float | None
    lead: float | None
    begin: float | None
    end: float | None
    place: int


def can_split(job: Job, source: Source, encode: Encode) -> bool:
    """Whether the pieces of a job can be joined so that nobody sees where."""
    return (
        job.clock is not None
        and can_code(job, encode)
        and source.video.codec != "vp8"  # has packets that show nothing
        and not source.video.has_alpha
        and not (source.video.interlaced and job.span.start)
        and not any(option.split(":")[0] in TIMING for option in job.chosen)
    )


def read_index(path: Path, name: str, job: Job) -> Index | None:
    """Read the times of a clip's frames from its packets; None where they don't tell.

    Raises:
        InputError: the file can't be read.
    """
    what = ("-show_entries", "packet=pts,dts,flags:stream=time_base:format=start_time,format_name")
    found = ffprobe(path, name, *what, "-select_streams", str(job.picture))
    tick = Fraction(found["streams"][0]["time_base"].replace("/0", "/1"))
    start = Fraction(found["format"].get("start_time", "0"))
    packets = found.get("packets", [])
    if not all("pts" in packet for packet in packets):
        return None
    # Matroska tells no decoding times, and ffprobe can't guess the first.
    if _is_broken([packet["dts"] * tick for packet in packets if "dts" in packet]):
        return None
    origin = _rounded((start + _start(job.span)) / tick)
    times = sorted(packet["pts"] - origin for packet in packets if "D" not in packet["flags"])
    if not all(one < other for one, other in pairwise(times)):
        return None
    entries = sorted(packet["pts"] - origin for packet in packets if "K" in packet["flags"])
    first, end = _within(times, job.span, tick)
    return Index(tick, tuple(times), first, end, tuple(entries)) if first < end else None


def _is_broken(times):
    return any(not 0 <= later - earlier < LONGEST_GAP for earlier, later in pairwise(times))


def _within(times, span, tick):
    """The numbers of a span's first frame, and of the one behind its last."""
    first = 0 if span.start is None else bisect_left(times, 0)
    if span.duration is None or first == len(times):
        return first, len(times)
    length = _rounded(Fraction(str(span.duration)) / tick)
    return first, bisect_left(times, times[first] + length)


def _start(span: Span) -> Fraction:
    return Fraction(str(span.start or 0)).limit_denominator(1_000_000)


def _rounded(number):
    """To the nearest whole one, halves away from 0, as ffmpeg has it."""
    return floor(number + Fraction(1, 2)) if number >= 0 else ceil(number - Fraction(1, 2))


def count_pieces(seconds: float, workers: int, longest: float | None = None) -> int:
    """How many pieces to cut a clip into, so that all workers have as many.

    Args:
        seconds: the clip's length.
        workers: how many there are.
        longest: seconds of a piece, as the user has it; None for `LONGEST`.
    """
    if longest:
        return max(1, ceil(seconds / longest - 1e-6))
    wanted = ceil(seconds / LONGEST / max(workers, 1)) * max(workers, 1)
    return max(1, min(wanted, max(floor(seconds / SHORTEST), ceil(seconds / LONGEST))))


def lead_in(steady: float | None) -> int:
    """How many frames to paint before a piece, for its first ones to be held as in a whole film.

    Args:
        steady: of the filter; None for its default.
    """
    steady = STEADY if steady is None else steady
    if not 0 < steady < 1:
        return LONGEST_LEAD if steady else 0
    return min(LONGEST_LEAD, ceil(log(FORGOTTEN) / log(steady)))


def seek_options(job: Job, seek: float | None) -> list[str]:
    """Options of an input that give frames the times of a run over the whole, from any entry on."""
    start = job.span.start or 0
    entry = ["-noaccurate_seek", "-ss", f"{seek:.6f}"] if seek is not None else []
    return ["-copyts", "-start_at_zero", "-itsoffset", f"{-start:.6f}", *entry]


def cut(index: Index, job: Job, count: int, lead: int, margin: int) -> list[Piece]:
    """Cut a clip into pieces of about as many frames each.

    Args:
        index: of its frames.
        job: that is done with it.
        count: how many pieces.
        lead: frames to paint before a piece.
        margin: frames to decode before those.
    """
    total = index.end - index.first
    entries = set(index.entries)
    wanted = (index.first + round(n * total / count) for n in range(1, count))
    reach = total // count // REACH
    firsts = sorted({index.first, *(_near(index, entries, frame, reach) for frame in wanted)})
    ends = [*firsts[1:], index.end]
    return [
        Piece(
            number=number,
            frames=end - first,
            seek=_seek(index, job, first, lead + margin),
            lead=index.edge(max(first - lead, index.first)),
            begin=index.edge(first),
            end=index.edge(end),
            place=_rounded(index.times[first] * index.tick * job.clock),
        )
        for number, (first, end) in enumerate(zip(firsts, ends, strict=True))
    ]


def _near(index, entries, frame, reach):
    """A frame near by at which a decoder can begin, else the frame."""
    for distance in range(reach):
        for near in (frame - distance, frame + distance):
            if index.first < near < index.end and index.times[near] in entries:
                return near
    return frame


def _seek(index, job, first, before):
    """Seconds of the file at which a decoder begins that is to know some frames before one."""
    seen = index.times[max(first - before, 0)]
    known = bisect_right(index.entries, seen)
    if not known:
        return None
    seconds = float(index.entries[known - 1] * index.tick + _start(job.span)) + 1e-6
    return seconds if seconds > 0 and first else None
