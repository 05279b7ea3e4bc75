"""Reads a camera's stream from nginx: one ffmpeg, which takes RTMP apart and no more."""

import asyncio
import logging
import subprocess

from ffmpeg_style.live import children
from ffmpeg_style.live.rtmp import flv
from ffmpeg_style.live.settings import LOOPBACK

log = logging.getLogger(__name__)


async def read_camera(settings, name, ticket, take):
    """Reads until the stream ends; is to be cancelled before.

    The bytes are passed on as they come. What FLV holds is told here rather than by ffmpeg's
    demuxer, which wants to see some of everything before it begins.

    Args:
        settings: the server's `Settings`.
        name: the stream's.
        ticket: for playing it.
        take: a function that is called with each `flv.Tag`.
    """
    process = await children.start(
        _command(settings, name, ticket),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    forwarding = asyncio.create_task(_forward_log(name, process.stderr))
    try:
        async for tag in flv.read_tags(process.stdout):
            take(tag)
    except asyncio.IncompleteReadError:
        pass
    finally:
        await children.kill(process)
        await forwarding


async def _forward_log(name, stderr):
    async for line in children.lines(stderr):
        log.warning("%s: reading: %s", name, line)


def _command(settings, name, ticket):
    return [
        *(str(settings.ffmpeg), "-nostdin", "-hide_banner", "-loglevel", "error"),
        *("-protocol_whitelist", "rtmp,tcp", "-rtmp_live", "live", "-rtmp_buffer", "100"),
        *("-f", "data", "-raw_packet_size", "32768"),
        *("-i", f"rtmp://{LOOPBACK}:{settings.rtmp_port}/camera/{name}?ticket={ticket}"),
        *("-map", "0", "-c", "copy", "-flush_packets", "1", "-f", "data", "pipe:1"),
    ]
