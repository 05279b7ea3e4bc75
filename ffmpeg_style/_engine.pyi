from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from ffmpeg_style.ffmpeg.filter_graph import Style

Frame = NDArray[np.uint8]

class Engine:
    name: str
    card: dict[str, Any]
    styles: tuple[str, ...]
    size: tuple[int, int]
    runtime: Literal["own", "tensorflow"]
    precision: Literal["fp32", "bf16"]
    device: str
    library: str | None
    version: str | None
    requests: int
    threads: int
    takes_pictures: bool
    def __init__(
        self,
        model: str | PathLike[str],
        style: Style | Frame = None,
        *,
        strength: float = 1.0,
        colors: Literal["style", "content"] = "style",
        steady: float | None = None,
        precision: Literal["auto", "fp32", "bf16"] = "auto",
        runtime: Literal["auto", "own", "tensorflow"] = "auto",
        requests: int | None = None,
        threads: int | None = None,
        device: str = "auto",
        input: str | None = None,
        output: str | None = None,
        range: Literal["auto", "255", "1", "signed"] = "auto",
        input_range: Literal["auto", "255", "1", "signed"] = "auto",
        output_range: Literal["auto", "255", "1", "signed"] = "auto",
        library: str | PathLike[str] | None = None,
        max_pixels: int | None = None,
        max_model_bytes: int | None = None,
        max_memory: int | None = None,
    ) -> None: ...
    @overload
    def __call__(self, frames: Frame) -> Frame: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, frames: Iterable[Frame]) -> Iterator[Frame]: ...
    def submit(self, frame: Frame) -> Callable[[], Frame]: ...
    def __enter__(self) -> Engine: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def close(self) -> None: ...
    @property
    def style(self) -> str: ...
    @style.setter
    def style(self, style: Style | Frame) -> None: ...
    @property
    def strength(self) -> float: ...
    @strength.setter
    def strength(self, strength: float) -> None: ...
    @property
    def colors(self) -> Literal["style", "content"]: ...
    @colors.setter
    def colors(self, colors: Literal["style", "content"]) -> None: ...
    @property
    def steady(self) -> float: ...
    @steady.setter
    def steady(self, steady: float) -> None: ...

def op_is_allowed(op: str) -> bool: ...
def group_memory() -> int: ...
def read_nodes(
    path: str | PathLike[str], frame: str | None = None, size: tuple[int, int] | None = None
) -> list[tuple[str, str, list[int], str, list[int | None] | None, list[float] | None]]: ...
def read_card(path: str | PathLike[str]) -> dict[str, Any]: ...
def read_mix(
    style: Style, styles: Sequence[str], pictures: bool = False
) -> list[tuple[str | Path, float]]: ...
