"""``ffmpeg-style stylize``."""

from contextlib import nullcontext
from pathlib import Path

import click

from ffmpeg_style.options import FiniteRange, show_warnings


class WithOptionsOfFFmpeg(click.Command):
    """A command whose last words, behind ``--``, are for ffmpeg, and no others are."""

    def parse_args(self, context, args):
        end = args.index("--") if "--" in args else len(args)
        words, of_ffmpeg = args[:end], args[end + 1 :]
        rest = super().parse_args(context, words)
        context.params["encoder_options"] = tuple(of_ffmpeg)
        return rest

    def collect_usage_pieces(self, context):
        return [*super().collect_usage_pieces(context), "[-- FFMPEG OPTIONS]"]


@click.command("stylize", cls=WithOptionsOfFFmpeg)
@click.argument("source")
@click.argument("target", type=click.Path(path_type=Path))
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
    "--steady",
    type=FiniteRange(0, 1),
    help="How much a painting is held by the one before: 0 is each by itself.  [default: 0.9]",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    help="auto: bf16 where the processor has it and the network gains from it.  [default: auto]",
)
@click.option(
    "--runtime",
    type=click.Choice(["auto", "own", "tensorflow"]),
    help="What runs the model; auto: the engine itself where it can, else TensorFlow.  "
    "[default: auto]",
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
    from ffmpeg_style.ffmpeg.stylize import stylize
    from ffmpeg_style.graphs.quiet import filtered_stderr
    from ffmpeg_style.pictures import kind_of

    show_warnings()
    # The engine paints photographs in this process, and TensorFlow talks as it loads.
    is_photograph = Path(source).is_file() and kind_of(Path(source))[1] == 1
    with filtered_stderr() if is_photograph else nullcontext():
        stylize(source, target, progress=False if quiet else None, **options)
