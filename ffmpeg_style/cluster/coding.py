"""How pieces are coded: without loss until their film is encoded, or as the film itself."""

from dataclasses import replace
from itertools import pairwise
from typing import Literal

from ffmpeg_style.ffmpeg import abilities
from ffmpeg_style.ffmpeg.plan import Job

Encode = Literal["once", "pieces"]
"""What encodes a film: one worker, as one machine would; or each its pieces, by themselves."""

CODECS = frozenset(
    {
        *("ffv1", "h264_amf", "h264_nvenc", "h264_qsv", "h264_vaapi", "hevc_nvenc", "hevc_qsv"),
        *("hevc_vaapi", "libaom-av1", "libsvtav1", "libvpx-vp9", "libx264", "libx264rgb"),
        *("libx265", "mjpeg", "png", "prores", "prores_aw", "prores_ks", "rawvideo"),
    }
)
"""Encoders whose pictures a QuickTime file holds, with the exact time of each."""

ALONE = frozenset({"ffv1", "png", "prores", "prores_aw", "prores_ks", "rawvideo"})
"""Those of `CODECS` whose decoded frames are the same wherever a piece begins."""

SCALING = ("-sws_flags", "-sws_dither")
"""Options of the user's that act on pictures before they are encoded."""

# H.264 is both quick and small, and holds what else an encoder takes from a frame: its colours,
# the place of its chroma, the shape of its pixels, its captions.
_LOSSLESS = ("-qp:0", "0", "-preset:0", "ultrafast", "-x264-params:0", "repeat-headers=1")


def is_copied(job: Job, encode: Encode) -> bool:
    """Whether the pieces of a film are encoded as it is, and joined without being coded again."""
    return encode == "pieces" or job.encoder in ALONE


def can_code(job: Job, encode: Encode) -> bool:
    """Whether there is a way to keep the pieces of a film."""
    if is_copied(job, encode):
        return job.encoder in CODECS
    return _lossless_encoder(job) is not None


def coded(job: Job, encode: Encode) -> Job:
    """The job of a film, but for how its pictures are encoded: as its pieces are."""
    if is_copied(job, encode):
        return replace(job, muxer="mov", options=())
    encoder = _lossless_encoder(job)
    return replace(
        job,
        muxer="nut",  # it holds any ticks, and tells the rate that encoders reckon with
        options=("-write_index", "0", "-map_metadata", "-1"),
        encoder=encoder,
        pixels=_held(job.pixels) if encoder == "libx264" else None,
        quality=_LOSSLESS,
        chosen=_values(job.chosen, SCALING),
    )


def _lossless_encoder(job):
    """What keeps the pixels that an encoder will have; None where nothing does."""
    if job.encoder == "libx264rgb":
        return "libx264rgb"
    if not abilities.has_encoder("libx264") or not _held(job.pixels):
        return None
    is_odd = any(side % 2 for side in job.size)
    return None if is_odd and "444" not in job.pixels else "libx264"


def _held(pixels):
    """The same pixels, maybe in another order, as H.264 has them."""
    pixels = {"p010le": "yuv420p10le"}.get(pixels, pixels)
    is_grey = (pixels or "").startswith("gray")  # comes out in colours, and in another range
    return pixels if pixels in abilities.encoder_formats("libx264") and not is_grey else None


def _values(words, names):
    """Of options and their values, those of some names."""
    return tuple(word for pair in pairwise(words) if pair[0] in names for word in pair)
