"""Clips handed to a Dask scheduler: its workers look at them, paint their pieces, join them."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from ffmpeg_style import __version__
from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.join import join
from ffmpeg_style.cluster.piece import Clip, Order, check_target, look, paint
from ffmpeg_style.cluster.worker import OwnProcessors, check, model_address
from ffmpeg_style.errors import ClusterError, InputError, StorageError, StyleError
from ffmpeg_style.painting import check_painting
from ffmpeg_style.progress import progress_bar

WORK = ".ffmpeg-style-cluster"
"""The folder in the target's in which finished pieces are until all is done."""
SECONDS_TO_CONNECT = 8
SECONDS_WITHOUT_SCHEDULER = 120
"""For one that is started again."""
MOST_LOSSES = 5
"""How often Dask may give up a piece, each time after several workers that ended with it."""
MOST_WORKERS = 256
"""On one machine."""

logger = logging.getLogger(__name__)


def paint_on_cluster(
    clips: Sequence[tuple[str | os.PathLike[str], str | os.PathLike[str]]],
    model: str | os.PathLike[str],
    cluster: str,
    *,
    piece: float | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
    start: float | None = None,
    duration: float | None = None,
    encoder_options: Sequence[str] = (),
    **settings: Any,
) -> dict[str, StyleError | None]:
    """Paint clips with the workers of a Dask scheduler.

    What comes out is what `stylize` would write. Long clips are cut into pieces, whose finished
    ones lie in a folder of the target's until all clips are there: a call that was ended goes on
    with them when it is repeated.

    Args:
        clips: (source, target): paths that all machines share, or URLs that fsspec knows. The
            targets are in one folder.
        model: name or path of a model; it is sent to the workers.
        cluster: address of a Dask scheduler, such as "tcp://10.0.0.1:8786"; or "local:N" to start
            N workers here.
        piece: seconds of a piece; None for a minute, or less so that all workers have one.
        overwrite: whether to replace targets that exist.
        progress: whether to show a bar on stderr; None for when it is a terminal.
        start: as `stylize` has it.
        duration: likewise.
        encoder_options: likewise.
        **settings: of the painting, likewise.

    Returns:
        dict: {target: why it could not be painted, None where it was}.

    Raises:
        InputError: an argument can't be right; a worker lacks what it needs.
        ClusterError: there is no scheduler, or it went and did not come back.
        StorageError: there is no room.
    """
    path = check_painting(model, **settings)
    options = {"start": start, "duration": duration, "encoder_options": tuple(encoder_options)}
    orders, work = _orders(clips, path, settings, options, overwrite, piece)
    _check_files(orders)
    with (
        _quiet(),
        progress_bar(progress=progress, unit=" frames", total=0, desc="cluster") as bar,
        _scheduler(cluster) as address,
    ):
        films = _Films(orders, bar)
        with _connected(address) as client:
            _make_work(work, orders[0].model, path)
            _check_workers(client, work, orders[0].model)
            _show_dashboard(client)
        _paint(films, address)
    if not any(films.outcomes.values()):
        places.remove_folder(work)
    return films.outcomes


def _orders(clips, model, settings, options, overwrite, piece):
    pairs = [(places.as_address(source), places.as_address(target)) for source, target in clips]
    folders = {target.rpartition("/")[0] for _, target in pairs}
    if len(folders) != 1:
        raise InputError(f"the targets are in {len(folders)} folders; expected all in one")
    work = places.join(folders.pop(), WORK)
    name = places.digest(model.read_bytes())
    return [
        Order(source, target, work, name, settings, options, overwrite, longest=piece)
        for source, target in pairs
    ], work


def _check_files(orders):
    """Before anybody is asked: whether the sources are there, and the targets may be written."""
    seen = {}
    for order in orders:
        places.stamp(order.source)
        if order.source == order.target:
            raise InputError(f"{order.target} is the source itself; choose another folder")
        if (other := seen.setdefault(order.target, order.source)) != order.source:
            raise InputError(f"{other} and {order.source} would both become {order.target}")
        check_target(Clip(order, ""))


