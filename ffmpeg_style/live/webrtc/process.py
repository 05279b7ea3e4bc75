"""The server's end of a worker process."""

import asyncio
import json
import logging
import subprocess
import sys

from ffmpeg_style.live import children
from ffmpeg_style.live.webrtc import messages

log = logging.getLogger(__name__)


class Worker:
    """A running worker process.

    Args:
        name: the stream's, for the log.
        process: from `children.start`, with pipes.
        take: function of (kind, detail, pts, payload) for its messages.
    """

    def __init__(self, name, process, take):
        self.process = process
        self._name = name
        self._take = take
        self._readers = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._forward_log()),
        ]

    @classmethod
    async def start(cls, name, settings, take, pass_fds=()):
        """Starts one; `settings` is a dict for `WorkerSettings`."""
        process = await children.start(
            [sys.executable, "-m", "ffmpeg_style.live.webrtc.worker", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
        )
        return cls(name, process, take)

    async def _read(self):
        while message := await messages.read(self.process.stdout):
            self._take(*message)

    async def _forward_log(self):
        async for line in children.lines(self.process.stderr):
            log.debug("%s: %s", self._name, line)

    def send(self, kind, pts, payload, detail=0):
        """Sends a message."""
        if not self.process.stdin.is_closing():
            self.process.stdin.write(messages.pack(kind, pts, payload, detail))

    def tell(self, settings):
        """Sends settings, a dict."""
        self.send(messages.SETTINGS, 0, json.dumps(settings).encode())

    async def ended(self):
        """Waits until it has ended and all it wrote was read; returns its exit code."""
        await self.process.wait()
        await asyncio.gather(*self._readers)
        return self.process.returncode

    async def end(self):
        """Lets it finish, and ends it."""
        if not self.process.stdin.is_closing():
            self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), 2)
        except asyncio.TimeoutError:
            await children.kill(self.process)
        await self.ended()

    async def kill(self):
        """Ends it at once."""
        await children.kill(self.process)
        await self.ended()
