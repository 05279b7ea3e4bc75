"""The plan of a job: what of a file is decoded, painted, encoded, copied and told, and how.

It is decided here alone, from what ffprobe found and what the user asked for. It touches no file
and starts no painting; `execute` turns it into a run of ffmpeg.
"""

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ffmpeg_style.errors import InputError, LackingError
from ffmpeg_style.ffmpeg import abilities as abilities_of_program
from ffmpeg_style.ffmpeg import filter_chain
from ffmpeg_style.ffmpeg.containers import (
    COARSE_TIMES,
    CONTAINERS,
    KEEP_RGB,
    QUALITY,
    TEXT_SUBTITLES,
    Container,
)
from ffmpeg_style.ffmpeg.encoder_options import EncoderOptions
from ffmpeg_style.ffmpeg.filter_graph import Painting
from ffmpeg_style.ffmpeg.probe import Source, Video
from ffmpeg_style.painting import Shape

_LEAST_TICKS = 90_000
"""A second in the times of what is encoded, for containers that keep them as fine."""
_MOST_TICKS = 1_000_000
_YUV = ("yuv420p", "yuvj420p", "nv12", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")
_DEEP_YUV = ("yuv420p10le", "p010le", "yuv422p10le", "yuv444p10le", "yuv420p12le")
_ALPHA_YUV = ("yuva420p", "yuva444p10le", "yuva420p10le", "yuva422p10le")


@dataclass(frozen=True)
class Span:
    """The part of a source that is painted: seconds, None for its begin or its end."""

    start: float | None = None
    duration: float | None = None


_AS_IT_IS = Shape()


@dataclass(frozen=True)
class Kept:
    """A stream that goes with the pictures.

    Attributes:
        index: in the source.
        codec: "copy", or the encoder; "" for ffmpeg's choice.
        cover: what a cover is in the source, "mjpeg" or "png"; None for another stream.
        is_attached: whether it is a stream in the source and an attached file in the target.
    """

    index: int
    codec: str
    cover: str | None = None
    is_attached: bool = False


@dataclass(frozen=True)
class Job:
    """One painted file.

    Attributes:
        span: of the source.
        picture: index of the stream that is painted.
        decoder: of its pictures, None for ffmpeg's choice.
        chain: the filters.
        size: (width, height) of the painting; 0 where not known.
        muxer: ffmpeg's name for the kind of file.
        encoder: of its pictures, None for ffmpeg's choice.
        pixels: the encoder's pixel format, None for ffmpeg's choice.
        quality: options of the encoder.
        clock: ticks a second of the encoded times, None for ffmpeg's choice.
        rate: frames a second, the mean where they are not evenly spaced; None when not known.
        is_even: whether they are evenly spaced.
        frame_ticks: ticks of a frame, of a video whose frames are evenly spaced.
        rounding: by how many frames the source's times may be off.
        kept: the other streams, in their order.
        tags: of the file, that ffmpeg wouldn't copy by itself.
        options: of the muxer.
        chosen: the user's options.
        frames: how many there will be; None where only the end tells.
        seconds: how long the painting will be that has all of the source; None for a part, and
            where the source doesn't tell.
        is_still: whether it is one frame.
        notes: what the user should know, in sentences.
    """

    span: Span
    picture: int
    chain: filter_chain.Chain
    muxer: str
    size: tuple[int, int] = (0, 0)
    decoder: str | None = None
    encoder: str | None = None
    pixels: str | None = None
    quality: tuple[str, ...] = ()
    clock: int | None = None
    rate: Fraction | None = None
    is_even: bool = False
    frame_ticks: int | None = None
    rounding: float = 0.0
    kept: tuple[Kept, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    frames: int | None = None
    seconds: float | None = None
    is_still: bool = False
    notes: tuple[str, ...] = ()


def plan_video(
    source: Source,
    source_name: Path,
    target: Path,
    painting: Painting,
    span: Span,
    chosen: EncoderOptions,
    shape: Shape = _AS_IT_IS,
    able: Any = abilities_of_program,
) -> Job:
    """The job that paints a video as another.

    Args:
        source: what `probe` found.
        source_name: of the source, for messages.
        target: the path of the file to be; its suffix tells the kind.
        painting: what paints.
        span: the part to paint.
        chosen: the user's options.
        shape: the size and the frames a second of the painting.
        able: what can be decoded and encoded: the module `abilities`, or its like for libraries.

    Raises:
        InputError: the source can't be decoded, or the target not be made, by this ffmpeg.
    """
    video = _shaped(source.video, shape)
    container = container_of(target, chosen, able)
    decoder = decoder_of(video, source_name, able)
    encoder = chosen.encoder or _encoder(container, target, able)
    pixels = chosen.pixels or _pixel_format(video, encoder, able)
    kept, dropped = _kept(source, container, able)
    clock, frame_ticks = _clock(video, container, encoder)
    return Job(
        span=span,
        picture=video.index,
        decoder=decoder,
        chain=_chain(source.video, video, painting, encoder, pixels, _rate(shape)),
        size=(video.width, video.height),
        muxer=container.muxer,
        encoder=encoder,
        pixels=pixels,
        quality=() if chosen.choose_quality else _quality(encoder, container),
        clock=clock,
        rate=video.rate,
        is_even=video.is_even,
        frame_ticks=frame_ticks,
        rounding=_rounding(video),
        kept=kept,
        tags=_tags(source),
        options=(*container.options, *_last_frame(video, container, span)),
        chosen=tuple(chosen.words),
        frames=_expected_frames(video, source.duration, span),
        seconds=_expected_seconds(source, kept, span, chosen),
        notes=(
            *_source_notes(video, source_name, able),
            *_depth_note(pixels, chosen, target),
            *([f"{target} can't hold, and goes without: {', '.join(dropped)}"] if dropped else []),
        ),
    )


def plan_still(
    source: Source,
    source_name: Path,
    painting: Painting,
    span: Span,
    shape: Shape = _AS_IT_IS,
    able: Any = abilities_of_program,
) -> Job:
    """The job that paints a video's first frame, as an uncompressed picture of PNG.

    Raises:
        InputError: the source can't be decoded by this ffmpeg.
    """
    video = source.video
    painted = _shaped(video, replace(shape, fps=None), is_still=True)
    return Job(
        span=span,
        picture=video.index,
        decoder=decoder_of(video, source_name, able),
        chain=_chain(video, painted, painting, "png", None),
        size=(painted.width, painted.height),
        muxer="image2pipe",
        encoder="png",
        frames=1,
        is_still=True,
        notes=tuple(_source_notes(video, source_name, able)),
    )


def container_of(
    target: Path, chosen: EncoderOptions, able: Any = abilities_of_program
) -> Container:
    """The kind of file that a name, or ``-f`` among the options, stands for.

    Raises:
        InputError: there is no such kind, or this ffmpeg can't write it.
    """
    suffix = target.suffix.lower()
    container = CONTAINERS.get(suffix)
    if chosen.muxer and (container is None or container.muxer != chosen.muxer):
        kinds = (kind for kind in CONTAINERS.values() if kind.muxer == chosen.muxer)
        container = next(kinds, None) or Container(chosen.muxer)
    if container is None:
        known = ", ".join(sorted(CONTAINERS))
        raise InputError(
            f"{target} has no suffix that tells a kind of file; expected a picture's, such as .jpg,"
            f" or one of {known}; or give the kind to ffmpeg: -- -f matroska"
        )
    if not able.has_muxer(container.muxer):
        raise LackingError(f"this ffmpeg can't write {target.name}; {able.MORE}")
    return container


def decoder_of(video: Video, name: Path, able: Any = abilities_of_program) -> str | None:
    """The decoder of a video's pictures, None for ffmpeg's choice.

    Raises:
        InputError: there is none, or the pictures have no colours by themselves.
    """
    if video.is_two_layered:
        raise InputError(
            f"{name} is Dolby Vision of profile 5, whose colours no player shows without it; "
            "expected a video in SDR, PQ or HLG: convert it first"
        )
    if not able.has_decoder(video.codec):
        codec = f" ({video.codec})" if video.codec else ""
        raise LackingError(f"this ffmpeg can't decode {name}{codec}; {able.MORE}")
    return _alpha_decoder(video, able) if video.alpha_apart else None


def _alpha_decoder(video, able):
    library = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(video.codec, "")
    return library if library and able.has_decoder(library) else None


def _encoder(container, target, able):
    if not container.encoders:
        return able.default_encoder(container.muxer)
    found = [encoder for encoder in container.encoders if able.has_encoder(encoder)]
    if not found:
        wanted = " or ".join(container.encoders)
        raise LackingError(f"for {target.name} this ffmpeg lacks {wanted}; {able.MORE}")
    return found[0]


def _pixel_format(video, encoder, able):
    """The format that most players show, of those that the encoder has; None for RGB."""
    formats = able.encoder_formats(encoder) if encoder else ()
    if not formats or encoder in KEEP_RGB:
        return None
    deep_first = [*_DEEP_YUV, *_YUV] if video.is_deep else [*_YUV, *_DEEP_YUV]
    if video.width % 2 or video.height % 2:
        # Halved colours want even sides.
        deep_first.sort(key=lambda name: "444" not in name)
    wanted = [*(_ALPHA_YUV if video.has_alpha else ()), *deep_first]
    return next((name for name in wanted if name in formats), None)


def _shaped(video, shape, is_still=False):
    """A video as it is when it has been brought to a shape."""
    width, height = video.width, video.height
    if width and height:
        width, height = shape.sides(width, height, even=not is_still)
    if shape.fps is None:
        return replace(video, width=width, height=height)
    even = dict(rate=shape.fps, is_even=True, tick=1 / shape.fps, frames=None, last_frame=None)
    return replace(video, width=width, height=height, **even)


def _rate(shape):
    return [f"fps={shape.fps}"] if shape.fps else []


def _chain(video, painted, painting, encoder, pixels, rate=()):
    """The filters for a source that will be another video when it has been painted."""
    before = [*filter_chain.source_filters(video), *rate]
    if (painted.width, painted.height) != (video.width, video.height):
        before.append(f"scale={painted.width}:{painted.height}")
    keeps_alpha = encoder in KEEP_RGB if pixels is None else _has_alpha(pixels)
    alpha = ("kept" if keeps_alpha else "white") if video.has_alpha else None
    if encoder == "gif":
        after = filter_chain.palette_filters()
    elif pixels is None:
        after = filter_chain.rgb_filters(painted)
    elif _is_rgb(pixels):
        after = [f"format={pixels}", *filter_chain.rgb_filters(painted)]
    else:
        after = filter_chain.yuv_filters(painted, pixels, encoder == "mjpeg")
    return filter_chain.Chain(",".join(before), painting, ",".join(after), alpha)


def _has_alpha(pixels):
    return Video(index=0, codec="", pixels=pixels).has_alpha


def _is_rgb(pixels):
    return not pixels.startswith(("yuv", "nv", "p0", "p2", "p4", "y", "gray", "uyvy"))


def _quality(encoder, container):
    options = QUALITY.get(encoder, ())
    if container.muxer == "avi" and encoder == "libx264":
        return (*options, "-bf", "0")  # it holds no times for frames that come out of their order
    if container.muxer in {"mp4", "mov"} and encoder == "libx265":
        return (*options, "-tag:v", "hvc1")  # or players of one maker show nothing
    return options


def _clock(video, container, encoder):
    """Ticks a second in which every frame keeps its time exactly, and ticks of a frame."""
    if not container.exact_times or encoder in COARSE_TIMES:
        return None, None
    if video.is_even and video.rate:
        times = math.ceil(_LEAST_TICKS / video.rate.numerator)
        return video.rate.numerator * times, video.rate.denominator * times
    is_plain = video.tick.numerator == 1 and video.tick.denominator <= _MOST_TICKS
    if is_plain and video.tick.denominator > 1:
        times = math.ceil(1000 / video.tick.denominator)
        return video.tick.denominator * times, None
    return _LEAST_TICKS, None


def _rounding(video):
    """How far an evenly spaced frame's time may be from its place, in frames."""
    return min(float(2 * video.tick * (video.rate or Fraction(1))), 0.45)


def _kept(source, container, able):
    """The streams that the container holds, and names of those that it doesn't."""
    kept, dropped = [], []
    for stream in source.streams:
        codec = _codec_in(stream, container, able)
        if codec is not None:
            cover = stream.codec if stream.is_cover else None
            is_attached = stream.is_cover and container.covers == "attachment"
            kept.append(Kept(stream.index, codec, cover, is_attached))
        else:
            dropped.append(_name(stream, able))
    # Attached files come behind all streams.
    return tuple(sorted(kept, key=lambda stream: stream.is_attached)), dropped


def _codec_in(stream, container, able):
    """How a container holds a stream: a `Kept`'s codec; None where it doesn't."""
    if stream.is_cover:
        return "copy" if container.covers and stream.codec in {"mjpeg", "png"} else None
    if stream.kind == "attachment":
        return "copy" if container.attachments else None
    if stream.kind == "subtitle":
        return _subtitles_in(stream, container, able)
    if stream.kind == "audio" and container.audio is not None:
        if stream.codec in container.audio:
            return "copy"
        return _audio_encoder(container, able) if able.has_decoder(stream.codec) else None
    return None


def _audio_encoder(container, able):
    if not container.audio_encoders:
        return ""
    return next((name for name in container.audio_encoders if able.has_encoder(name)), None)


def _subtitles_in(stream, container, able):
    if stream.codec in container.subtitles:
        return "copy"
    encoder = container.text_subtitles
    is_text = encoder and stream.codec in TEXT_SUBTITLES
    can = is_text and able.has_decoder(stream.codec) and able.has_encoder(encoder)
    return encoder if can else None


def _name(stream, able):
    kind = "cover" if stream.is_cover else stream.kind
    about = stream.tags.get("filename") or " ".join(
        word for word in (stream.tags.get("language"), stream.codec) if word and word != "und"
    )
    name = f"{kind} {about}" if about else f"{kind} stream {stream.index}"
    if kind == "audio" and not able.has_decoder(stream.codec):
        return f"{name} (this ffmpeg can't decode it; {able.MORE})"
    return name


def _tags(source):
    """What tells when and where it was filmed: ffmpeg drops the first, and phones' own names."""
    tags = {}
    for name, others in {
        "creation_time": (),
        "date": ("com.apple.quicktime.creationdate",),
        "location": ("com.apple.quicktime.location.iso6709",),
        "make": ("com.apple.quicktime.make",),
        "model": ("com.apple.quicktime.model",),
    }.items():
        found = next((source.tags[key] for key in (name, *others) if key in source.tags), None)
        if found is not None:
            tags[name] = found
    return tags


def _last_frame(video, container, span):
    """How long an animation shows its last frame, which its muxers can't know by themselves."""
    if video.last_frame is None or span.duration is not None:
        return ()
    if container.muxer == "gif":
        return ("-final_delay", str(round(video.last_frame * 100)))
    return ("-final_delay", f"{video.last_frame:.6f}") if container.muxer == "apng" else ()


def _source_notes(video, name, able):
    notes = []
    if video.hdr:
        notes.append(f"{name} is HDR ({video.hdr}): it becomes SDR, by tone mapping")
    if video.alpha_apart and not _alpha_decoder(video, able):
        notes.append(f"{name} has transparency that this ffmpeg can't decode; {able.MORE}")
    if video.interlaced:
        notes.append(f"{name} is interlaced: each two fields become one whole frame")
    return notes


def _depth_note(pixels, chosen, target):
    if pixels is None or chosen.pixels or "420p10" not in pixels:
        return ()
    return (
        f"{target} has 10 bits a colour, as the source has; for players that show only 8: "
        "-- -pix_fmt yuv420p",
    )


def _expected_frames(video, duration, span):
    if span.start is None and span.duration is None and video.frames:
        return video.frames
    if not (video.rate and duration):
        return None
    seconds = max(duration - (span.start or 0), 0)
    return round(video.rate * (seconds if span.duration is None else min(seconds, span.duration)))


def _expected_seconds(source, kept, span, chosen):
    """Where the file's length is not that of its pictures alone, their number has to be told."""
    is_whole = span.start is None and span.duration is None and not chosen.leave_out
    sounds = {stream.index for stream in source.streams if stream.kind == "audio"}
    are_kept = "-an" not in chosen.values and sounds <= {stream.index for stream in kept}
    return source.duration if is_whole and (source.video.frames or are_kept) else None
