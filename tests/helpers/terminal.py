"""A command in a terminal, whose keys are pressed."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from contextlib import suppress
from pathlib import Path

from helpers.live import wait_for

COLUMNS = 100


class Terminal:
    """A command at a terminal of its own; all that it starts carries a mark, by which it is found.

    Attributes:
        process: of the command.
    """

    def __init__(self, command, **environment):
        self._own, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        os.set_blocking(self._own, False)
        self._mark = f"MARK={os.urandom(8).hex()}"
        environment = os.environ | environment | dict([self._mark.split("=")])
        self.process = subprocess.Popen(
            # It becomes the terminal's, as a shell's command is.
            ["setsid", "--ctty", "--wait", *command],
            env=environment,
            **dict.fromkeys(("stdin", "stdout", "stderr"), terminal),
        )
        os.close(terminal)
        self._shown = b""

    def shown(self):
        """All that was written, as text."""
        with suppress(OSError):  # nothing new, or the end
            while more := os.read(self._own, 1 << 16):
                self._shown += more
        return self._shown.decode()

    def lines(self):
        """What each line showed in the end."""
        return [line.split("\r")[-1].strip() for line in self.shown().split("\r\n")]

    def press(self, key):
        """As on a keyboard."""
        os.write(self._own, key)

    def end(self):
        """Waits until the command has ended; returns its exit status."""
        wait_for(lambda: (self.shown(), self.process.poll())[1] is not None)
        return self.process.returncode

    def kill(self):
        """Ends all of it, and gives the terminal back."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._own)

    def left(self):
        """What runs still of all that it has started."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self._mark.encode() in (place / "environ").read_bytes():
                    found.append((place / "cmdline").read_bytes())
        return found
