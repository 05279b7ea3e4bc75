"""The packages that only some of the commands need, and that a plain install leaves out."""

import importlib.util

from ffmpeg_style.errors import PackageError

EXTRAS = {
    "app": ("aiohttp",),
    "cluster": ("bokeh", "distributed", "fsspec", "psutil"),
    "demo": ("skimage",),
    "heic": ("pillow_heif",),
    "judge": ("cv2",),
    "live": ("aiohttp", "aiortc", "cryptography", "ifaddr", "segno"),
    "tensorflow": ("tensorflow",),
    "webcam": ("pygame",),
    "train": ("tensorflow", "keras", "scipy", "tensorboardX"),
}
"""The modules that each of these extras of ``pyproject.toml`` brings."""


def missing(extra: str) -> list[str]:
    """The modules of an extra that are not installed."""
    return [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]


def require(what: str, *extras: str) -> None:
    """Make sure that extras are installed.

    Args:
        what: needs them.
        extras: keys of `EXTRAS`.

    Raises:
        PackageError: one is not.
    """
    absent = {extra: names for extra in extras if (names := missing(extra))}
    if absent:
        modules = ", ".join(sorted({name for names in absent.values() for name in names}))
        raise PackageError(
            f"{what} needs {modules}, which a plain install leaves out: "
            f"pip install 'ffmpeg-style[{','.join(absent)}]'"
        )
