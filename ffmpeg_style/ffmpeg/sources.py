"""What a user names to be painted, as pairs of a file and what it becomes.

Sources are files, folders, patterns of file names, URLs and "-", which is the standard input. The
rules for what is left out are here alone, and so is the care that no source is painted over.
"""

import glob
import http.client
import logging
import os
import re
import shutil
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ffmpeg_style import pictures
from ffmpeg_style.errors import InputError, InputNotFoundError, StorageError, StyleError
from ffmpeg_style.ffmpeg.containers import CONTAINERS
from ffmpeg_style.files import DRAFT, FULL, full_disk, short_name

STANDARD = "-"
"""The standard input as a source, the standard output as a target."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_FETCHED = ("http://", "https://")
_SECONDS = 60
"""That a server may be silent for."""
_PHOTOGRAPHS = pictures.SUFFIXES | {".heic", ".heif", ".jp2", ".mpo"}
_VIDEOS = frozenset(CONTAINERS) | {".asf", ".divx", ".h264", ".mjpeg", ".vob", ".y4m"}


@dataclass(frozen=True)
class Work:
    """A file to paint.

    Attributes:
        source: a path, a URL, or `STANDARD`.
        target: the path to write, or `STANDARD`.
        is_named: whether the user named that very file: then it is never taken for done.
    """

    source: str
    target: str
    is_named: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the target is there, and no older than the source."""
        if self.is_named:
            return False
        try:
            written = os.stat(self.target).st_mtime
        except OSError:
            return False
        return not os.path.exists(self.source) or os.stat(self.source).st_mtime <= written


def split_words(words: Sequence[str]) -> tuple[list[str], str | None]:
    """The sources and the target of a command line that names them without an option.

    The last of several words is the target where it is nothing yet, an empty folder, or `STANDARD`:
    what a shell makes of a pattern is there, and so never is a target.

    Returns:
        tuple[list[str], str | None]: the sources; the target, None where it was left out.

    Raises:
        InputError: the last of two words is there, and could be meant as either.
    """
    *others, last = words
    if not others:
        return [last], None
    if last == STANDARD or not (os.path.lexists(last) or is_url(last) or _matches(last)):
        return others, last
    if os.path.isdir(last) and not os.listdir(last):
        return others, last
    if os.path.isdir(last) or (len(others) == 1 and os.path.lexists(last)):
        raise InputError(
            f"{last} exists already: give it by -o {last} if it is the target (a file is replaced "
            "with -y only); if it is another source, say by -o where the paintings are to go"
        )
    return list(words), None


def find_works(
    sources: Sequence[str],
    output: str | None,
    label: str,
    kind: str | None = None,
    any_url: bool = False,
) -> list[Work]:
    """Every file to paint, in order, and what it becomes.

    Args:
        sources: what to paint.
        output: a file; a folder, which is made where it is not there, of several sources, of a
            folder, or where the name ends with a slash; or `STANDARD`. None to write beside each
            source, and what is in a folder to a folder beside that one.
        label: what tells a painting's name from its source's where it is written beside it.
        kind: suffix of the paintings, such as ".png"; None for the sources' own.
        any_url: whether URLs may be others than those of web servers.

    Raises:
        InputNotFoundError: a source is not there, or a pattern fits none.
        InputError: a painting would be written over a source or another painting.
    """
    found = list(dict.fromkeys(one for source in sources for one in _expanded(source, any_url)))
    into_folder = output is not None and _is_folder(output, found, sources)
    if output is not None and not into_folder:
        if len(found) > 1:
            raise InputError(
                f"{len(found)} sources can't become one file, {output}; expected a folder"
            )
        return [Work(found[0].path, output, is_named=True)]
    place = output if into_folder else None
    works = [Work(one.path, _target(one, place, label, kind)) for one in found]
    paths = [(os.path.abspath(work.source), os.path.abspath(work.target)) for work in works]
    targets = {target for source, target in paths if source != target}
    return _checked(
        [
            work
            for work, one, (source, _) in zip(works, found, paths, strict=True)
            if source not in targets or not _may_be_painted(one, place)
        ]
    )


def is_url(word: str) -> bool:
    """Whether a word is a URL, and no file has that name."""
    return bool(_URL.match(word)) and not os.path.exists(word)


@contextmanager
def fetched(source: str) -> Iterator[Path]:
    """The path of a source as long as it is needed: what comes from elsewhere is kept until then.

    Raises:
        InputError: the URL can't be read.
        StorageError: there is no room for it.
    """
    if source != STANDARD and not is_url(source):
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="ffmpeg-style-") as folder:
        path = Path(folder, "stdin" if source == STANDARD else _name_of(source))
        try:
            with open(path, "wb") as file:
                if source == STANDARD:
                    shutil.copyfileobj(sys.stdin.buffer, file)
                else:
                    _download(source, file)
        except OSError as error:
            if error.errno in FULL and not isinstance(error, StyleError):
                raise full_disk(path, error.strerror) from error
            raise
        with called(path, "the standard input" if source == STANDARD else source):
            yield path


