"""How large a picture is painted: as it comes, or smaller where that would take too long."""

import collections
import statistics
import time

MAX_TIME = 0.25
"""Seconds that the painting of a picture may take."""
SCALES = (1, 3 / 4, 1 / 2, 3 / 8, 1 / 4)
"""Of a picture's height, as it is painted."""
WINDOW = 3
"""Pictures whose median time counts."""
PATIENCE = 15
"""Seconds after a change before pictures are painted larger again."""


class PaintedSize:
    """Follows the time that paintings take.

    Args:
        max_height: pixels; a larger picture is made smaller in any case.
        now: a clock in seconds.
    """

    def __init__(self, max_height, now=time.monotonic):
        self._max_height = max_height
        self._now = now
        self._scale = SCALES[0]
        self._times = collections.deque(maxlen=WINDOW)
        self._changed = now()

    def of(self, width, height):
        """The (width, height) to paint a picture in: even, from 16 up."""
        scale = min(1, self._max_height / height) * self._scale
        return tuple(max(16, int(side * scale) // 2 * 2) for side in (width, height))

    def note(self, seconds):
        """Takes the time that a painting took; the next ones may get another size for it."""
        self._times.append(seconds)
        if len(self._times) < WINDOW:
            return
        typical = statistics.median(self._times)
        # A time goes with the number of pixels.
        scale = next(
            (s for s in SCALES if typical * (s / self._scale) ** 2 <= self._bar(s)), SCALES[-1]
        )
        if scale != self._scale:
            self._scale, self._changed = scale, self._now()
            self._times.clear()

    def _bar(self, scale):
        """The seconds up to which a scale is taken; what is larger than now is to fit with ease."""
        if scale <= self._scale:
            return MAX_TIME
        return MAX_TIME / 2 if self._now() - self._changed > PATIENCE else 0
