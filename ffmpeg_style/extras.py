"""The packages that only some of the commands need, and that a plain install leaves out."""

import importlib.util

from ffmpeg_style.errors import PackageError

EXTRAS = {
    "demo": ("skimage",),
    "judge": ("cv2",),
    "live": ("aiohttp", "aiortc", "av", "cryptography", "ifaddr", "segno"),
    "train": ("tensorflow", "keras", "scipy", "tensorboardX"),
}
"""The modules that each of these extras of ``pyproject.toml`` brings."""


def require(extra: str, what: str) -> None:
    """Make sure that an extra is installed.

    Args:
        extra: a key of `EXTRAS`.
        what: needs it.

    Raises:
        PackageError: it is not.
    """
    missing = [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise PackageError(
            f"{what} needs {', '.join(missing)}, which a plain install leaves out: "
            f"pip install 'ffmpeg-style[{extra}]'"
        )
