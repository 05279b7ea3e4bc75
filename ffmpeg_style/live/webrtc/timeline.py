"""RTP timestamps as moments of this machine's clock."""

from collections import deque

WINDOW = 60
"""Seconds over which the quickest arrival is looked for; the clocks drift by little meanwhile."""
STEP = 0.01
"""Seconds by which moments must be wrong to be put right: sound is to go on without a gap."""
SAME_CLOCK = 1
"""Seconds by which the quickest arrivals of sound and picture may differ, if one clock is behind
both of their reports."""
NEAR = 10
"""Seconds by which a report may be off the newest packet."""


class Timeline:
    """The moments at which what a sender stamps would have arrived without delay.

    Each kind of a camera's packets has a clock with an origin of its own, and a sound card's stands
    still where a busy machine loses sound. The sender's reports (RFC 3550, 6.4.1) tell what
    timestamps are by its own clock, which is one for sound and picture. The quickest arrival of the
    last `WINDOW` seconds stands for one without delay: of both kinds, or, before there are reports,
    of each for itself.

    Args:
        rate: of the timestamps, in units per second.
        kinds: a list that one sender's timelines share; this one is added.
    """

    def __init__(self, rate, kinds):
        self._rate = rate
        self._kinds = kinds
        self._last = None
        self._unwrapped = 0
        self._reported = None  # Seconds from a timestamp's to the sender's clock.
        self._ahead = None  # Seconds from a timestamp to its moment.
        self._quickest = deque()  # (moment of arrival, seconds since it was sent)
        kinds.append(self)

    def report(self, sent, timestamp):
        """Takes what the sender reports: seconds by its clock, and the timestamp that is then."""
        if not sent or self._last is None:
            return
        step = _difference(timestamp, self._last) / self._rate
        reported = sent - self._unwrapped / self._rate - step
        is_new = self._reported is None or abs(reported - self._reported) > STEP
        if abs(step) < NEAR and is_new:
            self._reported = reported
            self._quickest.clear()

    def moment(self, timestamp, now):
        """The moment, in seconds of the clock that `now` is from."""
        if self._last is not None:
            self._unwrapped += _difference(timestamp, self._last)
        self._last = timestamp
        seconds = self._unwrapped / self._rate
        self._note(now, now - seconds - (self._reported or 0))
        ahead = (self._reported or 0) + self._least(now)
        if self._ahead is None or abs(ahead - self._ahead) > STEP:
            self._ahead = ahead
        return seconds + self._ahead

    def _note(self, now, lateness):
        quickest = self._quickest
        if quickest and abs(lateness - quickest[0][1]) > WINDOW:
            quickest.clear()  # The sender has begun anew.
        # Of the older ones, only those that were quicker are ever needed.
        while quickest and quickest[-1][1] >= lateness:
            quickest.pop()
        quickest.append((now, lateness))
        while quickest[0][0] < now - WINDOW:
            quickest.popleft()

    def _least(self, now):
        own = self._quickest[0][1]
        if self._reported is None:
            return own
        reported = [kind for kind in self._kinds if kind._reported is not None and kind._quickest]
        heard = (kind for kind in reported if kind._quickest[-1][0] >= now - WINDOW)
        least = (kind._quickest[0][1] for kind in heard)
        return min(other for other in least if abs(other - own) < SAME_CLOCK)


def _difference(timestamp, other):
    """From one RTP timestamp to another, over a wrap too."""
    return (timestamp - other + (1 << 31)) % (1 << 32) - (1 << 31)
