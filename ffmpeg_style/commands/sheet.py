"""``ffmpeg-style sheet``."""

import json
from pathlib import Path

import click


@click.command("sheet")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--model", "name", metavar="NAME|PATH", help="Its styles alone.  [default: all]")
@click.option(
    "--style",
    "pictures",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PAINTING",
    help="A picture for the model any to paint after, beside the others; more than once for more.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="IMAGE",
    help="[default: PHOTO-sheet.jpg beside it]",
)
@click.option("-y", "--overwrite", is_flag=True, help="Replace a sheet that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON.")
def command(photo, name, pictures, output, overwrite, as_json):
    """Paint PHOTO with every model, in one picture with their names: to choose one by."""
    from ffmpeg_style.catalog import read_model
    from ffmpeg_style.sheet import write_sheet

    models = None if name is None else [read_model(name)]
    target = write_sheet(photo, output, models, pictures, overwrite=overwrite)
    told = {"source": str(photo), "target": str(target)}
    print(json.dumps(told, ensure_ascii=False) if as_json else target)
