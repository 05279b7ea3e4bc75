"""Motion that is invented, with a camera's noise and light, so that training needs no video.

Source: Wang et al. (2020), "Consistent Video Style Transfer via Compound Regularization".
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

REACH = 32
"""Pixels that a photograph must go on beyond each side of a crop that is to be moved."""

SHIFT = 12
"""The farthest that a whole-pixel shift goes, in pixels."""
GLIDE = 8.0
"""The farthest that a shift goes which is not of whole pixels."""
ZOOM = 0.05
TURN = 0.05
"""In radians."""
WARP = 3.0
"""The largest standard deviation of the bends' displacement, in pixels."""
BENDS = 6
"""Knots of the bends on each side."""

NOISE = (0.5, 8.0)
"""Standard deviations of a camera's noise, in levels of 255."""
QUALITY = (35, 93)
"""Of JPEG, in the place of a video's compression."""
LIGHT = 0.08
LEVELS = 6.0


class Pair(NamedTuple):
    """Two pictures of one thing.

    Attributes:
        first, second: float32 ``[H,W,3]`` in 0..255.
        flow: float32 ``[H,W,2]``: pixel ``p`` of the second shows what is at ``p + flow[p]`` (down,
            right) of the first.
    """

    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray


def invent_pair(region, random):
    """Two pictures of a place, as a camera might see it one frame after the other.

    A third of the pairs is not moved, a third by whole pixels (which no resampling blurs), a third
    is shifted, zoomed, turned and bent. The second picture has noise and light of its own, always
    where nothing moved.

    Args:
        region: uint8 ``[H+2*REACH,W+2*REACH,3]``.
        random: a NumPy generator.
    """
    height, width = (side - 2 * REACH for side in region.shape[:2])
    kind = random.integers(3)
    if kind == 2:
        flow = smooth_flow(height, width, random)
        second = moved(region, flow)
    else:
        shift = kind * random.integers(-SHIFT, SHIFT + 1, 2)
        flow = np.broadcast_to(shift.astype("float32"), (height, width, 2))
        top, left = REACH + shift
        second = region[top : top + height, left : left + width].astype("float32")
    if kind == 0 or random.random() < 0.6:
        second = disturbed(second, random)
    first = region[REACH:-REACH, REACH:-REACH].astype("float32")
    return Pair(first, second, flow)


def smooth_flow(height, width, random):
    """A flow ``[H,W,2]`` of a shift, a zoom, a turn and bends, at most `REACH` less 3 pixels."""
    y, x = np.meshgrid(
        *(np.arange(side) - (side - 1) / 2 for side in (height, width)), indexing="ij"
    )
    zoom, turn = np.exp(random.uniform(-ZOOM, ZOOM)), random.uniform(-TURN, TURN)
    cosine, sine = zoom * np.cos(turn), zoom * np.sin(turn)
    flow = np.stack([cosine * y + sine * x - y, cosine * x - sine * y - x], axis=-1)
    flow += random.uniform(-GLIDE, GLIDE, 2)
    knots = random.normal(0, random.uniform(0, WARP), (BENDS, BENDS, 2))
    factors = (height / BENDS, width / BENDS, 1)
    flow += ndimage.zoom(knots, factors, order=3, mode="nearest", grid_mode=True)
    # The cubic resampling reaches two pixels farther.
    return flow.clip(3 - REACH, REACH - 3).astype("float32")


def moved(region, flow):
    """What lies at each pixel plus ``flow`` of the inner part of a region; see `invent_pair`."""
    places = np.moveaxis(flow, -1, 0) + np.indices(flow.shape[:2]) + REACH
    channels = np.moveaxis(region.astype("float32"), -1, 0)
    picture = [
        ndimage.map_coordinates(channel, places, output="float32", order=3, mode="mirror")
        for channel in channels
    ]
    return np.stack(picture, axis=-1).clip(0, 255)


def disturbed(image, random):
    """A picture ``[H,W,3]`` with another light, a camera's noise and a codec's, each at times."""
    if random.random() < 0.5:
        gain = np.exp(random.uniform(-LIGHT, LIGHT))
        image = image * gain + random.uniform(-LEVELS, LEVELS)
    if random.random() < 0.8:
        deviation = np.exp(random.uniform(*np.log(NOISE)))
        image = image + random.normal(0, deviation, image.shape)
    image = image.clip(0, 255)
    if random.random() < 0.4:
        file = io.BytesIO()
        quality = int(random.integers(*QUALITY))
        Image.fromarray(image.round().astype("uint8")).save(file, "JPEG", quality=quality)
        image = np.asarray(Image.open(file))
    return image.astype("float32")
