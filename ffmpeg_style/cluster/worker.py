"""A worker: what it needs, what it is called, what it has to say."""

import asyncio
import logging
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from math import inf
from multiprocessing import resource_tracker
from pathlib import Path

import dask
from distributed import LocalCluster, Nanny, get_worker

from ffmpeg_style import __version__
from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.processors import SECONDS_TO_END, OwnProcessors
from ffmpeg_style.errors import ClusterError, InputError, StyleError
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.folders import cache_folder

REPORTS = "ffmpeg-style-reports"
"""The topic of Dask's under which workers tell how far they are."""
SECONDS_BETWEEN_REPORTS, REPORTS_A_SECOND = 2, 50
"""Of a worker at least, and of all together at most: a scheduler passes each on."""
SECONDS_TO_START = 60
"""For a worker of this machine."""
CALM = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "2s",
}
"""How often Dask's processes look at themselves: without it up to a hundred times a second, and
those of two workers take 6 % of a processor for it."""
_QUICK = {"distributed.scheduler.work-stealing-interval": "100ms"}
"""What was given to a worker that is busy goes to one that is not, without a second's wait."""


def reporter(target: str, part: int | str, workers: int) -> Callable[[int, int | None], None]:
    """What is told how many frames of a film's part are there; it tells who listens to `REPORTS`.

    Args:
        target: of the film.
        part: as `Bars` has it.
        workers: how many there are.
    """
    worker, last = get_worker(), -inf
    seconds = max(SECONDS_BETWEEN_REPORTS, workers / REPORTS_A_SECOND)

    def report(frames, total):
        nonlocal last
        # Where it begins anew, that is not to be missed.
        if not frames or time.monotonic() - last >= seconds:
            last = time.monotonic()
            worker.log_event(REPORTS, (target, part, frames, total))

    return report


class QuietNanny(Nanny):
    """Keeps its worker silent and lets it end; leaves the handlers of this process's logs alone."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.silence_logs = logging.CRITICAL

    async def close(self, timeout=2 * SECONDS_TO_END, reason="nanny-close"):
        """End the worker, which is killed after four fifths of the time."""
        return await super().close(timeout, reason)


@contextmanager
def local_workers(number: int) -> Iterator[str]:
    """Yield the address of a scheduler that is started here with some workers."""
    # Else the thread that starts the workers would start it, which lets Ctrl-C through there.
    resource_tracker.ensure_running()
    with ExitStack() as stack:
        with dask.config.set(CALM | _QUICK):  # which all that starts here keeps
            with _deaf_to_the_terminal():  # that thread inherits it, and from it the workers
                local = stack.enter_context(_no_workers(plugins=[OwnProcessors(number)]))
            _start(local, number)
        yield local.scheduler_address


def _start(local, number):
    local.scale(number)
    seconds = min(number, 10) * SECONDS_TO_START
    try:
        local.wait_for_workers(number, timeout=seconds)
    except (TimeoutError, asyncio.TimeoutError):
        raise ClusterError(
            f"{number} workers were to start here, and did not in {seconds} s; try fewer"
        ) from None


def _no_workers(**options):
    """A scheduler here, whose workers are still to be started."""
    return LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        memory_limit=0,  # ffmpeg's is not counted there
        dashboard_address="127.0.0.1:0",
        silence_logs=False,
        worker_class=QuietNanny,
        **options,
    )


@contextmanager
def _deaf_to_the_terminal():
    """Ctrl-C comes to all processes of a terminal; this one ends the workers by itself."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Notes(logging.Handler):
    """Collects what is logged for the user, who is on another machine."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines, self._thread = [], threading.get_ident()

    def emit(self, record):
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


@contextmanager
def noted() -> Iterator[list[str]]:
    """Yield the list of what is logged as a warning meanwhile."""
    notes, logger = _Notes(), logging.getLogger("ffmpeg_style")
    logger.addHandler(notes)
    try:
        yield notes.lines
    finally:
        logger.removeHandler(notes)


@cache
def ffmpeg_version() -> str:
    """What the built ffmpeg says of itself, such as "ffmpeg version 7.1.5"."""
    command = [ffmpeg_path(), "-version"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return " ".join(text.split()[:3])


_asked: ContextVar[str] = ContextVar("_asked", default="")


@contextmanager
def asked(address: str) -> Iterator[None]:
    """What is done meanwhile is no task, of which Dask would know whose it is."""
    token = _asked.set(address)
    try:
        yield
    finally:
        _asked.reset(token)


def lack(what: str, reason: str = "") -> ClusterError:
    """The error that names this worker, and says what it lacks.

    Args:
        what: it does not have or do.
        reason: what its system said, where that may be the fault of what it had to do.
    """
    address = _asked.get() or get_worker().address
    error = ClusterError(f"the worker {address} on {socket.gethostname()} {what}")
    error.worker, error.reason = address, reason
    return error


def check_seen(source: str) -> None:
    """Whether this worker sees a source.

    Raises:
        ClusterError: it does not.
    """
    try:
        places.stamp(source)
    except (StyleError, OSError) as error:
        raise lack(f"does not see {source}: all machines must share the folder") from error


def ready(work: str, model: str, version: str, ffmpeg: str = "") -> Path:
    """Whether this worker has what it needs.

    Args:
        work: address of the folder for what is finished.
        model: its name by content.
        version: of this package where the order was given.
        ffmpeg: version of the built ffmpeg; "" for any.

    Returns:
        pathlib.Path: the model.

    Raises:
        ClusterError: it lacks something; the message names the worker.
    """
    try:
        _check_programs(version, ffmpeg)
        return _model(model_address(work, model), model)
    except (StyleError, OSError) as error:
        raise lack(f"can't paint: {error}") from error


@cache
def _check_programs(version, ffmpeg):
    if version != __version__:
        raise InputError(f"it has ffmpeg-style {__version__}, expected {version} as here")
    ffmpeg_path()
    ffmpeg_path("ffprobe")
    if ffmpeg not in ("", ffmpeg_version()):
        raise InputError(f"it has {ffmpeg_version()}, expected {ffmpeg} as on the others")


def _model(address, model):
    try:
        return _checked_model(address, model, places.stamp(address))
    except FileNotFoundError as error:
        raise InputError(
            f"it does not see the model at {address}: all machines must share the folder"
        ) from error


@cache
def _checked_model(address, model, stamp):
    """Once, unless the file has changed, as its stamp says."""
    content = places.read(address)
    if places.digest(content) != model:
        raise InputError(f"the model at {address} is another one; remove its folder")
    if places.is_shared(address):
        return Path(address)
    path = cache_folder() / "models" / Path(address).name
    if not path.is_file() or places.digest(path.read_bytes()) != model:
        places.write(str(path), content)
    return path


def model_address(work: str, model: str) -> str:
    """Where a model is for the workers."""
    return places.join(work, "models", f"{model}.pb")
