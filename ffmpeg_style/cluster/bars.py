"""How far films are: a bar of the frames that are painted, and one for each film that is joined."""

import logging
import os
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ffmpeg_style.progress import progress_bar

ENCODING, JOINING = "encoding", "joining"
"""What is done with the pieces of a film; the second, where they are copied."""
WHOLE = "whole"
"""The part of a film that is not cut."""
SECONDS_BETWEEN_TICKS = 1

logger = logging.getLogger(__name__)


@dataclass
class _Film:
    """How far a film is.

    Attributes:
        total: frames to paint; None where that is not known yet.
        painted: {part: how many of its frames are painted}.
        finished: parts of which all are.
        joined: frames that are.
        bar: of what joins it; None where nothing does.
    """

    total: int | None = None
    painted: dict[int | str, int] = field(default_factory=dict)
    finished: set[int | str] = field(default_factory=set)
    joined: int = 0
    bar: Any = None


class Bars:
    """The bars for some films.

    A part of a film is the number of a piece, `WHOLE`, or what is done with all pieces.

    Args:
        targets: of all films.
        progress: as `paint_on_cluster` has it.
    """

    def __init__(self, targets: Collection[str], progress: bool | None) -> None:
        self._progress, self._number = progress, len(targets)
        self._films = {target: _Film() for target in targets}
        self._unknown, self._total, self._ticked = len(targets), 0, 0.0
        self._bar: Any = None

    def begin(self) -> None:
        """Show that painting has begun."""
        if self._bar is None:
            self._bar = progress_bar(progress=self._progress, unit="frame", desc="painting")
            self._show()

    def look(self, target: str, frames: int) -> None:
        """A film has so many frames to paint."""
        film = self._films[target]
        self._unknown -= film.total is None
        self._total += frames - (film.total or 0)
        film.total = frames
        self._show()

    def report(self, target: str, part: int | str, frames: int, total: int | None) -> None:
        """A worker told how far it is with a part of a film, maybe another command's."""
        film = self._films.get(target)
        if film is None or part in film.finished:
            return
        if part in (ENCODING, JOINING):
            self._join(target, part, frames, total)
            return
        if part == WHOLE and total:
            self.look(target, total)
        self._paint(film, part, frames)

    def finish(self, target: str, part: int | str, frames: int, was_there: bool = False) -> None:
        """A part is painted; where it was there before, this says nothing of how fast that is."""
        if film := self._films.get(target):  # else it was through before: another had painted it
            film.finished.add(part)
            self._paint(film, part, frames, was_there)

    def end(self, target: str) -> None:
        """A film is through."""
        self.look(target, sum(self._films[target].painted.values()))
        film = self._films.pop(target)
        self._show()
        if film.bar is not None:
            film.bar.close()

    def tick(self) -> None:
        """Have the clocks go on where nothing else moves."""
        if sys.stderr.isatty() and time.monotonic() - self._ticked >= SECONDS_BETWEEN_TICKS:
            self._ticked = time.monotonic()
            for bar in self._shown():
                if bar.n != bar.total:
                    bar.refresh()

    def close(self) -> None:
        """Show nothing any more."""
        for bar in reversed(self._shown()):  # the cursor stays below the upper one
            bar.close()

    def _shown(self):
        bars = (self._bar, *(film.bar for film in self._films.values()))
        return [bar for bar in bars if bar is not None]

    def _show(self):
        if self._bar is None or self._bar.disable:
            return
        # Of an archive nobody knows it before all clips were looked at, which is at the end.
        self._bar.total = None if self._unknown else self._total
        if self._number > 1:
            through = self._number - len(self._films)
            self._bar.set_postfix_str(f"{through} of {self._number} files", refresh=False)

    def _paint(self, film, part, frames, was_there=False):
        # What is told of a part at first may have been painted for a command that ended.
        was_there = was_there or part not in film.painted
        more = frames - film.painted.get(part, 0)
        film.painted[part] = frames
        if was_there and more and not self._bar.disable:
            for count in ("n", "initial", "last_print_n"):
                setattr(self._bar, count, getattr(self._bar, count) + more)
            self._bar.refresh()
        elif more:
            self._bar.update(more)

    def _join(self, target, part, frames, total):
        film = self._films[target]
        before, film.joined = film.joined, frames
        if frames < before:
            why = "a worker is gone that encoded it, or painted what was encoded already"
            logger.info("%s is encoded from its begin again: %s", target, why)
            film.bar.close()
            film.bar = None
        if film.bar is None:
            desc = f"{part} {os.path.basename(target)}"
            options = dict(unit="frame", total=total, initial=frames, leave=False, desc=desc)
            film.bar = progress_bar(progress=self._progress, **options)
        elif frames != before:
            film.bar.update(frames - before)
