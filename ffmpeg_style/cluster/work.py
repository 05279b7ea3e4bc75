"""The folder of what is finished in the meantime; in the end, of what a repeated command needs."""

import os
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.piece import Clip, Order, begin, forget, is_begun, marks
from ffmpeg_style.errors import InputError, StyleError
from ffmpeg_style.ffmpeg.sources import Work
from ffmpeg_style.files import make_folder


class WorkFolder:
    """The folder for some clips.

    Args:
        orders: all of them.
        works: what the user wants, in the same order.
        goes_on: whether workers go on with what they have begun when the command ends.
    """

    def __init__(self, orders: Sequence[Order], works: Sequence[Work], goes_on: bool) -> None:
        self._works = list(zip(orders, works, strict=True))
        self._goes_on, self._is_made = goes_on, False
        self._command, self._new = uuid4().hex, set[str]()
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
            for order, _ in self._works:
                if begin(Clip(order, ""), self._command):
                    self._new.add(order.target)

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
        with suppress(Exception):  # a store has errors of its own; what stays then does no harm
            needed = {
                order.target
                for order, work in self._works
                if self._is_needed(order, work, outcomes, clips)
            }
            for order, _ in self._works:
                if order.target not in needed:
                    forget(Clip(order, ""), self._command)
            if places.names(marks(self.address)):  # maybe those of another command
                return bool(needed)
            places.remove_folder(self.address)
        return False

    def _is_needed(self, order, work, outcomes, clips):
        """Whether the repeated command needs the mark of a clip."""
        target = order.target
        if target in outcomes and outcomes[target] is None:
            are_painted = len(outcomes) == len(self._works) and not any(outcomes.values())
            # Where it sees by itself that the film is there, it passes it over.
            return not are_painted and (order.overwrite or not work.is_done)
        if target in clips:
            goes_on = self._goes_on and target not in outcomes
            return goes_on or is_begun(clips[target])
        return target not in self._new


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
