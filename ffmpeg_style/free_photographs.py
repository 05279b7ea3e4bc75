"""A few photographs that everybody may use, for those who have none at hand."""

from importlib.metadata import distribution
from pathlib import Path

from ffmpeg_style.extras import require

NAMES = ("astronaut.png", "camera.png", "rocket.jpg", "coffee.png", "chelsea.png")
"""Scikit-image's, all in the public domain (CC0, or NASA's): people, places and a cat."""


def free_photographs(purpose: str) -> list[Path]:
    """The paths of the photographs `NAMES`.

    Args:
        purpose: what they are for, such as "the demo".

    Raises:
        PackageError: scikit-image, which has them, is not installed.
    """
    require(purpose, "demo")
    folder = Path(str(distribution("scikit-image").locate_file("skimage/data")))
    return [folder / name for name in NAMES]
