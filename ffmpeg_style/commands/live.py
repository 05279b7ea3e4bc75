"""``ffmpeg-style live``: cameras painted while they run."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from ffmpeg_style.extras import require
from ffmpeg_style.options import PRECISION, take_ports, with_painting, with_ports

PORT = click.IntRange(1, 65535)


@click.command("live")
@with_painting
@click.option("--host", default="127.0.0.1", show_default=True, help="IP address to listen on.")
@click.option("--rtmp-port", type=PORT, default=1935, show_default=True)
@click.option("--http-port", type=PORT, default=8080, show_default=True)
@click.option("--https", is_flag=True, help="Encrypt the page: browsers film on such pages only.")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path),
    help="PEM file for --https.  [default: one of the server's own making]",
)
@click.option(
    "--certificate-key",
    type=click.Path(path_type=Path),
    help="Its private key.  [default: in the same file]",
)
@click.option(
    "--key-file",
    type=click.Path(),
    help="File with the key that publishing and controlling need; or set FFMPEG_STYLE_KEY.",
)
@click.option("--private", is_flag=True, help="Watching needs the key, too.")
@click.option("--max-streams", type=click.IntRange(1, 100), default=4, show_default=True)
@click.option(
    "--max-height",
    type=click.IntRange(16, 4320),
    default=720,
    show_default=True,
    help="Pixels; a larger picture is made smaller before it is painted.",
)
@click.option(
    "--bitrate",
    type=click.IntRange(100, 100000),
    default=2500,
    show_default=True,
    help="In kbit/s.",
)
@click.option("--device", metavar="auto|cpu|gpu|gpu:N", help="As of the filter.")
@click.option("--precision", type=PRECISION, help="As of the filter.")
@with_ports("input", "output")
@click.option("--state", type=click.Path(path_type=Path), help="Folder for the server's own files.")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write each painted stream to a file of its own.",
)
@click.option(
    "--virtual-camera",
    type=click.Path(path_type=Path),
    metavar="/dev/videoN",
    help="A v4l2loopback device that shows the painting to other programs.",
)
@click.option("--demo", is_flag=True, help="Publish moving photographs as the stream demo.")
@click.option("--verbose", is_flag=True, help="Log all that nginx and ffmpeg say.")
def command(model, style, key_file, state, demo, verbose, **options):
    """Paint cameras while they run, and show them to any player or browser.

    Open http://HOST:8080/ to film and to watch; or publish to rtmp://HOST/camera/NAME?key=KEY, or
    by WHIP to http://HOST:8080/streams/NAME/whip, and watch rtmp://HOST/painted/NAME.
    """
    import os

    from ffmpeg_style._engine import read_card
    from ffmpeg_style.ffmpeg.filter_graph import style_text
    from ffmpeg_style.ffmpeg.program import ffmpeg_path
    from ffmpeg_style.live.access import KEY_VARIABLE, read_key
    from ffmpeg_style.live.controls import initial_controls
    from ffmpeg_style.live.settings import Settings
    from ffmpeg_style.live.state import default_state_folder
    from ffmpeg_style.painting import check_painting, choose_model, style_parts

    require("the live server", "live", *(["demo"] if demo else []))
    chosen = {name: options.pop(name) for name in ("device", "precision")} | take_ports(options)
    path = check_painting(choose_model(model, style), style=style, **chosen).absolute()
    card = read_card(path)
    styles = tuple(card.get("styles") or [path.stem])
    pictures = {
        part.absolute() if isinstance(part, Path) else part: weight
        for part, weight in style_parts(path, style)
    }
    any_painting = bool(card.get("vector"))
    named = {name: options.pop(name) for name in ("strength", "colors", "steady")}
    controls = initial_controls(styles, None if any_painting else style, **named)
    if any_painting and pictures:
        controls = replace(controls, pictures=style_text(pictures))
    key = read_key(key_file) if key_file else os.environ.pop(KEY_VARIABLE, None)
    settings = Settings(
        ffmpeg=ffmpeg_path(),
        model=path,
        styles=styles,
        controls=controls,
        any_painting=any_painting,
        state=(state or default_state_folder(options["rtmp_port"])).absolute(),
        key=key,
        # Two frames at a time would both take twice as long.
        filter_options={"requests": 1, **{n: value for n, value in chosen.items() if value}},
        **options,
    )
    # What follows takes a second to import.
    from ffmpeg_style.live.demo import publish_demo
    from ffmpeg_style.live.log import start_log
    from ffmpeg_style.live.server import serve

    start_log(verbose, key)
    sys.exit(128 + serve(settings, [publish_demo] if demo else []))
