"""Clips handed to a Dask scheduler: its workers look at them, paint their pieces, join them."""

import asyncio
import inspect
import logging
import os
import re
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any, get_args

from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.coding import Encode
from ffmpeg_style.cluster.crew import Crew, LostError
from ffmpeg_style.cluster.films import Films, Run
from ffmpeg_style.cluster.piece import Clip, Order, StylePicture, begin, check_target, marks
from ffmpeg_style.cluster.worker import local_workers, model_address
from ffmpeg_style.errors import ClusterError, InputError, StyleError
from ffmpeg_style.ffmpeg.batch import Outcome
from ffmpeg_style.ffmpeg.sources import Work
from ffmpeg_style.painting import check_choice, check_painting, check_seconds, with_pictures

WORK = ".ffmpeg-style-cluster"
"""The folder in the targets' in which finished pieces are until all is done."""
SECONDS_TO_CONNECT = 5
SECONDS_WITHOUT_SCHEDULER = 120
"""For one that is started again."""
MOST_WORKERS = 256
"""On one machine."""

SETTINGS = inspect.signature(check_painting).parameters.keys() - {"model"}
"""Options of the painting filter."""

_ROW = re.compile(r"^\| *distributed *\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\| *$", re.MULTILINE)
"""Of Dask's table of versions that differ: here, in the scheduler, in the workers."""

logger = logging.getLogger(__name__)


def paint_on_cluster(
    works: Sequence[Work],
    model: str | os.PathLike[str],
    cluster: str,
    *,
    piece: float | None = None,
    encode: Encode = "once",
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
        encode: "once" for a film that is encoded when its pieces are joined, as one machine would;
            "pieces" for pieces that are each encoded by itself, for more workers than one encoder
            can keep up with.
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
    check_choice("encode", encode, get_args(Encode))
    _check_address(cluster)
    yield from (Outcome(work, "done") for work in works if work.is_done and not overwrite)
    left = [work for work in works if overwrite or not work.is_done]
    if not left:
        return
    how = dict(overwrite=overwrite, longest=piece, encode=encode)
    orders, files = _orders(left, path, settings, options, how)
    with (
        _quiet(),
        closing(Films(orders, files, progress)) as films,
        _scheduler(cluster) as address,
    ):
        crew = Crew(films.tell)
        with _connected(address, films.tell) as client:
            _make_work(orders)
            films.put_files()
            crew.muster(client, orders[0])
            if client.dashboard_link:
                logger.info("Dask's dashboard: %s", client.dashboard_link)
        for target in _paint(films, crew, address):
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


def _orders(works, model, settings, options, how):
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
        Order(source, target, work, name, settings, options, **how) for source, target in pairs
    ]
    for order in orders:
        with _reached(order.source):
            places.stamp(order.source)
        with _reached(order.target):
            check_target(Clip(order, ""))
    return orders, files


@contextmanager
def _reached(address):
    """What the system says of a place is told in a sentence."""
    try:
        yield
    except StyleError:
        raise
    except OSError as error:
        raise InputError(f"{address} can't be reached: {error.strerror or error}") from error


def _make_work(orders):
    """The folder for what is finished in the meantime."""
    work = orders[0].work
    places.make_folder_at(work)
    with _reached(work):
        for order in orders:
            begin(Clip(order, ""))


def _clear(orders):
    """Remove the marks of what is done, and the folder where no other command needs it."""
    work = orders[0].work
    for order in orders:
        places.remove(Clip(order, "").mark)
    if places.is_empty(marks(work)):
        places.remove_folder(work)


def _paint(films, crew, address):
    """Go on until all clips are through, with a scheduler that may be started again.

    Yields:
        str: the target of a clip that is through.
    """
    deadline = time.monotonic() + SECONDS_WITHOUT_SCHEDULER
    while films.left:
        try:
            with _connected(address, films.tell) as client:
                deadline = time.monotonic() + SECONDS_WITHOUT_SCHEDULER
                yield from Run(films, crew, client).drive()
        except LostError:
            logger.warning("the scheduler at %s went; waiting for it", address)
        except _NoSchedulerError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


class _NoSchedulerError(ClusterError):
    """There is none, or not yet."""


def _scheduler(cluster: str) -> AbstractContextManager[str]:
    """The address of a scheduler: the one given, or one that is started here with its workers."""
    number = cluster.removeprefix("local:")
    return nullcontext(cluster) if number == cluster else local_workers(int(number))


@contextmanager
def _connected(address, tell):
    """A client of a scheduler; what the user should know of it is told."""
    from distributed import Client

    try:
        asyncio.run(_knock(address))
        with _own_words(tell):
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


@contextmanager
def _own_words(tell):
    """Dask's table of versions that differ becomes a sentence; and of its own alone they matter."""
    from distributed.versions import VersionMismatchWarning

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", VersionMismatchWarning)
        yield
    for warning in told:
        if not issubclass(warning.category, VersionMismatchWarning):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
        elif row := _ROW.search(str(warning.message)):
            here, scheduler, workers = map(str.strip, row.groups())
            told_of = f"{here} here, {scheduler} in the scheduler, {workers} in the workers"
            advice = "where something fails, install the same on all machines"
            tell([f"Dask's package distributed is {told_of}; {advice}"])


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
