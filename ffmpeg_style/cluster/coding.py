"""How pieces are coded: without loss until their film is encoded, or as the film itself."""

from dataclasses import replace
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Literal

from ffmpeg_style.ffmpeg import abilities
from ffmpeg_style.ffmpeg.plan import Job
from ffmpeg_style.ffmpeg.probe import Source
from ffmpeg_style.files import blocks

Encode = Literal["once", "pieces"]
"""What encodes a film: one worker, as one machine would; or each its pieces, by themselves."""

CODECS = frozenset(
    {
        *("ffv1", "h264_amf", "h264_nvenc", "h264_qsv", "h264_vaapi", "hevc_nvenc", "hevc_qsv"),
        *("hevc_vaapi", "libaom-av1", "libsvtav1", "libvpx-vp9", "libx264", "libx264rgb"),
        *("libx265", "mjpeg", "png", "prores", "prores_aw", "prores_ks", "rawvideo"),
    }
)
"""Encoders whose pictures a QuickTime file holds, or an MP4, with the exact time of each."""

_MP4 = frozenset({"libaom-av1", "libsvtav1", "libvpx-vp9"})
"""Those of which a QuickTime file holds none."""

ALONE = frozenset({"ffv1", "png", "prores", "prores_aw", "prores_ks", "rawvideo"})
"""Those of `CODECS` whose decoded frames are the same wherever a piece begins."""

SCALING = ("-sws_flags", "-sws_dither")
"""Options of the user's that act on pictures before they are encoded."""

# H.264 is both quick and small, and holds what else an encoder takes from a frame: its colours,
# the place of its chroma, the shape of its pixels, its captions.
_LOSSLESS = ("-qp:0", "0", "-preset:0", "ultrafast", "-x264-params:0", "repeat-headers=1")


RAW_BYTES = 5_000_000_000
"""The most that a film takes whose pieces are not coded."""

_BYTES = {
    **{"yuv420p": 1.5, "yuv422p": 2, "yuv444p": 3},
    **{"yuv420p10le": 3, "yuv422p10le": 4, "yuv444p10le": 6},
}
"""Of a pixel, in formats that can be kept raw."""

_CARRIED = {"H.26[45] User Data Unregistered SEI message"}
"""What frames may carry that encoders leave out."""

_CAPTIONED = {"mpeg1video", "mpeg2video"}
"""Codecs that mark captions in several ways."""

_CAPTIONS = b"GA94"
"""What stands before captions (ATSC A/53, part 4)."""


def is_copied(job: Job, encode: Encode) -> bool:
    """Whether the pieces of a film are encoded as it is, and joined without being coded again."""
    return encode == "pieces" or job.encoder in ALONE


def can_code(job: Job, encode: Encode) -> bool:
    """Whether there is a way to keep the pieces of a film."""
    if is_copied(job, encode):
        return job.encoder in CODECS
    return _lossless_encoder(job) is not None


def can_be_raw(job: Job, source: Source) -> bool:
    """Whether pieces lack nothing that are not coded at all, and are not too large for that.

    What frames carry beside their pictures, such as captions, would be lost.
    """
    size = job.size[0] * job.size[1] * (job.frames or inf) * _BYTES.get(job.pixels or "", inf)
    return (
        size <= RAW_BYTES
        and job.encoder != "libx264rgb"
        and not source.video.interlaced
        and source.video.codec not in _CAPTIONED
        and _CARRIED.issuperset(source.video.carries)
        and "-udu_sei" not in job.chosen
    )


def has_captions(path: Path) -> bool:
    """Whether there may be captions in a file of H.264 or the like: they begin with a mark."""
    if path.stat().st_size > RAW_BYTES:
        return True
    rest = b""
    for block in blocks(path):
        if _CAPTIONS in rest + block:
            return True
        rest = block[1 - len(_CAPTIONS) :]
    return False


def coded(job: Job, encode: Encode, is_raw: bool = False) -> Job:
    """The job of a film, but for how its pictures are encoded: as its pieces are.

    Args:
        job: of the film.
        encode: what encodes it.
        is_raw: whether its pieces are not coded at all, where they are not copied.
    """
    if is_copied(job, encode):
        muxer = "mp4" if job.encoder in _MP4 else "mov"
        return replace(job, muxer=muxer, options=())
    encoder = "rawvideo" if is_raw else _lossless_encoder(job)
    return replace(
        job,
        muxer="nut",  # it holds any ticks, and tells the rate that encoders reckon with
        options=("-write_index", "0", "-map_metadata", "-1"),
        encoder=encoder,
        pixels=None if encoder == "libx264rgb" else _held(job.pixels),
        quality=() if is_raw else _LOSSLESS,
        chosen=_values(job.chosen, SCALING),
    )


def told_anew(job: Job) -> tuple[str, ...]:
    """Options that tell of frames that were kept raw what they had told themselves."""
    return ("-filter:0", job.chain.after.rpartition(",")[2])


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
