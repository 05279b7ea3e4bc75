"""Who uses which processors of a machine that has several workers: `local:N`."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil
from distributed import WorkerPlugin

SECONDS_TO_END = 15
"""For what a worker of this machine does, before it is killed: it takes as long where it hangs."""

_Part = TypeVar("_Part")


class OwnProcessors(WorkerPlugin):
    """Gives each of the workers of this machine its part of the processors, and time to end."""

    machine: tuple[int, ...] = ()
    """All processors, in a worker that has a part of them."""

    def __init__(self, workers):
        self._workers = workers

    def setup(self, worker):
        """The threads that paint are started by this one, and inherit what it may use."""
        processors = sorted(os.sched_getaffinity(0))
        own = processors[int(worker.name) % self._workers :: self._workers]
        os.sched_setaffinity(0, own or [processors[int(worker.name) % len(processors)]])
        OwnProcessors.machine = tuple(processors)

    async def teardown(self, worker):
        """What paints and encodes is ended, so that it leaves no draft."""
        deadline = time.monotonic() + SECONDS_TO_END
        while worker.active_threads and time.monotonic() < deadline:
            for program in psutil.Process().children():
                with suppress(psutil.Error):
                    program.terminate()
            await asyncio.sleep(0.1)


@contextmanager
def whole_machine() -> Iterator[None]:
    """What this thread starts meanwhile may use all processors, as a single process may.

    With fewer, an encoder would have fewer threads, and many encode otherwise then.
    """
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, OwnProcessors.machine or own)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def aside(
    parts: Iterable[_Part],
    encoded: Path,
    has_begun: Callable[[], bool],
    painted: Callable[[], Path | None],
) -> Iterator[_Part]:
    """Parts of a film that is encoded, by what keeps off the processors that paint the next ones.

    What encodes a film waits for its first piece, and would slow the painter of that one as much as
    the others. So the first is there sooner, and less is left to be encoded when all is painted.

    Args:
        parts: what is encoded, as it is there.
        encoded: path that the encoder writes.
        has_begun: whether it encodes: until then it counts the processors that it may use.
        painted: the path that is written of the first piece that is not painted; None when all are.
    """
    spared: Path | None = None
    for part in parts:
        if has_begun() and (now := painted()) != spared and keep_off(encoded, now):
            spared = now
        yield part
    if spared:  # the last painter may have ended since
        keep_off(encoded, None)


def keep_off(encoded: Path, painted: Path | None) -> bool:
    """Let what encodes a file use no processor of what paints another; returns whether both run.

    It may use all where there would be none left, or nothing is painted.

    Args:
        encoded: path that the encoder writes.
        painted: path that the painter writes.
    """
    machine = set(OwnProcessors.machine) or os.sched_getaffinity(0)
    try:
        own = set(_writer(painted).cpu_affinity()) if painted else set()
        threads = _writer(encoded).threads()
    except psutil.Error:
        return False
    for thread in threads:
        with suppress(OSError):  # it has ended, or may not
            os.sched_setaffinity(thread.id, machine - own or machine)
    return True


def _writer(path):
    """The ffmpeg that writes a file, which is the last word of its command line."""
    for program in psutil.process_iter(["cmdline"]):
        if (program.info["cmdline"] or [""])[-1] == f"file:{path}":
            return program
    raise psutil.Error(f"nothing writes {path}")
