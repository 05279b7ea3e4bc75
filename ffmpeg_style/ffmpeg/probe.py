"""What ffprobe finds in a file: the pictures, how they are coded, and what goes with them."""

import json
import os
import re
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from ffmpeg_style.errors import InputError
from ffmpeg_style.ffmpeg.abilities import has_decoder
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.ffmpeg.reasons import reason_in
from ffmpeg_style.processes import run_with_parent

ANIMATIONS = {"apng", "gif", "webp"}
"""Codecs whose every frame says how long it is shown, the last one too."""
_PNG = {"apng", "png"}

FIRST_FRAMES = 12
"""How many are looked at for what only frames tell: fields, brightness."""
UPRIGHT = {
    2: ("hflip",),
    3: ("hflip", "vflip"),
    4: ("vflip",),
    5: ("transpose=cclock_flip",),
    6: ("transpose=clock",),
    7: ("transpose=clock_flip",),
    8: ("transpose=cclock",),
}
"""Filters that put a picture upright, by the orientation that its EXIF data tell of."""
_ON_ITS_SIDE = 5  # and above
_HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
_UNKNOWN = {None, 0, "unknown", "unspecified", "reserved"}
_TOLD = (
    *("width", "height", "pix_fmt"),
    *("color_space", "color_primaries", "color_transfer", "color_range"),
)
_USUAL_PEAK = 1000.0
_FIELDS = {"tt", "bb", "tb", "bt"}
_RGB = ("rgb", "bgr", "gbr", "pal8", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr")
_DEEP = re.compile(r"(9|10|12|14|16|20|48|64|96|128|f16|f32)(le|be)$")
_ALPHA = ("rgba", "bgra", "argb", "abgr", "yuva", "gbrap", "ya8", "ya16", "pal8")


@dataclass(frozen=True)
class Stream:
    """One stream of a file.

    Attributes:
        index: in the file.
        kind: "video", "audio", "subtitle", "attachment" or "data".
        codec: ffmpeg's name for it; "" when it knows none.
        tags: such as language and title, by lower-case names.
        is_cover: whether it is a still picture that goes with the file, such as a cover.
    """

    index: int
    kind: str
    codec: str
    tags: Mapping[str, str] = field(default_factory=dict)
    is_cover: bool = False


@dataclass(frozen=True)
class Video:
    """The stream of pictures.

    Attributes:
        index: in the file.
        codec: ffmpeg's name for it.
        width, height: as they are shown, after the turn that the file asks for; 0 when not known.
        pixels: ffmpeg's name of the pixel format.
        frames: how many; None where only the end would tell.
        rate: frames a second; the nominal one where they are evenly spaced, else the mean.
        is_even: whether they are evenly spaced, but for what the container rounds.
        tick: seconds that the container counts times in.
        matrix, primaries, transfer, range: the colours as ffmpeg names them; None when untagged.
        interlaced: whether its frames hold two fields of different moments.
        peak: brightest light of an HDR video, in cd/m2.
        last_frame: seconds that the last frame of an animation is shown; None for other videos.
        is_two_layered: whether it is a Dolby Vision that has no picture of its own without it.
        alpha_apart: whether the transparency is coded beside the picture, as VP8 and VP9 have it.
        upright: the filters that put it upright where ffmpeg does not by itself.
        carries: what its first frames carry beside their pictures, as ffprobe calls it.
    """

    index: int
    codec: str
    width: int = 0
    height: int = 0
    pixels: str = ""
    frames: int | None = None
    rate: Fraction | None = None
    is_even: bool = False
    tick: Fraction = Fraction(1, 1000)
    matrix: str | None = None
    primaries: str | None = None
    transfer: str | None = None
    range: str | None = None
    interlaced: bool = False
    peak: float = _USUAL_PEAK
    last_frame: float | None = None
    is_two_layered: bool = False
    alpha_apart: bool = False
    upright: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()

    @property
    def hdr(self) -> str | None:
        """The kind of high dynamic range, "PQ" or "HLG"; None for SDR."""
        return _HDR.get(self.transfer or "")

    @property
    def is_rgb(self) -> bool:
        """Whether its pixels are red, green and blue, and not luminance and colour differences."""
        return self.matrix == "gbr" or self.pixels.startswith(_RGB)

    @property
    def has_alpha(self) -> bool:
        """Whether its pixels may be transparent."""
        return self.pixels.startswith(_ALPHA) or self.alpha_apart

    @property
    def is_deep(self) -> bool:
        """Whether it has more than 8 bits a colour."""
        return bool(_DEEP.search(self.pixels))


@dataclass(frozen=True)
class Source:
    """A file that ffmpeg reads.

    Attributes:
        video: its pictures.
        streams: all the others, in their order.
        duration: in seconds; None when not known.
        tags: of the file, such as creation_time, by lower-case names.
    """

    video: Video
    streams: tuple[Stream, ...] = ()
    duration: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def audio(self) -> tuple[str, ...]:
        """The codecs of its audio streams."""
        return tuple(stream.codec for stream in self.streams if stream.kind == "audio")


def probe(path: Path, name: Path | None = None) -> Source:
    """What there is in a video or a photograph.

    Args:
        path: of the file.
        name: what messages call it; None for the path.

    Raises:
        InputError: it holds no video stream or can't be read; the message is ffprobe's reason.
        InputNotFoundError: there is no ffprobe beside a patched ffmpeg.
    """
    name = name or path
    found = ffprobe(path, name, "-show_streams", "-show_format")
    streams = found.get("streams", [])
    moving = [stream for stream in streams if stream.get("codec_type") == "video"]
    pictures = [stream for stream in moving if not _is_cover(stream)]
    if not pictures:
        raise InputError(f"{name} has no pictures; expected a video or a photograph")
    picture = pictures[0]
    frames = _first_frames(path, name, picture)
    container = found.get("format", {})
    duration = container.get("duration")
    return Source(
        video=video_of(
            picture, frames, _last_frame(path, name, picture), _orientation(path, picture, frames)
        ),
        streams=tuple(_stream(stream) for stream in streams if stream is not picture),
        duration=float(duration) if duration else None,
        tags=_tags(container),
    )


def ffprobe(path: Path, name: str | os.PathLike[str], *what: str) -> dict[str, Any]:
    """What ffprobe tells of a file in JSON.

    Args:
        path: of the file.
        name: what messages call it.
        what: to tell, as options.

    Raises:
        InputError: it can't be read; the message is ffprobe's reason.
    """
    command = [str(ffmpeg_path("ffprobe")), "-loglevel", "error", "-of", "json=c=1", *what]
    result = run_with_parent([*command, f"file:{path}"])
    if result.returncode:
        reason = reason_in(result.stderr.decode(errors="replace"), {str(path): str(name)})
        raise InputError(f"{name} is no video or photograph that can be read: {reason}")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _first_frames(path, name, stream):
    if not has_decoder(stream.get("codec_name", "")):
        return []
    heads = ("-select_streams", str(stream["index"]), "-show_frames")
    found = ffprobe(path, name, *heads, "-show_format", "-read_intervals", f"%+#{FIRST_FRAMES}")
    frames = found.get("frames", [])
    check_picture(name, found["format"]["format_name"], frames)
    return frames


def check_picture(name: Path, container: str, frames: Sequence[Any]) -> None:
    """Raise InputError where a file that is called as a picture is called has none.

    FFmpeg takes the file's name for what it holds where nothing in it tells that.
    """
    is_picture = container == "image2" or container.endswith("_pipe")
    if is_picture and not frames:
        raise InputError(f"{name} holds no picture that can be read; expected a photograph")


def video_of(
    stream: Mapping[str, Any],
    frames: Sequence[Mapping[str, Any]],
    last_frame: float | None = None,
    orientation: int = 1,
) -> Video:
    """A stream of pictures, from what ffprobe says in JSON.

    Args:
        stream: one of its "streams".
        frames: the first of its "frames".
        last_frame: as in `Video`.
        orientation: as EXIF data have it, where ffmpeg does not put it upright by itself.
    """
    frame = frames[0] if frames else {}
    told = {**frame, **{key: stream[key] for key in _TOLD if stream.get(key) not in _UNKNOWN}}
    width, height = told.get("width", 0), told.get("height", 0)
    # ffprobe tells of the stream how a container turns it; Motion JPEG tells it of each frame, and
    # so do FFmpeg's libraries.
    is_turned = _is_turned([*_side_data(stream), *_side_data(frame)])
    if is_turned or orientation >= _ON_ITS_SIDE:
        width, height = height, width
    count, tick = stream.get("nb_frames", ""), _fraction(stream.get("time_base"))
    mean = _fraction(stream.get("avg_frame_rate"))
    nominal = _usual(_fraction(stream.get("r_frame_rate")))
    is_even = bool(mean and nominal) and abs(mean / nominal - 1) < 0.002 and last_frame is None
    return Video(
        index=stream["index"],
        codec=stream.get("codec_name", ""),
        width=width,
        height=height,
        pixels=told.get("pix_fmt", ""),
        frames=int(count) if count.isdecimal() else None,
        rate=nominal if is_even else mean,
        is_even=is_even,
        tick=tick or Fraction(1, 1000),
        matrix=_known(told.get("color_space")),
        primaries=_known(told.get("color_primaries")),
        transfer=_known(told.get("color_transfer")),
        range=_known(told.get("color_range")),
        interlaced=stream.get("field_order") in _FIELDS
        or any(frame.get("interlaced_frame") for frame in frames),
        peak=_peak([*_side_data(stream), *(data for f in frames for data in _side_data(f))]),
        last_frame=last_frame,
        is_two_layered=any(
            data.get("dv_profile") == 5 and not data.get("dv_bl_signal_compatibility_id")
            for data in _side_data(stream)
        ),
        alpha_apart=_tags(stream).get("alpha_mode") == "1",
        upright=UPRIGHT.get(orientation, ()),
        carries=tuple(
            sorted({d.get("side_data_type", "") for f in (stream, *frames) for d in _side_data(f)})
        ),
    )


def _last_frame(path, name, stream):
    """How long an animation shows its last frame, in seconds; None for other videos."""
    if stream.get("codec_name") not in ANIMATIONS:
        return None
    only = ("-select_streams", str(stream["index"]), "-show_entries", "packet=duration_time")
    packets = ffprobe(path, name, *only).get("packets", [])
    return float(packets[-1].get("duration_time", 0)) if packets else None


def _orientation(path, stream, frames):
    """That of a PNG, as EXIF data have it; 1 where ffmpeg turns it, which it does from 8 on."""
    is_turned = any("rotation" in data for frame in frames for data in _side_data(frame))
    if is_turned or stream.get("codec_name") not in _PNG:
        return 1
    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError):
        return 1
    return orientation if orientation in UPRIGHT else 1


