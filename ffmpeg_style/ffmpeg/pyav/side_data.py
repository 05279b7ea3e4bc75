"""What goes with the pixels of a frame, as far as PyAV can tell of it."""

from collections.abc import Mapping
from typing import Any

import av

_FREED_TWICE = {"png", "apng"}
"""Decoders whose frames have a colour profile with a name, which PyAV 18 frees twice when their
side data was looked at."""


def side_data(frame: av.VideoFrame, decoder: str) -> Mapping[Any, Any]:
    """By its kind; none where PyAV can't be asked.

    Args:
        frame: of any format.
        decoder: the name of the one that the frame came from.
    """
    if decoder in _FREED_TWICE:
        return {}
    try:
        return frame.side_data
    except ValueError:  # PyAV 18 knows no EXIF, and so tells of nothing that is beside it.
        return {}
