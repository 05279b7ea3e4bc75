"""What the server makes of the lines that a painter writes."""

import pytest

from ffmpeg_style.live import tap as module
from ffmpeg_style.live.rtmp.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """Where the time stands; a test lets it pass."""
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    return clock


def test_delay_is_from_the_coming_of_a_picture_to_its_painting(clock):
    arrivals = {0: 1000.0, 40: 1000.04, 10_000_000: 1000.08}
    progress = Progress(arrivals)
    clock[0] = 1001.5
    progress.read_painting("frame:0    pts:0       pts_time:0")
    assert progress.delay == 1.5
    progress.read_painting("frame:1    pts:10000000 pts_time:10000")
    assert progress.delay == pytest.approx(1.42)
    assert (progress.paintings.count, progress.paintings.seconds) == (2, 0)
    clock[0] = 1003
    progress.read_painting("frame:2    pts:7       pts_time:0.007")
    assert progress.paintings.seconds == 1.5
    assert list(arrivals) == [40], "what was dropped"


def test_frames_are_counted_each_in_a_place_of_its_own():
    progress = Progress({})
    progress.read_painting("frame:0    pts:0       pts_time:0")
    for kind, count in (("in", 70), ("painted", 80), ("dropped", 2), ("delay", 0.1)):
        progress.read_painting(f"lavfi.styletransfer.{kind}={count}")
    assert (progress.paintings.count, progress.dropped) == (1, 2)


def test_last_line_of_the_filter_counts_what_was_dropped_since_the_last_painting():
    progress = Progress({})
    last = "in 70, painted 80, dropped {}, passed 0, in flight 0, delay 0.1 s"
    for dropped in (3, 2):
        progress.read_log(f"[Parsed_styletransfer_1 @ 0x1] [info] {last.format(dropped)}")
    assert (progress.paintings.count, progress.dropped) == (0, 3)


def test_lines_of_others_count_nothing():
    progress = Progress({})
    for take in (progress.read_painting, progress.read_log):
        take("#codec_id 0: h264")
        take("")
    assert (progress.paintings.count, progress.dropped, progress.delay) == (0, 0, None)
