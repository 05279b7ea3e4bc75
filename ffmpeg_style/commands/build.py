"""``ffmpeg-style build``: the patched ffmpeg, from FFmpeg's source code."""

from pathlib import Path

import click

from ffmpeg_style.ffmpeg.profiles import PROFILES
from ffmpeg_style.ffmpeg.source import DEFAULT_SERIES, SERIES


@click.command("build")
@click.option(
    "--series",
    type=click.Choice(list(SERIES)),
    help=f"FFmpeg's series.  [default: that of --source, else {DEFAULT_SERIES}]",
)
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR|TARBALL",
    help="FFmpeg's source code.  [default: Debian's or the official release, fetched and verified]",
)
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="demo",
    show_default=True,
    help="demo: what the quick start needs, built in minutes; full: everything, with the external "
    "libraries installed here.",
)
@click.option(
    "--prefix",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to install.  [default: a folder of ffmpeg-style's own, where it finds the program]",
)
@click.option("--unpatched", is_flag=True, help="Leave the filter out, to compare with.")
@click.option(
    "--configure-flag",
    "configure_flags",
    multiple=True,
    metavar="FLAG",
    help="One more option for FFmpeg's configure: --configure-flag=--enable-libx265; repeatable.",
)
@click.option(
    "--jobs", type=click.IntRange(1), help="Compilers at a time.  [default: one a processor]"
)
@click.option("--update", is_flag=True, help="Look for a newer release of the series.")
def command(unpatched, **options):
    """Build an ffmpeg that has the styletransfer filter, and print its path.

    It can be interrupted and run again; what is done already is not done twice.
    """
    from ffmpeg_style.ffmpeg.build import build

    print(build(patched=not unpatched, **options))
