"""A rehearsal, before anyone publishes: what each painter will need of ffmpeg and of the model."""

import subprocess

from ffmpeg_style.errors import InputError
from ffmpeg_style.ffmpeg.abilities import has_demuxer
from ffmpeg_style.ffmpeg.reasons import reason_in
from ffmpeg_style.live.rtmp.painter import painting

REHEARSAL_TIME = 120
"""Seconds for one small frame: a slow machine loads a large model."""


def rehearse(settings):
    """Paints a frame as the painters will, so that a mistake ends the start and not each stream.

    Args:
        settings: the server's `Settings`.

    Raises:
        InputError: the model can't be run so, or ffmpeg lacks something.
    """
    if not has_demuxer("data"):
        raise InputError(
            f"{settings.ffmpeg} lacks the demuxer `data`, which reads cameras: "
            "run `ffmpeg-style build` again"
        )
    run = [str(settings.ffmpeg), "-nostdin", "-hide_banner", "-loglevel", "error"]
    source = ["-f", "lavfi", "-i", "color=gray:size=64x64"]
    target = ["-frames:v", "1", "-f", "null", "-"]
    try:
        result = subprocess.run(
            [*run, *source, "-vf", painting(settings, settings.controls), *target],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=REHEARSAL_TIME,
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{settings.model} painted no frame of 64x64 in {REHEARSAL_TIME} s: take a smaller one"
        ) from None
    if result.returncode:
        raise InputError(f"can't paint with {settings.model}: {reason_in(result.stderr, {})}")
