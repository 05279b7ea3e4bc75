"""``ffmpeg-style optimize``."""

from pathlib import Path

import click

from ffmpeg_style.extras import require
from ffmpeg_style.graphs.quiet import start_tensorflow
from ffmpeg_style.options import WEIGHT


@click.command("optimize")
@click.option("--content", required=True, metavar="IMAGE", help="The photograph.")
@click.option("--style", required=True, metavar="IMAGE", help="The painting.")
@click.option("--output", required=True, metavar="IMAGE", help="What to write: .png, .jpg, ...")
@click.option("--iterations", type=click.IntRange(1), default=200, show_default=True)
@click.option(
    "--start", type=click.Choice(["noise", "content"]), default="content", show_default=True
)
@click.option("--width", type=click.IntRange(32), help="Scale the photograph to this width.")
@click.option("--style-size", type=click.IntRange(32), default=512, show_default=True)
@click.option("--content-weight", type=WEIGHT, default=5.0, show_default=True)
@click.option("--style-weight", type=WEIGHT, default=10.0, show_default=True)
@click.option("--tv-weight", type=WEIGHT, default=2e-5, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--vgg-weights", metavar="FILE", help="VGG-16 or VGG-19, .npz or Keras .h5.")
@click.option("-y", "--overwrite", is_flag=True, help="Replace an image that exists.")
def command(content, style, output, content_weight, style_weight, tv_weight, **options):
    """Paint one photograph by the slow optimisation of Gatys, Ecker and Bethge.

    It needs no trained network: the way to see what a painting gives before training on it.
    """
    require("optimize", "train")
    from ffmpeg_style.learning.photographs import read_image, read_painting
    from ffmpeg_style.learning.settings import LossWeights
    from ffmpeg_style.learning.vgg import find_vgg
    from ffmpeg_style.pictures import check_picture_target

    # A mistake is told before TensorFlow takes its seconds to load.
    check_picture_target(Path(output), options["overwrite"], Path(content), Path(style))
    read_image(content, width=options["width"])
    read_painting(style, options["style_size"])
    find_vgg(options["vgg_weights"])
    start_tensorflow()
    from ffmpeg_style.learning.gatys import optimize_file

    losses = optimize_file(
        content,
        style,
        output,
        weights=LossWeights(content_weight, style_weight, tv_weight),
        **options,
    )
    terms = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in losses.items())
    click.echo(f"{output}: {terms}")