def _stream(stream):
    return Stream(
        index=stream["index"],
        kind=stream.get("codec_type", "data"),
        codec=stream.get("codec_name", "").replace("unknown", ""),
        tags=_tags(stream),
        is_cover=_is_cover(stream),
    )


def _is_cover(stream):
    return bool(stream.get("disposition", {}).get("attached_pic"))


def _tags(values):
    return {name.lower(): value for name, value in values.get("tags", {}).items()}


def _side_data(values):
    return values.get("side_data_list", [])


def _is_turned(side_data):
    turns = [data["rotation"] for data in side_data if "rotation" in data]
    return any(round(abs(turn)) % 180 == 90 for turn in turns)


def _peak(side_data):
    """The brightest light, in cd/m2, that the makers of an HDR video tell of."""
    for key in ("max_content", "max_luminance"):
        for data in side_data:
            if value := _fraction(str(data.get(key, "0"))):
                return float(value)
    return _USUAL_PEAK


def _usual(rate):
    """A rate as it is meant: containers that count nanoseconds tell of 19001/317 for 59.94."""
    if rate is None or rate.denominator == 1:
        return rate
    meant = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return meant if abs(meant / rate - 1) < 1e-6 else rate


def _known(value):
    return None if value in _UNKNOWN else value


def _fraction(text):
    """A fraction of ffprobe's, None for one that says nothing, such as "0/0"."""
    over, _, under = (text or "0").partition("/")
    return Fraction(int(over), int(under or 1)) if int(over) and under != "0" else None
