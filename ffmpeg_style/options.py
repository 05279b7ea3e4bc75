"""Types of options that several commands have."""

import logging
import math

import click


class FiniteRange(click.FloatRange):
    """A `click.FloatRange` that refuses what is not a number, and infinity."""

    def convert(self, value, parameter, context):
        number = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", parameter, context)
        return number


WEIGHT = FiniteRange(min=0)
"""Of a term of the loss."""


def show_warnings(level: int = logging.WARNING) -> None:
    """Let what the package logs as a warning be a line on stderr, as its errors are."""
    logging.basicConfig(format="ffmpeg-style: %(message)s", level=level)


class Seconds(click.ParamType):
    """A time: seconds, or hours, minutes and seconds with colons between them."""

    name = "seconds"

    def __init__(self, what: str) -> None:
        self.what = what

    def convert(self, value, parameter, context):
        from ffmpeg_style.errors import InputError
        from ffmpeg_style.painting import check_seconds

        try:
            return check_seconds(self.what, value)
        except InputError as error:
            self.fail(str(error), parameter, context)
