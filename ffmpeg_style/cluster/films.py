"""Clips on their way through a scheduler: looked at, painted in pieces, joined."""

import heapq
import logging
import os
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
from ffmpeg_style.cluster.crew import Crew, LostError, submit
from ffmpeg_style.cluster.join import join
from ffmpeg_style.cluster.painted import Painted
from ffmpeg_style.cluster.piece import Order, look, paint
from ffmpeg_style.cluster.worker import JOINING
from ffmpeg_style.errors import ClusterError, StorageError, StyleError
from ffmpeg_style.progress import progress_bar

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
        workers: how many share a clip; 0 until one is there.
    """

    def __init__(
        self, orders: Sequence[Order], files: Mapping[str, bytes], progress: bool | None = None
    ) -> None:
        self._orders, self._files, self._progress = orders, files, progress
        self._bar = progress_bar(progress=progress, unit="frame", total=0, desc="cluster")
        self._joining: dict[str, Any] = {}
        self.outcomes: dict[str, StyleError | None] = {}
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

    def count(self, name: str, total: int = 0, done: int = 0) -> None:
        """Frames to paint, or painted ones: once, however often a part is done."""
        if name not in self._told:
            self._told.add(name)
            self._bar.total += total
            self._bar.update(done)
            self._bar.refresh()

    def joined(self, target: str, frames: int, total: int) -> None:
        """So many frames of a film are joined, which takes long where they are encoded."""
        if all(order.target != target for order in self.left):
            return  # it is there meanwhile, or another command's
        if target not in self._joining:
            options = dict(unit="frame", total=total, leave=False)
            desc = f"joining {os.path.basename(target)}"
            self._joining[target] = progress_bar(progress=self._progress, desc=desc, **options)
        bar = self._joining[target]
        bar.update(frames - bar.n)

    def end(self, target: str, error: StyleError | None = None) -> None:
        """A clip is through."""
        self.outcomes[target] = error
        if target in self._joining:
            self._joining.pop(target).close()

    def close(self) -> None:
        """Show nothing any more."""
        for bar in (*self._joining.values(), self._bar):
            bar.close()

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
        crew.serve(client, self._ended.put)
        client.subscribe_topic(JOINING, self._joining)

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

    def _joining(self, event):
        _, what = event
        self._ended.put(partial(self._films.joined, *what))

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
        early = []
        while self._waiting and self._going(is_beside=False) < self._crew.room:
            place = heapq.heappop(self._waiting)
            step = place[-1]
            # Many films that are begun would take much room, and many encoders much memory.
            is_crowded = step.function is look and self._begun() >= self._crew.room
            if is_crowded or time.monotonic() < step.due:
                early.append(place)
            elif step.order.target not in self._films.outcomes:
                self._submit(step)
        for place in early:
            heapq.heappush(self._waiting, place)

    def _going(self, is_beside):
        return sum(step.is_beside == is_beside for step in self._steps.values())

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

    def _give_up(self, order, error):
        self._films.end(order.target, error)
        for key in [key for key, step in self._steps.items() if step.order is order]:
            del self._steps[key]  # Dask forgets what nobody waits for

    def _looked(self, clip):
        films, order = self._films, clip.order
        films.tell(clip.notes)
        films.count(clip.key, clip.frames, 0 if clip.pieces else clip.frames)
        if not clip.pieces:
            films.end(order.target)
            return
        counts: dict[int, int] = {}
        there = Painted(clip.key, self._client)
        # A message for each piece is not to hold all others.
        alone = replace(clip, pieces=clip.pieces[:1])

        def tell(counts):
            self._check_scheduler()
            try:
                there.tell(counts)
            except OSError as error:
                raise LostError from error

        def painted(piece, result):
            frames, notes = result
            films.tell(notes)
            films.count(clip.address(piece), 0, frames)
            counts[piece.number] = frames
            tell(list(takewhile(bool, map(counts.get, range(len(clip.pieces))))))

        def joined(notes):
            films.tell(notes)
            films.end(order.target)
            with suppress(OSError):  # the scheduler went, and all that it knew
                there.forget()

        tell([])
        self._wait(_Step(order, 2, joined, join, (clip,), is_beside=True))
        for piece in clip.pieces:
            self._wait(_Step(order, 1, partial(painted, piece), paint, (alone, piece)))


def _not_painted(order, why):
    return ClusterError(f"{order.source} is not painted: {' '.join(why.split())}")
