"""Clips handed to a Dask scheduler: its workers look at them, paint their pieces, join them."""

import asyncio
import inspect
import logging
import os
import re
import socket
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from typing import Any, get_args

from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.coding import Encode
from ffmpeg_style.cluster.crew import Crew, LostError
from ffmpeg_style.cluster.films import Films, Run
from ffmpeg_style.cluster.piece import Clip, Order, StylePicture, check_target
from ffmpeg_style.cluster.work import WorkFolder, reached
from ffmpeg_style.cluster.worker import local_workers, model_address
from ffmpeg_style.errors import ClusterError, InputError, StyleError
from ffmpeg_style.ffmpeg.batch import Outcome
from ffmpeg_style.ffmpeg.sources import Work
from ffmpeg_style.files import check_folder
from ffmpeg_style.painting import check_choice, check_painting, check_seconds, with_pictures

WORK = ".ffmpeg-style-cluster"
"""The folder in the targets' in which finished pieces are until all is done."""
HERE = "local:"
"""How an address begins that asks for workers on this machine."""
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
    if check_seconds("piece", piece) == 0:
        raise InputError("piece is 0, expected how long it is, such as 10 or 00:01:00")
    check_choice("encode", encode, get_args(Encode))
    _check_address(cluster)
    yield from (Outcome(work, "done") for work in works if work.is_done and not overwrite)
    left = [work for work in works if overwrite or not work.is_done]
    if not left:
        return
    how = dict(overwrite=overwrite, longest=piece, encode=encode)
    orders, files = _orders(left, path, settings, options, how)
    is_here = cluster.startswith(HERE)
    folder, films = WorkFolder(orders, left, not is_here), Films(orders, files, progress)
    with ExitStack() as stack:
        stack.enter_context(_tidied(folder, films, is_one=len(works) == 1))
        stack.enter_context(_quiet())
        stack.enter_context(closing(films.bars))
        address = stack.enter_context(_scheduler(cluster))
        crew = Crew(films.tell)
        with _connected(address, films.tell) as client:
            folder.make()
            films.put_files()
            crew.muster(client, orders[0])
            if client.dashboard_link:
                logger.info("Dask's dashboard: %s", client.dashboard_link)
        for target in _paint(films, crew, address):
            error = films.outcomes[target]
            seconds = time.monotonic() - begun
            work = left[[order.target for order in orders].index(target)]
            yield Outcome(work, "failed" if error else "painted", seconds, error)


@contextmanager
def _tidied(folder, films, is_one):
    """In the end, that some work stays is told, behind the reason: one clip's is told the last."""
    failure = None
    try:
        yield
    except StyleError as error:
        failure = error
        raise
    finally:
        if folder.tidy(films.outcomes, films.clips):
            stays = f"{folder.address} stays, so that the same command goes on from there"
            if is_one:
                failure = failure or next(iter(films.outcomes.values()), None)
            if failure:
                failure.args = (f"{failure}; {stays}",)
            else:
                logger.warning("%s", stays)


def _check_address(cluster):
    kind, _, number = cluster.partition(":")
    if kind == "local" and not (number.isdecimal() and 0 < int(number) <= MOST_WORKERS):
        raise InputError(
            f"{cluster!r} starts no workers; expected local:N with N from 1 to {MOST_WORKERS}, "
            "such as local:2"
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
        _check_order(order)
    return orders, files


def _check_order(order):
    """Whether a clip can be read and written, as far as that is seen from here."""
    with reached(order.source):
        places.stamp(order.source)
    with reached(order.target):
        if places.is_shared(order.target):
            check_folder(os.path.dirname(order.target))
        check_target(Clip(order, ""))


def _paint(films, crew, address):
    """Go on until all clips are through, with a scheduler that may be started again.

    Yields:
        str: the target of a clip that is through.
    """
    went = None
    while films.left:
        try:
            with (
                _connected(address, films.tell) as client,
                closing(Run(films, crew, client)) as run,
            ):
                if went:
                    logger.warning(
                        "the scheduler at %s is back; workers that ended with it are to be started",
                        address,
                    )
                yield from run.drive()
        except LostError:
            went = time.monotonic()
            logger.warning("the scheduler at %s went; waiting for it", address)
        except _NoSchedulerError:
            went = went or time.monotonic()
            if time.monotonic() > went + SECONDS_WITHOUT_SCHEDULER:
                raise ClusterError(
                    f"the scheduler at {address} went, and did not come back in "
                    f"{SECONDS_WITHOUT_SCHEDULER} s"
                ) from None
            time.sleep(1)


class _NoSchedulerError(ClusterError):
    """There is none, or not yet."""


def _scheduler(cluster: str) -> AbstractContextManager[str]:
    """The address of a scheduler: the one given, or one that is started here with its workers."""
    number = cluster.removeprefix(HERE)
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
        why = str(error) or type(error).__name__
        if isinstance(error, socket.gaierror):
            why = "nobody knows a host of this name"
        raise _NoSchedulerError(
            f"no Dask scheduler at {address}: {why}; expected an address such as "
            "tcp://10.0.0.1:8786, or local:2 for workers here"
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
    from distributed.comm import connect, get_address_host
    from distributed.security import Security

    # A host that nobody knows would be asked for again and again.
    await asyncio.get_running_loop().getaddrinfo(get_address_host(address), None)
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
    except KeyboardInterrupt:
        levels.clear()  # what was about to start ends with Python itself
        raise
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
