"""The folder of what is finished in the meantime; in the end, of what a repeated command needs."""

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.piece import Clip, Order, begin, is_begun, marks
from ffmpeg_style.errors import InputError, StyleError
from ffmpeg_style.files import make_folder


class WorkFolder:
    """The folder for some clips.

    Args:
        orders: all of them.
    """

    def __init__(self, orders: Sequence[Order]) -> None:
        self._orders, self._new, self._is_made = orders, set[str](), False
        self.address = orders[0].work

    def make(self) -> None:
        """Make it, with the mark of each clip.

        Raises:
            InputError: it can't be written; the folder is named that the user knows.
        """
        if places.is_shared(self.address):
            make_folder(os.path.dirname(self.address))
        places.make_folder_at(self.address)
        self._is_made = True
        with reached(self.address):
            self._new.update(order.target for order in self._orders if begin(Clip(order, "")))

    def tidy(self, outcomes: Mapping[str, Any], clips: Mapping[str, Clip]) -> bool:
        """Remove what a command that is repeated does not need.

        Args:
            outcomes: {target: its error, None for none} of the clips that are through.
            clips: {target: clip} of those that were looked at.

        Returns:
            bool: whether there is something that it goes on from.
        """
        if not self._is_made:
            return False
        with suppress(OSError):  # what stays then does no harm
            painted = {target for target, error in outcomes.items() if error is None}
            needed = [order for order in self._orders if self._is_needed(order, painted, clips)]
            for order in self._orders:
                if order not in needed:
                    places.remove(Clip(order, "").mark)
            if not places.is_empty(marks(self.address)):  # maybe those of another command
                return bool(needed)
            places.remove_folder(self.address)
        return False

    def _is_needed(self, order, painted: Collection[str], clips):
        """Whether the repeated command needs the mark of a clip."""
        if order.target in painted:
            # Where it sees by itself that the film is there, it passes it over.
            is_seen = places.is_shared(order.target) and not order.overwrite
            return len(painted) < len(self._orders) and not is_seen
        if order.target in clips:
            return is_begun(clips[order.target])
        return order.target not in self._new


@contextmanager
def reached(address):
    """What the system says of a place is told in a sentence.

    Raises:
        InputError: it said something.
    """
    try:
        yield
    except StyleError:
        raise
    except OSError as error:
        raise InputError(f"{address} can't be reached: {error.strerror or error}") from error
