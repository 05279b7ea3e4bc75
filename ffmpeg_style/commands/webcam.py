"""``ffmpeg-style webcam``."""

import click

from ffmpeg_style.options import show_warnings, with_painting


@click.command("webcam")
@click.option(
    "--camera",
    metavar="DEVICE|FILE",
    help="/dev/video1, a number or a name; a video stands in for one.  [default: the first]",
)
@with_painting
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
    from ffmpeg_style.painting import check_painting, choose_model
    from ffmpeg_style.window import show_paintings

    require("webcam", "webcam")
    show_warnings()
    model = choose_model(model, settings["style"])
    check_painting(model, **settings)
    given = {name: value for name, value in settings.items() if value is not None}
    with newest_frames(camera, max_height) as frames:
        show_paintings(frames, model, given)
