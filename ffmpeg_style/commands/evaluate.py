"""``ffmpeg-style evaluate``."""

import json

import click

from ffmpeg_style.extras import require
from ffmpeg_style.graphs.quiet import start_tensorflow
from ffmpeg_style.learning.settings import named_paintings
from ffmpeg_style.options import WEIGHT, take_ports, with_ports


@click.command("evaluate")
@click.argument("model", metavar="MODEL")
@click.option(
    "--style",
    "paintings",
    multiple=True,
    callback=lambda context, parameter, values: named_paintings(values),
    metavar="[NAME=]IMAGE",
    help="The painting; for a model of many styles one for each style to judge."
    " --steady alone needs none.",
)
@click.option("--content", required=True, metavar="DIR", help="Photographs not trained on.")
@click.option("--width", type=click.IntRange(32), default=512, show_default=True)
@click.option(
    "--style-size", type=click.IntRange(32), help="Short side.  [default: as in training]"
)
@click.option("--content-weight", type=WEIGHT, help="[default: as in training]")
@click.option("--style-weight", type=WEIGHT, help="[default: as in training]")
@click.option("--tv-weight", type=WEIGHT, help="[default: as in training]")
@click.option(
    "--gatys-images",
    type=click.IntRange(0),
    default=6,
    show_default=True,
    help="How many of the photographs to compare with Gatys; each takes minutes, once.",
)
@click.option("--iterations", type=click.IntRange(1), default=200, show_default=True)
@click.option("--cache", metavar="DIR", help="Results of Gatys.  [default: in the user's cache]")
@with_ports("input")
@click.option("--steady", is_flag=True, help="Judge how steady its video is.")
@click.option(
    "--video",
    "videos",
    multiple=True,
    metavar="CLIP|DIR",
    help="A clip for --steady, or frames as images, with their flow as in MPI Sintel.",
)
@click.option("--output", metavar="DIR", help="Write a report and contact sheets there.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--vgg-weights", metavar="FILE", help="VGG-16 or VGG-19, .npz or Keras .h5.")
def command(model, paintings, steady, videos, as_json, **options):
    """Judge a model by its losses, beside those of Gatys's optimisation, and by its steadiness.

    MODEL is its path, or a name: see `ffmpeg-style models`.
    Interrupted, it goes on with the next photograph when the command is given again.
    """
    from ffmpeg_style.catalog import find_model

    if not (paintings or steady):
        raise click.UsageError("expected --style, --steady or both, found neither")
    if videos and not steady:
        raise click.UsageError("expected --steady with --video, found --video alone")
    if paintings:
        require("evaluate --style", "train")
    if steady:
        require("evaluate --steady", "judge")
    model, report, tables = find_model(model), {}, []
    ports = take_ports(options)
    evaluation = prepare_losses(model, paintings, ports=ports, **options) if paintings else None
    if steady:
        how = dict(videos=videos, ports=ports, **options)
        report["steadiness"], text = judge_steadiness(model, paintings, **how)
        tables.append(text)
    if paintings:
        losses, text = judge_losses(evaluation)
        report = losses | report
        tables.insert(0, text)
    click.echo(json.dumps(report, indent=2) if as_json else "\n\n".join(tables))


def prepare_losses(model, paintings, content_weight, style_weight, tv_weight, **options):
    """What is judged by its losses, read and checked before TensorFlow is loaded."""
    from ffmpeg_style.learning.evaluation import prepare_evaluation

    weights = {"content": content_weight, "style": style_weight, "total_variation": tv_weight}
    weights = {name: value for name, value in weights.items() if value is not None}
    return prepare_evaluation(model, paintings, weights=weights, **options)


def judge_losses(evaluation):
    """The report on the losses, and its table."""
    start_tensorflow()
    from ffmpeg_style.learning.judge import judge
    from ffmpeg_style.learning.report import report_table

    report = judge(evaluation)
    return report, report_table(report)


def judge_steadiness(model, paintings, videos, ports, content, width, output, **_):
    """The report on the steadiness, and its table."""
    from ffmpeg_style.learning.steady import evaluate_steadiness, table

    # A model of one style has it whatever its painting's file is called.
    styles = list(paintings) if len(paintings) > 1 else None
    how = dict(styles=styles, width=width, output=output, ports=ports)
    report = evaluate_steadiness(model, content, videos, **how)
    return report, table(report)
