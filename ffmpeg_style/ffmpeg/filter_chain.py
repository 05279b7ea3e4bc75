"""The filters around the painting: what makes any source fit for it, and any encoder fit for it.

Whoever paints a video with ffmpeg builds a chain of ``source_filters``, the painting, and
``yuv_filters``: then pictures are upright, whole, SDR and in the colours that players will show.
"""

from dataclasses import dataclass

from ffmpeg_style.ffmpeg.filter_graph import Painting, escape
from ffmpeg_style.ffmpeg.probe import Video
from ffmpeg_style.ffmpeg.tone_map import tone_map_file

HD_WIDTH, HD_HEIGHT = 1280, 720
"""From one of these on players take untagged pictures for BT.709, below for BT.601."""


def standard_of(width: int, height: int) -> str:
    """The colours that players expect of a video of this size: "bt709" or "smpte170m" (BT.601)."""
    return "bt709" if width >= HD_WIDTH or height >= HD_HEIGHT else "smpte170m"


@dataclass(frozen=True)
class Chain:
    """What a picture goes through, from the decoder to the encoder.

    Attributes:
        before: the filters that make it fit for the painting, as text for ffmpeg.
        painting: what paints.
        after: the filters that make it fit for the encoder.
        alpha: what becomes of transparency: "white", or "kept" apart from the painting; None where
            there is none.
    """

    before: str
    painting: Painting
    after: str
    alpha: str | None = None

    @property
    def text(self) -> str:
        """All of it for ``-vf``."""
        painting = self.painting.text
        if self.alpha:
            painting = on_white(painting, keeps_alpha=self.alpha == "kept")
        return ",".join([self.before, painting, self.after])


def source_filters(video: Video, size: tuple[int, int] | None = None) -> list[str]:
    """What comes before the painting, as filters of a chain.

    Pictures are put upright, fields woven into frames, untagged colours are taken as players take
    them, HDR becomes SDR, and a picture that changes its size in mid-stream is fitted into the
    first one's with bars.

    Args:
        video: the source.
        size: (width, height) to fit all pictures into; None for the first one's.

    Raises:
        InputError: the table for HDR can't be kept in the user's cache.
    """
    filters = [*video.upright, *(["yadif=deint=interlaced"] if video.interlaced else [])]
    if not video.is_rgb and not video.matrix:
        filters.append(f"setparams=colorspace={standard_of(video.width, video.height)}")
    if video.hdr:
        table = escape(tone_map_file(video.hdr, video.peak))
        filters += [
            *("scale", "format=gbrp12", f"lut3d={table}:interp=tetrahedral"),
            "setparams=color_primaries=bt709:color_trc=bt709",
        ]
    return filters + _fitted(*(size or (video.width, video.height)))


def _fitted(width, height):
    if not (width and height):
        return ["scale"]
    inside = "force_original_aspect_ratio=decrease:eval=frame"
    return [f"scale={width}:{height}:{inside}", f"pad={width}:{height}:-1:-1:eval=frame"]


def on_white(painting: str, keeps_alpha: bool) -> str:
    """The painting of what is seen with white behind it.

    Args:
        painting: the filter.
        keeps_alpha: whether what was transparent is so again in the end.
    """
    # Not drawbox, which ends FFmpeg 5.1 by a signal on RGBA.
    behind = "[white]lutrgb=r=255:g=255:b=255:a=255[white];[white][seen]overlay=format=rgb"
    if not keeps_alpha:
        return f"format=rgba,split[white][seen];{behind},{painting}"
    return (
        f"format=rgba,split=3[white][seen][shape];{behind},{painting}[painted];"
        "[shape]alphaextract[shape];[painted][shape]alphamerge"
    )


def colour_tags(video: Video, matrix: str, range: str) -> str:  # noqa: A002
    """What tells players the colours: the source's where they are said and SDR, else the usual."""
    usual = "bt709" if video.hdr else standard_of(video.width, video.height)
    is_told = video.primaries and video.transfer and not video.hdr and not video.is_rgb
    primaries, transfer = (video.primaries, video.transfer) if is_told else (usual, usual)
    return (
        f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}"
        f":range={range}"
    )


def yuv_filters(video: Video, pixels: str, is_jpeg: bool = False) -> list[str]:
    """What comes between the painting and an encoder of luminance and colour differences.

    Args:
        video: the source.
        pixels: the encoder's pixel format.
        is_jpeg: whether they become JPEG, of BT.601 and full range at any size.
    """
    matrix = "smpte170m" if is_jpeg else standard_of(video.width, video.height)
    range = "pc" if is_jpeg or pixels.startswith("yuvj") else "tv"  # noqa: A001
    return [
        f"scale=out_color_matrix={matrix}:out_range={range}",
        f"format={pixels}",
        colour_tags(video, matrix, range),
    ]


def rgb_filters(video: Video) -> list[str]:
    """What comes between the painting and an encoder that takes it as it is."""
    return [colour_tags(video, "gbr", "pc")]


def palette_filters() -> list[str]:
    """What comes between the painting and GIF: a palette for each frame keeps its colours."""
    return ["split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"]
