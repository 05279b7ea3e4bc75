"""A look at a camera's first picture, by ffprobe, before a painter is started for it."""

import asyncio
import json
import subprocess

from ffmpeg_style.live import children

LOOK_TIME = 10
"""Seconds that a look may take."""


async def look(ffprobe, data):
    """What ffprobe says about the first picture in a stream.

    Args:
        ffprobe: path of the program.
        data: bytes of FLV, with a key frame.

    Returns:
        dict: "width", "height", "pix_fmt" and so on; None when there is none that can be decoded.
    """
    process = await children.start(
        [
            *(str(ffprobe), "-loglevel", "quiet", "-of", "json", "-f", "flv"),
            *("-select_streams", "v:0", "-show_frames", "-read_intervals", "%+#1", "pipe:0"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(data), LOOK_TIME)
        frames = json.loads(output or b"{}").get("frames")
    except (asyncio.TimeoutError, ValueError):
        return None
    finally:
        await children.kill(process)
    return frames[0] if frames else None
