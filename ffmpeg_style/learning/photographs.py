"""Photographs and paintings as arrays, and the stream of crops that training sees."""

from pathlib import Path

import keras
import numpy as np
from PIL import Image

from ffmpeg_style import pictures
from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.pictures import find_images

MOST_PIXELS = 2**22
"""Of an image that a loss network is shown: its features take 4 kB for each, 16 GB in all."""


def read_image(path, *, short_side=None, width=None):
    """An image file as uint8 RGB ``[H,W,3]``, scaled on wish.

    Args:
        path: the file; see `ffmpeg_style.pictures` for what is made of it.
        short_side: scale to this many pixels on the shorter side.
        width: scale to this width.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is not a readable image, or would have too many pixels.
    """
    path = Path(path)
    image = pictures.read_rgb(path, short_side)
    factor = short_side / min(image.size) if short_side else width / image.width if width else 1
    size = [max(1, round(side * factor)) for side in image.size]
    if short_side or width:
        check_pixels(*size, path)
    if factor != 1:
        image = image.resize(size, Image.LANCZOS)
    return np.asarray(image)


def check_pixels(width, height, path):
    """Raise InputError for more than a loss network can take."""
    if width * height > MOST_PIXELS:
        raise InputError(
            f"expected an image of at most {MOST_PIXELS / 1e6:.1f} million pixels, found {path} at "
            f"{width}x{height}; scale it to fewer: a painting with --style-size, a photograph with "
            "--width"
        )


class Photographs(keras.utils.PyDataset):
    """Batches of random crops: item k depends only on the seed and k, on any backend.

    Item k is ``(images, style_weights)``: float32 ``[B,size,size,3]`` in 0..255, and float32
    ``[B,S]`` with a single 1 in each row. Files that are unreadable, or gone, are passed over; see
    ``unreadable``.

    Args:
        folder: photographs, in any depth of folders.
        size: side of the crops in pixels.
        styles: number of styles, S.
        batch: images in a batch, B.
        seed: of everything random.
    """

    def __init__(self, folder, size, styles=1, batch=1, seed=0):
        super().__init__()
        self.paths = find_images(folder)
        self.size, self.styles, self.batch, self.seed = size, styles, batch, seed
        self.unreadable = {}

    def __len__(self):
        return max(1, len(self.paths) // self.batch)

    def __getitem__(self, step):
        random = np.random.default_rng([self.seed, step])
        crops = [self.random_crop(random) for _ in range(self.batch)]
        style_weights = np.eye(self.styles, dtype="float32")[
            random.integers(self.styles, size=self.batch)
        ]
        return np.stack(crops).astype("float32"), style_weights

    def random_crop(self, random):
        """A square of a random photograph, scaled, cropped and mirrored at random."""
        paths = (self.paths[index] for index in random.permutation(len(self.paths)))
        for crop in self.read(paths, lambda path: crop_at_random(path, self.size, random)):
            return crop
        raise InputError(
            f"expected photographs in {self.paths[0].parent}, found {len(self.paths)} files and "
            "none readable"
        )

    def read(self, paths, function):
        """Yield what ``function`` makes of each path, but of those that cannot be read."""
        for path in paths:
            try:
                yield function(path)
            except (InputError, InputNotFoundError) as error:
                self.unreadable[path] = str(error)


def crop_at_random(path, size, random):
    """A ``size x size`` crop of the image at ``path``: scale, place and mirror are random.

    The scale lies between the picture as it is and the picture just large enough for the crop.
    """
    image = read_image(path)
    smallest = size / min(image.shape[:2])
    scale = random.uniform(min(smallest, 1.0), max(smallest, 1.0))
    side = min(round(size / max(scale, smallest)), *image.shape[:2])
    top = random.integers(image.shape[0] - side + 1)
    left = random.integers(image.shape[1] - side + 1)
    crop = image[top : top + side, left : left + side]
    crop = np.asarray(Image.fromarray(crop).resize((size, size), Image.BICUBIC))
    return crop[:, ::-1] if random.random() < 0.5 else crop
