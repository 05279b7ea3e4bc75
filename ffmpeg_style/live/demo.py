"""A camera for those who have none at hand: it moves over photographs of people and places."""

import asyncio
import logging
import subprocess

from ffmpeg_style.free_photographs import free_photographs
from ffmpeg_style.live import children
from ffmpeg_style.live.access import PUBLISH_CAMERA
from ffmpeg_style.live.settings import LOOPBACK

NAME = "demo"
PAUSE = 2
"""Seconds between an end of the clip, which has none of its own, and the next start."""

SIZE, RATE = (640, 360), 15
SECONDS = 6
"""For each photograph."""

# Of each photograph: where its part of the screen's shape begins, in parts of what is cut off, and
# the view's two ends, (x, y, zoom) in parts of the rest.
VIEWS = (
    (0.0, (0.3, 0.0, 1.4), (0.5, 0.5, 1.0)),
    (0.2, (0.2, 0.2, 1.4), (1.0, 0.2, 1.2)),
    (1.0, (0.5, 1.0, 1.4), (0.5, 0.6, 1.0)),
    (0.5, (0.2, 0.2, 1.3), (0.8, 0.6, 1.1)),
    (0.5, (1.0, 0.5, 1.1), (0.2, 0.3, 1.4)),
)
_SOUND = "sine=frequency=220:sample_rate=44100,volume=0.1"

log = logging.getLogger(__name__)


async def publish_demo(settings, tickets):
    """Publishes the clip as the stream `NAME`, until it is cancelled."""
    clip = settings.state / "demo.mp4"
    code, reason = await _run(_drawing(settings, free_photographs("the demo"), clip))
    if code:
        log.error("the demo's clip could not be drawn: ffmpeg ended with code %d: %s", code, reason)
        return
    while True:
        ticket = tickets.issue(PUBLISH_CAMERA, NAME)
        try:
            code, reason = await _run(_publishing(settings, clip, ticket))
        finally:
            tickets.revoke(ticket)
        reason = reason.replace(ticket, "...")
        log.warning("the demo's clip ended with code %d: %s; it starts again", code, reason)
        await asyncio.sleep(PAUSE)


async def _run(command):
    """The exit code of a program, and the last line that it said."""
    process = await children.start(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    last = "it told no reason"
    try:
        async for line in children.lines(process.stderr):
            last = line.strip() or last
        return await process.wait(), last
    finally:
        await children.end(process)


def _drawing(settings, photographs, clip):
    """Ffmpeg's command line for the clip: drawn once, as that takes more time than sending it."""
    inputs = [option for path in photographs for option in ("-i", str(path))]
    views = [f"[{i}]{_view(*view)}[v{i}]" for i, view in enumerate(VIEWS)]
    joined = "".join(f"[v{i}]" for i in range(len(views))) + f"concat=n={len(views)}[all]"
    return [
        *(str(settings.ffmpeg), "-nostdin", "-loglevel", "error", "-y", *inputs),
        *("-f", "lavfi", "-t", str(SECONDS * len(views)), "-i", _SOUND),
        *("-filter_complex", ";".join([*views, joined])),
        *("-map", "[all]", "-map", f"{len(views)}:a", "-c:a", "aac", "-b:a", "64k"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", str(RATE)),
        *("-crf", "18", "-pix_fmt", "yuv420p", str(clip)),
    ]


def _view(top, start, end):
    """The filters that move over a photograph."""
    width, height = SIZE
    frames = SECONDS * RATE
    x, y, zoom = (f"({a}+({b - a:.3f})*on/{frames})" for a, b in zip(start, end, strict=True))
    # Enlarged first, as the view is moved by whole pixels.
    large = f"{4 * width}:{4 * height}"
    return (
        f"scale={large}:force_original_aspect_ratio=increase,crop={large}:0:(ih-oh)*{top},"
        f"zoompan=z={zoom}:d={frames}:s={width}x{height}:fps={RATE}:"
        f"x=(iw-iw/zoom)*{x}:y=(ih-ih/zoom)*{y},format=yuv420p,setsar=1"
    )


def _publishing(settings, clip, ticket):
    return [
        *(str(settings.ffmpeg), "-nostdin", "-loglevel", "error"),
        *("-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy"),
        *("-protocol_whitelist", "rtmp,tcp,file", "-f", "flv"),
        f"rtmp://{LOOPBACK}:{settings.rtmp_port}/camera/{NAME}?ticket={ticket}",
    ]
