"""Clips handed to a Dask scheduler: its workers look at them, paint their pieces, join them."""

import asyncio
import inspect
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from ffmpeg_style import __version__
from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.join import join
from ffmpeg_style.cluster.piece import (
    Clip,
    Order,
    StylePicture,
    begin,
    check,
    check_target,
    look,
    marks,
    paint,
)
from ffmpeg_style.cluster.worker import local_workers, model_address
from ffmpeg_style.errors import ClusterError, InputError, StorageError, StyleError
from ffmpeg_style.ffmpeg.batch import Outcome
from ffmpeg_style.ffmpeg.sources import Work
from ffmpeg_style.painting import check_painting, check_seconds, with_pictures
from ffmpeg_style.progress import progress_bar

WORK = ".ffmpeg-style-cluster"
"""The folder in the targets' in which finished pieces are until all is done."""
SECONDS_TO_CONNECT = 5
SECONDS_WITHOUT_SCHEDULER = 120
"""For one that is started again."""
MOST_LOSSES = 5
"""How often Dask may give up a piece, each time after several workers that ended with it."""
MOST_WORKERS = 256
"""On one machine."""

SETTINGS = inspect.signature(check_painting).parameters.keys() - {"model"}
"""Options of the painting filter."""

logger = logging.getLogger(__name__)


def paint_on_cluster(
    works: Sequence[Work],
    model: str | os.PathLike[str],
    cluster: str,
    *,
    piece: float | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
    **options: Any,
) -> Iterator[Outcome]:
    """Paint files with the workers of a Dask scheduler.

    What comes out is what `stylize` would write. Long clips are cut into pieces, whose finished
    ones lie in a folder beside the targets until all is done: a call that was ended goes on with
    them when it is repeated.

    Args:
        works: what to paint: paths that all machines share, or URLs that fsspec knows.
        model: name or path of a model; it is sent to the workers, and so are pictures as styles.
        cluster: address of a Dask scheduler, such as "tcp://10.0.0.1:8786"; or "local:N" to start
            N workers here.
        piece: seconds of a piece; None for a minute, or less so that all workers have one.
        overwrite: whether to replace targets that exist.
        progress: whether to show a bar on stderr; None for when it is a terminal.
        **options: further ones of `stylize`.

    Yields:
        Outcome: of each work, when it is known. One that fails doesn't keep the others.

    Raises:
        InputError: an argument can't be right.
        ClusterError: there is no scheduler, or it went and did not come back; a worker lacks what
            it needs.
        StorageError: there is no room.
    """
    begun = time.monotonic()
    settings = {name: options.pop(name) for name in SETTINGS & options.keys()}
    if settings.get("library") is not None:
        settings["library"] = os.path.abspath(settings["library"])
    path = check_painting(model, **settings)
    check_seconds("piece", piece)
    _check_address(cluster)
    yield from (Outcome(work, "done") for work in works if work.is_done and not overwrite)
    left = [work for work in works if overwrite or not work.is_done]
    if not left:
        return
    orders, files = _orders(left, path, settings, options, overwrite, piece)
    with (
        _quiet(),
        progress_bar(progress=progress, unit="frame", total=0, desc="cluster") as bar,
        _scheduler(cluster) as address,
    ):
        films = _Films(orders, bar)
        with _connected(address) as client:
            _make_work(orders, files)
            _check_workers(client, orders[0])
            if client.dashboard_link:
                logger.info("Dask's dashboard: %s", client.dashboard_link)
        for target in _paint(films, address):
            error = films.outcomes[target]
            seconds = time.monotonic() - begun
            work = left[[order.target for order in orders].index(target)]
            yield Outcome(work, "failed" if error else "painted", seconds, error)
    if not any(films.outcomes.values()):
        _clear(orders)
    else:
        logger.warning("%s stays, so that the same command goes on from there", orders[0].work)


def _check_address(cluster):
    number = cluster.removeprefix("local:")
    if number != cluster and not (number.isdecimal() and 0 < int(number) <= MOST_WORKERS):
        raise InputError(
            f"{cluster!r} starts no workers; expected local:N with N from 1 to {MOST_WORKERS}"
        )


