"""``ffmpeg-style ffmpeg``."""

import os

import click


@click.command(
    "ffmpeg",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[FFMPEG OPTIONS]")
def command(words):
    """Run the ffmpeg that has the styletransfer filter, with all that follows.

    It is the one that FFMPEG_STYLE_FFMPEG names, or that `ffmpeg-style build` made, or that the
    package ffmpeg-style-ffmpeg brings.
    """
    from ffmpeg_style.ffmpeg.program import ffmpeg_path

    program = str(ffmpeg_path())
    os.execv(program, [program, *words])
