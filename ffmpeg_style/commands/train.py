"""``ffmpeg-style train``."""

import shlex

import click

from ffmpeg_style.graphs.quiet import start_tensorflow
from ffmpeg_style.options import WEIGHT, FiniteRange, check_training_files, parse_paintings


@click.command(name="train")
@click.option(
    "--style",
    "paintings",
    multiple=True,
    required=True,
    callback=parse_paintings,
    metavar="[NAME=]IMAGE",
    help="A painting; several times for a network of several styles.",
)
@click.option("--content", required=True, metavar="DIR", help="Photographs, in any depth.")
@click.option("--output", default="run", show_default=True, help="Folder of the run.")
@click.option(
    "--architecture", metavar="johnson|fast", default="johnson", show_default=True, help="Network."
)
@click.option(
    "--width",
    type=click.IntRange(1, 512),
    help="Channels of the first layer: 32, and 16 for fast, unless given.",
)
@click.option("--norm", metavar="instance|batch", default="instance", show_default=True)
@click.option("--steps", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Crop side.")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--rate",
    type=FiniteRange(min=0, min_open=True),
    default=1e-3,
    show_default=True,
    help="Adam's rate.",
)
@click.option("--style-size", type=click.IntRange(32), default=512, show_default=True)
@click.option("--content-weight", type=WEIGHT, default=5.0, show_default=True)
@click.option("--style-weight", type=WEIGHT, default=10.0, show_default=True)
@click.option("--tv-weight", type=WEIGHT, default=2e-5, show_default=True)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "mixed_bfloat16"]),
    default="auto",
    show_default=True,
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--save-every", type=click.IntRange(1), default=500, show_default=True)
@click.option("--sample-every", type=click.IntRange(1), default=500, show_default=True)
@click.option("--vgg-weights", metavar="FILE", help="VGG-16 or VGG-19, .npz or Keras .h5.")
@click.option(
    "--from",
    "start",
    metavar="RUN|CHECKPOINT|MODEL.pb",
    help="Begin with these weights, of the same architecture, width and norm: each style with "
    "those of its name, a new one in the middle of all.",
)
@click.option("--teacher", metavar="RUN|CHECKPOINT|MODEL.pb", help="Learn this network's pictures.")
def command(paintings, content, output, architecture, width, norm, start, teacher, **options):
    """Train a style network on a folder of photographs, or go on with the run in --output.

    The run stops cleanly on Ctrl-C and goes on with the same command.
    """
    check_training_files(paintings, content, options["vgg_weights"])
    start_tensorflow()
    from ffmpeg_style.learning.checkpoint import has_checkpoint
    from ffmpeg_style.learning.losses import LossWeights
    from ffmpeg_style.learning.training import TrainSettings, train

    weights = LossWeights(
        options.pop("content_weight"), options.pop("style_weight"), options.pop("tv_weight")
    )
    vgg_weights = options.pop("vgg_weights")
    train(
        output,
        paintings,
        content,
        network=dict(architecture=architecture, width=width, norm=norm),
        settings=TrainSettings(weights=weights, **options),
        vgg_weights=vgg_weights,
        start=start,
        teacher=teacher,
    )
    if has_checkpoint(output):
        click.echo(f"To make a model of it: ffmpeg-style export {shlex.quote(output)} NAME.pb")
