"""``ffmpeg-style inspect``."""

import json
import re

import click

from ffmpeg_style.graphs.quiet import filtered_stderr


def parse_size(context, parameter, value):
    """``WIDTHxHEIGHT`` as two numbers."""
    match = re.fullmatch(r"(\d+)x(\d+)", value)
    width, height = map(int, match.groups()) if match else (0, 0)
    if min(width, height) < 16:
        raise click.BadParameter(f"expected WIDTHxHEIGHT from 16x16 up, found {value!r}")
    return width, height


@click.command("inspect")
@click.argument("model", metavar="MODEL")
@click.option(
    "--size",
    callback=parse_size,
    default="640x360",
    show_default=True,
    metavar="WIDTHxHEIGHT",
    help="At which to count multiply-adds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context, model, size, as_json):
    """Tell what is in a frozen graph, and whether the filter will take it for one of this project.

    Exits with 1 when it is not, and with 2 when the file is no graph, or one that could do more
    than paint. MODEL is a path, or a name that `ffmpeg-style models` lists.
    """
    from ffmpeg_style.catalog import find_model
    from ffmpeg_style.graphs.inspection import describe, inspect

    path = find_model(model)
    with filtered_stderr():  # TensorFlow talks as it loads, where it runs the graph
        inspection = inspect(path, *size)
    click.echo(json.dumps(inspection._asdict(), indent=2) if as_json else describe(inspection))
    context.exit(1 if inspection.faults else 0)
