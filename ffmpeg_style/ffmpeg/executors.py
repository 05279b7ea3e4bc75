"""What decodes and encodes: the patched program where it was built, else FFmpeg's libraries."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TypeVar

from ffmpeg_style.errors import InputNotFoundError, LackingError, StyleError
from ffmpeg_style.ffmpeg.probe import Source
from ffmpeg_style.ffmpeg.program import is_built
from ffmpeg_style.painting import check_choice

EXECUTORS = ("ffmpeg", "pyav")

_Plan = TypeVar("_Plan")


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


def planned(plan: Callable[[Executor], _Plan], name: str | None = None) -> tuple[Executor, _Plan]:
    """An executor and what it plans: what a small build of the program lacks, PyAV may have.

    Args:
        plan: function of an `Executor`.
        name: as of `choose_executor`.

    Raises:
        LackingError: none has what is needed.
        InputError, InputNotFoundError: as `choose_executor` and `plan`.
    """
    executor = choose_executor(name)
    try:
        return executor, plan(executor)
    except LackingError as lacking:
        if name is not None or executor.name == "pyav":
            raise
        try:
            other = choose_executor("pyav")
            return other, plan(other)
        except StyleError:
            raise lacking from None


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
