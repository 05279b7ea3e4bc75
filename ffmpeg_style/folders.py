"""Where things lie: what the project ships, what it builds, and assets that it does not carry."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

ASSETS_VARIABLE = "FFMPEG_STYLE_ASSETS"

_PACKAGE = Path(__file__).resolve().parent
_IN_CHECKOUT = (_PACKAGE.parent / "csrc" / "styletransfer.h").is_file()


def project_folder(name: str) -> Path:
    """The folder `name` ("csrc", "patches") of the checkout, or of the installed package."""
    return (_PACKAGE.parent if _IN_CHECKOUT else _PACKAGE) / name


def build_folder() -> Path:
    """``build`` in a checkout; for an installed package a folder of the user's own."""
    if _IN_CHECKOUT:
        return _PACKAGE.parent / "build"
    return user_data_path("ffmpeg-style")


def cache_folder() -> Path:
    """A folder of the user's own for what can be made again."""
    return user_cache_path("ffmpeg-style")


def assets_folder() -> Path:
    """The folder of photographs, paintings and VGG's weights: ``$FFMPEG_STYLE_ASSETS``.

    Without the variable, ``shared/assets`` beside the checkout. It need not exist; see its
    ``INDEX.csv`` for what belongs there.
    """
    beside = _PACKAGE.parent.parent / "shared" / "assets"
    return Path(os.environ.get(ASSETS_VARIABLE) or beside)
