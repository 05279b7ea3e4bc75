"""``ffmpeg-style freeze``."""

from pathlib import Path

import click

from ffmpeg_style.errors import InputNotFoundError
from ffmpeg_style.extras import require
from ffmpeg_style.files import check_no_source, check_target
from ffmpeg_style.graphs.kinds import check_kind
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
    check_kind(source)
    check_no_source(target, *files_of(source))
    check_target(target, overwrite)
    require("freeze", "train")
    start_tensorflow()
    from ffmpeg_style.graphs.freezing import freeze

    freeze(source, target, output)
    click.echo(f"{target}: look into it by: ffmpeg-style inspect {target}")


def files_of(source):
    """All that a network is kept in: those in its folder; of a checkpoint, the weights too."""
    if source.is_dir():
        return [path for path in source.rglob("*") if path.is_file()]
    if source.suffix == ".meta":
        return [path for path in source.parent.iterdir() if path.stem == source.stem]
    return [source]
