"""Programs that end with the process that started them, however it ends."""

import shutil
import subprocess
from collections.abc import Sequence

from ffmpeg_style.errors import InputNotFoundError


def ending_with_parent(command: Sequence[str]) -> list[str]:
    """The command, so that the kernel kills it when the thread that starts it is no more.

    Raises:
        InputNotFoundError: setpriv, which asks the kernel for that, is not installed.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise InputNotFoundError("no program setpriv: install util-linux")
    return [setpriv, "--pdeathsig", "KILL", "--", *command]


def run_with_parent(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, or that of the thread that calls; it reads no input.

    Returns:
        subprocess.CompletedProcess: how it ended, and what it wrote.

    Raises:
        InputNotFoundError: as `ending_with_parent`.
    """
    return subprocess.run(
        ending_with_parent(command), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
