"""``ffmpeg-style``: one command, one module of `ffmpeg_style.commands` for each subcommand."""

import importlib
import os
import pkgutil
import sys

import click

from ffmpeg_style import __version__, commands
from ffmpeg_style.errors import StyleError


class CommandModules(click.Group):
    """Subcommands that are imported when they are asked for: TensorFlow takes seconds to load."""

    def list_commands(self, context):
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, context, name):
        if name not in self.list_commands(context):
            return None
        return importlib.import_module(f"ffmpeg_style.commands.{name}").command

    def invoke(self, context):
        try:
            return super().invoke(context)
        except StyleError as error:
            print(f"ffmpeg-style: {error}", file=sys.stderr)
            context.exit(error.exit_code)


@click.command(cls=CommandModules)
@click.version_option(__version__)
def main():
    """Paint videos with neural networks, train such networks, and build an ffmpeg that has them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow takes oneDNN by itself only where there is AVX-512; a training step of the half
    # network with AVX2 alone took 0.25 s with it and 0.58 s without.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
