"""Types of options that several commands have, and what is looked at before TensorFlow starts."""

import logging
import math
import re
from collections.abc import Mapping
from pathlib import Path

import click

from ffmpeg_style.errors import InputNotFoundError
from ffmpeg_style.graphs.card import STYLE_NAME


class FiniteRange(click.FloatRange):
    """A `click.FloatRange` that refuses what is not a number, and infinity."""

    def convert(self, value, parameter, context):
        number = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", parameter, context)
        return number


WEIGHT = FiniteRange(min=0)
"""Of a term of the loss."""


def parse_paintings(context, parameter, values):
    """``NAME=PATH`` or ``PATH``, whose name is then the file's, as a dict in order."""
    paintings = {}
    for value in values:
        name, separator, path = value.partition("=")
        if not (separator and re.fullmatch(STYLE_NAME, name)):
            name, path = Path(value).stem, value
        if name in paintings:
            raise click.BadParameter(f"expected different names, found {name!r} twice")
        paintings[name] = Path(path)
    return paintings


def check_training_files(paintings: Mapping[str, Path], content: str, weights: str | None) -> None:
    """What `train` and `evaluate` read, looked at before TensorFlow takes its seconds to load.

    Args:
        paintings: paths by the names of styles.
        content: folder of photographs.
        weights: file of VGG's weights, None for the usual ones.

    Raises:
        InputError, InputNotFoundError: a file is missing, or not what it should be.
    """
    from ffmpeg_style.pictures import check_picture, find_images

    for path in paintings.values():
        check_picture(path)
    find_images(content)
    check_weights(weights)


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
