"""A look at a camera's first picture, by ffprobe, before a painter is started for it."""

import asyncio
import json
import subprocess

from ffmpeg_style.ffmpeg.probe import video_of
from ffmpeg_style.live import children

LOOK_TIME = 10
"""Seconds that a look may take."""


async def look(ffprobe, data):
    """What a camera sends, as far as its first picture tells.

    Args:
        ffprobe: path of the program.
        data: bytes of FLV, with a key frame.

    Returns:
        Video: None when there is no picture that can be decoded.
    """
    process = await children.start(
        [
            *(str(ffprobe), "-loglevel", "quiet", "-of", "json", "-f", "flv"),
            *("-select_streams", "v:0", "-show_streams", "-show_frames", "pipe:0"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(data), LOOK_TIME)
        found = json.loads(output or b"{}")
    except (asyncio.TimeoutError, ValueError):
        return None
    finally:
        await children.kill(process)
    streams, frames = found.get("streams"), found.get("frames")
    return video_of(streams[0], frames) if streams and frames else None
