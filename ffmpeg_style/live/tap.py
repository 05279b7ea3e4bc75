"""What passes by, counted."""

import time


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
