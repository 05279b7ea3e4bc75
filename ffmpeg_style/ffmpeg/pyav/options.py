"""The options of a job, which are words for the program ffmpeg, as the libraries take them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from av.video.format import VideoFormat

from ffmpeg_style.errors import InputError

_QUANTIZER = 118
"""FF_QP2LAMBDA: ``-q:v`` is in quantizers, the libraries' quality in parts of them."""
_DECIDED = {"c", "codec", "vcodec", "pix_fmt", "f"}
"""Those that the plan has heeded."""
_OF_MUXERS = {"movflags", "plays", "loop", "final_delay"}
_LEFT_OUT = {"an": "audio", "sn": "subtitle"}


@dataclass
class Options:
    """What a job's options say.

    Attributes:
        video: of the encoder of the pictures.
        audio: of the encoders of sound.
        muxer: of the container.
        tag: the code that the container is to give the pictures, None for its own choice.
        left_out: kinds of streams that are left out: "audio", "subtitle".
    """

    video: dict[str, str] = field(default_factory=dict)
    audio: dict[str, str] = field(default_factory=dict)
    muxer: dict[str, str] = field(default_factory=dict)
    tag: str | None = None
    left_out: set[str] = field(default_factory=set)


def read_options(words: Iterable[str]) -> Options:
    """Words such as ``-crf 18 -b:a 96k -an``.

    Raises:
        InputError: one is of the program alone.
    """
    options = Options()
    rest = iter(words)
    for word in rest:
        name, _, kind = word.removeprefix("-").partition(":")
        if name in _LEFT_OUT:
            options.left_out.add(_LEFT_OUT[name])
            continue
        _note(options, word, name, kind.removesuffix(":0"), next(rest, ""))
    return options


def _note(options, word, name, kind, value):
    is_of_pictures = kind in ("", "v", "0")
    if name in _DECIDED and is_of_pictures:
        if name == "pix_fmt":
            _check_pixels(word, value)
        return
    if name in _OF_MUXERS:
        options.muxer[name] = value
    elif kind == "a" and name not in _DECIDED:
        options.audio[name] = value
    elif not is_of_pictures:
        raise InputError(
            f"{word} is for the program ffmpeg: build it by `ffmpeg-style build`, or leave it out"
        )
    elif name == "tag":
        options.tag = value
    elif name in ("q", "qscale"):
        options.video |= {"flags": "+qscale", "global_quality": str(_quality(word, value))}
    else:
        options.video[name] = value


def _check_pixels(word, value):
    try:
        VideoFormat(value)
    except ValueError:
        raise InputError(
            f"{word} is {value!r}; expected a pixel format of FFmpeg's, such as yuv420p"
        ) from None


def _quality(word, value):
    try:
        return round(float(value) * _QUANTIZER)
    except ValueError:
        raise InputError(f"{word} is {value!r}; expected a number") from None
