"""``ffmpeg-style train``."""

import shlex
from pathlib import Path

import click

from ffmpeg_style.graphs.quiet import start_tensorflow
from ffmpeg_style.options import WEIGHT, FiniteRange, check_training_files, parse_paintings


@click.command(name="train")
@click.option(
    "--style",
    "paintings",
    multiple=True,
    callback=parse_paintings,
    metavar="[NAME=]IMAGE",
    help="A painting; several times for a network of several styles.",
)
@click.option(
    "--paintings",
    "collection",
    metavar="DIR",
    help="Paintings, in any depth, for a base network: one for any painting. In place of --style.",
)
@click.option(
    "--leave-out",
    metavar="FILE",
    help="Names of files in --paintings, one a line, that are not to be learned from.",
)
@click.option(
    "--per-photograph",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="With --paintings: paintings of each photograph in a step.",
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
@click.option(
    "--content-layer",
    default="block2_conv2",
    show_default=True,
    help="Layer of VGG for the content loss; block3_conv3 lets go of more of the photograph.",
)
@click.option("--content-weight", type=WEIGHT, default=5.0, show_default=True)
@click.option("--style-weight", type=WEIGHT, default=10.0, show_default=True)
@click.option("--tv-weight", type=WEIGHT, default=2e-5, show_default=True)
@click.option(
    "--consistency-weight",
    "consistency",
    type=WEIGHT,
    default=30.0,
    show_default=True,
    help="Of holding still in video; 0 trains without it, a little faster.",
)
@click.option(
    "--average",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Share of the running mean of the weights that stays at each step; 0 keeps none.",
)
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
def command(
    paintings,
    collection,
    leave_out,
    per_photograph,
    content,
    output,
    architecture,
    width,
    norm,
    start,
    teacher,
    **options,
):
    """Train a style network on a folder of photographs, or go on with the run in --output.

    The run stops cleanly on Ctrl-C and goes on with the same command.
    """
    check_styles(paintings, collection, leave_out, teacher)
    left_out = read_names(leave_out) if leave_out else []
    check_training_files(paintings or {}, content, options["vgg_weights"])
    start_tensorflow()
    from ffmpeg_style.learning.base import train_base
    from ffmpeg_style.learning.checkpoint import has_checkpoint
    from ffmpeg_style.learning.losses import LossWeights
    from ffmpeg_style.learning.training import TrainSettings, train

    weights = LossWeights(
        options.pop("content_weight"), options.pop("style_weight"), options.pop("tv_weight")
    )
    shared = dict(
        network=dict(architecture=architecture, width=width, norm=norm),
        vgg_weights=options.pop("vgg_weights"),
        start=start,
        settings=TrainSettings(weights=weights, **options),
    )
    if collection:
        shared |= dict(left_out=left_out, per_photograph=per_photograph)
        train_base(output, collection, content, **shared)
    else:
        train(output, paintings, content, teacher=teacher, **shared)
    if has_checkpoint(output):
        click.echo(f"To make a model of it: ffmpeg-style export {shlex.quote(output)} NAME.pb")


def check_styles(paintings, collection, leave_out, teacher):
    """Raise UsageError for styles that are given twice or not at all."""
    if bool(paintings) == bool(collection):
        raise click.UsageError("expected either --style or --paintings")
    if leave_out and not collection:
        raise click.UsageError("expected --leave-out with --paintings alone")
    if teacher and collection:
        raise click.UsageError("expected --teacher with --style alone")


def read_names(path):
    """The lines of a file, without those that are empty or begin with #."""
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeError) as error:
        raise click.UsageError(f"expected a file of names to leave out ({error})") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
