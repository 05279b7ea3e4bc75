"""The workers of a scheduler: each is asked what it lacks, and passed over while it does."""

import asyncio
import logging
import pickle
import re
import socket
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from ffmpeg_style import __version__
from ffmpeg_style.cluster.piece import Order, check
from ffmpeg_style.errors import ClusterError

SECONDS_BETWEEN_LOOKS = 1
SECONDS_TO_ASK_AGAIN = 10
"""What a worker lacked may be there by then: a folder that is mounted late."""
SECONDS_TO_ANSWER = 30
"""For a worker that is asked what it lacks: one that hangs never answers."""
SECONDS_TO_TELL_NAME = 2
SECONDS_WITHOUT_WORKER = 120
"""For one that can paint, where others came that can't."""
AHEAD = 2
"""Steps that Dask has for each thread: the one that is done, and the one that is next."""
ASKING = 9
"""The priority of a question: above all steps."""

logger = logging.getLogger(__name__)


class LostError(Exception):
    """The scheduler went, with what it was to do."""


class _Call:
    """Reading it is calling a function."""

    def __init__(self, function, arguments):
        self._call = function, arguments

    def __reduce__(self):
        return self._call


def submit(
    client: Any,
    function: Callable[..., Any],
    arguments: Sequence[Any],
    key: str | None = None,
    **options: Any,
) -> Any:
    """Have Dask call a function on a worker.

    The scheduler needs no package of ours for it; and where a worker has none, the call fails. By
    themselves, workers end that are given a function which they can't read.

    Args:
        client: of Dask.
        function: of this package.
        arguments: its own.
        key: what Dask calls it; None for a name of its own.
        **options: of `distributed.Client.submit`.

    Returns:
        distributed.Future: of what it returns.
    """
    call = pickle.dumps(_Call(function, tuple(arguments)))
    key = key or f"{function.__name__}-{uuid4().hex}"
    return client.submit(pickle.loads, call, key=key, pure=False, **options)


@dataclass(frozen=True)
class _Question:
    """What a worker was asked.

    Attributes:
        future: of the answer.
        deadline: for it, by the monotonic clock.
    """

    future: Any
    deadline: float


