"""The options for ffmpeg that a user adds: looked through before they reach it."""

import re
from collections.abc import Sequence

from ffmpeg_style.errors import InputError

# Options of ffmpeg that take no value (fftools/ffmpeg_opt.c, 5.1 to 9.0); all others take one.
_FLAGS = {
    *("an", "dn", "sn", "vn", "shortest", "bitexact", "copyinkf", "qphist", "autoscale"),
    *("accurate_seek", "autorotate", "auto_conversion_filters", "benchmark", "benchmark_all"),
    *("copy_unknown", "copyts", "debug_ts", "display_hflip", "display_vflip", "dump"),
    *("find_stream_info", "fix_sub_duration", "fix_sub_duration_heartbeat", "force_fps", "hex"),
    *("hide_banner", "ignore_unknown", "n", "print_graphs", "psnr", "re", "recast_media", "report"),
    *("start_at_zero", "stats", "stdin", "vstats", "xerror", "y", "apply_cropping"),
}
_FILTERS = re.compile(r"-/?(vf|lavfi|filter(_script|_complex|_complex_script)?)(:(?!a).*)?$")
_ENCODER = re.compile(r"-(?:(?:c|codec)(?::v(?::0)?|:0)?|vcodec)$")
_PIXELS = re.compile(r"-pix_fmt(?::v(?::0)?|:0)?$")
_ENDS = re.compile(r"-(?:t|to|ss|fs|shortest|vframes|d?frames(?::.*)?)$")
_QUALITY = re.compile(r"-(?:b|q|qscale|crf|qp|cq|global_quality|quality|lossless|vb)(?::v?.*)?$")


class EncoderOptions:
    """Options such as ``["-crf", "18", "-an"]``, each with its value.

    Args:
        words: as they would stand on ffmpeg's command line.

    Raises:
        InputError: one of them would make another input or output of ffmpeg's, or take the place
            of the painting.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = [str(word) for word in words]
        self.values: dict[str, str | None] = {}
        rest = iter(self.words)
        for word in rest:
            self.values[word] = self._value(word, rest)
            if _FILTERS.match(word):
                raise InputError(
                    f"{word} would take the place of the painting; filter in a run of its own"
                )
        if self.encoder == "copy":
            raise InputError("-c:v copy would leave the painting out; expected an encoder")

    @staticmethod
    def _value(word, rest):
        if not re.match(r"-\D", word) or word == "-i":
            raise InputError(
                f"{word!r} among the options for ffmpeg would be another file of its own; expected "
                "options and their values, such as -crf 18"
            )
        name = word[1:].split(":")[0]
        if name in _FLAGS or (name.startswith("no") and name[2:] in _FLAGS):
            return None
        value = next(rest, None)
        if value is None:
            raise InputError(f"the option {word} for ffmpeg has no value; expected one behind it")
        return value

    def _last(self, pattern):
        return next(
            (value for name, value in reversed(self.values.items()) if pattern.match(name)), None
        )

    def _has(self, pattern):
        return any(map(pattern.match, self.values))

    @property
    def encoder(self) -> str | None:
        """The encoder that they choose for the pictures."""
        return self._last(_ENCODER)

    @property
    def pixels(self) -> str | None:
        """The pixel format that they choose."""
        return self._last(_PIXELS)

    @property
    def muxer(self) -> str | None:
        """The kind of file that they choose."""
        return self.values.get("-f")

    @property
    def leave_out(self) -> bool:
        """Whether they may leave a part of the source out."""
        return self._has(_ENDS)

    @property
    def choose_quality(self) -> bool:
        """Whether they say how large or how good the pictures are to be."""
        return self._has(_QUALITY)
