"""``ffmpeg-style app``."""

import click


@click.command("app")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="[default: any]")
@click.option("--no-browser", is_flag=True, help="Tell the address, and open no browser.")
def command(port, no_browser):
    """Open a page of this machine: drop a photograph or a video, see it painted, save it."""
    from ffmpeg_style.extras import require
    from ffmpeg_style.options import show_warnings

    require("app", "app")
    show_warnings()

    from ffmpeg_style.app.server import serve

    serve(port, not no_browser)