class Crew:
    """Which workers can paint, over all connections to a scheduler.

    Args:
        tell: is given what the user should know.

    Attributes:
        able: addresses of those that can paint.
        ffmpeg: the version that all are to have; "" until one has told its own.
    """

    def __init__(self, tell: Callable[[Sequence[str]], None]) -> None:
        self._tell = tell
        self._client: Any
        self._put: Callable[[Callable[[], None]], None]
        self.able: set[str] = set()
        self.ffmpeg = ""
        self._threads: dict[str, int] = {}
        self._asked: dict[str, _Question] = {}
        self._again: dict[str, float] = {}
        self._due = self._patience = 0.0
        self._lack: ClusterError | None = None

    def muster(self, client: Any, order: Order) -> None:
        """Ask the workers that are there at the start.

        Raises:
            ClusterError: one can't paint; it is named.
        """
        workers = client.nthreads()
        if not workers:
            logger.warning("the scheduler has no workers yet: the clips wait for one")
        answers = client.sync(_answers, client, workers, order) if workers else {}
        versions: dict[str, list[str]] = {}
        for worker, answer in sorted(answers.items()):
            if isinstance(answer, Exception):
                raise _lack(client, worker, answer)
            versions.setdefault(answer, []).append(worker)
        for worker in workers.keys() - answers.keys():
            self._miss(_silence(worker))
        if len(versions) > 1:
            (one, few), *_, (other, many) = sorted(versions.items(), key=lambda item: len(item[1]))
            raise ClusterError(
                f"the worker {few[0]} has {one}, and the worker {many[0]} {other}; "
                "expected the same on all"
            )
        self.able, self.ffmpeg = set(answers), next(iter(versions), "")
        if answers:
            able = ", ".join(sorted(answers))
            logger.info("workers that paint: %s; they have %s", able, self.ffmpeg)

    def serve(self, client: Any, put: Callable[[Callable[[], None]], None]) -> None:
        """Be the crew of a connection.

        Args:
            client: of Dask.
            put: is given, in any thread, what is to be called when an answer has come.
        """
        self._client, self._put = client, put
        self._asked.clear()
        self._threads.clear()
        self._due = 0.0

    @property
    def room(self) -> int:
        """How many steps Dask should have."""
        return AHEAD * sum(self._threads.get(worker, 0) for worker in self.able)

    @property
    def is_here(self) -> bool:
        """Whether those that can paint are all on one machine."""
        return len({urlsplit(worker).hostname for worker in self.able}) == 1

    def chosen(self, but: Collection[str] = ()) -> list[str] | None:
        """The workers that a step is for; None for all, those too that come later.

        Args:
            but: those that it is not for, where there are others.
        """
        if not but and self._threads.keys() <= self.able:
            return None
        return sorted(self.able.difference(but) or self.able)

    def when(self, refusers: Collection[str]) -> float:
        """The monotonic time at which a step may be handed out that some could not do.

        Where that was all of them, it may be a folder that is away for a while.
        """
        is_away = self.able.issubset(refusers)
        return time.monotonic() + (SECONDS_TO_ASK_AGAIN if is_away else 0)

    def is_gone(self, workers: Sequence[str]) -> bool:
        """Whether none of some workers is there any more."""
        return self._threads.keys().isdisjoint(workers)

    @property
    def is_due(self) -> bool:
        """Whether it is time to look who is there."""
        return time.monotonic() >= self._due

    def look_around(self, order: Order) -> None:
        """See who came and who went, and ask those that came.

        Args:
            order: one that is not through.

        Raises:
            ClusterError: there was none that can paint for long, but one that can't.
        """
        now = time.monotonic()
        self._due = now + SECONDS_BETWEEN_LOOKS
        before, self._threads = self._threads, self._client.nthreads()
        gone = (self.able & before.keys()) - self._threads.keys()
        self.able &= self._threads.keys()
        work = "others do what it was to do" if self.able else "its work waits for another"
        self._tell([f"the worker {worker} is gone; {work}" for worker in gone])
        self._asked = {at: asked for at, asked in self._asked.items() if at in self._threads}
        for worker, question in self._asked.items():
            if now > question.deadline:  # it is taken when it answers
                self._miss(_silence(worker))
        if self.able:
            self._lack = None
        elif self._lack and now > self._patience:
            raise self._lack
        for worker in self._threads.keys() - self.able - self._asked.keys():
            if now >= self._again.get(worker, now):
                self._ask(worker, replace(order, ffmpeg=self.ffmpeg))

    def pass_over(self, worker: str, lack: ClusterError) -> None:
        """Give a worker nothing until it can paint."""
        self.able.discard(worker)
        self._again[worker] = time.monotonic() + SECONDS_TO_ASK_AGAIN
        self._miss(lack)
        self.hurry()

    def _miss(self, lack):
        if not self._lack:
            self._lack, self._patience = lack, time.monotonic() + SECONDS_WITHOUT_WORKER
        self._tell([f"{lack}; it is passed over"])

    def hurry(self) -> None:
        """Look around at the next occasion."""
        self._due = 0.0

    def _ask(self, worker, order):
        # As a task of its own, which keeps nobody waiting where the worker hangs.
        future = submit(self._client, check, (order,), workers=[worker], priority=ASKING)
        self._asked[worker] = _Question(future, time.monotonic() + SECONDS_TO_ANSWER)
        future.add_done_callback(lambda future: self._put(partial(self._answered, worker, future)))

    def _answered(self, worker, future):
        if worker not in self._asked or self._asked[worker].future is not future:  # it went
            return
        del self._asked[worker]
        if future.status in ("cancelled", "lost"):
            raise LostError
        try:
            version = future.result()
        except Exception as error:
            self.pass_over(worker, _lack(self._client, worker, error))
            return
        # Where two came at once, with different ones, the second is asked again.
        self.ffmpeg = self.ffmpeg or version
        if version == self.ffmpeg:
            self.able.add(worker)


async def _answers(client, workers, order):
    """{worker: what it says of itself}, however busy it is; without those that say nothing."""
    asked = {
        worker: asyncio.ensure_future(client.run(check, order, workers=[worker], on_error="return"))
        for worker in workers
    }
    done, silent = await asyncio.wait(asked.values(), timeout=SECONDS_TO_ANSWER)
    for question in silent:
        question.cancel()
    answers: dict[str, Any] = {}
    for question in done:
        if not question.exception():
            answers |= question.result()
    # What a worker can't read is a `ClusterError`; others are of those that can't be reached.
    return {at: answer for at, answer in answers.items() if not isinstance(answer, OSError)}


def _silence(worker):
    """The error of a worker that does not answer."""
    return ClusterError(
        f"the worker {worker} did not say in {SECONDS_TO_ANSWER} s whether it can paint: "
        "it hangs, as where a folder that is mounted does not answer, or is busy with other work"
    )


def _lack(client, worker, error):
    """What a worker lacks, in a sentence."""
    if isinstance(error, ClusterError):
        return error
    why = " ".join(str(error).split())
    if missing := re.search(r"No module named '[\w.]+'", why):
        why = f"{missing[0]}; install ffmpeg-style {__version__} for the Python that runs it"
    return ClusterError(f"the worker {worker}{_where(client, worker)} can't paint: {why}")


def _where(client, worker):
    """The name of a worker's machine, behind "on"; nothing where it does not say it soon."""
    # A function of Python's own, which it has in any case.
    name = client.submit(socket.gethostname, workers=[worker], pure=False, priority=ASKING)
    with suppress(Exception):  # it hangs, or it or the scheduler went
        return f" on {name.result(timeout=SECONDS_TO_TELL_NAME)}"
    return ""
