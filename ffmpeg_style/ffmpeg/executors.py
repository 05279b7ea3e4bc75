"""What decodes and encodes: the patched program where it was built, else FFmpeg's libraries."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from ffmpeg_style.errors import InputNotFoundError
from ffmpeg_style.ffmpeg.probe import Source
from ffmpeg_style.ffmpeg.program import is_built
from ffmpeg_style.painting import check_choice

EXECUTORS = ("ffmpeg", "pyav")


@dataclass(frozen=True)
class Executor:
    """One of the ways to do a job.

    Attributes:
        name: one of `EXECUTORS`.
        abilities: what it can decode, encode and write.
        probe: looks at a source.
        execute: does a job.
    """

    name: str
    abilities: ModuleType
    probe: Callable[..., Source]
    execute: Callable[..., int]


def choose_executor(name: str | None = None) -> Executor:
    """The executor of a name; for None the patched ffmpeg where there is one.

    Raises:
        InputError: there is none of that name.
        InputNotFoundError: PyAV is not installed, and there is no patched ffmpeg.
    """
    check_choice("executor", name, EXECUTORS)
    return _pyav() if name == "pyav" or (name is None and not is_built()) else _ffmpeg()


def _ffmpeg():
    from ffmpeg_style.ffmpeg import abilities
    from ffmpeg_style.ffmpeg.execute import execute
    from ffmpeg_style.ffmpeg.probe import probe

    return Executor("ffmpeg", abilities, probe, execute)


def _pyav():
    try:
        from ffmpeg_style.ffmpeg.pyav import abilities
        from ffmpeg_style.ffmpeg.pyav.execute import execute
        from ffmpeg_style.ffmpeg.pyav.probe import probe
    except ModuleNotFoundError as error:
        if error.name != "av":
            raise
        raise InputNotFoundError(
            "no PyAV, which reads and writes videos: pip install av, or build an ffmpeg by "
            "`ffmpeg-style build`"
        ) from error
    return Executor("pyav", abilities, probe, execute)
