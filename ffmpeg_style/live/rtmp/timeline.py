"""One clock for a stream, whatever its camera's clock does.

Cameras' clocks jump back when an app is paused, jump ahead when the time is set, wrap at 32 bits
after 49 days, or stand still. Painters, players and browsers get times that go on.
"""

from dataclasses import dataclass

STEP_BACK = 100
"""Milliseconds by which a timestamp may be before the last one of its kind without a jump."""
AHEAD = 2000
"""Milliseconds by which a tag may be earlier than the earliest so far without a jump."""


@dataclass
class _Track:
    """The last tag of one kind: as it came, as it was placed, when, and what lies between."""

    timestamp: int
    placed: int
    moment: int
    offset: int


class Timeline:
    """Places tags in time: without a jump where the camera has none, and going on where it has.

    Attributes:
        jumps: how often the camera's clock has jumped.
    """

    def __init__(self):
        self.jumps = 0
        self._tracks = {}
        self._offset = None
        self._timestamp = 0  # the last, unwrapped
        self._earliest = 0

    def place(self, kind, timestamp, moment):
        """When a tag is to be decoded.

        Args:
            kind: any value; the times of each kind go on.
            timestamp: the camera's, in milliseconds modulo 2 ** 32.
            moment: when it came, in milliseconds of a clock that never jumps.

        Returns:
            int: milliseconds, from 0 up.
        """
        if self._offset is None:
            self._timestamp, self._offset = timestamp, -timestamp
            self._earliest = moment
        timestamp = self._timestamp + _signed(timestamp - self._timestamp)
        track = self._tracks.get(kind) or self._new_track(timestamp, moment)
        placed = max(self._placed(track, timestamp, moment), track.placed + 1)
        self._tracks[kind] = _Track(timestamp, placed, moment, track.offset)
        self._timestamp = timestamp
        self._earliest = min(self._earliest, moment - placed)
        return placed

    def _new_track(self, timestamp, moment):
        """As if there had been a tag just before; sound may begin well before the last picture."""
        latest = max((track.placed for track in self._tracks.values()), default=0)
        placed = timestamp + self._offset
        before = min(placed, latest) if abs(placed - latest) <= AHEAD else latest
        return _Track(timestamp - 1, max(before, 0) - 1, moment, self._offset)

    def _placed(self, track, timestamp, moment):
        waited = moment - track.moment
        if timestamp == track.timestamp:
            return track.placed + waited
        # A jump shows in one kind first; the other kinds follow by the same distance.
        for offset in (track.offset, self._offset):
            if self._goes_on(track, timestamp + offset, moment):
                track.offset = offset
                return timestamp + offset
        self.jumps += 1
        track.offset = self._offset = track.placed + waited - timestamp
        return track.placed + waited

    def _goes_on(self, track, placed, moment):
        return track.placed - STEP_BACK <= placed <= moment - self._earliest + AHEAD


def _signed(difference):
    """A difference of numbers of 32 bits as the nearest of those that it may be."""
    return (difference + 2**31) % 2**32 - 2**31
