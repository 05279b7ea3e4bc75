"""Mistakes in how a painting is to be: told at once, before ffmpeg or TensorFlow is started."""

import math
import os
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

from ffmpeg_style.catalog import (
    ANY_MODEL,
    DEFAULT_MODEL,
    Model,
    find_model,
    list_models,
    read_model,
)
from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.pictures import SUFFIXES, Picture, check_picture, read_painting

COLORS = ("style", "content")
STEADY = 0.9
"""The filter's default."""
PRECISIONS = ("auto", "fp32", "bf16", "int16")
RANGES = ("auto", "255", "1", "signed")
RUNTIMES = ("auto", "own", "tensorflow")
MOST_REQUESTS = 64
MOST_THREADS = 1024
LEAST_SIDE, MOST_SIDE = 16, 1 << 14
"""Pixels of a frame's side."""
MOST_RATE = 1000


def choose_model(
    model: str | PathLike[str] | None = None, style: Any = None
) -> str | PathLike[str]:
    """The model that was asked for; else the default one, and for a picture that for any.

    Raises:
        InputError: the default model lacks the style, and others have it.
    """
    if model is not None:
        return model
    parts = style_parts(DEFAULT_MODEL, style, pictures=True)
    others = [part for part, _ in parts if isinstance(part, Path)]
    if any(part.exists() or part.suffix.lower() in SUFFIXES for part in others):
        return ANY_MODEL
    names = {str(part) for part, _ in parts}
    if others and (having := [it.name for it in list_models() if has_styles(it, names)]):
        raise InputError(
            f"style {style!r} is not in {DEFAULT_MODEL}, the default model; "
            f"expected one that has it, or its name: --model {' or '.join(having)}"
        )
    return DEFAULT_MODEL


def has_styles(model: Model, names: set[str]) -> bool:
    """Whether a model has all of some styles, or is itself called what was meant for one."""
    return names <= set(model.styles) or names == {model.name}


def style_parts(
    model: str | PathLike[str], style: Any, pictures: bool | None = None
) -> list[tuple[str | Path, float]]:
    """A style's parts, see `read_mix`: the names of styles, and pictures as paths.

    Args:
        model: name or path of a model.
        style: as `stylize` takes it.
        pictures: whether what is no style is a picture; None where the model is for any painting.

    Returns:
        list: empty for no style, and for a model that has no card.

    Raises:
        InputError: the model lacks the style, or the text can't be read.
        InputNotFoundError: there is no such model.
    """
    from ffmpeg_style._engine import read_card, read_mix

    card = read_card(find_model(model))
    if style is None or not card.get("styles"):
        return []
    is_any = bool(card.get("vector")) if pictures is None else pictures
    return read_mix(style, card["styles"], is_any)


def painting_names(model: str | PathLike[str], style: Any) -> list[str]:
    """What tells a painting from those by other models and styles, for the names of files.

    Args:
        model: name or path of a model.
        style: as `stylize` takes it.

    Returns:
        list: the model's name; and the style's, or those of a mix, where the model has several
        styles, or any.

    Raises:
        InputError: the model lacks the style, or the text can't be read.
        InputNotFoundError: there is no such model.
    """
    found = read_model(model)
    parts = [part for part, _ in style_parts(found.path, style)]
    pictures = [part.stem for part in parts if isinstance(part, Path)]
    names = [re.sub(r"[\x00/]", "", str(part)) for part in parts if not isinstance(part, Path)]
    return [found.name, *(names if len(found.styles) > 1 else []), *pictures]


def with_pictures(model: str | PathLike[str], style: Any, put: Callable[[bytes], Hashable]) -> Any:
    """A style whose pictures are read by Pillow, and put where a filter of ffmpeg's reads them.

    Args:
        model: name or path of a model.
        style: as `stylize` takes it.
        put: takes a picture as a PNG file has it, and returns what stands for it in the style.

    Returns:
        Mapping: of what stands for the parts to their weights; or the style, where no part of it is
        a picture.

    Raises:
        InputError: a picture, or the style, can't be read.
        InputNotFoundError: there is no such model.
    """
    found = style_parts(model, style)
    if not any(isinstance(part, Path) for part, _ in found):
        return style
    parts: dict[Hashable, float] = {}
    for part, weight in found:
        place: Hashable = part
        if isinstance(part, Path):
            file = BytesIO()
            Picture(read_painting(part)).write(file, ".png")
            place = put(file.getvalue())
        parts[place] = parts.get(place, 0.0) + weight
    return parts


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
    input: str | None = None,
    output: str | None = None,
    range: str | None = None,
    input_range: str | None = None,
    output_range: str | None = None,
) -> Path:
    """Look through the options of a painting, as `stylize` takes them.

    Returns:
        pathlib.Path: the model's.

    Raises:
        InputError: an option can't be right, or the file is no style graph.
        InputNotFoundError: there is no such model or library.
    """
    from ffmpeg_style._engine import read_card

    path = find_model(model)
    read_card(path)  # Whether it is a model is told here.
    for part, _ in style_parts(path, style):
        if isinstance(part, Path):
            check_picture(part)
    check_share("strength", strength)
    check_share("steady", steady)
    check_choice("colors", colors, COLORS)
    check_choice("precision", precision, PRECISIONS)
    check_choice("runtime", runtime, RUNTIMES)
    for name, value in (
        ("range", range),
        ("input_range", input_range),
        ("output_range", output_range),
    ):
        check_choice(name, value, RANGES)
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