def _make_work(work, model, path):
    """The folder for what is finished in the meantime, and the model in it, for the workers."""
    places.make_folder_at(work)
    address = model_address(work, model)
    if not places.exists(address):
        places.write(address, path.read_bytes())


def _show_dashboard(client):
    if client.dashboard_link:
        logger.info("Dask's dashboard: %s", client.dashboard_link)


def _paint(films, address):
    """Go on until all clips are through, with a scheduler that may be started again."""
    deadline = time.monotonic() + SECONDS_WITHOUT_SCHEDULER
    while films.left:
        try:
            with _connected(address) as client:
                deadline = time.monotonic() + SECONDS_WITHOUT_SCHEDULER
                _Run(films, client).drive()
        except _LostError:
            logger.warning("the scheduler at %s went; waiting for it", address)
        except ClusterError as error:
            if time.monotonic() > deadline or not isinstance(error.__cause__, OSError):
                raise
            time.sleep(1)


class _LostError(Exception):
    """The scheduler went, with what it was to do."""


class _Films:
    """Clips on their way, over all connections to a scheduler.

    Args:
        orders: all of them.
        bar: shows the frames that are painted.

    Attributes:
        outcomes: {target: its error, None for none} of those that are through.
    """

    def __init__(self, orders: Sequence[Order], bar: Any) -> None:
        self._orders, self._bar = orders, bar
        self.outcomes: dict[str, StyleError | None] = {}
        self._told: set[str] = set()

    @property
    def left(self) -> list[Order]:
        """Those that are not through."""
        return [order for order in self._orders if order.target not in self.outcomes]

    def count(self, name: str, total: int = 0, done: int = 0) -> None:
        """Frames to paint, or painted ones: once, however often a part is done."""
        if name not in self._told:
            self._told.add(name)
            self._bar.total += total
            self._bar.update(done)
            self._bar.refresh()

    def tell(self, notes: Sequence[str]) -> None:
        """What the user should know, once."""
        for note in notes:
            if note not in self._told:
                self._told.add(note)
                logger.warning("%s", note)


@dataclass
class _Step:
    """A task that a scheduler has.

    Attributes:
        future: of Dask.
        order: whose clip it is for.
        then: what is done with its result.
        losses: workers that ended while they had it.
    """

    future: Any
    order: Order
    then: Callable[[Any], None]
    losses: int = 0