def _orders(works, model, settings, options, overwrite, piece):
    """What the workers are told, and {address: content} of the files that they need for it.

    Before that, whether all clips can be read and written.
    """
    pairs = [(places.as_address(work.source), places.as_address(work.target)) for work in works]
    work = places.join(places.common_folder([target for _, target in pairs]), WORK)
    content = model.read_bytes()
    name = places.digest(content)
    files = {model_address(work, name): content}

    def put(picture):
        address = places.join(work, "styles", f"{places.digest(picture)}.png")
        files[address] = picture
        return StylePicture(address)

    settings = settings | {"style": with_pictures(model, settings.get("style"), put)}
    orders = [
        Order(source, target, work, name, settings, options, overwrite, longest=piece)
        for source, target in pairs
    ]
    for order in orders:
        places.stamp(order.source)
        check_target(Clip(order, ""))
    return orders, files


def _make_work(orders, files):
    """The folder for what is finished in the meantime, with what workers need."""
    places.make_folder_at(orders[0].work)
    for order in orders:
        begin(Clip(order, ""))
    for address, content in files.items():
        if not places.exists(address):
            places.write(address, content)


def _clear(orders):
    """Remove the marks of what is done, and the folder where no other command needs it."""
    work = orders[0].work
    for order in orders:
        places.remove(Clip(order, "").mark)
    if places.is_empty(marks(work)):
        places.remove_folder(work)


def _paint(films, address):
    """Go on until all clips are through, with a scheduler that may be started again.

    Yields:
        str: the target of a clip that is through.
    """
    deadline = time.monotonic() + SECONDS_WITHOUT_SCHEDULER
    while films.left:
        try:
            with _connected(address) as client:
                deadline = time.monotonic() + SECONDS_WITHOUT_SCHEDULER
                yield from _Run(films, client).drive()
        except _LostError:
            logger.warning("the scheduler at %s went; waiting for it", address)
        except _NoSchedulerError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


class _NoSchedulerError(ClusterError):
    """There is none, or not yet."""


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

    def drive(self) -> Iterator[str]:
        """Go on until all clips are through.

        Yields:
            str: the target of one that is.

        Raises:
            _LostError: the scheduler went.
            ClusterError: a worker lacks what it needs.
            StorageError: there is no room.
        """
        workers = max(1, len(self._client.nthreads()))
        for order in self._films.left:
            self._submit(order, 0, self._looked, look, replace(order, workers=workers))
        while self._steps:
            before = len(self._films.outcomes)
            self._end(self._next())
            yield from list(self._films.outcomes)[before:]

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
        except Exception as error:  # of the machine that it ran on
            if step.future.status != "error":
                raise _LostError from error
            why = " ".join(f"{type(error).__name__}: {error}".split())
            self._give_up(step.order, ClusterError(f"{step.order.source} is not painted: {why}"))
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
            films.count(clip.address(piece), 0, frames)
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


def _check_workers(client, order):
    """Ask the workers that are there whether they can paint.

    Raises:
        ClusterError: one can't; it is named.
    """
    answers = client.run(check, order, on_error="return")
    versions = {}
    for worker, answer in sorted(answers.items()):
        if isinstance(answer, ClusterError):
            raise answer
        if missing := re.search(r"No module named '[\w.]+'", str(answer)):
            raise ClusterError(
                f"the worker {worker} can't paint: {missing[0]}; "
                f"install ffmpeg-style {__version__} there"
            )
        if isinstance(answer, Exception):
            raise ClusterError(f"the worker {worker} can't paint: {answer}")
        versions.setdefault(answer, []).append(worker)
    if len(versions) > 1:
        (one, few), *_, (other, many) = sorted(versions.items(), key=lambda item: len(item[1]))
        raise ClusterError(
            f"the worker {few[0]} has {one}, and the worker {many[0]} {other}; "
            "expected the same on all"
        )
    if not answers:
        logger.warning("the scheduler has no workers yet: the clips wait for one")


def _scheduler(cluster: str) -> AbstractContextManager[str]:
    """The address of a scheduler: the one given, or one that is started here with its workers."""
    number = cluster.removeprefix("local:")
    return nullcontext(cluster) if number == cluster else local_workers(int(number))


@contextmanager
def _connected(address):
    """A client of a scheduler."""
    from distributed import Client

    try:
        asyncio.run(_knock(address))
        client = Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise _NoSchedulerError(
            f"no Dask scheduler at {address}: {str(error) or type(error).__name__}; expected an "
            "address such as tcp://10.0.0.1:8786, or local:2 for workers here"
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=2)


async def _knock(address):
    """Whether a scheduler answers: a client with an address that is none does not end for 10 s."""
    from distributed.comm import connect
    from distributed.security import Security

    security = Security().get_connection_args("client")
    comm = await connect(address, timeout=SECONDS_TO_CONNECT, **security)
    await comm.close()


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