@contextmanager
def called(path: Path, name: str) -> Iterator[None]:
    """Let warnings and errors call a file by what the user knows it by.

    Where there is no room, the path tells the disk.
    """

    def rename(record):
        record.msg, record.args = record.getMessage().replace(str(path), name), ()
        return True

    handlers = list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(rename)
    try:
        yield
    except StyleError as error:
        if not isinstance(error, StorageError):
            error.args = (str(error).replace(str(path), name),)
        raise
    finally:
        for handler in handlers:
            handler.removeFilter(rename)


def _download(url, file):
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            shutil.copyfileobj(answer, file)
            size = answer.headers["Content-Length"]
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise InputError(f"{url} can't be read: {reason}") from error
    if size is not None and file.tell() < int(size):
        raise InputError(
            f"{url} can't be read: the connection broke after {file.tell()} of {size} bytes"
        )


@dataclass(frozen=True)
class _Found:
    """A file to paint, its name in a folder of paintings, and the folder that it was found in."""

    path: str
    name: str
    folder: str | None = None


def _expanded(source, any_url):
    if source == STANDARD:
        return [_Found(source, "stdin")]
    if is_url(source):
        if not any_url and not source.lower().startswith(_FETCHED):
            raise InputError(
                f"{source} is no file; expected http:// or https://: give a stream to ffmpeg "
                "itself, with -vf styletransfer=MODEL"
            )
        return [_Found(source, _name_of(source))]
    if os.path.isdir(source):
        return _in_folder(source)
    if not os.path.lexists(source) and (matches := _matches(source)):
        return [one for match in matches for one in _expanded(match, any_url)]
    if not os.path.lexists(source):
        raise InputNotFoundError(f"no video or photograph at {source}: no such file")
    return [_Found(source, os.path.basename(source))]


def _in_folder(folder):
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if _suffix(name) in _PHOTOGRAPHS | _VIDEOS and not name.startswith((".", DRAFT)):
                path = os.path.join(place, name)
                found.append(_Found(path, os.path.relpath(path, folder), folder))
    if not found:
        raise InputError(f"{folder} has no video or photograph; expected a folder of them")
    return found


def _may_be_painted(found, place):
    """Whether what is at the place of a painting is that painting, from before, and no source.

    One beside its source has the label in its name, and a pattern fits both. In a folder for
    paintings only what was met there on the way counts: what the user named is a source.
    """
    if place is None:
        return True
    folder = found.folder and os.path.realpath(found.folder)
    return bool(folder) and Path(os.path.realpath(place)).is_relative_to(folder)


def _matches(pattern):
    if not glob.has_magic(pattern) or os.path.exists(pattern):
        return []
    return sorted(glob.glob(pattern, recursive=True))


def _is_folder(output, found, sources):
    if output == STANDARD:
        return False
    if os.path.isdir(output) or output.endswith(("/", os.sep)):
        return True
    are_several = len(found) > 1 or any(map(os.path.isdir, sources))
    is_file = os.path.exists(output) or _suffix(output) in _PHOTOGRAPHS | _VIDEOS
    return are_several and not is_file


def _target(found, place, label, kind):
    stem, suffix = os.path.splitext(found.name)
    suffix = kind or _writable(suffix.lower(), suffix)
    if place is not None:
        return os.path.join(place, stem + suffix)
    if found.folder is not None:
        return os.path.join(f"{_named(found.folder)}-{label}", stem + suffix)
    if found.path == STANDARD:
        return STANDARD
    return os.path.join(_home(found.path), f"{stem}-{label}{suffix}")


def _home(source):
    return "" if is_url(source) else os.path.dirname(source)


def _named(folder):
    """The folder by a path that ends with its name."""
    path = os.path.normpath(folder)
    return path if os.path.basename(path) not in ("", ".", "..") else os.path.abspath(path)


def _writable(suffix, as_it_is):
    """The suffix of a painting: the source's, where such a file can be written."""
    if suffix in pictures.SUFFIXES or suffix in CONTAINERS:
        return as_it_is
    return ".jpg" if suffix in _PHOTOGRAPHS else ".mp4" if suffix in _VIDEOS else as_it_is


def _checked(works):
    files = [work for work in works if work.target != STANDARD]
    if files and len(files) < len(works):
        raise InputError("several paintings can't go to the standard output; use -o FOLDER")
    targets: dict[str, str] = {}
    for work in files:
        other = targets.setdefault(os.path.abspath(work.target), work.source)
        if other != work.source:
            raise InputError(
                f"{other} and {work.source} would both become {work.target}; "
                "paint them into folders of their own"
            )
    sources = {os.path.realpath(work.source): work.source for work in works}
    for work in files:
        if source := sources.get(os.path.realpath(work.target)):
            raise InputError(
                f"{work.target} is to be painted over the source {source}; choose another folder"
            )
    return works


def _name_of(url):
    name = os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(url).path))
    name = short_name(re.sub(r"[\x00/\\]", "", name))
    return name if name.strip(".") else "download"


def _suffix(name):
    return os.path.splitext(name.rstrip("/"))[1].lower()
