"""Paintings that hold still: pictures moved by invented motion, and what their paintings differ by.

Sources: Wang et al. (2020), "Consistent Video Style Transfer via Compound Regularization", for
motion that is invented, so that no video is needed; Gao et al. (2018), "ReCoNet", section 4, for
what the sources themselves differ by in light.
"""

import io
from typing import NamedTuple

import numpy as np
from keras import ops
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

LIGHT_WINDOW = 9
"""Pixels over which a difference of the sources counts as light: what is finer is noise."""


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


def consistency_loss(paintings, moved_paintings, images, moved_images, flow):
    """Mean absolute difference of two paintings beyond a change of light, in colours of 0..1.

    Where the flow leads out of the picture nothing is charged. The finer part of what the sources
    differ by is noise, which excuses nothing.

    Args:
        paintings: ``[B*K,H,W,3]`` in 0..255, K of each source, those of one side by side.
        moved_paintings: of the moved sources, in the same order.
        images: the sources ``[B,H,W,3]`` in 0..255.
        moved_images: the moved sources.
        flow: ``[B,H,W,2]``; see `Pair`.

    Returns:
        float32 ``[B*K]``.
    """
    _, height, width, _ = paintings.shape
    count = paintings.shape[0] // images.shape[0]
    both = ops.concatenate([side_by_side(paintings, count), images], axis=-1)
    looked_up = look_up(both, flow)
    source = looked_up[..., -3:]
    light = ops.abs(ops.average_pool(moved_images - source, LIGHT_WINDOW, 1, padding="same"))
    difference = ops.abs(side_by_side(moved_paintings, count) - looked_up[..., :-3])
    beyond = ops.relu(difference - ops.tile(light, (1, 1, 1, count)))
    mask = valid(flow)[..., None]
    charged = ops.reshape(beyond * mask, (-1, height, width, count, 3))
    seen = 3 * ops.sum(mask, axis=(1, 2)) + 1.0
    return ops.reshape(ops.sum(charged, axis=(1, 2, 4)) / seen, (-1,)) / 255.0


def side_by_side(images, count):
    """Images ``[B*count,H,W,C]`` as ``[B,H,W,count*C]``."""
    _, height, width, channels = images.shape
    split = ops.reshape(images, (-1, count, height, width, channels))
    packed = ops.transpose(split, (0, 2, 3, 1, 4))
    return ops.reshape(packed, (-1, height, width, count * channels))


def look_up(images, flow):
    """Images ``[B,H,W,C]`` at each pixel plus flow ``[B,H,W,2]``, by Catmull-Rom splines.

    At whole pixels this is exact, and between them it keeps more than bilinear interpolation of
    the fine strokes, which training would otherwise learn to leave out.
    """
    _, height, width, channels = images.shape
    places = grid(flow)
    first = ops.floor(places)
    weights = catmull_rom(places - first)
    taps = ops.cast(first, "int32")[..., None] + ops.arange(-1, 3)
    rows = ops.clip(taps[..., 0, :], 0, height - 1) * width
    columns = ops.clip(taps[..., 1, :], 0, width - 1)
    pictures = ops.reshape(ops.arange(flow.shape[0]) * (height * width), (-1, 1, 1, 1, 1))
    index = pictures + rows[..., :, None] + columns[..., None, :]
    values = ops.take(ops.reshape(images, (-1, channels)), index, axis=0)
    factors = weights[..., 0, :, None] * weights[..., 1, None, :]
    return ops.sum(values * factors[..., None], axis=(3, 4))


def grid(flow):
    """Where each pixel is looked up, ``[B,H,W,2]``, in pixels (down, right)."""
    _, height, width, _ = flow.shape
    pixels = np.moveaxis(np.indices((height, width)), 0, -1).astype("float32")
    return flow + ops.convert_to_tensor(pixels)


def catmull_rom(place):
    """Weights ``[...,4]`` of the samples at -1, 0, 1 and 2 for a place in 0..1."""
    square = place * place
    cube = square * place
    return ops.stack(
        [
            -0.5 * cube + square - 0.5 * place,
            1.5 * cube - 2.5 * square + 1.0,
            -1.5 * cube + 2.0 * square + 0.5 * place,
            0.5 * cube - 0.5 * square,
        ],
        axis=-1,
    )


def valid(flow):
    """1 where the flow stays in the picture, 0 elsewhere: float32 ``[B,H,W]``."""
    _, height, width, _ = flow.shape
    places = grid(flow)
    last = ops.convert_to_tensor(np.array([height - 1, width - 1], "float32"))
    return ops.cast(ops.all((places >= 0) & (places <= last), axis=-1), "float32")
