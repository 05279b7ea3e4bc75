"""Files that are whole or not there."""

import contextlib
import os
import tempfile
from pathlib import Path

from ffmpeg_style.errors import InputError

DRAFT = ".ffmpeg-style-"
"""How the name of a file begins that is not whole yet."""


@contextlib.contextmanager
def atomic_write(path):
    """Yield a binary file that becomes ``path`` when the block ends well, and vanishes otherwise.

    The bytes are on the disk before the name is: a reader, and a restart after a power cut, see the
    old file or the new one.

    Raises:
        InputError: the folder cannot be written.
    """
    with atomic_path(path) as draft, open(draft, "wb") as file:
        yield file


@contextlib.contextmanager
def atomic_path(path):
    """As `atomic_write`, but yield the path of an empty file for another program to write.

    It has the suffix of ``path``, and no other part of a name that may be as long as names can be.
    """
    path = Path(path)
    draft = make_draft(path)
    try:
        yield draft
        with open(draft, "rb") as file:
            os.fsync(file.fileno())
        draft.chmod(0o666 & ~current_umask())
        replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def make_draft(path):
    """A new empty file beside ``path``, with its suffix."""
    try:
        descriptor, draft = tempfile.mkstemp(path.suffix, DRAFT, path.parent)
    except OSError as error:
        reason = f"no file can be made in its folder ({error.strerror})"
        raise InputError(f"{path} can't be written: {reason}") from error
    os.close(descriptor)
    return Path(draft)


def check_target(path, overwrite):
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
        raise InputError(
            f"{path} exists already; choose another target, or replace it by -y (overwrite=True)"
        )
    make_draft(path).unlink()


def check_no_source(path, *sources):
    """Raise InputError where a file to write is one that is read."""
    for source in sources:
        if path.exists() and source.exists() and path.samefile(source):
            raise InputError(f"{path} is the source itself; choose another target")


def replace(draft, path):
    """Give a draft its name.

    Raises:
        InputError: a folder has that name.
    """
    try:
        os.replace(draft, path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from error


def remove_drafts(folder, suffix):
    """Remove what a process that was killed left of its files of a kind."""
    for draft in Path(folder).glob(f"{DRAFT}*{suffix}"):
        draft.unlink(missing_ok=True)


def flush_folder(folder):
    """Put a folder's list of names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def current_umask():
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def make_folder(path):
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
        raise InputError(
            f"expected a folder to write to at {path}, found {error.strerror}"
        ) from error
    return path
