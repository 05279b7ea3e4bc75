"""``ffmpeg-style export``."""

import click

from ffmpeg_style.graphs.quiet import start_tensorflow


@click.command("export")
@click.argument("network", metavar="RUN|CHECKPOINT|MODEL.pb")
@click.argument("output", metavar="OUTPUT.pb")
@click.option(
    "--style",
    "styles",
    multiple=True,
    metavar="NAME",
    help="A style to keep, in this order; repeatable.  [default: all]",
)
@click.option("--name", help="Of the model, for its card.  [default: that of the file]")
@click.option(
    "--licence", help="Of the model, for its card.  [default: that of what it began with]"
)
@click.option("--data", help="What it was trained on, for its card.  [default: what is known]")
@click.option("-y", "--overwrite", is_flag=True, help="Replace a model that exists.")
def command(network, output, styles, name, licence, data, overwrite):
    """Write a trained network as a frozen graph that the filter runs.

    The newest checkpoint of a run is taken. One --style cuts a model of one style out of a network
    of many.
    """
    start_tensorflow()
    from ffmpeg_style.learning.export import export
    from ffmpeg_style.learning.weights import build_network, read_network

    stored = read_network(network)
    card = export(
        build_network(stored),
        output,
        styles=styles,
        name=name,
        trained={**stored.trained, **({"data": data} if data else {})},
        licence=licence or stored.licence,
        overwrite=overwrite,
    )
    click.echo(f"{output}: the model {card['name']} of the styles {', '.join(card['styles'])}")
