"""What a painter tells while it runs: frames painted and dropped, and how late they are."""

import re

from ffmpeg_style.live.tap import Tap

_FRAME = re.compile(r"frame:\d+ +pts:(-?\d+)")
_DROPPED = re.compile(r"lavfi\.styletransfer\.dropped=(\d+)")
_COUNTS = re.compile(r"in \d+, painted \d+, dropped (\d+), passed \d+, in flight")


class Progress:
    """Where a painter is, from the lines that its ffmpeg writes.

    Args:
        arrivals: a dict of the pictures on their way, `Feed.arrivals`; those painted are taken out.

    Attributes:
        paintings: the frames that leave the filter, a `Tap`.
        dropped: frames that the filter has dropped, as of the last painting, or of its end.
        delay: seconds from the last painting's coming as a packet to its leaving the filter, None
            before the first.
    """

    def __init__(self, arrivals):
        self.paintings = Tap()
        self.dropped = 0
        self.delay = None
        self._arrivals = arrivals

    def read_painting(self, line):
        """Takes a line of the metadata filter: one for each frame, and some for its metadata."""
        if dropped := _DROPPED.match(line):
            self._note_dropped(dropped[1])
        elif frame := _FRAME.match(line):
            self._note_painting(int(frame[1]))

    def read_log(self, line):
        """Takes a line of ffmpeg's log: the filter's last counts stand there alone."""
        if counts := _COUNTS.search(line):
            self._note_dropped(counts[1])

    def _note_painting(self, shown):
        now = self.paintings.passed()
        if moment := self._arrivals.pop(shown, None):
            self.delay = now - moment

    def _note_dropped(self, count):
        # The two ways by which counts come here may overtake each other.
        self.dropped = max(self.dropped, int(count))
