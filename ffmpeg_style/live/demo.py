"""A camera for those who have none at hand: a clip that this process publishes."""

import asyncio
import logging
import subprocess

from ffmpeg_style.live import children
from ffmpeg_style.live.access import PUBLISH_CAMERA
from ffmpeg_style.live.settings import LOOPBACK

NAME = "demo"
PAUSE = 2
"""Seconds between an end of the clip, which has none of its own, and the next start."""

# A turning spiral of colour, a ball that swings before it, and a soft tone.
_PICTURE = (
    "gradients=size=640x360:rate=15:speed=0.02:nb_colors=6:seed=3:type=spiral[sky];"
    "gradients=size=160x160:rate=15:speed=0.05:nb_colors=3:seed=9:type=circular,format=gbrap,"
    "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*lt(hypot(X-80,Y-80),79)'[ball];"
    "[sky][ball]overlay=x=240+220*sin(t):y=100+80*cos(t*1.7)"
)
_SOUND = "sine=frequency=220:sample_rate=44100,volume=0.1"

log = logging.getLogger(__name__)


async def publish_demo(settings, tickets):
    """Publishes the clip as the stream `NAME`, until it is cancelled."""
    while True:
        ticket = tickets.issue(PUBLISH_CAMERA, NAME)
        process = await children.start(
            _command(settings, ticket),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await process.wait()
        finally:
            tickets.revoke(ticket)
            await children.end(process)
        log.warning("the demo's clip ended; it starts again")
        await asyncio.sleep(PAUSE)


def _command(settings, ticket):
    return [
        *(str(settings.ffmpeg), "-nostdin", "-loglevel", "error"),
        *("-re", "-f", "lavfi", "-i", _PICTURE, "-re", "-f", "lavfi", "-i", _SOUND),
        *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15"),
        *("-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k"),
        *("-protocol_whitelist", "rtmp,tcp", "-f", "flv"),
        f"rtmp://{LOOPBACK}:{settings.rtmp_port}/camera/{NAME}?ticket={ticket}",
    ]
