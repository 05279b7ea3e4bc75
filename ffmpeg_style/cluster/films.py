"""Clips on their way through a scheduler: looked at, painted in pieces, joined."""

import heapq
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, takewhile
from queue import Empty, SimpleQueue
from typing import Any

from distributed import KilledWorker

from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.bars import WHOLE, Bars
from ffmpeg_style.cluster.crew import Crew, LostError, submit
from ffmpeg_style.cluster.join import join
from ffmpeg_style.cluster.painted import Painted
from ffmpeg_style.cluster.piece import Clip, Order, PaintedPiece, look, paint
from ffmpeg_style.cluster.split import Piece
from ffmpeg_style.cluster.worker import REPORTS
from ffmpeg_style.errors import ClusterError, StorageError, StyleError

MOST_LOSSES = 5
"""How often a step may be given to another worker. Dask gives it up after several that ended."""
ALIKE = 3
"""Workers whose systems refuse a step alike, which is the clip's fault then, and no worker's; or
steps that one refuses, which is that worker's fault then."""

logger = logging.getLogger(__name__)


class Films:
    """Clips on their way, over all connections to a scheduler.

    Args:
        orders: all of them.
        files: {address: content} of what workers need for them.
        progress: as `paint_on_cluster` has it.

    Attributes:
        outcomes: {target: its error, None for none} of those that are through.
        clips: {target: clip} of those that were looked at.
        bars: how far all are.
        workers: how many share a clip; 0 until one is there.
    """

    def __init__(
        self, orders: Sequence[Order], files: Mapping[str, bytes], progress: bool | None = None
    ) -> None:
        self._orders, self._files = orders, files
        self.bars = Bars([order.target for order in orders], progress)
        self.outcomes: dict[str, StyleError | None] = {}
        self.clips: dict[str, Clip] = {}
        self.workers = 0
        self._told: set[str] = set()

    @property
    def left(self) -> list[Order]:
        """Those that are not through."""
        return [order for order in self._orders if order.target not in self.outcomes]

    def put_files(self) -> None:
        """Put what workers need in its place, where somebody may have removed or changed it."""
        for address, content in self._files.items():
            if not places.holds(address, content):
                places.write(address, content)

    def looked(self, clip: Clip) -> None:
        """What is known of a clip."""
        target = clip.order.target
        self.clips[target] = clip
        self.tell(clip.notes)
        self.bars.look(target, clip.frames)
        if not clip.pieces:
            self.bars.finish(target, WHOLE, clip.frames)
            self.end(target)

    def painted(self, clip: Clip, piece: Piece, result: PaintedPiece) -> None:
        """A piece is there."""
        self.tell(result.notes)
        self.bars.finish(clip.order.target, piece.number, result.frames, result.was_there)

    def end(self, target: str, error: StyleError | None = None) -> None:
        """A clip is through."""
        self.outcomes[target] = error
        self.bars.end(target)

    def tell(self, notes: Sequence[str]) -> None:
        """What the user should know, once."""
        for note in notes:
            if note not in self._told:
                self._told.add(note)
                logger.warning("%s", note)


@dataclass
class _Step:
    """What is done for a clip by one worker.

    Attributes:
        order: of the clip.
        priority: the higher the sooner.
        then: what is done with its result.
        function, arguments: what the worker calls.
        tries: how often it was given to Dask.
        losses: how often a worker could not do it.
        future: of Dask.
        workers: that it is for; none for all.
        refusals: what workers said whose systems could not do it.
        due: the monotonic time before which it is not handed out.
        is_beside: whether a worker does others at the same time.
    """

    order: Order
    priority: int
    then: Callable[[Any], None]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    tries: int = 0
    losses: int = 0
    future: Any = None
    workers: Sequence[str] = ()
    refusals: list[ClusterError] = field(default_factory=list)
    due: float = 0.0
    is_beside: bool = False

    @property
    def refusers(self) -> set[str]:
        """The workers whose systems could not do it."""
        return {error.worker for error in self.refusals}

    @property
    def key(self) -> str:
        """Its name, by which Dask knows what it does already for a command that ended."""
        what = places.digest(repr(self.arguments).encode())
        return f"{self.function.__name__}-{what}" + (f"-{self.tries}" if self.tries else "")


