"""Why ffmpeg failed: the one line of its log that tells it."""

import re
from collections.abc import Mapping

FULL = re.compile(r"No space left on device|Disk quota exceeded|File too large")
_FULL_PROFILE = "use an ffmpeg that has more: ffmpeg-style build --profile full"
_LACKING = re.compile(
    r"encoder selection failed|[Dd]ecoder .*not found|Unknown decoder|"
    r"[Ee]ncoder .*not found|Unknown encoder"
)
_OPTION = re.compile(r"Error setting option \S+ to value")
"""Behind lines that tell what is wrong with a value, and not of which option."""
_TALK = re.compile(r"(x265 |Svt)\[(info|warn\w*)\]|encoded \d+ frames in |\s*$")


def errors_in(log: str) -> str:
    """A log of level "error" without what some encoders say whatever the level is."""
    return "".join(line for line in log.splitlines(keepends=True) if not _TALK.match(line))


def reason_in(log: str, names: Mapping[str, str]) -> str:
    """The line of ffmpeg's log that tells why it failed.

    It is the filter's own, else the one that names an option, else the first: what follows are its
    consequences, of which ffmpeg tells in several lines.

    Args:
        log: of level "error".
        names: {name: another to put in its place}, for files that the user has not named himself.
    """
    lines = [line for line in log.splitlines() if line.strip()] or [
        "ffmpeg failed without a reason"
    ]
    of_filter = (line for line in lines if "styletransfer" in line.partition("]")[0])
    of_option = (line for line in lines if _OPTION.search(line))
    line = [*of_filter, *of_option, *lines][0]
    line = re.sub(r"^(\[[^\]]*\] )+", "", line)
    for name, other in names.items():
        line = line.replace(f"file:{name}", other).replace(name, other)
    return f"{line} Or {_FULL_PROFILE}" if _LACKING.search(line) else line
