"""Files by their address: a path that all machines share, or a URL that fsspec knows."""

import contextlib
import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.files import DRAFT, atomic_path, make_folder

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_MOST_FETCHED = 2
"""Files that a worker keeps of those it fetched: the next piece is often of the same one."""


def as_address(text: str | os.PathLike[str]) -> str:
    """A path made absolute, as other machines need it; or a URL as it is.

    Raises:
        InputError: fsspec does not know the URL's kind, or what it needs is not installed.
    """
    text = os.fspath(text)
    if not _URL.match(text):
        return os.path.abspath(text)
    if text.startswith("file://"):
        return unquote(urlsplit(text).path)
    _file_system(text)
    return text


def join(folder: str, *names: str) -> str:
    """The address of a file in a folder."""
    return "/".join((folder.rstrip("/"), *names))


def common_folder(addresses: Sequence[str]) -> str:
    """The folder that all files are in, at any depth.

    Raises:
        InputError: there is none.
    """
    stores = {address.partition("://")[0] for address in addresses if not is_shared(address)}
    if len(stores) > 1 or (stores and any(map(is_shared, addresses))):
        raise InputError("the targets are in several stores; expected all in one")
    store = "".join(f"{name}://" for name in stores)
    paths = [address.removeprefix(store).rpartition("/")[0] for address in addresses]
    return store + os.path.commonpath(paths)


def is_shared(address: str) -> bool:
    """Whether an address is a path, which is read and written in its place."""
    return not _URL.match(address)


def stamp(address: str) -> str:
    """What changes when a file does: its size and its time, or what its store has instead.

    Raises:
        InputNotFoundError: there is no such file.
    """
    try:
        if is_shared(address):
            status = os.stat(address)
            return f"{status.st_size} {status.st_mtime_ns}"
        return str(_file_system(address).ukey(address))
    except (FileNotFoundError, NotADirectoryError):
        raise InputNotFoundError(f"no file at {address}") from None


def exists(address: str) -> bool:
    """Whether there is something.

    Raises:
        OSError: that can't be seen.
    """
    try:
        if is_shared(address):
            os.stat(address)
        else:
            system = _file_system(address)
            system.invalidate_cache()
            system.info(address)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def holds(address: str, content: bytes) -> bool:
    """Whether there is a small file with some content."""
    try:
        return read(address) == content
    except OSError:
        return False


def read(address: str) -> bytes:
    """A small file.

    Raises:
        OSError: it can't be read.
    """
    if is_shared(address):
        return Path(address).read_bytes()
    system = _file_system(address)
    system.invalidate_cache()
    return system.cat_file(address)


@contextlib.contextmanager
def writing(address: str, *, is_flushed: bool = True) -> Iterator[Path]:
    """Yield a path to write, which becomes the file when the block ends well.

    Args:
        address: of the file.
        is_flushed: whether all of it is on the disk of a shared folder then.

    Raises:
        InputError: the folder can't be written.
        StorageError: there is no room.
    """
    if is_shared(address):
        make_folder(os.path.dirname(address))
        with atomic_path(address, is_flushed=is_flushed) as draft:
            yield draft
        return
    with tempfile.TemporaryDirectory(prefix="ffmpeg-style-") as folder:
        draft = Path(folder, address.rpartition("/")[2])
        yield draft
        system = _file_system(address)
        with contextlib.suppress(OSError):  # most stores have no folders
            system.makedirs(system._parent(address), exist_ok=True)
        # Object stores show a file only when it is whole.
        system.put_file(str(draft), address)


@contextlib.contextmanager
def replacing(address: str) -> Iterator[Path]:
    """As `writing`, for who puts a whole file in its place himself."""
    if is_shared(address):
        yield Path(address)
    else:
        with writing(address) as draft:
            yield draft


def write(address: str, content: bytes) -> None:
    """Write a small file, whole or not at all."""
    with writing(address) as draft:
        draft.write_bytes(content)


def draft_of(address: str) -> Path | None:
    """What is being written of a file of a shared folder; the newest, where a writer was killed."""
    path = Path(address)
    with contextlib.suppress(FileNotFoundError):
        drafts = path.parent.glob(f"{DRAFT}*{path.suffix}")
        return max(drafts, key=os.path.getmtime, default=None)
    return None


def remove(address: str) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        _file_system(address).rm_file(address)


def names(folder: str) -> set[str]:
    """What the files in a folder are called, at any depth; none where there is no such folder."""
    system = _file_system(folder)
    system.invalidate_cache()
    return {address.rpartition("/")[2] for address in system.find(folder)}


def remove_folder(address: str) -> None:
    """Remove a folder and what is in it, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        _file_system(address).rm(address, recursive=True)


def make_folder_at(address: str) -> None:
    """Make a folder, if need be.

    Raises:
        InputError: it can't be made or written.
    """
    if is_shared(address):
        make_folder(address)
        return
    try:
        _file_system(address).makedirs(address, exist_ok=True)
    except OSError as error:
        raise InputError(f"{address} can't be written: {error}") from error


class _Fetched:
    """Files of stores, kept as long as they are read and for a while after."""

    def __init__(self):
        self._lock = threading.Lock()
        self._files = {}

    def path(self, address):
        with self._lock:
            key = f"{address} {stamp(address)}"
            folder = self._files.pop(key, None)
            name = address.rpartition("/")[2]
            if folder is None:
                folder = tempfile.TemporaryDirectory(prefix="ffmpeg-style-")
                _file_system(address).get_file(address, str(Path(folder.name, name)))
            self._files[key] = folder
            while len(self._files) > _MOST_FETCHED:
                del self._files[next(iter(self._files))]  # it goes when its last reader has gone
            return Path(folder.name, name), folder


_fetched = _Fetched()


@contextlib.contextmanager
def reading(address: str) -> Iterator[Path]:
    """Yield a path by which a file can be read.

    Raises:
        InputNotFoundError: there is no such file.
    """
    if is_shared(address):
        if not os.path.isfile(address):
            raise InputNotFoundError(f"no file at {address}")
        yield Path(address)
        return
    path, folder = _fetched.path(address)
    yield path
    del folder


def digest(content: bytes) -> str:
    """A name by content."""
    return hashlib.sha256(content).hexdigest()[:32]


def _file_system(address):
    import fsspec

    try:
        return fsspec.filesystem("file" if is_shared(address) else address.partition("://")[0])
    except (ImportError, ValueError) as error:
        raise InputError(f"{address} can't be reached: {error}") from error