class Run:
    """What one connection to a scheduler does.

    Args:
        films: what is to be done.
        crew: who does it.
        client: of Dask.
    """

    def __init__(self, films: Films, crew: Crew, client: Any) -> None:
        self._films, self._crew, self._client = films, crew, client
        self._ended: SimpleQueue[Callable[[], None]] = SimpleQueue()
        # Dask gets a step when a worker is about to be free: all that it had given to one that
        # ends would count as lost, and who comes late and can't paint would fail at all of them.
        self._waiting: list[tuple[int, int, _Step]] = []
        self._numbers = count()
        self._steps: dict[str, _Step] = {}
        self._reports: dict[tuple[str, int | str], tuple[int, int | None]] = {}
        self._there: dict[str, Painted] = {}
        crew.serve(client, self._ended.put)
        client.subscribe_topic(REPORTS, self._reported)

    def drive(self) -> Iterator[str]:
        """Go on until all clips are through.

        Yields:
            str: the target of one that is.

        Raises:
            LostError: the scheduler went.
            ClusterError: no worker has what it needs.
            StorageError: there is no room.
        """
        films, crew = self._films, self._crew
        films.bars.begin()
        told_of, ends = len(films.outcomes), len(films.outcomes) + len(films.left)
        while films.left and not crew.able:
            self._turn()
        films.workers = films.workers or len(crew.able)
        for order in films.left:
            told = replace(order, workers=films.workers, is_here=crew.is_here, ffmpeg=crew.ffmpeg)
            self._wait(_Step(order, 0, self._looked, look, (told,)))
        while True:
            yield from list(films.outcomes)[told_of:]
            told_of = len(films.outcomes)
            if told_of == ends:
                return
            self._turn()

    def close(self) -> None:
        """Leave nothing with the scheduler."""
        for target in list(self._there):
            self._forget(target)

    def _reported(self, event):
        """A worker told how far it is, which is shown at the next turn; Dask calls this."""
        _, (target, part, frames, total) = event
        self._reports[target, part] = frames, total

    def _turn(self):
        """Hand out what there is room for, and wait for something to end, but not for long."""
        self._check_scheduler()
        try:
            if self._crew.is_due:
                if order := next(filter(self._is_there, self._films.left), None):
                    self._crew.look_around(order)
                self._take_back()
            self._hand_out()
        except OSError as error:
            raise LostError from error
        try:
            then = self._ended.get(timeout=1)
        except Empty:
            pass
        else:
            then()
        while self._reports:
            (target, part), (frames, total) = self._reports.popitem()
            self._films.bars.report(target, part, frames, total)
        self._films.bars.tick()

    def _check_scheduler(self):
        if self._client.status != "running" or self._client.scheduler_comm.comm.closed():
            raise LostError

    def _is_there(self, order):
        """Whether nobody has removed a clip's source; where somebody has, the clip is given up."""
        try:
            places.stamp(order.source)
        except StyleError as missing:
            self._give_up(order, _not_painted(order, str(missing)))
            return False
        except OSError:
            pass  # its folder is away for a while
        return True

    def _wait(self, step):
        heapq.heappush(self._waiting, (-step.priority, next(self._numbers), step))

    def _take_back(self):
        """Dask keeps a step whose workers have all gone."""
        for key, step in list(self._steps.items()):
            if step.workers and self._crew.is_gone(step.workers):
                del self._steps[key]
                self._wait(step)

    def _hand_out(self):
        early, begun = [], self._begun()
        while self._waiting and self._going() < self._crew.room:
            place = heapq.heappop(self._waiting)
            step = place[-1]
            # Many films that are begun would take much room, and many encoders much memory.
            is_crowded = step.function is look and begun >= self._crew.room
            if is_crowded or time.monotonic() < step.due:
                early.append(place)
            elif step.order.target not in self._films.outcomes:
                self._submit(step)
                begun += step.function is look
        for place in early:
            heapq.heappush(self._waiting, place)

    def _going(self):
        """Steps that Dask has, but for those that are done beside others."""
        return sum(not step.is_beside for step in self._steps.values())

    def _begun(self):
        """Films that are looked at, or are not joined yet."""
        steps = [*self._steps.values(), *(step for *_, step in self._waiting)]
        looked_at = sum(step.function is look for step in self._steps.values())
        return looked_at + sum(step.function is join for step in steps)

    def _submit(self, step):
        key, workers = step.key, self._crew.chosen(step.refusers)
        options = dict(key=key, priority=step.priority, workers=workers)
        step.future = submit(self._client, step.function, step.arguments, **options)
        step.tries, step.workers = step.tries + 1, workers or ()
        self._steps[key] = step
        step.future.add_done_callback(lambda future: self._ended.put(partial(self._end, key)))

    def _end(self, key):
        step = self._steps.get(key)
        if step is None:  # of a clip that failed
            return
        if step.future.status in ("cancelled", "lost"):
            raise LostError
        try:
            result = step.future.result()
        except StorageError:
            raise
        except KilledWorker as error:
            last = error.last_worker.address
            self._try_again(key, f"{last} was the last of many workers that ended with it")
        except (ClusterError, ModuleNotFoundError) as error:
            self._pass_over(key, error)
        except StyleError as error:
            self._give_up(step.order, error)
        except Exception as error:  # of the machine that it ran on
            if step.future.status != "error":
                raise LostError from error
            self._give_up(step.order, _not_painted(step.order, f"{type(error).__name__}: {error}"))
        else:
            del self._steps[key]
            self._blame(step)
            step.then(result)

    def _pass_over(self, key, error):
        """Have another worker do a step: the one that had it lacks something."""
        step = self._steps[key]
        if not self._is_there(step.order):
            return
        self._films.put_files()
        if isinstance(error, ModuleNotFoundError):  # it will be told when the worker is asked
            self._crew.hurry()
        elif error.reason:
            self._refuse(step, error)
        else:
            self._crew.pass_over(error.worker, error)
        if key in self._steps:
            self._try_again(key, str(error))

    def _refuse(self, step, error):
        """Whose fault it is, the clip's or the worker's, is seen by what happens elsewhere."""
        step.refusals.append(error)
        alike = {other.worker for other in step.refusals if other.reason == error.reason}
        if len(alike) >= ALIKE:
            self._give_up(step.order, _not_painted(step.order, str(error)))
            return
        step.due = self._crew.when(step.refusers)
        steps = [*self._steps.values(), *(step for *_, step in self._waiting)]
        if sum(error.worker in step.refusers for step in steps) >= ALIKE:
            self._crew.pass_over(error.worker, error)

    def _blame(self, step):
        """Another worker has done what some refused."""
        for error in step.refusals:
            if error.worker not in step.workers:
                self._crew.pass_over(error.worker, error)

    def _try_again(self, key, why):
        step = self._steps.pop(key)
        step.losses += 1
        if step.losses < MOST_LOSSES:
            self._wait(step)
        else:
            self._give_up(step.order, _not_painted(step.order, why))

    def _through(self, order, error=None):
        self._films.end(order.target, error)
        if order.target in self._there:
            self._forget(order.target)

    def _forget(self, target):
        with suppress(LostError):
            self._check_scheduler()
            self._there.pop(target).forget()

    def _give_up(self, order, error):
        self._through(order, error)
        for key in [key for key, step in self._steps.items() if step.order is order]:
            del self._steps[key]  # Dask forgets what nobody waits for

    def _looked(self, clip):
        films, order = self._films, clip.order
        films.looked(clip)
        if not clip.pieces:
            return
        kept = "raw" if clip.is_raw else "coded"
        logger.info("%s: %d pieces, kept %s", order.target, len(clip.pieces), kept)
        counts: dict[int, int] = {}
        there = self._there[order.target] = Painted(clip.key, self._client)
        # A message for each piece is not to hold all others.
        alone = replace(clip, pieces=clip.pieces[:1])

        def tell(counts):
            self._check_scheduler()
            try:
                there.tell(counts)
            except OSError as error:
                raise LostError from error

        def painted(piece, result):
            films.painted(clip, piece, result)
            counts[piece.number] = result.frames
            tell(list(takewhile(bool, map(counts.get, range(len(clip.pieces))))))

        def joined(notes):
            films.tell(notes)
            self._through(order)

        tell([])
        self._wait(_Step(order, 2, joined, join, (clip,), is_beside=True))
        for piece in clip.pieces:
            self._wait(_Step(order, 1, partial(painted, piece), paint, (alone, piece)))


def _not_painted(order, why):
    return ClusterError(f"{order.source} is not painted: {' '.join(why.split())}")
