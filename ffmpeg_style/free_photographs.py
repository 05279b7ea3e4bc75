"""A few photographs that everybody may use, for those who have none at hand."""

import importlib.util
from pathlib import Path

from ffmpeg_style.errors import InputNotFoundError

NAMES = ("astronaut.png", "camera.png", "rocket.jpg", "coffee.png", "chelsea.png")
"""Scikit-image's, all in the public domain (CC0, or NASA's): people, places and a cat."""


def free_photographs(purpose: str) -> list[Path]:
    """The paths of the photographs `NAMES`.

    Args:
        purpose: what they are for, as the beginning of a sentence: "the demo shows".

    Raises:
        InputNotFoundError: scikit-image, which has them, is not installed.
    """
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise InputNotFoundError(
            f"{purpose} photographs of scikit-image: pip install 'ffmpeg-style[demo]'"
        )
    folder = Path(package.origin).with_name("data")
    return [folder / name for name in NAMES]
