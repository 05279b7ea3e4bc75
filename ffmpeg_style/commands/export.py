"""``ffmpeg-style export``."""

import click

from ffmpeg_style.extras import require
from ffmpeg_style.graphs.quiet import start_tensorflow


@click.command("export")
@click.argument("network", metavar="RUN|CHECKPOINT|MODEL.pb")
@click.argument("output", metavar="OUTPUT.pb")
@click.option(
    "--style",
    "styles",
    multiple=True,
    metavar="NAME|[NAME=]IMAGE",
    help="A style to keep, in this order, or a painting for a network for any; repeatable.  "
    "[default: all]",
)
@click.option("--name", help="Of the model, for its card.  [default: that of the file]")
@click.option(
    "--licence", help="Of the model, for its card.  [default: that of what it began with]"
)
@click.option("--data", help="What it was trained on, for its card.  [default: what is known]")
@click.option("-y", "--overwrite", is_flag=True, help="Replace a model that exists.")
def command(network, output, **options):
    """Write a trained network as a frozen graph that the filter runs.

    The newest checkpoint of a run is taken. One --style cuts a model of one style out of a network
    of many; a painting makes one out of a network for any painting.
    """
    export_model(output, {network: 1.0}, **options)


def export_model(
    output, networks, *, styles=(), name=None, licence=None, data=None, overwrite=False
):
    """Write the mean of some networks, shares by their paths, as a model.

    What is wrong is told before TensorFlow starts. The other arguments are the command's.
    """
    require("export", "train")
    from ffmpeg_style.learning.photographs import check_painting
    from ffmpeg_style.learning.settings import named_paintings
    from ffmpeg_style.learning.weights import check_export, mean_network, read_network

    told = mean_network({path: read_network(path, weights=False) for path in networks}, networks)
    paintings = named_paintings(styles) if told.settings.get("vector") else {}
    for path in paintings.values():
        check_painting(path)
    check_export(told, output, () if paintings else styles, overwrite)
    start_tensorflow()
    from ffmpeg_style.learning.export import export
    from ffmpeg_style.learning.training import with_paintings
    from ffmpeg_style.learning.weights import build_network

    stored = mean_network({path: read_network(path) for path in networks}, networks)
    built = build_network(stored)
    if paintings:
        built, styles = with_paintings(built, paintings), ()
    card = export(
        built,
        output,
        styles=styles,
        name=name,
        trained={**stored.trained, **({"data": data} if data else {})},
        licence=licence or stored.licence,
        overwrite=overwrite,
    )
    click.echo(f"{output}: the model {card['name']} of the styles {', '.join(card['styles'])}")