class _Run:
    """What one connection to a scheduler does."""

    def __init__(self, films: _Films, client: Any) -> None:
        self._films, self._client = films, client
        self._ended: SimpleQueue[str] = SimpleQueue()
        self._steps: dict[str, _Step] = {}

    def drive(self) -> None:
        """Go on until all clips are through.

        Raises:
            _LostError: the scheduler went.
            ClusterError: a worker lacks what it needs.
            StorageError: there is no room.
        """
        workers = max(1, len(self._client.nthreads()))
        for order in self._films.left:
            self._submit(order, 0, self._looked, look, replace(order, workers=workers))
        while self._steps:
            self._end(self._next())

    def _submit(self, order, priority, then, function, *arguments):
        future = self._client.submit(
            function, *arguments, key=_key(function, arguments), priority=priority, pure=False
        )
        self._steps[future.key] = _Step(future, order, then)
        self._listen(future)

    def _listen(self, future):
        future.add_done_callback(lambda future: self._ended.put(future.key))

    def _next(self):
        while True:
            with suppress(Empty):
                return self._ended.get(timeout=1)
            if self._client.status != "running" or self._client.scheduler_comm.comm.closed():
                raise _LostError

    def _end(self, key):
        from distributed.scheduler import KilledWorker

        step = self._steps.get(key)
        if step is None:  # of a clip that failed
            return
        if step.future.status in ("cancelled", "lost"):
            raise _LostError
        try:
            result = step.future.result()
        except (ClusterError, StorageError):
            raise
        except KilledWorker as error:
            self._lose(step, error)
        except StyleError as error:
            self._give_up(step.order, error)
        else:
            del self._steps[key]
            step.then(result)

    def _lose(self, step, error):
        step.losses += 1
        if step.losses >= MOST_LOSSES:
            last = f"{error.last_worker.address} was the last of many workers that ended with it"
            self._give_up(step.order, ClusterError(f"{step.order.source} is not painted: {last}"))
            return
        step.future.retry()
        self._listen(step.future)

    def _give_up(self, order, error):
        self._films.outcomes[order.target] = error
        for key in [key for key, step in self._steps.items() if step.order is order]:
            del self._steps[key]  # Dask forgets what nobody waits for

    def _looked(self, clip):
        films, order = self._films, clip.order
        films.tell(clip.notes)
        films.count(clip.key, clip.frames, 0 if clip.pieces else clip.frames)
        if not clip.pieces:
            films.outcomes[order.target] = None
            return
        left = {piece.number for piece in clip.pieces}
        alone = replace(clip, pieces=())  # a message for each piece is not to hold all others

        def painted(piece, result):
            frames, notes = result
            films.tell(notes)
            films.count(f"{clip.key}-{piece.number}", 0, frames)
            left.remove(piece.number)
            if not left:
                self._submit(order, 2, joined, join, clip)

        def joined(notes):
            films.tell(notes)
            films.outcomes[order.target] = None

        for piece in clip.pieces:
            self._submit(order, 1, partial(painted, piece), paint, alone, piece)


def _key(function, arguments):
    return f"{function.__name__}-{places.digest(repr(arguments).encode())}"


def _check_workers(client, work, model):
    """Ask the workers that are there whether they can paint.

    Raises:
        ClusterError: one can't; it is named.
    """
    answers = client.run(check, work, model, __version__, on_error="return")
    versions = {}
    for worker, answer in sorted(answers.items()):
        if isinstance(answer, ClusterError):
            raise answer
        if isinstance(answer, ImportError):
            raise ClusterError(
                f"the worker {worker} can't paint: {answer}; "
                f"install ffmpeg-style {__version__} there"
            )
        if isinstance(answer, Exception):
            raise ClusterError(f"the worker {worker} can't paint: {answer}")
        versions.setdefault(answer, worker)
    if len(versions) > 1:
        (one, worker), (other, its) = sorted(versions.items())[:2]
        raise ClusterError(
            f"the worker {worker} has {one}, and the worker {its} {other}; expected the same on all"
        )
    if not answers:
        logger.warning("the scheduler has no workers yet: the clips wait for one")


@contextmanager
def _scheduler(cluster: str) -> Iterator[str]:
    """The address of a scheduler: the one given, or one that is started here with its workers."""
    if not cluster.startswith("local:"):
        yield cluster
        return
    from distributed import LocalCluster

    number = cluster.removeprefix("local:")
    if not (number.isdecimal() and 0 < int(number) <= MOST_WORKERS):
        raise InputError(
            f"{cluster!r} starts no workers; expected local:N, N from 1 to {MOST_WORKERS}"
        )
    with LocalCluster(
        n_workers=int(number),
        threads_per_worker=1,
        memory_limit=0,  # ffmpeg's is not counted there
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
        plugins=[OwnProcessors(int(number))],
    ) as local:
        yield local.scheduler_address


@contextmanager
def _connected(address):
    """A client of a scheduler."""
    from distributed import Client

    try:
        client = Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise ClusterError(
            f"no Dask scheduler at {address}: {str(error) or type(error).__name__}; expected an "
            "address such as tcp://10.0.0.1:8786, or local:2 for workers here"
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=2)


@contextmanager
def _quiet():
    """Dask tells of each connection that ends; what matters is said in a sentence."""
    import distributed  # noqa: F401 - it sets its loggers' levels

    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
