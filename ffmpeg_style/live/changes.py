"""Changes of a running filter's options, on their way to ffmpeg."""

import time

INTERVAL = 0.2
"""Seconds between two commands: ffmpeg takes one in about 0.1 s, and those that wait queue up."""


class Changes:
    """The options that a filter has and is to have; of many changes the last one is sent.

    Args:
        options: dict of str, what the filter starts with.
    """

    def __init__(self, options):
        self._sent = dict(options)
        self._last = 0
        self.wanted = options

    def next(self):
        """The next (option, value) to be sent, or None while there is nothing or it is too soon."""
        now = time.monotonic()
        if now - self._last < INTERVAL:
            return None
        for option, value in self.wanted.items():
            if value != self._sent[option]:
                self._sent[option] = value
                self._last = now
                return option, value
        return None
