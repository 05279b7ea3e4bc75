"""What the built ffmpeg can decode, encode and write; a small one lacks much."""

import re
import subprocess
from functools import cache

from ffmpeg_style.errors import LackingError
from ffmpeg_style.ffmpeg.program import ffmpeg_path

MORE = "build one that has more: ffmpeg-style build --profile full"


def has_decoder(codec: str) -> bool:
    """Whether there is a decoder for a codec, or one of that name."""
    return "Decoder " in _help(ffmpeg_path(), f"decoder={codec}")


def has_encoder(name: str) -> bool:
    """Whether there is an encoder of that name."""
    return f"Encoder {name} " in _help(ffmpeg_path(), f"encoder={name}")


def has_demuxer(name: str) -> bool:
    """Whether there is a demuxer of that name."""
    return "Demuxer " in _help(ffmpeg_path(), f"demuxer={name}")


def has_muxer(name: str) -> bool:
    """Whether there is a muxer of that name."""
    return "Muxer " in _help(ffmpeg_path(), f"muxer={name}")


def encoder_formats(name: str) -> tuple[str, ...]:
    """The pixel formats that an encoder takes, by ffmpeg's names; none where it takes any.

    Raises:
        LackingError: the ffmpeg has no such encoder.
    """
    text = _help(ffmpeg_path(), f"encoder={name}")
    if "Encoder " not in text:
        raise LackingError(f"this ffmpeg has no encoder {name}; {MORE}")
    found = re.search(r"Supported pixel formats: *(.*)", text)
    return tuple(found[1].split()) if found else ()


def default_encoder(muxer: str) -> str | None:
    """The codec that a muxer's pictures have unless another is asked for."""
    found = re.search(r"Default video codec: *([\w-]+)", _help(ffmpeg_path(), f"muxer={muxer}"))
    return found[1] if found else None


@cache
def _help(ffmpeg, topic):
    command = [ffmpeg, "-hide_banner", "-loglevel", "quiet", "-h", topic]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    ).stdout
