"""Where the built ffmpeg is."""

import importlib.util
import os
from pathlib import Path

from ffmpeg_style.errors import InputNotFoundError
from ffmpeg_style.folders import build_folder

VARIABLE = "FFMPEG_STYLE_FFMPEG"
PACKAGE = "ffmpeg_style_ffmpeg"
"""Of the wheel that `make wheel-ffmpeg` makes."""


def ffmpeg_path(name="ffmpeg"):
    """The patched program: ``$FFMPEG_STYLE_FFMPEG``, the one built last, or the installed wheel's.

    Args:
        name: "ffmpeg", or "ffprobe" for the one that lies beside it.

    Returns:
        pathlib.Path: an executable file.

    Raises:
        InputNotFoundError: there is none; the message says how to get one.
    """
    chosen = os.environ.get(VARIABLE)
    ffmpeg = Path(chosen) if chosen else _found()
    program = ffmpeg if name == "ffmpeg" else ffmpeg.with_name(name)
    if program.is_file() and os.access(program, os.X_OK):
        return program
    if chosen:
        raise InputNotFoundError(f"{VARIABLE} names {ffmpeg}, but {program} is no program")
    raise InputNotFoundError(
        f"no {name} with the styletransfer filter at {program}: run `ffmpeg-style build`, "
        f"or set {VARIABLE} to one"
    )


def is_built() -> bool:
    """Whether there is a patched ffmpeg, or the user has named one."""
    return bool(os.environ.get(VARIABLE)) or os.access(_found(), os.X_OK)


def _found():
    """The ffmpeg that was built, or else the one of the package ffmpeg-style-ffmpeg."""
    built = build_folder() / "current" / "bin" / "ffmpeg"
    package = importlib.util.find_spec(PACKAGE)
    if built.exists() or package is None or package.origin is None:
        return built
    return Path(package.origin).with_name("bin") / "ffmpeg"
