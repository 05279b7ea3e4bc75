"""Which pieces of a clip are painted: the client tells it to the worker that joins them."""

from collections.abc import Sequence
from typing import Any

from distributed import Event, Variable, get_client, get_worker
from distributed.worker import thread_state

from ffmpeg_style.errors import ClusterError

SECONDS_BETWEEN_LOOKS = 1
"""At whether anybody wants the film still."""


class Painted:
    """What is painted of a clip, as the scheduler knows it.

    Args:
        key: of the clip.
        client: of Dask; None for that of the worker which does a task, and calls this.
    """

    def __init__(self, key: str, client: Any = None) -> None:
        if client is None:
            client, self._worker, self._task = get_client(), get_worker(), thread_state.key
        self._counts = Variable(f"ffmpeg-style-painted-{key}", client)
        self._news = Event(f"ffmpeg-style-news-{key}", client)

    def tell(self, counts: Sequence[int]) -> None:
        """Tell how many frames each piece has, up to the first that is not painted."""
        self._counts.set(list(counts))
        self._news.set()

    def forget(self) -> None:
        """The film is through."""
        self._counts.delete()

    def look(self, known: int, seconds: float = SECONDS_BETWEEN_LOOKS) -> Sequence[int]:
        """What was told, after some seconds where that is of no more pieces than are known.

        Raises:
            ClusterError: nobody wants the film any more, as its command has ended.
        """
        counts: Sequence[int] = self._counts.get(timeout=SECONDS_BETWEEN_LOOKS)
        if len(counts) <= known:
            self._check_wanted()
            if self._news.wait(timeout=seconds):
                self._news.clear()
        return counts

    def wait(self, pieces: int) -> Sequence[int]:
        """What was told, once it is of so many pieces; raises as `look`."""
        while len(counts := self.look(pieces - 1)) < pieces:
            pass
        return counts

    def _check_wanted(self):
        """Dask does not end what a worker does for a command that has ended."""
        task = self._worker.state.tasks.get(self._task)
        if task is None or task.state == "cancelled":
            raise ClusterError("nobody wants the film any more")
