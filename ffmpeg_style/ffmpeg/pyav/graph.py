"""Filters given as ffmpeg's text, run by PyAV on frames."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.filter import Graph
from av.sidedata.sidedata import Type

from ffmpeg_style.ffmpeg.pyav.side_data import side_data

_LABELS = re.compile(r"((?:\[\w+\])*)(.*?)((?:\[\w+\])*)$", re.DOTALL)


class Filters:
    """A chain of filters, which is made again where the frames that come are of another kind.

    Args:
        text: as for ffmpeg's ``-vf``.
        decoder: the name of the one that frames come from; those that were filmed with a turned
            camera are put upright first. None for frames that are.
        pixels: the pixel format to give, or several between "|", of which the one that keeps most
            is taken; "" for any.
    """

    def __init__(self, text: str, *, decoder: str | None = None, pixels: str = "") -> None:
        self._text = text
        self._decoder = decoder
        self._pixels = pixels
        self._kind: tuple | None = None
        self._graph: Any = None

    def turn(self, frame: av.VideoFrame) -> list[str]:
        """The filters that put a frame upright."""
        return [] if self._decoder is None else _turn_filters(frame, self._decoder)

    def push(self, frame: av.VideoFrame, aspect: Fraction | None = None) -> Iterator[av.VideoFrame]:
        """Give a frame, and take those that are ready."""
        turn = self.turn(frame)
        colours = (int(frame.colorspace), int(frame.color_range))
        kind = (frame.width, frame.height, frame.format.name, frame.time_base, *colours, *turn)
        if kind != self._kind:
            yield from self.flush()
            self._kind = kind
            self._graph = self._made(frame, aspect, turn)
        self._graph.vpush(frame)
        yield from self._ready()

    def flush(self) -> Iterator[av.VideoFrame]:
        """End the video, and take what is left."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._ready()
            self._graph = None

    def _ready(self):
        while True:
            try:
                yield self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return

    def _made(self, frame, aspect, turn):
        graph = Graph()
        source = graph.add(
            "buffer",
            video_size=f"{frame.width}x{frame.height}",
            pix_fmt=frame.format.name,
            time_base=str(frame.time_base),
            pixel_aspect=str(aspect or "1").replace(":", "/"),
            colorspace=str(int(frame.colorspace)),
            range=str(int(frame.color_range)),
        )
        last = _parsed(graph, ",".join([*turn, self._text]), source)
        if self._pixels:
            wanted = graph.add("format", f"pix_fmts={self._pixels}")
            last.link_to(wanted)
            last = wanted
        last.link_to(graph.add("buffersink"))
        graph.configure()
        return graph


def _turn_filters(frame, decoder):
    """What puts a frame upright, as ffmpeg does by itself (fftools/ffmpeg_filter.c)."""
    matrix = side_data(frame, decoder).get(Type.DISPLAYMATRIX)
    if matrix is None:
        return []
    turn = -frame.rotation % 360
    values = memoryview(bytes(matrix)).cast("i")
    if abs(turn - 90) < 1:
        return [f"transpose={'cclock_flip' if values[3] > 0 else 'clock'}"]
    if abs(turn - 270) < 1:
        return [f"transpose={'clock_flip' if values[3] < 0 else 'cclock'}"]
    if abs(turn - 180) < 1:
        return [*(["hflip"] if values[0] < 0 else []), *(["vflip"] if values[4] < 0 else [])]
    return ["vflip"] if values[4] < 0 else []


def _parsed(graph, text, source):
    """Add the filters of a text behind a source; returns the last one."""
    labels: dict[str, tuple] = {}
    last = source
    for chain in _split(text, ";"):
        for word in _split(chain, ","):
            begin, name, end = _LABELS.match(word).groups()
            context = _added(graph, name)
            inputs = re.findall(r"\w+", begin)
            for number, label in enumerate(inputs):
                other, output = labels.pop(label)
                other.link_to(context, output, number)
            if not inputs and context.inputs:
                last.link_to(context)
            for number, label in enumerate(re.findall(r"\w+", end)):
                labels[label] = (context, number)
            last = context
    return last


def _added(graph, text):
    name, _, options = text.partition("=")
    # The graph's own level of escapes; the filter takes away the other.
    return graph.add(name, re.sub(r"\\(.)", r"\1", options) or None)


def _split(text, separator):
    """The parts of a text between separators that are not escaped."""
    return re.findall(rf"(?:\\.|[^\\{separator}])+", text, re.DOTALL)
