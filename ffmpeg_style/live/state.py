"""The state folder: nginx's configuration, the sockets, and the segments for browsers."""

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from ffmpeg_style.errors import InputError

MARK = "ffmpeg-style-live"


def default_state_folder(rtmp_port):
    """In memory where the system has a place for that: a folder of this user's and this port's."""
    parent = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(parent) / f"ffmpeg-style-live-{os.getuid()}-{rtmp_port}"


@contextlib.contextmanager
def state_folder(path):
    """Holds a folder for one server, empty but for a mark; it is deleted in the end.

    What a server that was killed has left in it is deleted first.

    Args:
        path: of a folder that need not exist.

    Raises:
        InputError: the folder is not the server's own, or in use by another server.
    """
    path = Path(path).absolute()
    if not _is_plain(path):
        raise InputError(
            f"expected a state folder with a plain path of at most 90 characters, found {path}"
        )
    _make(path)
    with open(path / MARK, "w") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"another server uses the folder {path}: choose one by --state"
            ) from error
        _clear(path)
        try:
            yield path
        finally:
            _clear(path)
            (path / MARK).unlink(missing_ok=True)
            path.rmdir()


def _is_plain(path):
    """Whether a path can stand in nginx's configuration, and in a socket's address, as it is."""
    return re.fullmatch(r"[A-Za-z0-9/._+@~-]{1,90}", str(path)) is not None


def _make(path):
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise InputError(f"can't make the state folder {path}: {error.strerror}") from error
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not ours or status.st_mode & 0o022:
        raise InputError(
            f"expected {path} to be a folder of this user's that no other can write to"
        )
    names = os.listdir(path)
    if names and MARK not in names:
        raise InputError(f"expected the state folder {path} to be empty, found {names[0]} in it")


def _clear(path):
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != MARK:
            entry.unlink()
