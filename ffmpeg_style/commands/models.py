"""``ffmpeg-style models``."""

import json

import click

COLUMNS = ("architecture", "licence")


@click.command("models")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with everything that is known.")
@click.option(
    "--sheet",
    is_flag=False,
    flag_value="",
    metavar="[PHOTO]",
    help="Paint a photograph in each style of them, or of NAME: one picture.  "
    "[default: a free one]",
)
@click.option(
    "--output", default="models.jpg", show_default=True, metavar="IMAGE", help="Of the sheet."
)
@click.option("-y", "--overwrite", is_flag=True, help="Replace a sheet that exists.")
def command(name, as_json, sheet, output, overwrite):
    """List the models that are there, or print what is known of NAME, a model's name or path.

    They are looked for in the folders that FFMPEG_STYLE_MODELS names, and among those that came
    with ffmpeg-style.
    """
    from ffmpeg_style.catalog import list_models, read_model
    from ffmpeg_style.errors import ModelError
    from ffmpeg_style.graphs.card import card_lines, titled

    if sheet is not None:
        return write_models(name, sheet, output, overwrite)
    models = list_models() if name is None else [read_model(name)]
    if as_json:
        print(json.dumps([_values(model) for model in models], indent=2, ensure_ascii=False))
    elif name is not None:
        if models[0].error is not None:
            raise ModelError(models[0].error)
        print(titled("path", models[0].path))
        print("\n".join(card_lines(models[0].card)))
    elif models:
        _print_table([_row(model) for model in models])
    else:
        print(
            "There are no models. Put some.pb into a folder, and its path into FFMPEG_STYLE_MODELS."
        )


def write_models(name, photograph, output, overwrite):
    """Write the sheet of the models that are there, or of one."""
    from ffmpeg_style.catalog import read_model
    from ffmpeg_style.free_photographs import free_photographs
    from ffmpeg_style.sheet import write_sheet

    photograph = photograph or free_photographs("--sheet without a PHOTO")[0]
    models = None if name is None else [read_model(name)]
    write_sheet(photograph, output, models, overwrite=overwrite)
    click.echo(output)


def _values(model):
    """A model as JSON values; what is wrong with it only when something is."""
    values = {"name": model.name, "path": str(model.path), "card": model.card}
    return values if model.error is None else values | {"error": model.error}


def _row(model):
    size = f"{model.path.stat().st_size / 1e6:.1f} MB"
    if model.error is not None:
        return [model.name, size, model.error]
    names = ", ".join(model.styles)
    return [model.name, size, names, *(str(model.card.get(key, "")) for key in COLUMNS)]


def _print_table(rows):
    rows = [["MODEL", "SIZE", "STYLES", *(key.upper() for key in COLUMNS)], *rows]
    widths = [max(len(row[i]) for row in rows if len(row) > 3) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())
