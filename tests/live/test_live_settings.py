"""The settings of the live server."""

from pathlib import Path

import pytest

from ffmpeg_style.live.controls import Controls
from ffmpeg_style.live.settings import Settings

KEY = "a-good-key"


@pytest.mark.parametrize(
    "options, publish, watch",
    [
        ({}, "rtmp://127.0.0.1/camera/NAME", "rtmp://127.0.0.1/painted/NAME"),
        (
            {"rtmp_port": 1936},
            "rtmp://127.0.0.1:1936/camera/NAME",
            "rtmp://127.0.0.1:1936/painted/NAME",
        ),
        (
            {"host": "0.0.0.0", "key": KEY},
            "rtmp://HOST/camera/NAME?key=KEY",
            "rtmp://HOST/painted/NAME",
        ),
        (
            {"host": "::1", "key": KEY, "private": True},
            "rtmp://[::1]/camera/NAME?key=KEY",
            "rtmp://[::1]/painted/NAME?key=KEY",
        ),
    ],
)
def test_addresses_are_said_without_the_key(options, publish, watch):
    parts = Path("ffmpeg"), Path("wave.pb"), ("wave",), Controls(), Path("state")
    line = Settings(*parts, **options).addresses
    assert f"publish to {publish}, watch {watch} or http://" in line
    assert KEY not in line
