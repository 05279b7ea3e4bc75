"""``ffmpeg-style stylize``."""

import json
import logging
import os
import re
import signal
import sys
import time
from contextlib import closing, contextmanager, nullcontext

import click

from ffmpeg_style.errors import InputError, StyleError
from ffmpeg_style.extras import require
from ffmpeg_style.options import (
    PORTS,
    PRECISION,
    Seconds,
    show_warnings,
    take_ports,
    with_painting,
    with_ports,
)
from ffmpeg_style.progress import print_line

OF_PAINTING = (
    *("style", "strength", "colors", "steady", "precision", "runtime", "requests", "threads"),
    *("device", "library", *PORTS),
)
"""Options that `check_painting` looks at."""
OF_CLUSTER = ("piece", "encode")
"""Options that go with --cluster alone."""
SECONDS_TO_END = 15
"""For the workers of a cluster, once Ctrl-C was pressed."""


class WithOptionsOfFFmpeg(click.Command):
    """A command whose last words, behind ``--``, are for ffmpeg, and no others are."""

    def parse_args(self, context, args):
        end = args.index("--") if "--" in args else len(args)
        words, of_ffmpeg = args[:end], args[end + 1 :]
        try:
            rest = super().parse_args(context, list(words))
        except click.NoSuchOption as error:
            raise self._of_ffmpeg(error, words) from error
        context.params["encoder_options"] = tuple(of_ffmpeg)
        self._refuse_late_command(context)
        return rest

    @staticmethod
    def _refuse_late_command(context):
        """Behind an option, the name of a command would be one of a file."""
        if context.resilient_parsing:  # a shell completes
            return
        name = context.params["words"][0]
        commands = context.parent.command.list_commands(context) if context.parent else ()
        if name in commands and not os.path.exists(name):
            context.fail(f"The command comes before its options: ffmpeg-style {name} ...")

    @staticmethod
    def _of_ffmpeg(error, words):
        """The error where a word such as -crf was taken for letters, each an option."""
        letter = error.option_name.removeprefix("-")
        word = next((w for w in words if re.match(rf"-[a-z]*{re.escape(letter)}", w)), None)
        if word is None or letter.startswith("-"):
            return error
        text = f"No such option {word!r}; options for ffmpeg follow --, such as: -- -crf 18"
        return click.NoSuchOption(word, text, ctx=error.ctx)

    def collect_usage_pieces(self, context):
        return [*super().collect_usage_pieces(context), "[-- FFMPEG OPTIONS]"]


@click.command("stylize", cls=WithOptionsOfFFmpeg)
@click.argument("words", nargs=-1, required=True, metavar="SOURCE... [TARGET]")
@click.option("-o", "--output", metavar="TARGET", help="A file, a folder, or - (stdout).")
@with_painting
@click.option(
    "--start", type=Seconds("start"), metavar="TIME", help="Where to begin: 90, 00:01:30."
)
@click.option(
    "--duration",
    type=Seconds("duration"),
    metavar="TIME",
    help="How much to paint.  [default: all]",
)
@click.option(
    "--size",
    metavar="PIXELS|WxH",
    help="The longer side, or a width and a height to fit into.  [default: the source's]",
)
@click.option("--max-height", type=int, metavar="PIXELS", help="Makes what is higher smaller.")
@click.option("--fps", metavar="RATE", help="Frames a second.  [default: every frame]")
@click.option(
    "--format",
    "kind",
    metavar="SUFFIX",
    help="Kind of the paintings whose names are not given: png, mp4.  [default: the source's]",
)
@click.option(
    "--preview", is_flag=True, help="Paint a still of the tenth second only, and show it."
)
@click.option("-y", "--overwrite", is_flag=True, help="Replace a target that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each file.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress bar, and errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Tell what is done, and by what.")
@click.option(
    "--executor",
    type=click.Choice(["ffmpeg", "pyav"]),
    help="What decodes and encodes: the patched ffmpeg, or FFmpeg's libraries by PyAV.  "
    "[default: the first, if it was built]",
)
@click.option(
    "--cluster",
    metavar="ADDRESS|local:N",
    help="Paint on the workers of a Dask scheduler, or on N here: docs/cluster.md.",
)
@click.option(
    "--piece",
    type=Seconds("piece"),
    metavar="TIME",
    help="With --cluster: how long the pieces of a clip are.  [default: a minute or less]",
)
@click.option(
    "--encode",
    type=click.Choice(["once", "pieces"]),
    help="With --cluster: once, by one worker for the whole film, as one machine does; or pieces, "
    "each by the worker that paints it, where one encoder can't keep up.  [default: once]",
)
@click.option(
    "--precision",
    type=PRECISION,
    help="auto: bf16 or int16 where the processor has it and the network gains.  [default: auto]",
)
@click.option(
    "--runtime",
    type=click.Choice(["auto", "own", "tensorflow"]),
    help="What runs the model; auto: the engine itself where it can, else TensorFlow.  "
    "[default: auto]",
)
@click.option(
    "--requests", type=click.IntRange(1, 64), help="Frames painted at a time.  [default: auto]"
)
@click.option(
    "--threads", type=click.IntRange(1), help="Most that paint one frame.  [default: auto]"
)
@click.option("--device", metavar="auto|cpu|gpu|gpu:N", help="[default: auto]")
@click.option("--library", metavar="PATH", help="TensorFlow's library.  [default: found at build]")
@with_ports("input")
def command(
    words,
    output,
    kind,
    preview,
    as_json,
    quiet,
    verbose,
    model,
    cluster,
    overwrite,
    **options,
):
    """Paint each SOURCE: a video, a photograph, a folder, a pattern, a URL, or - (stdin).

    TARGET is a file, whose suffix tells its kind, or a folder for several. Without one, photo.jpg
    becomes photo-wave-fast.jpg beside it, and a folder one beside it; what is painted already is
    passed over. The last word is the TARGET only where nothing is there yet, or an empty folder:
    one that exists is given by -o, and a file is replaced only with -y.

    More options for ffmpeg's output follow --, such as: -- -crf 18 -preset slow.
    """
    from ffmpeg_style.ffmpeg.batch import check_works, paint_all
    from ffmpeg_style.ffmpeg.encoder_options import EncoderOptions
    from ffmpeg_style.ffmpeg.sources import STANDARD, find_works, split_words
    from ffmpeg_style.painting import check_painting, check_shape, choose_model, painting_names

    show_warnings(logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING)
    options |= take_ports(options)
    with _failures_as_json(words, output, model) if as_json else nullcontext():
        model = choose_model(model, options["style"])
        check_painting(model, **{name: options[name] for name in OF_PAINTING})
        check_shape(options["size"], options["max_height"], options["fps"])
        EncoderOptions(options["encoder_options"])
        sources, target = (list(words), output) if output else split_words(words)
        kind = ".png" if preview else kind and f".{kind.removeprefix('.').lower()}"
        label = "-".join(
            [*painting_names(model, options["style"]), *(["preview"] if preview else [])]
        )
        works = find_works(sources, target, label, kind, any_url=cluster is not None)
        to_stdout = works[0].target == STANDARD
        if to_stdout and (as_json or sys.stdout.isatty()):
            what = "JSON" if as_json else "the terminal"
            raise InputError(
                f"{what} and the painting can't share the standard output; use -o FILE"
            )
        of_cluster = _of_cluster(options, cluster)
        if cluster is None:
            check_works(works, overwrite)
        elif to_stdout or preview or any(work.source == STANDARD for work in works):
            raise InputError(
                "--cluster paints from files to files; expected neither - nor --preview with it"
            )
        elif options["executor"] == "pyav":
            raise InputError(
                "--cluster paints with the patched ffmpeg; expected no --executor pyav"
            )
    progress = False if quiet or to_stdout else None
    options |= dict(overwrite=overwrite, progress=progress)
    if cluster is None:
        found = paint_all(works, model, kind=kind, preview=preview, **options)
    else:
        found = _on_cluster()(works, model, cluster, **of_cluster, **options)
    outcomes = []
    with nullcontext() if cluster is None else _ended_in_order(), closing(found):
        for outcome in found:
            outcomes.append(outcome)
            if as_json:
                _print_json(outcome, model)
            elif not (quiet or to_stdout or outcome.work.is_named) or outcome.error:
                _tell(outcome, len(works))
    if preview and sys.stdout.isatty() and _has_screen() and outcomes[-1].error is None:
        click.launch(outcomes[-1].work.target)
    done = sum(outcome.status == "done" for outcome in outcomes)
    if done and not quiet:
        there = "it was there already, by these options or others; -y paints it again"
        if len(works) > 1:
            there = f"{done} of {len(works)} were there already; -y paints them again"
        print(f"ffmpeg-style: {there}", file=sys.stderr)
    _end(outcomes)


