"""``ffmpeg-style stylize``."""

import signal
import sys
from pathlib import Path

import click

from ffmpeg_style.options import FiniteRange


@click.command("stylize")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.argument("encoder_options", nargs=-1, metavar="[-- FFMPEG OPTIONS]")
@click.option("--model", required=True, metavar="NAME|PATH", help="See `ffmpeg-style models`.")
@click.option(
    "--style",
    metavar="STYLE",
    help="Name or index of a style, or a mix: wave:0.7+scream:0.3.  [default: the model's first]",
)
@click.option(
    "--strength",
    type=FiniteRange(0, 1),
    help="0 is the source, 1 the painting.  [default: 1]",
)
@click.option(
    "--colors",
    type=click.Choice(["style", "content"]),
    help="content: the painting's brushwork in the source's colours.  [default: style]",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    help="auto: bf16 where the processor has it and the network gains from it.  [default: auto]",
)
@click.option("--requests", type=click.IntRange(1, 64), help="Frames at a time.  [default: auto]")
@click.option("--threads", type=click.IntRange(1), help="TensorFlow's threads.  [default: auto]")
@click.option("--device", metavar="auto|cpu|gpu|gpu:N", help="[default: auto]")
@click.option("--library", metavar="PATH", help="TensorFlow's library.  [default: found at build]")
@click.option("--start", type=FiniteRange(0), metavar="SECONDS", help="Where to begin.")
@click.option(
    "--duration",
    type=FiniteRange(0, min_open=True),
    metavar="SECONDS",
    help="How much to paint.  [default: all]",
)
@click.option("-y", "--overwrite", is_flag=True, help="Replace a target that exists.")
@click.option("--quiet", is_flag=True, help="Show no progress bar.")
def command(source, target, quiet, **options):
    """Paint the video or photograph SOURCE, and write TARGET, whose suffix tells its kind.

    More options for ffmpeg's output follow --, such as: -- -crf 18 -preset slow.
    """
    from ffmpeg_style.ffmpeg.video import stylize

    # As at Ctrl-C: end ffmpeg, delete the half-written file.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, lambda number, frame: sys.exit(128 + number))
    stylize(source, target, progress=False if quiet else None, **options)
