"""Types of options that several commands have, and what is looked at before TensorFlow starts."""

import logging
import math
from pathlib import Path

import click

from ffmpeg_style.errors import InputNotFoundError


class FiniteRange(click.FloatRange):
    """A `click.FloatRange` that refuses what is not a number, and infinity."""

    def convert(self, value, parameter, context):
        number = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", parameter, context)
        return number


WEIGHT = FiniteRange(min=0)
"""Of a term of the loss."""


def check_weights(path: str | None) -> None:
    """Raise InputNotFoundError where ``--vgg-weights`` names no file."""
    if path is not None and not Path(path).is_file():
        raise InputNotFoundError(
            f"expected VGG weights in {path}, found no such file; give an .npz or a Keras .h5 of "
            "VGG-16 or VGG-19 with --vgg-weights"
        )


def show_warnings() -> None:
    """Let what the package logs as a warning be a line on stderr, as its errors are."""
    logging.basicConfig(format="ffmpeg-style: %(message)s", level=logging.WARNING)
