"""What PyAV finds in a file, told as ffprobe tells it."""

import struct
from itertools import islice
from pathlib import Path

import av
from av.sidedata.sidedata import Type
from av.stream import Disposition

from ffmpeg_style.errors import InputError
from ffmpeg_style.ffmpeg.probe import (
    ANIMATIONS,
    FIRST_FRAMES,
    Source,
    Stream,
    check_picture,
    video_of,
)
from ffmpeg_style.ffmpeg.pyav.colours import MATRICES, PRIMARIES, RANGES, TRANSFERS
from ffmpeg_style.ffmpeg.pyav.side_data import side_data

_FIELD_ORDERS = {2: "tt", 3: "bb", 4: "tb", 5: "bt"}
_DOLBY_VISION = {"dvh1", "dvhe", "dvav", "dva1"}
"""Tags of Dolby Vision that has no picture of its own: of profile 5, mostly."""


def probe(path: Path, name: Path | None = None) -> Source:
    """As `ffmpeg.probe.probe`.

    Raises:
        InputError: it holds no video stream or can't be read; the message is FFmpeg's reason.
    """
    name = name or path
    try:
        with av.open(f"file:{path}") as container:
            return _source(container, name)
    except av.FFmpegError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{name} is no video or photograph that can be read: {reason}") from error


def _source(container, name):
    pictures = [stream for stream in container.streams.video if not is_cover(stream)]
    if not pictures:
        raise InputError(f"{name} has no pictures; expected a video or a photograph")
    picture = pictures[0]
    others = tuple(_stream(stream) for stream in container.streams if stream is not picture)
    told, duration, tags = _told(picture), container.duration, _tags(container.metadata)
    last_frame = _last_frame(container, picture)
    frames = _first_frames(container, picture) if told["codec_name"] else []
    if told["codec_name"]:
        check_picture(name, container.format.name, frames)
    return Source(
        video=video_of(told, frames, last_frame),
        streams=others,
        duration=duration / av.time_base if duration else None,
        tags=tags,
    )


def is_cover(stream) -> bool:
    """Whether a stream is a still picture that goes with the file."""
    return bool(stream.disposition & Disposition.attached_pic)


def _stream(stream):
    return Stream(
        index=stream.index,
        kind=stream.type if stream.type != "unknown" else "data",
        codec=_codec_name(stream),
        tags=_tags(stream.metadata),
        is_cover=is_cover(stream),
    )


def _codec_name(stream):
    context = stream.codec_context
    if context is None or context.codec is None:
        return ""
    return context.codec.canonical_name


def _tags(metadata):
    return {key.lower(): value for key, value in metadata.items()}


def _told(stream):
    """A stream of pictures as ffprobe's JSON."""
    context = stream.codec_context
    told = {"index": stream.index, "codec_name": _codec_name(stream), "side_data_list": []}
    if context is None:  # there is no decoder
        return told
    if context.codec_tag in _DOLBY_VISION:
        told["side_data_list"].append({"dv_profile": 5})
    return {
        **told,
        "width": context.width,
        "height": context.height,
        "pix_fmt": context.pix_fmt,
        "nb_frames": str(stream.frames or ""),
        "time_base": str(stream.time_base or ""),
        "avg_frame_rate": str(stream.average_rate or ""),
        "r_frame_rate": str(stream.base_rate or ""),
        # PyAV 17, the last for Python 3.10, does not tell of it; frames do.
        "field_order": _FIELD_ORDERS.get(getattr(context, "field_order", None)),
        "tags": dict(stream.metadata),
        **_colours(context),
    }


def _colours(holder):
    found = {
        "color_space": MATRICES.get(int(holder.colorspace)),
        "color_primaries": PRIMARIES.get(int(holder.color_primaries)),
        "color_transfer": TRANSFERS.get(int(holder.color_trc)),
        "color_range": RANGES.get(int(holder.color_range)),
    }
    return {key: value for key, value in found.items() if value}


def _first_frames(container, stream):
    try:
        decoder = stream.codec_context.name
        return [_frame(frame, decoder) for frame in islice(container.decode(stream), FIRST_FRAMES)]
    except av.FFmpegError:
        return []


def _frame(frame, decoder):
    turn = [{"rotation": frame.rotation}] if frame.rotation else []
    return {
        "width": frame.width,
        "height": frame.height,
        "pix_fmt": frame.format.name,
        "interlaced_frame": int(frame.interlaced_frame),
        "side_data_list": turn + _light(side_data(frame, decoder)),
        **_colours(frame),
    }


def _light(told):
    """The brightest light that an HDR frame's side data tell of, as ffprobe names it."""
    found = []
    if data := told.get(Type.CONTENT_LIGHT_LEVEL):
        found.append({"max_content": struct.unpack_from("=I", bytes(data))[0]})
    if data := told.get(Type.MASTERING_DISPLAY_METADATA):
        # AVMasteringDisplayMetadata: eight rationals of colours, then of the least and most light.
        over, under = struct.unpack_from("=ii", bytes(data), 9 * 8)
        found.append({"max_luminance": f"{over}/{under}"})
    return found


def _last_frame(container, stream):
    """How long an animation shows its last frame, in seconds; None for other videos."""
    if _codec_name(stream) not in ANIMATIONS:
        return None
    duration = 0
    for packet in container.demux(stream):
        duration = packet.duration or duration
    container.seek(0)
    return float(duration * stream.time_base)
