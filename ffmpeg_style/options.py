"""Types of options that several commands have."""

import logging
import math
import sys

import click

from ffmpeg_style.catalog import ANY_MODEL, DEFAULT_MODEL


class FiniteRange(click.FloatRange):
    """A `click.FloatRange` that refuses what is not a number, and infinity."""

    def convert(self, value, parameter, context):
        number = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", parameter, context)
        return number


WEIGHT = FiniteRange(min=0)
"""Of a term of the loss."""

PRECISION = click.Choice(["auto", "fp32", "bf16", "int16"])


_PAINTING = (
    click.option(
        "--model",
        metavar="NAME|PATH",
        help="See `ffmpeg-style models`.  "
        f"[default: {DEFAULT_MODEL}; for a picture as style: {ANY_MODEL}]",
    ),
    click.option(
        "--style",
        metavar="STYLE",
        help="Name or index of a style, or a mix: wave:0.7+scream:0.3; with a model for any "
        "painting a picture: monet.jpg.  [default: the model's first]",
    ),
    click.option(
        "--strength",
        type=FiniteRange(0, 1),
        help="0 is the source, 1 the painting.  [default: 1]",
    ),
    click.option(
        "--colors",
        type=click.Choice(["style", "content"]),
        help="content: the painting's brushwork in the source's colours.  [default: style]",
    ),
    click.option(
        "--steady",
        type=FiniteRange(0, 1),
        help="How much a painting is held by the one before: 0 is each by itself.  [default: 0.9]",
    ),
)


def with_painting(command):
    """Give a command the options that say what paints and how; None where they are not given."""
    for option in reversed(_PAINTING):
        command = option(command)
    return command


PORTS = ("input", "output", "range", "input_range", "output_range")
"""Arguments of `Engine` for graphs of others."""


def with_ports(*short):
    """Give a command the options that say what of a graph of others is its image, and its range.

    Args:
        short: "input", "output": which of the nodes' options have a short name too, where the
            command has no other use for it.
    """
    values = click.Choice(["auto", "255", "1", "signed"])
    nodes = {
        "input": "Name of the graph's image input, where it has several.",
        "output": "Name of its image output, likewise.",
    }
    options = [
        click.option(
            *(f"--{name}-node", *([f"--{name}"] if name in short else []), f"{name}_node"),
            metavar="NAME",
            help=text,
        )
        for name, text in nodes.items()
    ]
    options += [
        click.option("--range", type=values, help="Of a float32 graph's values.  [default: auto]"),
        click.option("--input-range", type=values, help="Of its input alone."),
        click.option("--output-range", type=values, help="Of its output alone."),
    ]

    def decorate(command):
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def take_ports(options):
    """Those options as arguments of `Engine`; they are taken out of a command's."""
    names = {"input": "input_node", "output": "output_node"}
    return {name: options.pop(names.get(name, name)) for name in PORTS}


def show_warnings(level: int = logging.WARNING) -> None:
    """Let what the package logs as a warning be a line on stderr, as its errors are."""
    handlers = [_AboveBars()]
    logging.basicConfig(format="ffmpeg-style: %(message)s", level=level, handlers=handlers)


class _AboveBars(logging.Handler):
    """Writes lines to stderr that do not stick to a bar which is shown there."""

    def emit(self, record):
        from ffmpeg_style.progress import print_line

        try:
            if sys.stderr:  # which may be closed; without it, the line would go to stdout
                print_line(self.format(record), file=sys.stderr)
        except Exception:  # of a full disk or a reader that went: nothing that is done ends by it
            self.handleError(record)


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
