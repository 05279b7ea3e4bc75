"""What a painter tells while it runs: frames in, painted and dropped, and how late they are."""

import re
import time
from collections import deque

BASELINE_TIME = 300
"""Seconds back over which the quickest packet is looked for: a backlog that grows shows as long."""
BACKLOG = 3
"""Seconds of waiting before the filter, which drops what it can't paint, that are one."""

_TIME_BASE = re.compile(r"#tb \d+: (\d+)/(\d+)")
_PACKET = re.compile(r"\d+, +-?\d+, +(-?\d+), ")
_FRAME = re.compile(r"frame:\d+ +pts:\S+ +pts_time:(-?[\d.]+)")
_DROPPED = re.compile(r"lavfi\.styletransfer\.dropped=(\d+)")
_DELAY = re.compile(r"lavfi\.styletransfer\.delay=([\d.]+)")
_COUNTS = re.compile(r"in \d+, painted \d+, dropped (\d+), passed \d+, in flight")


class Tap:
    """Something that passes by in a painter.

    Attributes:
        count: how many have passed.
        first, last: `time.monotonic` of the first and the last, of the start while there is none.
    """

    def __init__(self):
        self.count = 0
        self.first = self.last = time.monotonic()

    @property
    def seconds(self):
        """From the first to the last."""
        return self.last - self.first

    def passed(self):
        """One more has passed; returns the moment."""
        self.last = time.monotonic()
        if not self.count:
            self.first = self.last
        self.count += 1
        return self.last


class Progress:
    """Where a painter is, from the lines that its ffmpeg writes.

    Both ends of a painter show the camera's timestamps. A camera's clock says nothing about this
    machine's, so the quickest arrival of the last `BASELINE_TIME` seconds stands for one without
    delay. That shows what piles up before the painter, too, unless it did so all that time.

    Attributes:
        arrivals: the packets of the camera's video, as they are read.
        paintings: the frames that leave the filter.
        dropped: frames that the filter has dropped, as of the last painting, or of its end.
        delay: seconds from the last painting's arrival as a packet to its leaving the filter, None
            before the first.
    """

    def __init__(self):
        self.arrivals = Tap()
        self.paintings = Tap()
        self.dropped = 0
        self.delay = None
        self._caught_up = 0.0
        self._time_base = 1 / 1000
        self._quickest = deque()

    @property
    def frames(self):
        """Frames {"in", "painted", "dropped"}, each counted in a place of its own.

        The camera's packets; what leaves the filter; and the filter's own count.
        """
        return {
            "in": self.arrivals.count,
            "painted": self.paintings.count,
            "dropped": self.dropped,
        }

    @property
    def backlog_time(self):
        """Seconds for which there has been a backlog, up to the last painting."""
        return self.paintings.last - max(self.paintings.first, self._caught_up)

    def read_arrival(self, line):
        """Takes a line of the framecrc muxer: one for each packet."""
        if packet := _PACKET.match(line):
            self._note_arrival(int(packet[1]) * self._time_base, self.arrivals.passed())
        elif time_base := _TIME_BASE.match(line):
            self._time_base = int(time_base[1]) / int(time_base[2])

    def read_painting(self, line):
        """Takes a line of the metadata filter: one for each frame, and some for its metadata."""
        if dropped := _DROPPED.match(line):
            self._note_dropped(dropped[1])
        elif frame := _FRAME.match(line):
            now = self.paintings.passed()
            if self._quickest:
                self.delay = max(0.0, now - float(frame[1]) - self._quickest[0][1])
        elif delay := _DELAY.match(line):
            self._note_backlog(float(delay[1]))

    def read_log(self, line):
        """Takes a line of ffmpeg's log: the filter's last counts stand there alone."""
        if counts := _COUNTS.search(line):
            self._note_dropped(counts[1])

    def _note_backlog(self, filter_delay):
        if self.delay is None or self.delay - filter_delay < BACKLOG:
            self._caught_up = self.paintings.last

    def _note_dropped(self, count):
        # The two ways by which counts come here may overtake each other.
        self.dropped = max(self.dropped, int(count))

    def _note_arrival(self, timestamp, now):
        lateness = now - timestamp
        # Of the older ones, only those that were quicker are ever needed.
        while self._quickest and self._quickest[-1][1] >= lateness:
            self._quickest.pop()
        self._quickest.append((now, lateness))
        while self._quickest[0][0] < now - BASELINE_TIME:
            self._quickest.popleft()
