"""What the server makes of the lines that a painter writes."""

import pytest

from ffmpeg_style.live import progress as module
from ffmpeg_style.live.progress import BACKLOG, Progress


@pytest.fixture
def clock(monkeypatch):
    """Where the time stands; a test lets it pass."""
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    return clock


def paint(progress, clock, seconds, behind, filter_delay):
    """A camera of 1 frame/s that sends in time, and paintings that come late."""
    for _ in range(seconds):
        clock[0] += 1
        now = int(clock[0])
        progress.read_arrival(f"0, {now * 1000}, {now * 1000},      100,     1234, 0x12345678")
        progress.read_painting(f"frame:0    pts:0       pts_time:{now - behind - filter_delay}")
        progress.read_painting(f"lavfi.styletransfer.delay={filter_delay}")


def test_backlog_is_what_waits_before_the_filter(clock):
    progress = Progress()
    paint(progress, clock, 5, behind=0, filter_delay=2 * BACKLOG)
    assert progress.delay == 2 * BACKLOG
    assert progress.backlog_time == 0
    paint(progress, clock, 7, behind=BACKLOG + 1, filter_delay=1)
    assert progress.delay == BACKLOG + 2
    assert progress.backlog_time == 7
    paint(progress, clock, 1, behind=1, filter_delay=1)
    assert progress.backlog_time == 0


def test_painter_that_never_catches_up_has_a_backlog_from_its_first_painting(clock):
    progress = Progress()
    clock[0] += 20
    paint(progress, clock, 9, behind=2 * BACKLOG, filter_delay=1)
    assert progress.backlog_time == 8


def test_frames_are_counted_each_in_a_place_of_its_own():
    progress = Progress()
    for timestamp in range(0, 500, 100):
        progress.read_arrival(f"0, {timestamp:10}, {timestamp:10},      100,     1234, 0x12345678")
    progress.read_painting("frame:0    pts:0       pts_time:0")
    for kind, count in (("in", 70), ("painted", 80), ("dropped", 2), ("delay", 0.1)):
        progress.read_painting(f"lavfi.styletransfer.{kind}={count}")
    assert progress.frames == {"in": 5, "painted": 1, "dropped": 2}


def test_last_line_of_the_filter_counts_what_was_dropped_since_the_last_painting():
    progress = Progress()
    last = "in 70, painted 80, dropped {}, passed 0, in flight 0, delay 0.1 s"
    for dropped in (3, 2):
        progress.read_log(f"[Parsed_styletransfer_1 @ 0x1] [info] {last.format(dropped)}")
    assert progress.frames == {"in": 0, "painted": 0, "dropped": 3}


def test_lines_of_others_count_nothing():
    progress = Progress()
    for take in (progress.read_arrival, progress.read_painting, progress.read_log):
        take("#codec_id 0: h264")
        take("")
    assert progress.frames == {"in": 0, "painted": 0, "dropped": 0}