def check_count(name: str, value: int | None, most: int, least: int = 1) -> None:
    """Raise InputError for a number that is not from ``least`` to ``most``."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (is_count and least <= value <= most):
        raise InputError(f"{name} is {value!r}; expected a whole number from {least} to {most}")


def check_device(device: str | None) -> None:
    """Raise InputError for a device that no machine has."""
    if device is not None and not re.fullmatch(r"auto|cpu|gpu(:\d{1,4})?", str(device)):
        raise InputError(f"device is {device!r}; expected auto, cpu, gpu, or gpu:N with N from 0")


def check_seconds(name: str, seconds: float | str | None) -> float | None:
    """A time as a float, or None for none.

    Args:
        name: of the option.
        seconds: as a number, or as a text such as "90", "1:30" or "00:01:30.5".

    Raises:
        InputError: it is not finite, or below 0; or it is 0 and a duration.
    """
    if seconds is None:
        return None
    try:
        number = _seconds_of(seconds)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf or (name == "duration" and number == 0):
        raise InputError(f"{name} is {seconds!r}; expected seconds, such as 2.5 or 00:01:30")
    return number


def _seconds_of(seconds):
    clock = re.fullmatch(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d+)?)", str(seconds))
    if clock is None:
        return float(seconds)
    return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])


@dataclass(frozen=True)
class Shape:
    """How large a painting is to be, and how many frames a second it is to have.

    Attributes:
        size: pixels of the longer side; or (width, height) to fit into; None for the source's.
        max_height: pixels that the height is brought down to; None for any.
        fps: frames a second, None for the source's.
    """

    size: int | tuple[int, int] | None = None
    max_height: int | None = None
    fps: Fraction | None = None

    def sides(self, width: int, height: int, even: bool = False) -> tuple[int, int]:
        """The painting's (width, height) for a source of a size, which keeps its proportions.

        Args:
            width: of the source.
            height: of the source.
            even: whether sides that change are to be even, as most kinds of video want them.
        """
        factor = 1.0
        if isinstance(self.size, int):
            factor = self.size / max(width, height)
        elif self.size:
            factor = min(self.size[0] / width, self.size[1] / height)
        if self.max_height:
            factor = min(factor, self.max_height / height)
        if factor == 1:
            return width, height
        step = 2 if even else 1

        def scaled(side):
            return max(round(side * factor / step) * step, LEAST_SIDE)

        return scaled(width), scaled(height)


def check_shape(
    size: int | tuple[int, int] | str | None = None,
    max_height: int | None = None,
    fps: float | str | None = None,
) -> Shape:
    """The shape of a painting, as `stylize` takes it.

    Args:
        size: pixels of the longer side; (width, height) to fit into; or a text of it: "640x360".
        max_height: pixels.
        fps: frames a second, as a number or a text such as "30000/1001".

    Raises:
        InputError: one of them is no such number, or out of its range.
    """
    check_count("max_height", max_height, MOST_SIDE, LEAST_SIDE)
    return Shape(_sides_of(size), max_height, _rate_of(fps))


def _sides_of(size):
    if size is None:
        return None
    words = size.split("x") if isinstance(size, str) else size
    try:
        sides = [int(side) for side in (words if isinstance(words, (list, tuple)) else [words])]
    except (TypeError, ValueError, OverflowError):
        sides = []
    if len(sides) in (1, 2) and all(LEAST_SIDE <= side <= MOST_SIDE for side in sides):
        return sides[0] if len(sides) == 1 else (sides[0], sides[1])
    raise InputError(
        f"size is {size!r}; expected pixels of the longer side, such as 1280, or a width and a "
        f"height such as 1280x720, each from {LEAST_SIDE} to {MOST_SIDE}"
    )


def _rate_of(fps):
    if fps is None:
        return None
    try:
        rate = Fraction(fps).limit_denominator(1001)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        rate = Fraction(0)
    if not Fraction(1, 100) <= rate <= MOST_RATE:
        raise InputError(
            f"fps is {fps!r}; expected frames a second, such as 25 or 30000/1001, up to {MOST_RATE}"
        )
    return rate
