"""Mistakes in how a painting is to be: told at once, before ffmpeg or TensorFlow is started."""

import math
import os
import re
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

from ffmpeg_style.catalog import find_model
from ffmpeg_style.errors import InputError, InputNotFoundError

COLORS = ("style", "content")
PRECISIONS = ("auto", "fp32", "bf16")
RUNTIMES = ("auto", "own", "tensorflow")
MOST_REQUESTS = 64
MOST_THREADS = 1024


def check_painting(
    model: str | PathLike[str],
    *,
    style: Any = None,
    strength: float | None = None,
    colors: str | None = None,
    steady: float | None = None,
    precision: str | None = None,
    runtime: str | None = None,
    requests: int | None = None,
    threads: int | None = None,
    device: str | None = None,
    library: str | PathLike[str] | None = None,
) -> Path:
    """Look through the options of a painting, as `stylize` takes them.

    Returns:
        pathlib.Path: the model's.

    Raises:
        InputError: an option can't be right, or the file is no style graph.
        InputNotFoundError: there is no such model or library.
    """
    from ffmpeg_style._engine import check_style, read_card

    path = find_model(model)
    styles = read_card(path).get("styles")
    if style is not None and styles:
        check_style(style, styles)
    check_share("strength", strength)
    check_share("steady", steady)
    check_choice("colors", colors, COLORS)
    check_choice("precision", precision, PRECISIONS)
    check_choice("runtime", runtime, RUNTIMES)
    check_count("requests", requests, MOST_REQUESTS)
    check_count("threads", threads, MOST_THREADS)
    check_device(device)
    if library is not None and not os.path.exists(library):
        raise InputNotFoundError(f"no TensorFlow library at {os.fspath(library)}: no such file")
    return path


def check_share(name: str, value: float | None) -> None:
    """Raise InputError for a number that is not from 0 to 1."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 <= value <= 1):  # NaN is neither
        raise InputError(f"{name} is {value!r}; expected a number from 0 to 1")


def check_choice(name: str, value: str | None, choices: tuple[str, ...]) -> None:
    """Raise InputError for a word that is none of those expected."""
    if value is not None and value not in choices:
        raise InputError(f"{name} is {value!r}; expected {', '.join(choices)}")


def check_count(name: str, value: int | None, most: int) -> None:
    """Raise InputError for a number that is not from 1 to ``most``."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (is_count and 1 <= value <= most):
        raise InputError(f"{name} is {value!r}; expected a whole number from 1 to {most}")


def check_device(device: str | None) -> None:
    """Raise InputError for a device that no machine has."""
    if device is not None and not re.fullmatch(r"auto|cpu|gpu(:\d{1,4})?", str(device)):
        raise InputError(f"device is {device!r}; expected auto, cpu, gpu, or gpu:N with N from 0")


def check_seconds(name: str, seconds: float | None) -> float | None:
    """A time as a float, or None for none.

    Raises:
        InputError: it is not finite, or below 0; or it is 0 and a duration.
    """
    if seconds is None:
        return None
    try:
        number = float(seconds)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf or (name == "duration" and number == 0):
        raise InputError(f"{name} is {seconds!r}; expected seconds, such as 2.5")
    return number
