"""``ffmpeg-style train``."""

import shlex
from pathlib import Path

import click

from ffmpeg_style.catalog import ANY_MODEL, find_model
from ffmpeg_style.commands.export import export_model
from ffmpeg_style.errors import StoppedError
from ffmpeg_style.extras import require
from ffmpeg_style.free_photographs import free_photographs
from ffmpeg_style.graphs.quiet import start_tensorflow
from ffmpeg_style.learning.settings import named_paintings
from ffmpeg_style.options import WEIGHT, FiniteRange

NETWORK = ("architecture", "width", "norm")


@click.command(name="train")
@click.option(
    "--style",
    "paintings",
    multiple=True,
    callback=lambda context, parameter, values: named_paintings(values),
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
@click.option(
    "--content",
    metavar="DIR",
    help="Photographs, in any depth.  [default with --minutes: a few free ones]",
)
@click.option("--output", default="run", show_default=True, help="Folder of the run.")
@click.option(
    "--architecture",
    metavar="johnson|fast",
    help="Network.  [default: that of --from, else johnson]",
)
@click.option(
    "--width",
    type=click.IntRange(1, 512),
    help="Channels of the first layer.  [default: that of --from, else 32, and 16 for fast]",
)
@click.option("--norm", metavar="instance|batch", help="[default: that of --from, else instance]")
@click.option("--steps", type=click.IntRange(1), help="[default: 20000]")
@click.option(
    "--minutes",
    type=FiniteRange(min=0, min_open=True),
    help="Train for so long, in place of a number of steps; --from is then the model for any "
    "painting, and a model is written, also after Ctrl-C.",
)
@click.option(
    "--export",
    "model",
    metavar="MODEL.pb",
    help="Write a model in the end, also after Ctrl-C.  "
    "[default with --minutes: one in --output, with the painting's name]",
)
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
    help="auto: bfloat16 where the device that trains multiplies it in hardware.",
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
@click.option(
    "--fork",
    is_flag=True,
    help="Go on with a run that was begun with other paintings, photographs or options, which is "
    "refused otherwise; its card tells both parts.",
)
@click.option("-y", "--overwrite", is_flag=True, help="Replace a model that exists.")
@click.option(
    "--recipe",
    metavar="MODEL|FILE.toml",
    help="Do all that a recipe tells: that of a shipped model, or a file; --content and "
    "--vgg-weights take the place of its own.",
)
def command(recipe, **options):
    """Train a style network on a folder of photographs, or go on with the run in --output.

    The run stops cleanly on Ctrl-C and goes on with the same command.
    """
    if recipe:
        return follow(recipe, options["content"], options["vgg_weights"])
    overwrite = options.pop("overwrite")
    if options["model"]:
        from ffmpeg_style.learning.weights import check_model_path

        check_model_path(options["model"], overwrite)
    if options["minutes"]:
        options = with_defaults(**options)
    check_styles(**options)
    model, output = options.pop("model"), options["output"]
    if model is None:
        train_one(**options)
        click.echo(f"To make a model of it: ffmpeg-style export {shlex.quote(output)} NAME.pb")
        return
    try:
        train_one(**options)
    except StoppedError:  # What was learned until then is a model too.
        from ffmpeg_style.learning.checkpoint import newest_checkpoint

        if newest_checkpoint(Path(output)) is not None:
            export_model(model, {output: 1.0}, overwrite=True)
        raise
    export_model(model, {output: 1.0}, overwrite=True)


def with_defaults(paintings, content, start, output, model, **options):
    """What a user needs not tell of a run of some minutes, which begins with what is there."""
    if not content:
        content = free_photographs("train without --content")
    if start is None and not options["teacher"]:
        start = find_model(ANY_MODEL)
    if model is None and paintings:
        model = str(Path(output) / f"{'-'.join(paintings)}.pb")
    given = dict(paintings=paintings, content=content, start=start, output=output, model=model)
    return given | options


def check_styles(paintings, collection, leave_out, teacher, content, steps, minutes, **_):
    """Raise UsageError for what is given twice or not at all."""
    if not content:
        raise click.UsageError("expected --content, or a --recipe, or --minutes")
    if steps and minutes:
        raise click.UsageError("expected either --steps or --minutes")
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


def network_options(start, options):
    """What is told of the network; what is not is as in the one that it begins with."""
    told = {name: options.pop(name) for name in NETWORK}
    told = {name: value for name, value in told.items() if value is not None}
    if start is None or told.keys() >= set(NETWORK):
        return told
    from ffmpeg_style.learning.weights import read_network

    settings = read_network(start, weights=False).settings
    return {name: settings[name] for name in NETWORK} | told


def train_one(paintings, collection, leave_out, content, output, **options):
    """Train one run; what is wrong with it is told before TensorFlow is loaded."""
    require("train", "train")
    from ffmpeg_style.learning.run import prepare_base, prepare_run
    from ffmpeg_style.learning.settings import LossWeights, TrainSettings

    weights = LossWeights(*(options.pop(f"{name}_weight") for name in ("content", "style", "tv")))
    for name in ("model", "overwrite"):  # of the command, and not of a run
        options.pop(name, None)
    network = network_options(options["start"], options)
    names = ("vgg_weights", "start", "fork", "teacher", "per_photograph")
    others = dict(network=network, **{name: options.pop(name) for name in names})
    if options["steps"] is None:
        del options["steps"]
    others["settings"] = TrainSettings(weights=weights, **options)
    if collection:
        del others["teacher"]
        left_out = read_names(leave_out) if leave_out else ()
        run = prepare_base(output, collection, content, left_out=left_out, **others)
        start_tensorflow()
        from ffmpeg_style.learning.base import train_base_run as train_run
    else:
        del others["per_photograph"]
        run = prepare_run(output, paintings, content, **others)
        start_tensorflow()
        from ffmpeg_style.learning.training import train_run
    train_run(run)


def follow(path, content, vgg_weights):
    """Do what a recipe tells, and before it what it needs; what is done already is not repeated."""
    from ffmpeg_style.learning import recipe

    given = {"content": content, "vgg_weights": vgg_weights}
    given = {name: value for name, value in given.items() if value is not None}
    recipes = recipe.read_recipes(recipe.find_recipe(path))
    parsed = [[parse(each.path, run | given) for run in each.runs] for each in recipes]
    for each, runs in zip(recipes, parsed, strict=True):
        for part in each.crops:
            recipe.crop(**part)
        for options in runs:
            click.echo(f"{each.path.stem}: {options['output']}", err=True)
            train_one(**options)
        for model in each.exports:
            write_model(**model)


def write_model(output, run=None, mean=None, style=(), **options):
    """Export what a recipe tells to, unless it is there."""
    if Path(output).exists():
        click.echo(f"{output} is there already", err=True)
    else:
        export_model(output, mean or {run: 1.0}, styles=style, **options)


def parse(path, run):
    """The options of a recipe's run, as `train_one` takes them."""
    from ffmpeg_style.errors import InputError
    from ffmpeg_style.learning.recipe import arguments

    try:
        options = command.make_context("train", arguments(run)).params
        recipe = options.pop("recipe")
        check_styles(**options)
    except click.ClickException as error:
        raise InputError(
            f"expected options of train for {run['output']} in {path}: {error.format_message()}"
        ) from None
    if recipe:
        raise InputError(f"expected runs in {path}, found the recipe {recipe}; put it into needs")
    return options
