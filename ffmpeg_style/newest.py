"""A place between two threads for one thing, the newest."""

import threading


class Newest:
    """Holds what was put last until it is taken.

    Attributes:
        is_closed: whether nothing more will be put.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._item = None
        self.is_closed = False

    def put(self, item):
        """Puts something in place of what is there, which is returned, or None."""
        with self._changed:
            replaced, self._item = self._item, item
            self._changed.notify()
        return replaced

    def take(self):
        """Waits for something, and takes it out; None once it is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self.is_closed)
            item, self._item = self._item, None
        return item

    def __iter__(self):
        """Each time what is newest, until there will be nothing more."""
        while (item := self.take()) is not None:
            yield item

    def close(self):
        """Nothing more will be put."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()
