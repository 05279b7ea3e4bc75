"""The demo's clip."""

import asyncio
import logging
from types import SimpleNamespace

from ffmpeg_style.live.access import Tickets
from ffmpeg_style.live.demo import publish_demo


def test_a_clip_that_cannot_be_drawn_is_told_with_its_reason(ffmpeg, tmp_path, caplog):
    settings = SimpleNamespace(ffmpeg=ffmpeg, state=tmp_path / "missing")
    with caplog.at_level(logging.ERROR):
        asyncio.run(asyncio.wait_for(publish_demo(settings, Tickets()), 60))
    (record,) = caplog.records
    assert "could not be drawn" in record.message and "No such file" in record.message
