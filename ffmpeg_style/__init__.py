"""Neural style transfer on video, inside ffmpeg and from Python.

`stylize` paints a file, `Engine` paints numpy arrays, `find_model` and `list_models` tell which
models there are. Every error that a user can mend is a `StyleError`, and a builtin one as well.
"""

import importlib
from typing import TYPE_CHECKING

from ffmpeg_style.errors import (
    UNCOMPILED,
    BuildError,
    ClusterError,
    DeviceError,
    EngineError,
    FFmpegError,
    InputError,
    InputNotFoundError,
    InputPermissionError,
    InputTypeError,
    LibraryError,
    ModelError,
    OutOfMemoryError,
    PackageError,
    StorageError,
    StyleError,
)

if TYPE_CHECKING:
    from ffmpeg_style._engine import Engine
    from ffmpeg_style.catalog import Model, find_model, list_models
    from ffmpeg_style.ffmpeg.stylize import stylize

__version__ = "0.1.0"

# Imported when first used: they need numpy and the compiled extension, and the build needs neither.
_HOMES = {
    "Engine": "ffmpeg_style._engine",
    "Model": "ffmpeg_style.catalog",
    "find_model": "ffmpeg_style.catalog",
    "list_models": "ffmpeg_style.catalog",
    "stylize": "ffmpeg_style.ffmpeg.stylize",
}

__all__ = [
    "BuildError",
    "ClusterError",
    "DeviceError",
    "Engine",
    "EngineError",
    "FFmpegError",
    "InputError",
    "InputNotFoundError",
    "InputPermissionError",
    "InputTypeError",
    "LibraryError",
    "Model",
    "ModelError",
    "OutOfMemoryError",
    "PackageError",
    "StorageError",
    "StyleError",
    "find_model",
    "list_models",
    "stylize",
]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = importlib.import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        if error.name != "ffmpeg_style._engine":
            raise
        raise PackageError(UNCOMPILED) from error
    return getattr(home, name)