def _of_cluster(options, cluster):
    """The options that are given of those that go with --cluster alone; takes them all away."""
    values = {name: options.pop(name) for name in OF_CLUSTER}
    given = {name: value for name, value in values.items() if value is not None}
    if given and cluster is None:
        raise InputError(f"--{next(iter(given))} goes with --cluster alone, such as local:2")
    return given


@contextmanager
def _failures_as_json(words, output, model):
    """A line of JSON for each source where a mistake keeps all of them."""
    from ffmpeg_style.ffmpeg.batch import Outcome
    from ffmpeg_style.ffmpeg.sources import Work, split_words

    try:
        yield
    except StyleError as error:
        try:
            sources = words if output else split_words(words)[0]
        except StyleError:
            sources = words[:-1]
        for source in sources:
            _print_json(Outcome(Work(source, output), "failed", error=error), model)
        raise


def _has_screen():
    """Without one, what opens pictures would open them in the terminal."""
    return sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _on_cluster():
    try:
        from ffmpeg_style.cluster.client import paint_on_cluster
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed", "fsspec", "psutil"):
            raise
        require("--cluster", "cluster")  # not before: bokeh is for the dashboard alone
        raise
    return paint_on_cluster


@contextmanager
def _ended_in_order():
    """Ctrl-C may be pressed again: that breaks off what ends the workers only where it hangs."""
    deadline = None

    def end(number, frame):
        nonlocal deadline
        now = time.monotonic()
        if deadline is None or now > deadline:
            deadline = now + SECONDS_TO_END
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _print_json(outcome, model):
    print_line(json.dumps(_values(outcome, model), ensure_ascii=False))
    sys.stdout.flush()


def _values(outcome, model):
    work = outcome.work
    values = {"source": work.source, "target": work.target, "model": model and str(model)}
    values |= {"status": outcome.status, "seconds": round(outcome.seconds, 3)}
    return values | ({"error": str(outcome.error)} if outcome.error else {})


def _tell(outcome, count):
    """A line for a file: its name on stdout, and on stderr what the user should know of it."""
    if outcome.error is None:
        print_line(outcome.work.target)
    elif count > 1:
        message, source = str(outcome.error), outcome.work.source
        named = message if source in message else f"{source}: {message}"
        print_line(f"ffmpeg-style: {named}", file=sys.stderr)


def _end(outcomes):
    """One failure is the command's own; of several, the last line tells how many."""
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if errors and len(outcomes) == 1:
        raise errors[0]
    if errors:
        failed = InputError(f"{len(errors)} of {len(outcomes)} files could not be painted")
        failed.exit_code = max(error.exit_code for error in errors)
        raise failed
