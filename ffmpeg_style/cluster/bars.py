"""How far films are: a bar of the frames that are painted, and one for each film that is joined."""

import logging
import os
import sys
from collections.abc import Collection
from typing import Any

from ffmpeg_style.progress import progress_bar

ENCODING, JOINING = "encoding", "joining"
"""What is done with the pieces of a film; the second, where they are copied."""
WHOLE = "whole"
"""The part of a film that is not cut."""

logger = logging.getLogger(__name__)


class Bars:
    """The bars for some films.

    A part of a film is the number of a piece, `WHOLE`, or what is done with all pieces.

    Args:
        targets: of all films.
        progress: as `paint_on_cluster` has it.
    """

    def __init__(self, targets: Collection[str], progress: bool | None) -> None:
        self._progress, self._number = progress, len(targets)
        self._open = set(targets)
        self._painting: Any = None
        self._joining: dict[str, Any] = {}
        self._joined: dict[str, int] = {}
        self._totals: dict[str, int] = {}
        self._frames: dict[tuple[str, int | str], int] = {}
        self._finished: set[tuple[str, int | str]] = set()

    def begin(self) -> None:
        """Show that painting has begun."""
        if self._painting is None:
            self._painting = progress_bar(progress=self._progress, unit="frame", desc="painting")
            self._show()

    def look(self, target: str, frames: int) -> None:
        """A film has so many frames to paint."""
        self._totals[target] = frames
        self._show()

    def report(self, target: str, part: int | str, frames: int, total: int | None) -> None:
        """A worker told how far it is with a part of a film, maybe another command's."""
        if target not in self._open or (target, part) in self._finished:
            return
        if part in (ENCODING, JOINING):
            self._join(target, part, frames, total)
            return
        if part == WHOLE and total:
            self.look(target, total)
        self._paint(target, part, frames)

    def finish(self, target: str, part: int | str, frames: int, was_there: bool = False) -> None:
        """A part is painted; where it was there before, this says nothing of how fast that is."""
        self._finished.add((target, part))
        self._paint(target, part, frames, was_there)

    def end(self, target: str) -> None:
        """A film is through."""
        self._open.discard(target)
        self.look(target, sum(n for part, n in self._frames.items() if part[0] == target))
        if target in self._joining:
            self._joining.pop(target).close()

    def tick(self) -> None:
        """Have the clocks go on where nothing else moves."""
        if sys.stderr.isatty():
            is_painted = self._painting.n == self._painting.total
            for bar in (*self._joining.values(), *([] if is_painted else [self._painting])):
                bar.refresh()

    def close(self) -> None:
        """Show nothing any more."""
        for bar in self._joining.values():
            bar.close()
        if self._painting is not None:
            self._painting.close()

    def _show(self):
        bar = self._painting
        if bar is None or bar.disable:
            return
        # Of an archive nobody knows it before all clips were looked at, which is at the end.
        bar.total = sum(self._totals.values()) if len(self._totals) == self._number else None
        if self._number > 1:
            through = self._number - len(self._open)
            bar.set_postfix_str(f"{through} of {self._number} files", refresh=False)

    def _paint(self, target, part, frames, was_there=False):
        more = frames - self._frames.get((target, part), 0)
        self._frames[target, part] = frames
        bar = self._painting
        if was_there and not bar.disable:
            for count in ("n", "initial", "last_print_n"):
                setattr(bar, count, getattr(bar, count) + more)
        elif more:
            bar.update(more)

    def _join(self, target, part, frames, total):
        before = self._joined.get(target, 0)
        self._joined[target] = frames
        if frames < before:
            why = "a worker is gone that encoded it, or painted what was encoded already"
            logger.info("%s is encoded from its begin again: %s", target, why)
        if target not in self._joining:
            desc = f"{part} {os.path.basename(target)}"
            options = dict(unit="frame", total=total, initial=frames, leave=False, desc=desc)
            self._joining[target] = progress_bar(progress=self._progress, **options)
        elif frames != before:
            self._joining[target].update(frames - before)
