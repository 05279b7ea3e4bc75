"""What goes with the pixels of a frame, as far as PyAV can tell of it."""

from collections.abc import Mapping
from typing import Any

import av
from av.filter import Graph

_FREED_TWICE = {"png", "apng"}
"""Decoders whose frames have a colour profile with a name, which PyAV 18 frees twice when their
side data was looked at."""
_UNASKED = ("ICC_PROFILE", "31")
"""That profile, and EXIF data: PyAV 18 knows them by no name, and then tells of nothing beside."""


def side_data(frame: av.VideoFrame, decoder: str) -> Mapping[Any, Any]:
    """By its kind, without what PyAV can't be asked for.

    Args:
        frame: of any format.
        decoder: the name of the one that the frame came from.
    """
    if decoder not in _FREED_TWICE:
        try:
            return frame.side_data
        except ValueError:
            pass
    return _without(frame, _UNASKED).side_data


def _without(frame, kinds):
    """The frame, with the same pixels, less side data of these kinds."""
    graph = Graph()
    last = graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base=str(frame.time_base or 1),
        pixel_aspect="1/1",
        colorspace=str(int(frame.colorspace)),
        range=str(int(frame.color_range)),
    )
    for kind in kinds:
        deleting = graph.add("sidedata", f"mode=delete:type={kind}")
        last.link_to(deleting)
        last = deleting
    last.link_to(graph.add("buffersink"))
    graph.configure()
    graph.vpush(frame)
    return graph.vpull()
