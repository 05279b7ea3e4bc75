"""Which pieces of a clip are painted: the client tells it to the worker that joins them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from distributed import Event, Variable, get_client, get_worker
from distributed.worker import thread_state

from ffmpeg_style.cluster.worker import lack

SECONDS_BETWEEN_LOOKS = 1
"""At whether anybody wants the film still."""
SECONDS_TO_FORGET = 2
"""For a scheduler to do so."""


class Painted:
    """What is painted of a clip, as the scheduler knows it.

    Args:
        key: of the clip.
        client: of Dask; None for that of the worker which does a task, and calls this.
    """

    def __init__(self, key: str, client: Any = None) -> None:
        if client is None:
            client, self._worker, self._task = get_client(), get_worker(), thread_state.key
        self._client = client
        self._counts = Variable(f"ffmpeg-style-painted-{key}", client)
        self._news = Event(f"ffmpeg-style-news-{key}", client)

    def tell(self, counts: Sequence[int]) -> None:
        """Tell how many frames each piece has, up to the first that is not painted."""
        self._counts.set(list(counts))
        self._news.set()

    def forget(self) -> None:
        """The film is through, or its command ends, which no scheduler is to hold up."""
        self._counts.delete()
        clear = self._client.scheduler.event_clear
        with suppress(OSError, asyncio.TimeoutError):
            self._client.sync(clear, name=self._news.name, callback_timeout=SECONDS_TO_FORGET)

    def look(self, known: int, seconds: float = SECONDS_BETWEEN_LOOKS) -> Sequence[int]:
        """What was told, after some seconds where that is of no more pieces than are known.

        Raises:
            ClusterError: nobody wants the film any more, as its command has ended; or the
                scheduler does not know what is painted.
        """
        self.check_wanted()
        try:
            counts: Sequence[int] = self._counts.get(timeout=SECONDS_BETWEEN_LOOKS)
        except (TimeoutError, asyncio.TimeoutError):
            raise lack("is not told what is painted", reason="the scheduler forgot") from None
        if len(counts) <= known and seconds and self._news.wait(timeout=seconds):
            self._news.clear()
        return counts

    def wait(self, pieces: int) -> Sequence[int]:
        """What was told, once it is of so many pieces; raises as `look`."""
        while len(counts := self.look(pieces - 1)) < pieces:
            pass
        return counts

    def check_wanted(self) -> None:
        """Dask does not end what a worker does for a command that has ended.

        Raises:
            ClusterError: it has.
        """
        task = self._worker.state.tasks.get(self._task)
        if task is None or task.state == "cancelled":
            raise lack("has a film that nobody wants any more", reason="its command ended")
