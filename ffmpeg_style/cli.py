"""``ffmpeg-style``: one command, one module of `ffmpeg_style.commands` for each subcommand."""

import importlib
import os
import signal
import sys
from difflib import get_close_matches

import click

from ffmpeg_style import __version__
from ffmpeg_style.errors import UNCOMPILED, PackageError, StyleError
from ffmpeg_style.files import FULL, full_disk

GROUP_OPTIONS = ("--help", "--version")
DEFAULT_COMMAND = "stylize"
COMMANDS = {
    "Paint": {
        "stylize": "videos and photographs; what is done where no command is named",
        "sheet": "a photograph by every model, to choose one by",
        "app": "on a page of this machine, by dropping files on it",
        "webcam": "the camera of this machine, in a window",
        "live": "cameras while they run, for browsers and players",
    },
    "See what there is": {
        "models": "the models, and what is known of one",
        "info": "versions, the processor, ffmpeg, and what is missing",
        "inspect": "what is in a model's file, and whether it can be used",
    },
    "Have the filter in ffmpeg": {
        "build": "build an ffmpeg that has it",
        "ffmpeg": "run that ffmpeg",
    },
    "Make models": {
        "train": "train a network on a painting and photographs",
        "export": "a trained network as a model",
        "evaluate": "judge a model",
        "optimize": "one photograph by the slow optimisation, to try a painting",
        "freeze": "a model from a network of others",
    },
}
"""Each is a module of `ffmpeg_style.commands`."""


class CommandModules(click.Group):
    """Subcommands that are imported when they are asked for: TensorFlow takes seconds to load."""

    def list_commands(self, context):
        return [name for commands in COMMANDS.values() for name in commands]

    def format_commands(self, context, formatter):
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def parse_args(self, context, args):
        """As in ``ffmpeg-style photo.jpg``: what is no command, but may be a file, is painted."""
        if args and args[0] not in GROUP_OPTIONS and self._may_be_painted(args[0]):
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(context, args)

    def _may_be_painted(self, word):
        if word in self.list_commands(None):
            return False
        return (
            word.startswith("-") or any(mark in word for mark in "./\\*?[") or os.path.exists(word)
        )

    def get_command(self, context, name):
        if name not in self.list_commands(context):
            return None
        return importlib.import_module(f"ffmpeg_style.commands.{name}").command

    def resolve_command(self, context, args):
        names = self.list_commands(context)
        close = get_close_matches(args[0], names, 1, 0.7)
        if args[0] not in names and close:
            context.fail(f"No such command {args[0]!r}; did you mean {close[0]!r}?")
        return super().resolve_command(context, args)

    def invoke(self, context):
        end_by_signals()
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            context.exit(128 + signal.SIGINT)
        except StyleError as error:
            message, code = str(error), error.exit_code
        except ModuleNotFoundError as error:
            if error.name != "ffmpeg_style._engine":
                raise
            message, code = UNCOMPILED, PackageError.exit_code
        except OSError as error:
            if error.errno not in FULL:
                raise
            full = full_disk(error.filename or "a file", error.strerror)
            message, code = str(full), full.exit_code
        print(f"ffmpeg-style: {message}", file=sys.stderr)
        context.exit(code)


def end_by_signals():
    """Lets SIGTERM and SIGHUP end a command as Ctrl-C does: what it has begun is put in order."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, lambda number, frame: sys.exit(128 + number))


@click.command(cls=CommandModules)
@click.version_option(__version__)
def main():
    """Paint photographs and videos in the style of paintings.

    \b
      ffmpeg-style photo.jpg                     becomes photo-wave-fast.jpg
      ffmpeg-style clip.mp4 --model scream-fast  becomes clip-scream-fast.mp4, with its sound
      ffmpeg-style sheet photo.jpg               every model on one's photograph
    """  # noqa: D301 - click knows by that mark what it is not to fill
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow takes oneDNN by itself only where there is AVX-512; a training step of the half
    # network with AVX2 alone took 0.25 s with it and 0.58 s without.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
