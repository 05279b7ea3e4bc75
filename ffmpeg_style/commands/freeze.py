"""``ffmpeg-style freeze``."""

from pathlib import Path

import click

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.extras import require
from ffmpeg_style.graphs.quiet import start_tensorflow


@click.command("freeze")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path), metavar="TARGET.pb")
@click.option(
    "--output-node",
    "output",
    metavar="NAME",
    help="Of the picture.  [default: the only one]",
)
@click.option("-y", "--overwrite", is_flag=True, help="Replace a target that exists.")
def command(source, target, output, overwrite):
    """Make a frozen graph of a network of others, for the filter.

    SOURCE is a SavedModel's folder, a Keras model (.keras, .h5), the .meta of a checkpoint, or a
    graph as text (.pbtxt).
    """
    if not source.exists():
        raise InputNotFoundError(f"expected a network, found nothing at {source}")
    if target.exists() and not overwrite:
        raise InputError(f"{target} is there already; -y replaces it")
    require("train", "freeze")
    start_tensorflow()
    from ffmpeg_style.graphs.freezing import freeze

    freeze(source, target, output)
    click.echo(f"{target}: look into it by: ffmpeg-style inspect {target}")
