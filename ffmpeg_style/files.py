"""Files that are whole or not there."""

import contextlib
import errno
import fcntl
import functools
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ffmpeg_style.errors import InputError, StorageError, StyleError

DRAFT = ".ffmpeg-style-"
"""How the name of a file begins that is not whole yet."""
SECONDS_OF_SILENCE = 3600
"""After which the draft of another machine is taken for dead: its locks can't be seen here."""

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What the system says where a disk, or a user's share of it, has no room for a file."""


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], mode: int | None = None) -> Iterator[IO[bytes]]:
    """Yield a binary file that becomes ``path`` when the block ends well, and vanishes otherwise.

    The bytes are on the disk before the name is: a reader, and a restart after a power cut, see the
    old file or the new one.

    Args:
        path: of the file.
        mode: who may read and write it; None for what the user's umask leaves.

    Raises:
        InputError: the folder cannot be written.
        StorageError: there is no room for the file.
    """
    with atomic_path(path, mode) as draft, open(draft, "wb") as file:
        yield file


@contextlib.contextmanager
def atomic_path(
    path: str | os.PathLike[str], mode: int | None = None, *, is_flushed: bool = True
) -> Iterator[Path]:
    """As `atomic_write`, but yield the path of an empty file for another program to write.

    It has the suffix of ``path``, and no other part of a name that may be as long as names can be.
    Where it is not flushed, a power cut may leave a part of it under its name.
    """
    path = Path(path)
    remove_dead_drafts(path.parent)
    with _locked_draft(path) as draft:
        try:
            yield draft
            if is_flushed:
                with open(draft, "rb") as file:
                    os.fsync(file.fileno())
            draft.chmod(0o666 & ~current_umask() if mode is None else mode)
            replace(draft, path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            if error.errno in FULL and not isinstance(error, StyleError):
                raise full_disk(path, error.strerror) from error
            raise
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    flush_folder(path.parent)


def blocks(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """What a file has, a megabyte at a time."""
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            yield block


def full_disk(path: str | os.PathLike[str], reason: str | None) -> StorageError:
    """The error for a file that there is no room for."""
    return StorageError(f"{path} can't be written: {reason}; make room and run it again")


def short_name(name: str) -> str:
    """A name of a file, or its end, with room for a label in the 255 bytes that names can have."""
    return name.encode(errors="ignore")[-120:].decode(errors="ignore")


@contextlib.contextmanager
def _locked_draft(path):
    """A new empty file beside ``path``, locked as long as its writer lives."""
    while True:
        descriptor, draft = _make_draft(path)
        try:
            with contextlib.suppress(OSError):  # not every file system has locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:  # else it was swept away before it was locked
                yield draft
                return
        finally:
            os.close(descriptor)


def _make_draft(path):
    try:
        descriptor, draft = tempfile.mkstemp(path.suffix, _drafts_of_here(), path.parent)
    except OSError as error:
        if error.errno in FULL:
            raise full_disk(path, error.strerror) from error
        reason = f"no file can be made in its folder ({error.strerror})"
        raise InputError(f"{path} can't be written: {reason}") from error
    return descriptor, Path(draft)


def remove_dead_drafts(folder: str | os.PathLike[str]) -> None:
    """Remove what writers left that were killed: their drafts are locked no more.

    On a folder that machines share, one may not see the locks of others. So a draft that is not of
    this one stays until nothing was written to it for an hour.
    """
    own = _drafts_of_here()
    for draft in Path(folder).glob(f"{DRAFT}*"):
        with contextlib.suppress(OSError), open(draft, "rb") as file:
            silence = time.time() - os.fstat(file.fileno()).st_mtime
            if draft.name.startswith(own) or silence > SECONDS_OF_SILENCE:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft.unlink()


@functools.cache
def _drafts_of_here() -> str:
    """How the names of drafts begin whose locks are seen: those of the kernel that runs here."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    return f"{DRAFT}{boot[:8]}-"


def check_target(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Before long work: whether a file can be written there.

    Raises:
        InputError: it can't, or there is something and ``overwrite`` does not say to replace it.
    """
    path = Path(path)
    try:
        exists = path.exists()
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from error
    if exists and not path.is_file():
        raise InputError(f"{path} is no file; expected the name of a file to write")
    if exists and not overwrite:
        raise file_exists(path)
    descriptor, draft = _make_draft(path)
    os.close(descriptor)
    draft.unlink(missing_ok=True)


def file_exists(path: str | os.PathLike[str]) -> InputError:
    """The error of a target that nobody said to replace."""
    return InputError(
        f"{path} exists already; choose another target, or say that it is to be replaced (-y)"
    )


def check_no_source(path: Path, *sources: Path) -> None:
    """Raise InputError where a file to write is one that is read."""
    for source in sources:
        if path.exists() and source.exists() and path.samefile(source):
            raise InputError(f"{path} is the source itself; choose another target")


def replace(draft: Path, path: Path) -> None:
    """Give a draft its name.

    Raises:
        InputError: a folder has that name.
    """
    try:
        os.replace(draft, path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from error


def flush_folder(folder):
    """Put a folder's list of names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def current_umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def check_folder(path: str | os.PathLike[str]) -> Path:
    """Before long work: whether a folder is there to write to, or can be made; returns its `Path`.

    Raises:
        InputError: it is not.
    """
    path = Path(path)
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise InputError(f"expected a folder to write to at {path}, found a file at {nearest}")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"expected a folder to write to at {path}, found {nearest} read-only")
    return path


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder if need be and make sure that it can be written; returns it as a `Path`.

    Raises:
        InputError: it cannot be created or written.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except FileExistsError:
        raise InputError(f"expected a folder to write to at {path}, found a file") from None
    except OSError as error:
        raise InputError(f"no folder to write to can be at {path}: {error.strerror}") from error
    return path
