"""Why ffmpeg failed: the one line of its log that tells it."""

import re
from collections.abc import Mapping

FULL = re.compile(r"No space left on device|Disk quota exceeded|File too large")
_FULL_PROFILE = "use an ffmpeg that has more: ffmpeg-style build --profile full"
_LACKING = re.compile(
    r"encoder selection failed|[Dd]ecoder .*not found|Unknown decoder|"
    r"[Ee]ncoder .*not found|Unknown encoder"
)


def reason_in(log: str, names: Mapping[str, str]) -> str:
    """The line of ffmpeg's log that tells why it failed: the filter's own, else the first.

    What follows the first error are its consequences, of which ffmpeg tells in several lines.

    Args:
        log: of level "error".
        names: {name: another to put in its place}, for files that the user has not named himself.
    """
    lines = [line for line in log.splitlines() if line.strip()] or [
        "ffmpeg failed without a reason"
    ]
    line = next((line for line in lines if "styletransfer" in line.partition("]")[0]), lines[0])
    line = re.sub(r"^(\[[^\]]*\] )+", "", line)
    for name, other in names.items():
        line = line.replace(f"file:{name}", other).replace(name, other)
    return f"{line} Or {_FULL_PROFILE}" if _LACKING.search(line) else line
