"""What a `Stream` asks of its camera, however that publishes."""


class Camera:
    """A camera that publishes.

    Attributes:
        by: the protocol's name.
        client: by which its connection is known.
        note: what its owner should know and mend, a sentence or None.
        frames: pictures that came.
        dropped: of these, those that came while there was no painter to take them.
        waiting: of these, those that are kept for the next painter.
        silence: seconds since it last sent something.
        absence: seconds since it was last there.
        sending_since: `time.monotonic` at which its last silence ended; None before the first byte.
    """

    by: str
    note = None
    dropped = waiting = 0

    def start(self):
        """Begins to take what it sends."""

    async def close(self):
        """Ends its connection, or what reads it."""

    def seen(self, traffic):
        """Takes what nginx sees of it, about once a second: `nginx.Traffic`, or None."""

    async def start_painter(self, folder, ticket, controls):
        """Waits for pictures, and starts to paint those that were not painted yet.

        Args:
            folder: receives the segments for browsers.
            ticket: for publishing the painted stream.
            controls: the `Controls` to begin with.

        Returns:
            A painter; None where the pictures could not be decoded, and others came then. It has
            ``given``, ``paintings``, a `Tap`, and ``dropped``, which count pictures; ``blocked``,
            the seconds for which it has taken nothing of what it was given; ``delay``, those by
            which the last painting was late, or None; ``apply(controls)``, ``ended()``, which
            waits and returns an exit code, ``end()`` and ``kill()``.

        Raises:
            OSError, StyleError: it did not start.
        """
        raise NotImplementedError

    def outgrew(self, painter):
        """Why another painter is needed from now on, or None."""

    def release(self, painter):
        """Takes note that a painter has ended."""
