"""What the FFmpeg in PyAV's wheel can decode, encode and write; as `ffmpeg.abilities` tells it."""

from functools import cache

import av
from av.codec.codec import UnknownCodecError

from ffmpeg_style.errors import LackingError

MORE = "build an ffmpeg that has more: ffmpeg-style build --profile full"


def has_decoder(codec: str) -> bool:
    """Whether there is a decoder for a codec, or one of that name."""
    return _codec(codec, "r") is not None


def has_encoder(name: str) -> bool:
    """Whether there is an encoder of that name."""
    return _codec(name, "w") is not None


def has_muxer(name: str) -> bool:
    """Whether there is a muxer of that name."""
    return _muxer(name) is not None


def encoder_formats(name: str) -> tuple[str, ...]:
    """The pixel formats that an encoder takes, by ffmpeg's names; none where it takes any.

    Raises:
        LackingError: there is no such encoder.
    """
    codec = _codec(name, "w")
    if codec is None:
        raise LackingError(f"there is no encoder {name}; {MORE}")
    return tuple(kind.name for kind in codec.video_formats or ())


def default_encoder(muxer: str) -> str | None:
    """The codec that a muxer's pictures have unless another is asked for."""
    import io

    try:
        with av.open(io.BytesIO(), "w", format=muxer) as container:
            return container.default_video_codec
    except (av.FFmpegError, ValueError):
        return None


@cache
def _codec(name, mode):
    try:
        return av.codec.Codec(name, mode) if name else None
    except UnknownCodecError:
        return None


@cache
def _muxer(name):
    try:
        return av.format.ContainerFormat(name, "w")
    except ValueError:
        return None
