"""The stream's own clock, beside cameras' clocks that are wrong."""

import pytest

from ffmpeg_style.live.rtmp.timeline import Timeline

INTERVAL = {"picture": 40, "sound": 23}
CLOCKS = {
    "right": lambda ms: ms,
    "back": lambda ms: ms - 3000 * (ms >= 4000),
    "a little back": lambda ms: ms - 300 * (ms >= 4000),
    "zero": lambda ms: ms % 4000,
    "ahead": lambda ms: ms + 3_600_000 * (ms >= 4000),
    "wraps": lambda ms: ms + 2**32 - 4000,
    "from half": lambda ms: ms + 2**31 - 4000,
    "stands": lambda ms: 7,
    "stands for a while": lambda ms: ms - max(0, min(ms - 2000, 3000)),
}


def sent(seconds=10):
    """(moment, kind) of a camera's packets in their order."""
    packets = [(t, kind) for kind in INTERVAL for t in range(0, 1000 * seconds, INTERVAL[kind])]
    return sorted(packets)


@pytest.mark.parametrize("name", CLOCKS)
def test_stream_goes_on_whatever_the_clock_does(name):
    timeline, last = Timeline(), {}
    for moment, kind in sent():
        placed = timeline.place(kind, CLOCKS[name](moment) % 2**32, moment + 5000)
        assert placed > last.get(kind, -1)
        assert abs(placed - moment) < 150
        last[kind] = placed
    assert abs(last["picture"] - last["sound"]) < 100, "sound and picture are in step"


def test_right_clock_is_kept_to_the_millisecond():
    timeline = Timeline()
    # The network delivers three seconds at a time.
    placed = [timeline.place(kind, t + 77, t // 3000 * 3000) for t, kind in sent()]
    assert placed == [t for t, _ in sent()]
    assert timeline.jumps == 0


def test_what_was_missed_is_no_jump():
    timeline = Timeline()
    for t in (0, 40, 80):
        timeline.place("picture", t, t)
    # The network stood for 6 s, in which the camera dropped what it could not send.
    assert timeline.place("picture", 120, 6100) == 120
    assert timeline.place("picture", 6120, 6120) == 6120
    # Pictures pause, and sound goes on.
    for t in range(6130, 9000, 23):
        timeline.place("sound", t, t)
    assert timeline.place("picture", 9000, 9000) == 9000
    assert timeline.jumps == 0


def test_packets_that_jitter_are_not_moved():
    timeline = Timeline()
    placed = [timeline.place("sound", t, i * 23) for i, t in enumerate([0, 23, 69, 46, 92, 115])]
    assert placed == [0, 23, 69, 70, 92, 115]
    assert timeline.jumps == 0
