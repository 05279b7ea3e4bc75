"""``ffmpeg-style webcam``."""

import click

from ffmpeg_style.catalog import DEFAULT_MODEL
from ffmpeg_style.options import FiniteRange, show_warnings


@click.command("webcam")
@click.option(
    "--camera",
    metavar="DEVICE|FILE",
    help="/dev/video1, a number or a name; a video stands in for one.  [default: the first]",
)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME|PATH")
@click.option("--style", metavar="STYLE", help="As for stylize.")
@click.option("--strength", type=FiniteRange(0, 1), help="0 is the source, 1 the painting.")
@click.option("--colors", type=click.Choice(["style", "content"]), help="As for stylize.")
@click.option("--steady", type=FiniteRange(0, 1), help="As for stylize.")
@click.option(
    "--max-height",
    type=click.IntRange(16, 4320),
    default=480,
    show_default=True,
    help="Makes what is higher smaller.",
)
def command(camera, model, max_height, **settings):
    """Show the camera of this machine as a painting, in a window.

    Keys: Space goes to the next model, + and - change the strength, C keeps the camera's colours, S
    saves the painting, Escape or Q ends.
    """
    from ffmpeg_style.extras import require
    from ffmpeg_style.ffmpeg.cameras import newest_frames
    from ffmpeg_style.painting import check_painting
    from ffmpeg_style.window import show_paintings

    require("webcam", "webcam")
    show_warnings()
    check_painting(model, **settings)
    given = {name: value for name, value in settings.items() if value is not None}
    with newest_frames(camera, max_height) as frames:
        show_paintings(frames, model, given)
