"""Programs that end with the process that started them, however it ends."""

import shutil

from ffmpeg_style.errors import InputNotFoundError


def ending_with_parent(command: list[str]) -> list[str]:
    """The command, so that the kernel kills it when the thread that starts it is no more.

    Raises:
        InputNotFoundError: setpriv, which asks the kernel for that, is not installed.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise InputNotFoundError("no program setpriv: install util-linux")
    return [setpriv, "--pdeathsig", "KILL", "--", *command]
