"""Paintings that hold still: what those of two pictures differ by that `motion` made of one.

Source: Gao et al. (2018), "ReCoNet", section 4, for what the pictures differ by in light.
"""

import numpy as np
from keras import ops

LIGHT_WINDOW = 9
"""Pixels over which a difference of the sources counts as light: what is finer is noise."""


def consistency_loss(paintings, moved_paintings, images, moved_images, flow):
    """Mean absolute difference of two paintings beyond a change of light, in colours of 0..1.

    Where the flow leads out of the picture nothing is charged. The finer part of what the sources
    differ by is noise, which excuses nothing.

    Args:
        paintings: ``[B*K,H,W,3]`` in 0..255, K of each source, those of one side by side.
        moved_paintings: of the moved sources, in the same order.
        images: the sources ``[B,H,W,3]`` in 0..255.
        moved_images: the moved sources.
        flow: ``[B,H,W,2]``; see `motion.Pair`.

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
