"""RTP timestamps as moments of this machine's clock."""

from collections import deque

WINDOW = 60
"""Seconds over which the quickest arrival is looked for; the clocks drift by little meanwhile."""


class Timeline:
    """The moments at which what a sender stamps would have arrived without delay.

    Each kind of a camera's packets has a clock with an origin of its own. The quickest arrival of
    the last `WINDOW` seconds stands for one without delay, for sound and picture alike.

    Args:
        rate: of the timestamps, in units per second.
    """

    def __init__(self, rate):
        self._rate = rate
        self._last = None
        self._unwrapped = 0
        self._quickest = deque()

    def moment(self, timestamp, now):
        """The moment, in seconds of the clock that `now` is from."""
        if self._last is not None:
            self._unwrapped += (timestamp - self._last + (1 << 31)) % (1 << 32) - (1 << 31)
        self._last = timestamp
        seconds = self._unwrapped / self._rate
        lateness = now - seconds
        if self._quickest and abs(lateness - self._quickest[0][1]) > WINDOW:
            self._quickest.clear()  # The sender has begun anew.
        # Of the older ones, only those that were quicker are ever needed.
        while self._quickest and self._quickest[-1][1] >= lateness:
            self._quickest.pop()
        self._quickest.append((now, lateness))
        while self._quickest[0][0] < now - WINDOW:
            self._quickest.popleft()
        return seconds + self._quickest[0][1]
