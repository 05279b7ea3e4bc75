"""What each kind of file holds, and which encoders fill it."""

from dataclasses import dataclass

TEXT_SUBTITLES = frozenset({"ass", "mov_text", "ssa", "subrip", "text", "webvtt"})

_TS_AUDIO = frozenset({"aac", "ac3", "eac3", "mp2", "mp3"})
_MOV_AUDIO = frozenset({"aac", "ac3", "alac", "eac3", "mp3", "pcm_s16le", "pcm_s24le"})
_MP4_AUDIO = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})
_MKV_AUDIO = _TS_AUDIO | _MOV_AUDIO | _MP4_AUDIO | {"dts", "truehd", "vorbis"}
_MKV_SUBTITLES = frozenset(
    {"ass", "dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle", "ssa", "subrip", "webvtt"}
)


@dataclass(frozen=True)
class Container:
    """A kind of file.

    Attributes:
        muxer: ffmpeg's name for it.
        encoders: for pictures, the first that an ffmpeg has is taken.
        audio: codecs that are copied into it; None: it has no sound.
        audio_encoders: for other sound, likewise; none: ffmpeg's own choice.
        subtitles: codecs that are copied into it.
        text_subtitles: encoder for other subtitles that are text.
        attachments: whether it holds files, such as fonts.
        covers: how it holds a cover: "stream", or "attachment"; None: it doesn't.
        exact_times: whether it keeps times that are finer than a frame.
        options: further ones of ffmpeg.
    """

    muxer: str
    encoders: tuple[str, ...] = ()
    audio: frozenset[str] | None = frozenset()
    audio_encoders: tuple[str, ...] = ()
    subtitles: frozenset[str] = frozenset()
    text_subtitles: str | None = None
    attachments: bool = False
    covers: str | None = None
    exact_times: bool = False
    options: tuple[str, ...] = ()


_H264 = ("libx264",)
_MP4 = Container(
    "mp4",
    _H264,
    _MP4_AUDIO,
    ("aac",),
    frozenset({"mov_text"}),
    "mov_text",
    covers="stream",
    exact_times=True,
    options=("-movflags", "+faststart"),
)
CONTAINERS = {
    ".3gp": Container("3gp", _H264, frozenset({"aac"}), ("aac",), exact_times=True),
    ".apng": Container("apng", ("apng",), None, options=("-plays", "0")),
    ".avi": Container("avi", _H264, frozenset({"ac3", "mp3"}), ("pcm_s16le",)),
    ".flv": Container("flv", _H264, frozenset({"aac", "mp3"}), ("aac",)),
    ".gif": Container("gif", ("gif",), None),
    ".m4v": _MP4,
    ".mkv": Container(
        "matroska",
        _H264,
        _MKV_AUDIO,
        ("aac",),
        subtitles=_MKV_SUBTITLES,
        text_subtitles="subrip",
        attachments=True,
        covers="attachment",
        exact_times=True,
    ),
    ".mov": Container(
        "mov",
        _H264,
        _MOV_AUDIO,
        ("aac",),
        frozenset({"mov_text"}),
        "mov_text",
        exact_times=True,
        options=("-movflags", "+faststart"),
    ),
    ".mp4": _MP4,
    ".mpg": Container("mpeg", ("mpeg2video",), frozenset({"ac3", "mp2"}), ("mp2",)),
    ".mxf": Container("mxf", ("mpeg2video",), frozenset({"pcm_s16le"}), ("pcm_s16le",)),
    ".nut": Container("nut", _H264, _MKV_AUDIO, ("aac",), exact_times=True),
    ".ogv": Container(
        "ogg", ("libtheora",), frozenset({"flac", "opus", "vorbis"}), ("libvorbis", "flac")
    ),
    ".ts": Container(
        "mpegts", _H264, _TS_AUDIO, ("aac",), frozenset({"dvb_subtitle", "dvb_teletext"})
    ),
    ".webm": Container(
        "webm",
        ("libvpx-vp9", "libsvtav1", "libaom-av1"),
        frozenset({"opus", "vorbis"}),
        ("libopus", "libvorbis"),
        frozenset({"webvtt"}),
        "webvtt",
        exact_times=True,
    ),
    ".webp": Container("webp", ("libwebp_anim",), None, options=("-loop", "0")),
    ".wmv": Container("asf", ("wmv2",), frozenset({"wmav2", "mp3"}), ("wmav2",)),
}
CONTAINERS[".m2ts"] = CONTAINERS[".mts"] = CONTAINERS[".ts"]
CONTAINERS[".mpeg"] = CONTAINERS[".mpg"]

QUALITY = {
    "libaom-av1": ("-crf", "28", "-b:v", "0", "-cpu-used", "6", "-row-mt", "1"),
    "libsvtav1": ("-crf", "30"),
    "libtheora": ("-q:v", "8"),
    "libvpx": ("-crf", "10", "-b:v", "4M"),
    "libvpx-vp9": ("-crf", "28", "-b:v", "0", "-row-mt", "1", "-cpu-used", "3"),
    "libwebp_anim": ("-quality", "90"),
    "libx264": ("-crf", "20"),
    "libx265": ("-crf", "22"),
    "mjpeg": ("-q:v", "2"),
    "mpeg2video": ("-q:v", "2"),
    "mpeg4": ("-q:v", "2"),
    "wmv2": ("-q:v", "2"),
}
"""Of encoders whose own default would blur a painting's strokes, or that have none."""

KEEP_RGB = frozenset(
    {
        *("apng", "bmp", "ffv1", "ffvhuff", "flashsv", "gif", "huffyuv", "libwebp", "libwebp_anim"),
        *("libx264rgb", "magicyuv", "png", "qtrle", "rawvideo", "tiff", "utvideo"),
    }
)
"""Encoders that take the painting's pixels as they are."""

COARSE_TIMES = frozenset(
    {"flv", "h263", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4", "msmpeg4v2", "wmv1", "wmv2"}
)
"""Encoders that count times in frames, or in too few parts of a second."""
