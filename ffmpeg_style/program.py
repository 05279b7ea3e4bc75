"""Where the built ffmpeg is, and where the build keeps what it makes."""

import os
from pathlib import Path

from ffmpeg_style.errors import InputNotFoundError

VARIABLE = "FFMPEG_STYLE_FFMPEG"

_PACKAGE = Path(__file__).resolve().parent
_IN_CHECKOUT = (_PACKAGE.parent / "csrc" / "styletransfer.h").is_file()


def project_folder(name):
    """The folder `name` ("csrc", "patches") of the checkout, or of the installed package."""
    return (_PACKAGE.parent if _IN_CHECKOUT else _PACKAGE) / name


def build_folder():
    """``build`` in a checkout; for an installed package a folder of the user's own."""
    if _IN_CHECKOUT:
        return _PACKAGE.parent / "build"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "ffmpeg-style"


def ffmpeg_path(name="ffmpeg"):
    """The patched program: ``$FFMPEG_STYLE_FFMPEG``, else the one that was built last.

    Args:
        name: "ffmpeg", or "ffprobe" for the one that lies beside it.

    Returns:
        pathlib.Path: an executable file.

    Raises:
        InputNotFoundError: there is none; the message says how to get one.
    """
    chosen = os.environ.get(VARIABLE)
    ffmpeg = Path(chosen) if chosen else build_folder() / "current" / "bin" / "ffmpeg"
    program = ffmpeg if name == "ffmpeg" else ffmpeg.with_name(name)
    if program.is_file() and os.access(program, os.X_OK):
        return program
    if chosen:
        raise InputNotFoundError(f"{VARIABLE} names {ffmpeg}, but {program} is no program")
    raise InputNotFoundError(
        f"no {name} with the styletransfer filter at {program}: run `ffmpeg-style build`, "
        f"or set {VARIABLE} to one"
    )
